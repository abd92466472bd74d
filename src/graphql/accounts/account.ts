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
import { METADATA_COST } from '../protection/cost.ts';
import { SideEnum } from '../transactions/entry.ts';

export const AccountKindEnum = builder.enumType('AccountKind', {
  description: 'Whose an account is.',
  values: {
    STANDARD: { description: "A caller's account, made by createAccount." },
    EXTERNAL: {
      description:
        'The world outside, one account a currency, made by the ledger: deposits come from it and withdrawals go to it. It ' +
        'has no limits, and cannot be frozen or closed.',
    },
  } satisfies Record<AccountKind, object>,
});

export const AccountStatusEnum = builder.enumType('AccountStatus', {
  description: 'Whether an account takes part.',
  values: {
    OPEN: { description: 'It takes part.' },
    FROZEN: { description: 'Nothing moves on it, in either direction, until it is unfrozen.' },
    CLOSED: { description: 'It is empty, and nothing will ever move on it again.' },
  } satisfies Record<AccountStatus, object>,
});

builder.node('Account', {
  description:
    'What one owner has, in one currency. Its balances are amounts on its normal side, where they are positive. Always ' +
    'balance - held ≥ minBalance, and balance + incoming ≤ maxBalance. Its own amounts, limits, status and `version` are read ' +
    'together and agree. `history` and `holds` are read after them: see `history`.',
  id: {
    description: 'Names the account: `acct_…`.',
    resolve: ({ id }) => formatId('account', id),
  },
  loadWithoutCache: (id, { loaders: { accounts } }) => {
    const uuid = parseId('account', id);
    return uuid === undefined ? null : accounts.load(uuid);
  },
  fields: (t) => ({
    kind: t.expose('kind', { type: AccountKindEnum, description: 'Whose it is.' }),
    externalId: t.exposeString('externalId', {
      nullable: true,
      description:
        "The caller's own name for it, unique in the ledger and set once; null while it has none. Wherever an account's id " +
        'is asked, `ext:` and this name is taken too. Hierarchical names such as `users:42:wallet` make groups.',
    }),
    owner: t.exposeString('owner', { description: 'Whose account it is, in the words of the caller.' }),
    currency: t.string({
      description: 'The code of its currency. It never changes.',
      resolve: ({ currency }) => currency.code,
    }),
    normalSide: t.expose('normalSide', {
      type: SideEnum,
      description: 'The side on which its balance is positive. It never changes.',
    }),
    status: t.expose('status', { type: AccountStatusEnum, description: 'Whether it takes part.' }),
    balance: t.field({
      type: 'Money',
      description:
        'Posted, positive on the normal side. Money that is held is part of it. It is the balance at `version`, and equals ' +
        '`balanceAfter` of the entry of that version.',
      resolve: (account) => money(account, balanceOf(account.normalSide, account)),
    }),
    held: t.field({
      type: 'Money',
      description: 'Open holds that would lower the balance.',
      resolve: (account) => money(account, heldOf(account.normalSide, account)),
    }),
    incoming: t.field({
      type: 'Money',
      description: 'Open holds that would raise the balance.',
      resolve: (account) => money(account, incomingOf(account.normalSide, account)),
    }),
    available: t.field({
      type: 'Money',
      nullable: true,
      description:
        'By how much it can still fall: balance - held - minBalance. Null where it has no lower limit. Other requests may ' +
        'use it first: to be sure, send the mutation, and it tells.',
      resolve: (account) => (account.minBalance === null ? null : money(account, availableOf(account))),
    }),
    totalDebits: t.field({
      type: 'Money',
      description: 'All its posted debits since it exists.',
      resolve: (account) => money(account, account.totalDebits),
    }),
    totalCredits: t.field({
      type: 'Money',
      description: 'All its posted credits since it exists.',
      // Signed, the balance is what the credits are above the debits.
      resolve: (account) => money(account, account.posted + account.totalDebits),
    }),
    minBalance: t.field({
      type: 'Money',
      nullable: true,
      description: 'How low balance - held may be; null where there is no limit.',
      resolve: (account) => (account.minBalance === null ? null : money(account, account.minBalance)),
    }),
    maxBalance: t.field({
      type: 'Money',
      nullable: true,
      description: 'How high balance + incoming may be; null where there is no limit.',
      resolve: (account) => (account.maxBalance === null ? null : money(account, account.maxBalance)),
    }),
    version: t.field({
      type: 'BigInt',
      description:
        'How many entries it has. It rises by one with each. The entry of this version is the last one that `balance` includes.',
      resolve: ({ version }) => version,
    }),
    metadata: t.field({
      type: 'Metadata',
      complexity: METADATA_COST,
      description: 'What the caller attached; empty where nothing was.',
      resolve: ({ metadata }) => metadata,
    }),
    createdAt: t.field({
      type: 'DateTime',
      description: 'When it was made.',
      resolve: ({ createdAt }) => createdAt,
    }),
  }),
});

builder.queryField('account', (t) =>
  t.field({
    type: 'Account',
    nullable: true,
    description: 'An account; null where there is none.',
    args: {
      id: t.arg.id({
        required: true,
        description: 'Its id, `acct_…`, or `ext:` and its externalId, such as `ext:users:42:wallet`.',
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
