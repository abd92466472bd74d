import type { Refusal } from '../core/errors.ts';
import { type AccountChange, toAccountUpdate } from '../core/update-account.ts';
import type { AccountUpdated } from '../ledger/ledger.ts';
import { builder, type InputFields } from './builder.ts';
import { type Context, settle } from './context.ts';
import { BalanceLimitInput } from './create-account.ts';
import * as refusals from './refusals.ts';

const accountIdField = (t: InputFields) =>
  t.id({ required: true, description: 'Its id, `acct_…`, or `ext:` and its externalId.' });

const UpdateAccountInput = builder.inputType('UpdateAccountInput', {
  description: 'What is to be changed of an account. What is absent stays as it is.',
  fields: (t) => ({
    accountId: accountIdField(t),
    externalId: t.string({
      description:
        'Your own name for it, 1 to 255 bytes, unique in the ledger, where it has none yet. It is given once: the same again ' +
        'changes nothing, and another is INVALID_INPUT.',
    }),
    minBalance: t.field({
      type: BalanceLimitInput,
      description: 'How low balance - held may be from now on. It must be met now.',
    }),
    maxBalance: t.field({
      type: BalanceLimitInput,
      description: 'How high balance + incoming may be from now on. It must be met now.',
    }),
    metadata: t.field({
      type: 'Metadata',
      description: 'What you want kept with it, in place of all that was: {} leaves nothing.',
    }),
  }),
});

const FreezeAccountInput = builder.inputType('FreezeAccountInput', {
  description: 'The account on which nothing is to move for now.',
  fields: (t) => ({ accountId: accountIdField(t) }),
});

const UnfreezeAccountInput = builder.inputType('UnfreezeAccountInput', {
  description: 'The frozen account that is to take part again.',
  fields: (t) => ({ accountId: accountIdField(t) }),
});

const CloseAccountInput = builder.inputType('CloseAccountInput', {
  description: 'The account that is to be closed for good.',
  fields: (t) => ({ accountId: accountIdField(t) }),
});

builder.objectType('AccountUpdated', {
  description: 'The account is as it was asked to be, since now or since before.',
  fields: (t) => ({
    account: t.expose('account', { type: 'Account', description: 'The account as it is now.' }),
  }),
});

const UpdateAccountResult = builder.unionType('UpdateAccountResult', {
  description:
    'The account, or why it was not changed. Nothing of it is recorded: the same request may be answered otherwise later.',
  types: [
    'AccountUpdated',
    refusals.InvalidAmountError,
    refusals.AccountNotFoundError,
    refusals.UnsupportedAccountError,
    refusals.ExternalIdTakenError,
    refusals.AccountClosedError,
    refusals.AccountNotEmptyError,
    refusals.LimitUnmetError,
    ...refusals.COMMON_REFUSALS,
  ],
  resolveType: ({ code }) => (code === 'UPDATED' ? 'AccountUpdated' : refusals.refusalTypeName(code)),
});

builder.mutationFields((t) => ({
  updateAccount: t.field({
    type: UpdateAccountResult,
    nullable: true,
    description:
      'Changes limits and metadata of an account that is open or frozen, or gives it a name. All of it happens, or nothing. ' +
      'External accounts take metadata alone.',
    args: { input: t.arg({ type: UpdateAccountInput, required: true, description: 'The change.' }) },
    resolve: (_, { input }, context) => change(context, input, toAccountUpdate(input)),
  }),
  freezeAccount: t.field({
    type: UpdateAccountResult,
    nullable: true,
    description:
      'Refuses every posting, hold and capture on an account, in either direction, until it is unfrozen; holds can be voided ' +
      'and expire. A frozen one stays so.',
    args: { input: t.arg({ type: FreezeAccountInput, required: true, description: 'The account.' }) },
    resolve: (_, { input }, context) => change(context, input, { kind: 'FREEZE' }),
  }),
  unfreezeAccount: t.field({
    type: UpdateAccountResult,
    nullable: true,
    description: 'Lets a frozen account take part again. An open one stays so.',
    args: { input: t.arg({ type: UnfreezeAccountInput, required: true, description: 'The account.' }) },
    resolve: (_, { input }, context) => change(context, input, { kind: 'UNFREEZE' }),
  }),
  closeAccount: t.field({
    type: UpdateAccountResult,
    nullable: true,
    description:
      'Closes an account that is open or frozen, for good: at a balance of zero, with no open hold from it or to it. A closed ' +
      'one stays so.',
    args: { input: t.arg({ type: CloseAccountInput, required: true, description: 'The account.' }) },
    resolve: (_, { input }, context) => change(context, input, { kind: 'CLOSE' }),
  }),
}));

async function change(
  context: Context,
  { accountId }: { readonly accountId: string },
  asked: AccountChange | Refusal,
): Promise<AccountUpdated | Refusal> {
  return settle(context, 'code' in asked ? asked : await context.ledger.changeAccount(accountId, asked));
}
