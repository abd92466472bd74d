import type { ConditionKind } from '../../core/errors.ts';
import { builder } from '../builder.ts';
import { getAccount } from '../context.ts';
import { CODES, described, LedgerError, typeOf } from './refusal.ts';

const ConditionKindEnum = builder.enumType('ConditionKind', {
  description: 'The kind of a condition on an account.',
  values: described<ConditionKind>({
    EXPECTED_VERSION: 'The account has exactly this version before the transaction.',
    BALANCE_AT_LEAST: 'The balance is at least this after the transaction.',
    BALANCE_AT_MOST: 'The balance is at most this after the transaction.',
    AVAILABLE_AT_LEAST: 'The available amount is at least this after the transaction.',
  }),
});

export const ConditionFailedError = typeOf('CONDITION_FAILED').implement({
  interfaces: [LedgerError],
  description: CODES.CONDITION_FAILED,
  fields: (t) => ({
    account: t.field({
      type: 'Account',
      description: 'The account of the condition, in its current state.',
      resolve: ({ facts }, _, context, info) => getAccount(context, facts.account, info),
    }),
    condition: t.field({
      type: ConditionKindEnum,
      description: 'The condition that failed.',
      resolve: ({ facts }) => facts.condition,
    }),
    actualBalance: t.field({
      type: 'Money',
      description: 'The balance that was compared with the condition.',
      resolve: ({ facts }) => facts.actualBalance,
    }),
    actualAvailable: t.field({
      type: 'Money',
      nullable: true,
      description:
        'The available amount that was compared with the condition. Null: the account has no minBalance.',
      resolve: ({ facts }) => facts.actualAvailable,
    }),
    actualVersion: t.field({
      type: 'BigInt',
      description: 'The version that was compared with the condition.',
      resolve: ({ facts }) => facts.actualVersion,
    }),
  }),
});

export const InsufficientFundsError = typeOf('INSUFFICIENT_FUNDS').implement({
  interfaces: [LedgerError],
  description: CODES.INSUFFICIENT_FUNDS,
  fields: (t) => ({
    account: t.field({
      type: 'Account',
      description: 'The account whose balance would fall, in its current state.',
      resolve: ({ facts }, _, context, info) => getAccount(context, facts.account, info),
    }),
    available: t.field({
      type: 'Money',
      description:
        'The available amount before the transaction. An account without a minBalance still cannot fall below minus 38 nines ' +
        'of minor units.',
      resolve: ({ facts }) => facts.available,
    }),
    requested: t.field({
      type: 'Money',
      description: 'The amount by which the balance would fall.',
      resolve: ({ facts }) => facts.requested,
    }),
  }),
});

export const BalanceLimitExceededError = typeOf('BALANCE_LIMIT_EXCEEDED').implement({
  interfaces: [LedgerError],
  description: CODES.BALANCE_LIMIT_EXCEEDED,
  fields: (t) => ({
    account: t.field({
      type: 'Account',
      description: 'The account whose balance would rise, in its current state.',
      resolve: ({ facts }, _, context, info) => getAccount(context, facts.account, info),
    }),
    limit: t.field({
      type: 'Money',
      description: 'The upper limit of balance + incoming.',
      resolve: ({ facts }) => facts.limit,
    }),
    resulting: t.field({
      type: 'Money',
      description: 'The balance + incoming that the transaction would leave.',
      resolve: ({ facts }) => facts.resulting,
    }),
  }),
});
