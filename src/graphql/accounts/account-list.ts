import type { Account } from '../../core/account.ts';
import type { AccountFilter } from '../../core/filters.ts';
import { builder } from '../builder.ts';
import { AccountConnection, parseUuidKey, readPage } from '../connection.ts';
import { present, readMetadata } from '../filters.ts';
import { pageCost } from '../protection/prices.ts';
import { AccountKindEnum, AccountStatusEnum } from './account.ts';

export const AccountFilterInput = builder.inputType('AccountFilter', {
  description:
    'Selects accounts that match all given fields. Omitted fields are ignored. `owner`, `externalIdPrefix` and `metadata` have ' +
    'indexes; the other fields only filter what these find. A value that no account can have, such as a text that is too long, ' +
    'matches nothing.',
  fields: (t) => ({
    owner: t.string({ description: 'The exact owner.' }),
    currency: t.string({ description: 'The code of the currency.' }),
    kind: t.field({ type: AccountKindEnum, description: 'The kind of the account.' }),
    status: t.field({ type: AccountStatusEnum, description: 'The status of the account.' }),
    externalIdPrefix: t.string({
      description:
        'The beginning of the externalId, such as `users:42:`. An empty string matches all accounts with an externalId.',
    }),
    metadata: t.field({
      type: 'Metadata',
      description: 'The metadata contains all these keys with exactly these values.',
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
        'All accounts that match, newest first by `createdAt`. An account may appear later among older ones, because `createdAt` is ' +
        'set before the commit. Programs that follow the ledger should read `journal`, whose entries name each account that they ' +
        'change.',
      args: {
        filter: t.arg({
          type: AccountFilterInput,
          description: 'Returns only accounts that match. Default: all accounts.',
        }),
      },
      complexity: pageCost,
      resolve: (_, { filter: input, ...args }, context) => {
        const filter = readAccountFilter(input);
        return readPage(context, args, {
          name: 'accounts',
          filter,
          keyOf: ({ id }: Account) => id,
          parseKey: parseUuidKey,
          read: (range) => context.ledger.listAccounts(filter, range),
        });
      },
    },
    AccountConnection,
  ),
);
