import type { Refusal } from '../../core/errors.ts';
import { type AccountChange, toAccountUpdate, toStatusChange } from '../../core/update-account.ts';
import type { AccountUpdated } from '../../ledger/ledger.ts';
import { builder, type InputFields } from '../builder.ts';
import { type Context, settle } from '../context.ts';
import * as refusals from '../refusals.ts';
import { BalanceLimitInput } from './create-account.ts';

const accountIdField = (t: InputFields) =>
  t.id({ required: true, description: 'Its id, `acct_…`, or `ext:` and its externalId.' });

const changeKeyField = (t: InputFields) => ({
  idempotencyKey: t.string({
    description:
      'Names this one change, 1 to 255 bytes, unique among the changes of the account. The same key with the same change ' +
      'answers AccountUpdated with `replayed: true` and changes nothing, whatever has happened since; with another change it is ' +
      'IDEMPOTENCY_CONFLICT. Refusals are not recorded: the same key may succeed later. Kept forever: no personal data in it. ' +
      'Absent: a request that is sent again is a new change.',
  }),
});

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
    ...changeKeyField(t),
  }),
});

const FreezeAccountInput = builder.inputType('FreezeAccountInput', {
  description: 'The account on which nothing is to move for now.',
  fields: (t) => ({ accountId: accountIdField(t), ...changeKeyField(t) }),
});

const UnfreezeAccountInput = builder.inputType('UnfreezeAccountInput', {
  description: 'The frozen account that is to take part again.',
  fields: (t) => ({ accountId: accountIdField(t), ...changeKeyField(t) }),
});

const CloseAccountInput = builder.inputType('CloseAccountInput', {
  description: 'The account that is to be closed for good.',
  fields: (t) => ({ accountId: accountIdField(t), ...changeKeyField(t) }),
});

builder.objectType('AccountUpdated', {
  description: 'The change is made: now, or by an earlier request with the same key.',
  fields: (t) => ({
    account: t.expose('account', { type: 'Account', description: 'The account as it is now.' }),
    replayed: t.exposeBoolean('replayed', {
      description:
        'This key had been recorded before: nothing changed now, and the account may have changed since. Without a key always false.',
    }),
  }),
});

const UpdateAccountResult = builder.unionType('UpdateAccountResult', {
  description:
    'The account, or why it was not changed. Refusals are not recorded: the same request, with the same key too, may be ' +
    'answered otherwise later.',
  types: [
    'AccountUpdated',
    refusals.IdempotencyConflictError,
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
    resolve: (_, { input }, context) => change(context, input, toStatusChange('FREEZE', input)),
  }),
  unfreezeAccount: t.field({
    type: UpdateAccountResult,
    nullable: true,
    description: 'Lets a frozen account take part again. An open one stays so.',
    args: { input: t.arg({ type: UnfreezeAccountInput, required: true, description: 'The account.' }) },
    resolve: (_, { input }, context) => change(context, input, toStatusChange('UNFREEZE', input)),
  }),
  closeAccount: t.field({
    type: UpdateAccountResult,
    nullable: true,
    description:
      'Closes an account that is open or frozen, for good: at a balance of zero, with no open hold from it or to it. A closed ' +
      'one stays so.',
    args: { input: t.arg({ type: CloseAccountInput, required: true, description: 'The account.' }) },
    resolve: (_, { input }, context) => change(context, input, toStatusChange('CLOSE', input)),
  }),
}));

async function change(
  context: Context,
  { accountId }: { readonly accountId: string },
  asked: AccountChange | Refusal,
): Promise<AccountUpdated | Refusal> {
  const { ledger, notes } = context;
  return settle(
    context,
    'code' in asked ? asked : await ledger.changeAccount(accountId, asked, notes.requestId),
  );
}
