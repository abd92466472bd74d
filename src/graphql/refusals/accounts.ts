import { formatId } from '../../core/values/ids.ts';
import { getAccount } from '../context.ts';
import { CODES, LedgerError, typeOf } from './refusal.ts';

export const AccountNotFoundError = typeOf('ACCOUNT_NOT_FOUND').implement({
  interfaces: [LedgerError],
  description: CODES.ACCOUNT_NOT_FOUND,
  fields: (t) => ({
    accountId: t.id({
      description: 'The account as given in the request.',
      resolve: ({ facts }) => facts.accountId,
    }),
  }),
});

export const SameAccountError = typeOf('SAME_ACCOUNT').implement({
  interfaces: [LedgerError],
  description: CODES.SAME_ACCOUNT,
  fields: (t) => ({
    accountId: t.id({
      description: 'The account as given in the request.',
      resolve: ({ facts }) => facts.accountId,
    }),
  }),
});

export const UnsupportedAccountError = typeOf('UNSUPPORTED_ACCOUNT').implement({
  interfaces: [LedgerError],
  description: CODES.UNSUPPORTED_ACCOUNT,
  fields: (t) => ({
    account: t.field({
      type: 'Account',
      description: 'The account, in its current state.',
      resolve: ({ facts }, _, context, info) => getAccount(context, facts.account, info),
    }),
  }),
});

export const CounterpartyError = typeOf('COUNTERPARTY').implement({
  interfaces: [LedgerError],
  description: CODES.COUNTERPARTY,
  fields: (t) => ({
    accountId: t.id({
      description: 'The id of the account that cannot take part.',
      resolve: ({ facts }) => formatId('account', facts.account),
    }),
  }),
});

export const AccountClosedError = typeOf('ACCOUNT_CLOSED').implement({
  interfaces: [LedgerError],
  description: CODES.ACCOUNT_CLOSED,
  fields: (t) => ({
    account: t.field({
      type: 'Account',
      description: 'The account, in its current state.',
      resolve: ({ facts }, _, context, info) => getAccount(context, facts.account, info),
    }),
  }),
});

export const AccountFrozenError = typeOf('ACCOUNT_FROZEN').implement({
  interfaces: [LedgerError],
  description: CODES.ACCOUNT_FROZEN,
  fields: (t) => ({
    account: t.field({
      type: 'Account',
      description: 'The account, in its current state.',
      resolve: ({ facts }, _, context, info) => getAccount(context, facts.account, info),
    }),
  }),
});

export const AccountNotEmptyError = typeOf('ACCOUNT_NOT_EMPTY').implement({
  interfaces: [LedgerError],
  description: CODES.ACCOUNT_NOT_EMPTY,
  fields: (t) => ({
    account: t.field({
      type: 'Account',
      description: 'The account, in its current state.',
      resolve: ({ facts }, _, context, info) => getAccount(context, facts.account, info),
    }),
    balance: t.field({
      type: 'Money',
      description: 'The balance of the account.',
      resolve: ({ facts }) => facts.balance,
    }),
    openHolds: t.int({
      description: 'The number of open holds from or to the account.',
      resolve: ({ facts }) => facts.openHolds,
    }),
  }),
});

export const LimitUnmetError = typeOf('LIMIT_UNMET').implement({
  interfaces: [LedgerError],
  description: CODES.LIMIT_UNMET,
  fields: (t) => ({
    limit: t.field({
      type: 'Money',
      description: 'The requested limit.',
      resolve: ({ facts }) => facts.limit,
    }),
    balance: t.field({ type: 'Money', description: 'The balance.', resolve: ({ facts }) => facts.balance }),
    held: t.field({
      type: 'Money',
      description: 'Open holds that would lower the balance. A minBalance applies to balance - held.',
      resolve: ({ facts }) => facts.held,
    }),
    incoming: t.field({
      type: 'Money',
      description: 'Open holds that would raise the balance. A maxBalance applies to balance + incoming.',
      resolve: ({ facts }) => facts.incoming,
    }),
  }),
});
