import { formatId } from '../../core/values/ids.ts';
import { builder } from '../builder.ts';
import { SideEnum } from '../transactions/entry.ts';
import { AccountKindEnum } from './account.ts';

builder.objectType('Party', {
  description:
    'The properties of an account that callers may read who may read a transaction or hold of it. Callers restricted to an owner ' +
    'see the accounts of others in this way only.',
  fields: (t) => ({
    accountId: t.id({
      description: 'The id of the account: `acct_…`.',
      resolve: ({ accountId }) => formatId('account', accountId),
    }),
    externalId: t.exposeString('externalId', {
      nullable: true,
      description: "The caller's own name for the account. Null: it has none.",
    }),
    owner: t.exposeString('owner', { description: 'The owner of the account.' }),
    currency: t.exposeString('currency', { description: 'The code of its currency.' }),
    normalSide: t.expose('normalSide', {
      type: SideEnum,
      description: 'The side on which its balance is positive.',
    }),
    kind: t.expose('kind', { type: AccountKindEnum, description: 'The kind of the account.' }),
  }),
});
