import type { Account } from '../../core/account.ts';
import type { AccountFilter } from '../../core/filters.ts';
import { builder } from '../builder.ts';
import { AccountConnection, parseUuidKey, readPage } from '../connection.ts';
import { present, readMetadata } from '../filters.ts';
import { pageCost } from '../protection/cost.ts';
import { AccountKindEnum, AccountStatusEnum } from './account.ts';

export const AccountFilterInput = builder.inputType('AccountFilter', {
  description:
    'Which accounts are meant: those for which all of this holds; what is absent is not asked. By `owner`, `externalIdPrefix` ' +
    'and `metadata` few accounts are found at once, however many there are; the rest only thins out what these find. What ' +
    'no account can have, such as a text that is too long, finds nothing.',
  fields: (t) => ({
    owner: t.string({ description: 'Its owner, exactly.' }),
    currency: t.string({ description: 'The code of its currency.' }),
    kind: t.field({ type: AccountKindEnum, description: 'Whose it is.' }),
    status: t.field({ type: AccountStatusEnum, description: 'Whether it takes part.' }),
    externalIdPrefix: t.string({
      description: 'How its externalId begins, such as `users:42:`. An empty text: it has one at all.',
    }),
    metadata: t.field({
      type: 'Metadata',
      description: 'Its metadata has all of these keys, with these very values.',
    }),
  }),
});

export function readAccountFilter(
  input: typeof AccountFilterInput.$inferInput | null | undefined,
): AccountFilter {
  const { owner, currency, kind, status, externalIdPrefix, metadata } = input ?? {};
  return present({
    owner,
    currency,
    kind,
    status,
    externalIdPrefix,
    metadata: readMetadata('filter.metadata', metadata),
  });
}

builder.queryField('accounts', (t) =>
  t.connection(
    {
      type: 'Account',
      description:
        'All accounts, or those that match, newest first by time of recording. This order is for people: that time is taken ' +
        'before the commit, so an account may appear among those that you have already seen. A program that follows the ledger ' +
        'reads `journal`: its entries name each account that money has moved on.',
      args: { filter: t.arg({ type: AccountFilterInput, description: 'Only accounts that match.' }) },
      complexity: pageCost,
      resolve: (_, { filter: input, ...args }, { ledger, budget }) => {
        const filter = readAccountFilter(input);
        return readPage(budget, args, {
          name: 'accounts',
          filter,
          keyOf: ({ id }: Account) => id,
          parseKey: parseUuidKey,
          read: (range) => ledger.listAccounts(filter, range),
        });
      },
    },
    AccountConnection,
  ),
);
