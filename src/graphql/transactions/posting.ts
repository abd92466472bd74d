import { toDeposit, toTransfer, toWithdrawal } from '../../core/decide/request.ts';
import { builder } from '../builder.ts';
import * as refusals from '../refusals.ts';
import {
  accountIdField,
  amountField,
  attemptFields,
  conditionsField,
  MOVEMENT_REFUSALS,
  outcomeTypeName,
  post,
} from './attempt.ts';

export const DepositInput = builder.inputType('DepositInput', {
  description: 'Money that came in from outside. The key is one of `accountId`.',
  fields: (t) => ({
    accountId: accountIdField(t, 'The CREDIT account that receives it.'),
    amount: amountField(t),
    ...attemptFields(t),
  }),
});

export const WithdrawInput = builder.inputType('WithdrawInput', {
  description: 'Money that goes outside. The key is one of `accountId`.',
  fields: (t) => ({
    accountId: accountIdField(t, 'The CREDIT account that pays it.'),
    amount: amountField(t),
    ...attemptFields(t),
  }),
});

export const TransferInput = builder.inputType('TransferInput', {
  description: 'Money that moves between two accounts of one currency. The key is one of `fromAccountId`.',
  fields: (t) => ({
    fromAccountId: accountIdField(t, 'The account that is debited: where it is a CREDIT account, it pays.'),
    toAccountId: accountIdField(
      t,
      'The account that is credited: where it is a CREDIT account, it receives.',
    ),
    amount: amountField(t),
    conditions: conditionsField(t),
    ...attemptFields(t),
  }),
});

const DepositResult = builder.unionType('DepositResult', {
  description: 'The posted deposit, or why there is none.',
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
  description: 'The posted withdrawal, or why there is none.',
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
  description: 'The posted transfer, or why there is none.',
  types: [
    'TransactionPosted',
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

builder.mutationFields((t) => ({
  deposit: t.field({
    type: DepositResult,
    nullable: true,
    description: "Posts money that came in: from the currency's external account to an account.",
    args: { input: t.arg({ type: DepositInput, required: true, description: 'The deposit.' }) },
    resolve: (_, { input }, context) => post(context, toDeposit(input)),
  }),
  withdraw: t.field({
    type: WithdrawResult,
    nullable: true,
    description: "Posts money that goes out: from an account to the currency's external account.",
    args: { input: t.arg({ type: WithdrawInput, required: true, description: 'The withdrawal.' }) },
    resolve: (_, { input }, context) => post(context, toWithdrawal(input)),
  }),
  transfer: t.field({
    type: TransferResult,
    nullable: true,
    description: 'Moves money from one account to another: from is debited, to is credited.',
    args: { input: t.arg({ type: TransferInput, required: true, description: 'The transfer.' }) },
    resolve: (_, { input }, context) => post(context, toTransfer(input)),
  }),
}));
