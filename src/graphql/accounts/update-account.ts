import type { Refusal } from '../../core/errors.ts';
import { type AccountChange, toAccountUpdate, toStatusChange } from '../../core/update-account.ts';
import type { AccountUpdated } from '../../ledger/ledger.ts';
import { builder, type InputFields } from '../builder.ts';
import { type Context, settle } from '../context.ts';
import * as refusals from '../refusals/refusals.ts';
import { BalanceLimitInput } from './create-account.ts';

const accountIdField = (t: InputFields) =>
  t.id({ required: true, description: 'The account: its id, `acct_…`, or `ext:<externalId>`.' });

const changeKeyField = (t: InputFields) => ({
  idempotencyKey: t.string({
    description:
      'The key of this change, 1 to 255 bytes, unique among the changes of the account. The same change with the same key changes ' +
      'nothing and returns `replayed: true`. A different change with the same key is IDEMPOTENCY_CONFLICT. Refusals are not ' +
      'recorded: the same key may succeed later. Keys are kept forever: put no personal data in them. Without a key, each request ' +
      'is a new change.',
  }),
});

const UpdateAccountInput = builder.inputType('UpdateAccountInput', {
  description: 'The changes to an account. Omitted fields stay unchanged.',
  fields: (t) => ({
    accountId: accountIdField(t),
    externalId: t.string({
      description:
        'Your own name for an account that has none, 1 to 255 bytes, unique in the ledger. It is set once: the same name again ' +
        'changes nothing, and another one is INVALID_INPUT.',
    }),
    minBalance: t.field({
      type: BalanceLimitInput,
      description: 'The minimum of balance - held. The current balance and holds must satisfy it.',
    }),
    maxBalance: t.field({
      type: BalanceLimitInput,
      description: 'The maximum of balance + incoming. The current balance and holds must satisfy it.',
    }),
    metadata: t.field({
      type: 'Metadata',
      description: 'Replaces all metadata. {} removes it.',
    }),
    ...changeKeyField(t),
  }),
});

const FreezeAccountInput = builder.inputType('FreezeAccountInput', {
  description: 'The account to freeze.',
  fields: (t) => ({ accountId: accountIdField(t), ...changeKeyField(t) }),
});

const UnfreezeAccountInput = builder.inputType('UnfreezeAccountInput', {
  description: 'The account to unfreeze.',
  fields: (t) => ({ accountId: accountIdField(t), ...changeKeyField(t) }),
});

const CloseAccountInput = builder.inputType('CloseAccountInput', {
  description: 'The account to close permanently.',
  fields: (t) => ({ accountId: accountIdField(t), ...changeKeyField(t) }),
});

builder.objectType('AccountUpdated', {
  description: 'The change is committed. This request or an earlier one with the same key made it.',
  fields: (t) => ({
    account: t.expose('account', { type: 'Account', description: 'The account, in its current state.' }),
    replayed: t.exposeBoolean('replayed', {
      description:
        'True if an earlier request with the same key made the change. The account may have changed since then. Always false ' +
        'without a key.',
    }),
  }),
});

const UpdateAccountResult = builder.unionType('UpdateAccountResult', {
  description:
    'The account, or the reason why it was not changed. Refusals are not recorded: the same request may succeed later.',
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

builder.mutationField('updateAccount', (t) =>
  t.field({
    type: UpdateAccountResult,
    nullable: true,
    description:
      'Changes limits, metadata or the externalId of an open or frozen account. All changes are made, or none. External accounts ' +
      'accept only metadata.',
    args: { input: t.arg({ type: UpdateAccountInput, required: true, description: 'The change.' }) },
    resolve: (_, { input }, context) => change(context, input, toAccountUpdate(input)),
  }),
);

builder.mutationField('freezeAccount', (t) =>
  t.field({
    type: UpdateAccountResult,
    nullable: true,
    description:
      'Freezes an account: postings, holds and captures are rejected, in both directions. Holds can still be voided and expire. ' +
      'Freezing a frozen account changes nothing.',
    args: { input: t.arg({ type: FreezeAccountInput, required: true, description: 'The account.' }) },
    resolve: (_, { input }, context) => change(context, input, toStatusChange('FREEZE', input)),
  }),
);

builder.mutationField('unfreezeAccount', (t) =>
  t.field({
    type: UpdateAccountResult,
    nullable: true,
    description: 'Unfreezes an account. Unfreezing an open account changes nothing.',
    args: { input: t.arg({ type: UnfreezeAccountInput, required: true, description: 'The account.' }) },
    resolve: (_, { input }, context) => change(context, input, toStatusChange('UNFREEZE', input)),
  }),
);

builder.mutationField('closeAccount', (t) =>
  t.field({
    type: UpdateAccountResult,
    nullable: true,
    description:
      'Closes an open or frozen account permanently. Its balance must be zero, and it must have no open holds. Closing a closed ' +
      'account changes nothing.',
    args: { input: t.arg({ type: CloseAccountInput, required: true, description: 'The account.' }) },
    resolve: (_, { input }, context) => change(context, input, toStatusChange('CLOSE', input)),
  }),
);

async function change(
  context: Context,
  { accountId }: { readonly accountId: string },
  requested: AccountChange | Refusal,
): Promise<AccountUpdated | Refusal> {
  const { ledger, notes } = context;
  return settle(
    context,
    'code' in requested ? requested : await ledger.changeAccount(accountId, requested, notes.requestId),
  );
}
