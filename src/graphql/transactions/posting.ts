import { toDeposit, toTransfer, toWithdrawal } from '../../core/decide/request.ts';
import { builder } from '../builder.ts';
import * as refusals from '../refusals/refusals.ts';
import {
  accountIdField,
  amountField,
  attemptFields,
  conditionsField,
  forbidden,
  MOVEMENT_REFUSALS,
  outcomeTypeName,
  post,
} from './attempt.ts';

export const DepositInput = builder.inputType('DepositInput', {
  description: 'Money that came in from outside. The idempotency key belongs to `accountId`.',
  fields: (t) => ({
    accountId: accountIdField(t, 'The CREDIT account that receives it.'),
    amount: amountField(t),
    ...attemptFields(t),
  }),
});

export const WithdrawInput = builder.inputType('WithdrawInput', {
  description: 'Money that goes outside. The idempotency key belongs to `accountId`.',
  fields: (t) => ({
    accountId: accountIdField(t, 'The CREDIT account that pays it.'),
    amount: amountField(t),
    ...attemptFields(t),
  }),
});

export const TransferInput = builder.inputType('TransferInput', {
  description:
    'A movement of money between two accounts of one currency. The idempotency key belongs to `fromAccountId`.',
  fields: (t) => ({
    fromAccountId: accountIdField(t, 'The account to debit. A CREDIT account pays.'),
    toAccountId: accountIdField(t, 'The account to credit. A CREDIT account receives.'),
    amount: amountField(t),
    conditions: conditionsField(t),
    ...attemptFields(t),
  }),
});

const DepositResult = builder.unionType('DepositResult', {
  description: 'The posted deposit, or the reason why it was not posted.',
  types: [
    'TransactionPosted',
    refusals.AccountNotFoundError,
    refusals.UnsupportedAccountError,
    refusals.AccountClosedError,
    refusals.BalanceLimitExceededError,
    ...MOVEMENT_REFUSALS,
  ],
  resolveType: outcomeTypeName,
});

const WithdrawResult = builder.unionType('WithdrawResult', {
  description: 'The posted withdrawal, or the reason why it was not posted.',
  types: [
    'TransactionPosted',
    refusals.AccountNotFoundError,
    refusals.UnsupportedAccountError,
    refusals.AccountClosedError,
    refusals.InsufficientFundsError,
    ...MOVEMENT_REFUSALS,
  ],
  resolveType: outcomeTypeName,
});

const TransferResult = builder.unionType('TransferResult', {
  description: 'The posted transfer, or the reason why it was not posted.',
  types: [
    'TransactionPosted',
    refusals.CounterpartyError,
    refusals.AccountNotFoundError,
    refusals.SameAccountError,
    refusals.CurrencyMismatchError,
    refusals.AccountClosedError,
    refusals.ConditionFailedError,
    refusals.InsufficientFundsError,
    refusals.BalanceLimitExceededError,
    ...MOVEMENT_REFUSALS,
  ],
  resolveType: outcomeTypeName,
});

builder.mutationField('deposit', (t) =>
  t.field({
    type: DepositResult,
    nullable: true,
    description: 'Posts incoming money: from the external account of the currency to an account.',
    args: { input: t.arg({ type: DepositInput, required: true, description: 'The deposit.' }) },
    resolve: (_, { input }, context) => post(context, toDeposit(input)),
  }),
);

builder.mutationField('withdraw', (t) =>
  t.field({
    type: WithdrawResult,
    nullable: true,
    description: 'Posts outgoing money: from an account to the external account of the currency.',
    args: { input: t.arg({ type: WithdrawInput, required: true, description: 'The withdrawal.' }) },
    resolve: (_, { input }, context) => post(context, toWithdrawal(input)),
  }),
);

builder.mutationField('transfer', (t) =>
  t.field({
    type: TransferResult,
    nullable: true,
    description: 'Moves money from one account to another: debits `from` and credits `to`.',
    args: { input: t.arg({ type: TransferInput, required: true, description: 'The transfer.' }) },
    resolve: (_, { input }, context) =>
      post(context, forbidden(context.viewer, 'TRANSFER', input) ?? toTransfer(input)),
  }),
);
