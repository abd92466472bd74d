import {
  type Account,
  type AccountKind,
  type AccountStatus,
  availableOf,
  balanceOf,
  heldOf,
  incomingOf,
} from '../../core/account.ts';
import { formatId, parseId } from '../../core/values/ids.ts';
import type { Money } from '../../core/values/money.ts';
import { builder } from '../builder.ts';
import { getActor } from '../context.ts';
import { METADATA_COST, STATEMENT_COST } from '../protection/prices.ts';
import { SideEnum } from '../transactions/entry.ts';

export const AccountKindEnum = builder.enumType('AccountKind', {
  description: 'The kind of an account.',
  values: {
    STANDARD: { description: 'An account created by `createAccount`.' },
    EXTERNAL: {
      description:
        'The counterpart of deposits and withdrawals: one account per currency, created by the ledger. It has no limits, and ' +
        'cannot be frozen or closed.',
    },
  } satisfies Record<AccountKind, object>,
});

export const AccountStatusEnum = builder.enumType('AccountStatus', {
  description: 'The status of an account.',
  values: {
    OPEN: { description: 'The account can be used.' },
    FROZEN: {
      description: 'Postings, holds and captures are rejected, in both directions, until it is unfrozen.',
    },
    CLOSED: { description: 'It is empty and closed permanently.' },
  } satisfies Record<AccountStatus, object>,
});

builder.node('Account', {
  description:
    'An account of one owner in one currency. Its balances are positive on its normal side. Always balance - held ≥ minBalance, ' +
    'and balance + incoming ≤ maxBalance. Its amounts, limits, status and `version` are read together and agree. `history` and ' +
    '`holds` are read later: see `history`.',
  id: {
    description: 'The id of the account: `acct_…`.',
    resolve: ({ id }) => formatId('account', id),
  },
  loadWithoutCache: (id, { loaders: { accounts } }) => {
    const uuid = parseId('account', id);
    return uuid === undefined ? null : accounts.load(uuid);
  },
  fields: (t) => ({
    kind: t.expose('kind', { type: AccountKindEnum, description: 'The kind of the account.' }),
    externalId: t.exposeString('externalId', {
      nullable: true,
      description:
        "The caller's own name for the account, unique in the ledger and set once. Null: it has none. Pass `ext:<externalId>` " +
        'wherever an account id is expected. Hierarchical names such as `users:42:wallet` form groups.',
    }),
    owner: t.exposeString('owner', { description: 'The owner, as the caller named it.' }),
    currency: t.string({
      description: 'The code of the currency. It never changes.',
      resolve: ({ currency }) => currency.code,
    }),
    normalSide: t.expose('normalSide', {
      type: SideEnum,
      description: 'The side on which the balance is positive. It never changes.',
    }),
    status: t.expose('status', { type: AccountStatusEnum, description: 'The status of the account.' }),
    balance: t.field({
      type: 'Money',
      description:
        'The posted balance, positive on the normal side. It includes held money. It equals `balanceAfter` of the entry with this ' +
        '`version`.',
      resolve: (account) => money(account, balanceOf(account.normalSide, account)),
    }),
    held: t.field({
      type: 'Money',
      description: 'The sum of open holds that would lower the balance.',
      resolve: (account) => money(account, heldOf(account.normalSide, account)),
    }),
    incoming: t.field({
      type: 'Money',
      description: 'The sum of open holds that would raise the balance.',
      resolve: (account) => money(account, incomingOf(account.normalSide, account)),
    }),
    available: t.field({
      type: 'Money',
      nullable: true,
      description:
        'The amount by which the balance can still fall: balance - held - minBalance. Null: no lower limit. Another request may use ' +
        'it at any time: only the result of a mutation is certain.',
      resolve: (account) => (account.minBalance === null ? null : money(account, availableOf(account))),
    }),
    totalDebits: t.field({
      type: 'Money',
      description: 'The sum of all posted debits.',
      resolve: (account) => money(account, account.totalDebits),
    }),
    totalCredits: t.field({
      type: 'Money',
      description: 'The sum of all posted credits.',
      // `posted` is signed: credits minus debits.
      resolve: (account) => money(account, account.posted + account.totalDebits),
    }),
    minBalance: t.field({
      type: 'Money',
      nullable: true,
      description: 'The minimum of balance - held. Null: no limit.',
      resolve: (account) => (account.minBalance === null ? null : money(account, account.minBalance)),
    }),
    maxBalance: t.field({
      type: 'Money',
      nullable: true,
      description: 'The maximum of balance + incoming. Null: no limit.',
      resolve: (account) => (account.maxBalance === null ? null : money(account, account.maxBalance)),
    }),
    version: t.field({
      type: 'BigInt',
      description:
        'The number of entries. Each entry increases it by one. The entry with this version is the last one in `balance`.',
      resolve: ({ version }) => version,
    }),
    metadata: t.field({
      type: 'Metadata',
      complexity: METADATA_COST,
      description: 'The metadata of the account. Empty: none was set.',
      resolve: ({ metadata }) => metadata,
    }),
    actor: t.field({
      type: 'Actor',
      nullable: true,
      description:
        'The caller who created the account. Null: the caller had no credential because none was needed, the ledger itself created ' +
        'the account, or the caller of this request is restricted to an owner.',
      resolve: ({ actor }, _, context, info) => getActor(context, actor, info),
    }),
    createdAt: t.field({
      type: 'DateTime',
      description: 'When the account was created.',
      resolve: ({ createdAt }) => createdAt,
    }),
  }),
});

builder.queryField('account', (t) =>
  t.field({
    type: 'Account',
    nullable: true,
    complexity: STATEMENT_COST,
    description: 'The account with this id. Null: it does not exist.',
    args: {
      id: t.arg.id({
        required: true,
        description: 'The id, `acct_…`, or `ext:<externalId>`, such as `ext:users:42:wallet`.',
      }),
    },
    resolve: async (_, { id }, { ledger, loaders: { accounts } }) => {
      const uuid = await ledger.accountIdOf(id);
      return uuid === undefined ? null : accounts.load(uuid);
    },
  }),
);

function money({ currency }: Account, minor: bigint): Money {
  return { minor, currency };
}
