import { toCapture, toHold, toVoid } from '../../core/decide/request.ts';
import { builder, type InputFields } from '../builder.ts';
import { getHold } from '../context.ts';
import { takePreviews } from '../protection/rate-limit.ts';
import * as refusals from '../refusals/refusals.ts';
import {
  ATTEMPT_REFUSALS,
  accountIdField,
  amountField,
  attemptFields,
  conditionsField,
  forbidden,
  keyField,
  MOVEMENT_REFUSALS,
  noteFields,
  outcomeTypeName,
  post,
} from '../transactions/attempt.ts';

export const PlaceHoldInput = builder.inputType('PlaceHoldInput', {
  description:
    'A reservation of money between two accounts of one currency. The idempotency key belongs to `fromAccountId`.',
  fields: (t) => ({
    fromAccountId: accountIdField(t, 'The account that captures debit. A CREDIT account pays.'),
    toAccountId: accountIdField(t, 'The account that captures credit. A CREDIT account receives.'),
    amount: amountField(t),
    expiresAt: t.field({
      type: 'DateTime',
      description: 'When the hold expires: an instant in the future. Default: never.',
    }),
    conditions: conditionsField(t),
    ...attemptFields(t),
  }),
});

const holdIdField = (t: InputFields) =>
  t.id({
    required: true,
    description: 'The hold: its id, `hold_…`, or `ext:<externalId>` of the transaction that placed it.',
  });

export const CaptureHoldInput = builder.inputType('CaptureHoldInput', {
  description:
    'A capture of reserved money. The idempotency key belongs to the account that the hold is from.',
  fields: (t) => ({
    holdId: holdIdField(t),
    amount: t.field({
      type: 'Decimal',
      description:
        'The amount to capture, above zero, with at most as many decimals as the currency. Default: all that remains.',
    }),
    final: t.boolean({
      required: true,
      defaultValue: true,
      description:
        'True: the capture also releases what is left. False: what is left stays reserved for other captures.',
    }),
    ...attemptFields(t),
  }),
});

export const VoidHoldInput = builder.inputType('VoidHoldInput', {
  description: 'The release of a hold. The idempotency key belongs to the account that the hold is from.',
  fields: (t) => ({ holdId: holdIdField(t), ...keyField(t), ...noteFields(t) }),
});

builder.objectType('HoldPlaced', {
  description: 'The hold is committed: the money is reserved.',
  fields: (t) => ({
    hold: t.field({
      type: 'Hold',
      description: 'The hold. A replay returns its current state.',
      resolve: ({ hold, transaction }, _, context, info) => hold ?? getHold(context, transaction.id, info),
    }),
    transaction: t.expose('transaction', { type: 'Transaction', description: 'The recorded transaction.' }),
    replayed: t.exposeBoolean('replayed', {
      description:
        'True if an earlier request with the same key placed the hold: nothing was reserved again.',
    }),
  }),
});

const PlaceHoldResult = builder.unionType('PlaceHoldResult', {
  description: 'The hold, or the reason why it was not placed.',
  types: [
    'HoldPlaced',
    refusals.CounterpartyError,
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
  description: 'The posted capture, or the reason why it was not posted.',
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
  description: 'The posted release, or the reason why it was not posted.',
  types: ['TransactionPosted', refusals.HoldNotFoundError, refusals.HoldNotOpenError, ...ATTEMPT_REFUSALS],
  resolveType: outcomeTypeName,
});

builder.mutationField('placeHold', (t) =>
  t.field({
    type: PlaceHoldResult,
    nullable: true,
    description:
      'Reserves money. `from` must have the amount available, and `to` must have room below its maxBalance. Balances change only ' +
      'when the hold is captured.',
    args: { input: t.arg({ type: PlaceHoldInput, required: true, description: 'The hold.' }) },
    resolve: (_, { input }, context) => {
      const refusal = forbidden(context.viewer, 'HOLD', input) ?? takePreviews(context, 1);
      return post(context, refusal ?? toHold(input));
    },
  }),
);

builder.mutationField('captureHold', (t) =>
  t.field({
    type: CaptureHoldResult,
    nullable: true,
    description:
      'Moves reserved money: all that remains of a hold or a part of it, once or several times. It cannot fail for lack of funds ' +
      'or because of limits.',
    args: { input: t.arg({ type: CaptureHoldInput, required: true, description: 'The capture.' }) },
    resolve: (_, { input }, context) => post(context, toCapture(input)),
  }),
);

builder.mutationField('voidHold', (t) =>
  t.field({
    type: VoidHoldResult,
    nullable: true,
    description: 'Ends a hold and releases what remains of it, even if an account is frozen.',
    args: { input: t.arg({ type: VoidHoldInput, required: true, description: 'The release.' }) },
    resolve: (_, { input }, context) => post(context, toVoid(input)),
  }),
);
