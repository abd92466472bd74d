import { toAccountRequest } from '../../core/create-account.ts';
import type { Refusal } from '../../core/errors.ts';
import type { AccountCreated } from '../../ledger/ledger.ts';
import { builder } from '../builder.ts';
import { settle } from '../context.ts';
import * as refusals from '../refusals/refusals.ts';
import { SideEnum } from '../transactions/entry.ts';

export const BalanceLimitInput = builder.inputType('BalanceLimitInput', {
  description: 'A limit on a balance: an amount, or no limit. Set exactly one field.',
  isOneOf: true,
  fields: (t) => ({
    amount: t.field({
      type: 'Decimal',
      description:
        'The limit on the normal side, in the currency of the account. A negative minBalance allows an overdraft.',
    }),
    unlimited: t.boolean({ description: 'Must be true: no limit.' }),
  }),
});

export const CreateAccountInput = builder.inputType('CreateAccountInput', {
  description: 'The account to create. Its currency and normal side never change.',
  fields: (t) => ({
    owner: t.string({
      required: true,
      description: 'The owner, named as you like: 1 to 255 bytes, not `external`.',
    }),
    currency: t.string({
      required: true,
      description: 'The code of an ISO 4217 currency, or of one registered in the ledger.',
    }),
    externalId: t.string({
      description:
        'Your own name for the account, 1 to 255 bytes, unique in the ledger. It never changes. Pass `ext:<externalId>` wherever an ' +
        'account id is expected.',
    }),
    normalSide: t.field({
      type: SideEnum,
      required: true,
      defaultValue: 'CREDIT',
      description:
        'The side on which the balance is positive. CREDIT for money that you owe to the owner, such as a wallet; DEBIT for money ' +
        'that you have, such as a bank account. Only CREDIT accounts accept deposits and withdrawals.',
    }),
    minBalance: t.field({
      type: BalanceLimitInput,
      description: 'The minimum of balance - held. Default: 0. An empty account must satisfy it.',
    }),
    maxBalance: t.field({
      type: BalanceLimitInput,
      description: 'The maximum of balance + incoming. Default: unlimited. An empty account must satisfy it.',
    }),
    metadata: t.field({
      type: 'Metadata',
      description: 'Your own data about the account, such as ids of other systems.',
    }),
    idempotencyKey: t.string({
      description:
        'The key of this request, 1 to 255 bytes, unique per owner. The same request with the same key returns the same account ' +
        'instead of creating another. Refusals are not recorded. Keys are kept forever: put no personal data in them.',
    }),
  }),
});

builder.objectType('AccountCreated', {
  description: 'The account exists. This request or an earlier one with the same key created it.',
  fields: (t) => ({
    account: t.expose('account', {
      type: 'Account',
      description: 'The account. A replay returns its current state.',
    }),
    replayed: t.exposeBoolean('replayed', {
      description: 'True if an earlier request with the same key created the account.',
    }),
  }),
});

export const CreateAccountResult = builder.unionType('CreateAccountResult', {
  description: 'The account, or the reason why it was not created.',
  types: [
    'AccountCreated',
    refusals.InvalidAmountError,
    refusals.UnknownCurrencyError,
    refusals.ExternalIdTakenError,
    refusals.LimitUnmetError,
    refusals.IdempotencyConflictError,
    ...refusals.COMMON_REFUSALS,
  ],
  resolveType: ({ code }) => (code === 'CREATED' ? 'AccountCreated' : refusals.refusalTypeName(code)),
});

builder.mutationField('createAccount', (t) =>
  t.field({
    type: CreateAccountResult,
    nullable: true,
    description:
      'Creates an account, empty and open. The first account of a currency also creates the external account of that currency.',
    args: {
      input: t.arg({ type: CreateAccountInput, required: true, description: 'The account to create.' }),
    },
    resolve: async (_, { input }, context): Promise<AccountCreated | Refusal> => {
      const request = toAccountRequest(input);
      return settle(context, 'code' in request ? request : await context.ledger.createAccount(request));
    },
  }),
);
