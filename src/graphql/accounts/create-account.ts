import { toAccountRequest } from '../../core/create-account.ts';
import type { Refusal } from '../../core/errors.ts';
import type { AccountCreated } from '../../ledger/ledger.ts';
import { builder } from '../builder.ts';
import { settle } from '../context.ts';
import * as refusals from '../refusals.ts';
import { SideEnum } from '../transactions/entry.ts';

export const BalanceLimitInput = builder.inputType('BalanceLimitInput', {
  description: 'A limit on a balance: an amount, or none. Exactly one of the two is given.',
  isOneOf: true,
  fields: (t) => ({
    amount: t.field({
      type: 'Decimal',
      description:
        'The limit on the normal side, in the currency of the account; a minus sign makes it an overdraft.',
    }),
    unlimited: t.boolean({ description: 'No limit. It must be true.' }),
  }),
});

export const CreateAccountInput = builder.inputType('CreateAccountInput', {
  description: 'The account to be made. Its currency and normal side never change.',
  fields: (t) => ({
    owner: t.string({ required: true, description: 'Whose account it is, in your words: 1 to 255 bytes.' }),
    currency: t.string({
      required: true,
      description: 'The code of a currency of ISO 4217, or of one that is registered in the ledger.',
    }),
    externalId: t.string({
      description:
        "Your own name for it, 1 to 255 bytes, unique in the ledger and final. It is taken as `ext:…` wherever an account's " +
        'id is asked.',
    }),
    normalSide: t.field({
      type: SideEnum,
      required: true,
      defaultValue: 'CREDIT',
      description:
        'The side on which its balance is positive. CREDIT for what you owe to its owner, such as a wallet; DEBIT for what ' +
        'you have, such as a bank account. Only CREDIT accounts take deposits and withdrawals.',
    }),
    minBalance: t.field({
      type: BalanceLimitInput,
      description: 'How low balance - held may be. Absent: 0. An empty account must be within it.',
    }),
    maxBalance: t.field({
      type: BalanceLimitInput,
      description:
        'How high balance + incoming may be. Absent: unlimited. An empty account must be within it.',
    }),
    metadata: t.field({
      type: 'Metadata',
      description: 'What you want kept with it, such as ids of your own systems.',
    }),
    idempotencyKey: t.string({
      description:
        'Names this request, 1 to 255 bytes, unique among those of its owner: sent again, it answers the same account ' +
        'instead of making another. Refusals are not remembered. Kept forever: no personal data in it.',
    }),
  }),
});

builder.objectType('AccountCreated', {
  description: 'The account was made, now or by an earlier request with the same key.',
  fields: (t) => ({
    account: t.expose('account', {
      type: 'Account',
      description: 'The account. A replay shows it as it is now.',
    }),
    replayed: t.exposeBoolean('replayed', {
      description: 'An earlier request with the same idempotency key had made it.',
    }),
  }),
});

export const CreateAccountResult = builder.unionType('CreateAccountResult', {
  description: 'The account, or why it was not made.',
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
      "Makes an account, empty and open. The first one of a currency brings the ledger's external account of that currency.",
    args: {
      input: t.arg({ type: CreateAccountInput, required: true, description: 'The account to be made.' }),
    },
    resolve: async (_, { input }, context): Promise<AccountCreated | Refusal> => {
      const request = toAccountRequest(input);
      return settle(context, 'code' in request ? request : await context.ledger.createAccount(request));
    },
  }),
);
