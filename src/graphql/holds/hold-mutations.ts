import { toCapture, toHold, toVoid } from '../../core/decide/request.ts';
import { builder, type InputFields } from '../builder.ts';
import { getHold } from '../context.ts';
import * as refusals from '../refusals.ts';
import {
  ATTEMPT_REFUSALS,
  accountIdField,
  amountField,
  attemptFields,
  conditionsField,
  keyField,
  MOVEMENT_REFUSALS,
  noteFields,
  outcomeTypeName,
  post,
} from '../transactions/attempt.ts';

export const PlaceHoldInput = builder.inputType('PlaceHoldInput', {
  description:
    'Money that is to be reserved between two accounts of one currency. The key is one of `fromAccountId`.',
  fields: (t) => ({
    fromAccountId: accountIdField(
      t,
      'The account that captures debit: where it is a CREDIT account, it pays.',
    ),
    toAccountId: accountIdField(
      t,
      'The account that captures credit: where it is a CREDIT account, it receives.',
    ),
    amount: amountField(t),
    expiresAt: t.field({
      type: 'DateTime',
      description: 'From when on nothing can be captured of it, in the future. Absent: it never expires.',
    }),
    conditions: conditionsField(t),
    ...attemptFields(t),
  }),
});

const holdIdField = (t: InputFields) =>
  t.id({
    required: true,
    description:
      'The hold: its id, `hold_…`, or `ext:` and the externalId of the transaction that placed it.',
  });

export const CaptureHoldInput = builder.inputType('CaptureHoldInput', {
  description: 'Reserved money that is to move. The key is one of the account that the hold is from.',
  fields: (t) => ({
    holdId: holdIdField(t),
    amount: t.field({
      type: 'Decimal',
      description:
        'How much of what remains, above zero, with at most as many decimals as the currency has. Absent: all of it.',
    }),
    final: t.boolean({
      required: true,
      defaultValue: true,
      description: 'The same transaction releases what is left. False: that stays held, for other captures.',
    }),
    ...attemptFields(t),
  }),
});

export const VoidHoldInput = builder.inputType('VoidHoldInput', {
  description: 'A hold that is to end. The key is one of the account that it is from.',
  fields: (t) => ({ holdId: holdIdField(t), ...keyField(t), ...noteFields(t) }),
});

builder.objectType('HoldPlaced', {
  description: 'The money is reserved, durably.',
  fields: (t) => ({
    hold: t.field({
      type: 'Hold',
      description: 'The hold. A replay shows it as it is now.',
      resolve: ({ hold, transaction }, _, context) => hold ?? getHold(context, transaction.id),
    }),
    transaction: t.expose('transaction', { type: 'Transaction', description: 'What was recorded.' }),
    replayed: t.exposeBoolean('replayed', {
      description: 'This key had been answered before: nothing was reserved again.',
    }),
  }),
});

const PlaceHoldResult = builder.unionType('PlaceHoldResult', {
  description: 'The hold, or why there is none.',
  types: [
    'HoldPlaced',
    refusals.AccountNotFoundError,
    refusals.SameAccountError,
    refusals.CurrencyMismatchError,
    refusals.UnsupportedAccountError,
    refusals.AccountClosedError,
    refusals.ConditionFailedError,
    refusals.InsufficientFundsError,
    refusals.BalanceLimitExceededError,
    ...MOVEMENT_REFUSALS,
  ],
  resolveType: outcomeTypeName,
});

const CaptureHoldResult = builder.unionType('CaptureHoldResult', {
  description: 'The posted capture, or why there is none.',
  types: [
    'TransactionPosted',
    refusals.HoldNotFoundError,
    refusals.HoldExpiredError,
    refusals.HoldNotOpenError,
    refusals.HoldAmountExceededError,
    ...MOVEMENT_REFUSALS,
  ],
  resolveType: outcomeTypeName,
});

const VoidHoldResult = builder.unionType('VoidHoldResult', {
  description: 'The posted release, or why there is none.',
  types: ['TransactionPosted', refusals.HoldNotFoundError, refusals.HoldNotOpenError, ...ATTEMPT_REFUSALS],
  resolveType: outcomeTypeName,
});

builder.mutationFields((t) => ({
  placeHold: t.field({
    type: PlaceHoldResult,
    nullable: true,
    description:
      'Reserves money: from must have it available, to must have room for it, and neither balance changes until a capture.',
    args: { input: t.arg({ type: PlaceHoldInput, required: true, description: 'The hold.' }) },
    resolve: (_, { input }, context) => post(context, toHold(input)),
  }),
  captureHold: t.field({
    type: CaptureHoldResult,
    nullable: true,
    description:
      'Moves reserved money: all that remains of a hold or a part of it, once or several times. Neither funds nor limits ' +
      'refuse it any more.',
    args: { input: t.arg({ type: CaptureHoldInput, required: true, description: 'The capture.' }) },
    resolve: (_, { input }, context) => post(context, toCapture(input)),
  }),
  voidHold: t.field({
    type: VoidHoldResult,
    nullable: true,
    description: 'Ends a hold: what remains of it is free again, also where an account is frozen.',
    args: { input: t.arg({ type: VoidHoldInput, required: true, description: 'What is to end.' }) },
    resolve: (_, { input }, context) => post(context, toVoid(input)),
  }),
}));
