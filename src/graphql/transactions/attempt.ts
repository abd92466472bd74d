// Shared by all operations that move money: input fields, refusals and `post`.

import { forbidRestricted } from '../../core/access/restricted-commands.ts';
import type { Viewer } from '../../core/access/viewer.ts';
import type { Command } from '../../core/decide/command.ts';
import { MAX_CONDITIONS } from '../../core/decide/request.ts';
import type { Refusal } from '../../core/errors.ts';
import type { Outcome, TransactionType } from '../../core/transaction.ts';
import type { Instant } from '../../core/values/instant.ts';
import type { Malformed } from '../../core/values/text.ts';
import { builder, type InputFields } from '../builder.ts';
import { type Context, settle } from '../context.ts';
import * as refusals from '../refusals/refusals.ts';

/** The fields of every input that moves money. */
export const attemptFields = (t: InputFields) => ({
  ...keyField(t),
  externalId: t.string({
    description:
      'Your own name for the business event, such as an order or a payout, 1 to 255 bytes. At most one posted transaction of the ' +
      'ledger has it, regardless of idempotency keys.',
  }),
  ...noteFields(t),
  effectiveAt: t.field({
    type: 'DateTime',
    description:
      'The effective time of the transaction, in the past or the future. Default: its `createdAt`. Not before `closedBefore`.',
  }),
});

export const keyField = (t: InputFields) => ({
  idempotencyKey: t.string({
    required: true,
    description:
      'The key of this attempt, 1 to 255 bytes, unique per account. The same request with the same key always returns the same ' +
      'outcome, posted or declined. Use a new key for a new attempt. Keys are kept forever: put no personal data in them.',
  }),
});

export const noteFields = (t: InputFields) => ({
  description: t.string({ description: 'A note for people, at most 1,000 bytes.' }),
  metadata: t.field({
    type: 'Metadata',
    description: 'Your own data about the transaction, such as ids of other systems.',
  }),
});

export const accountIdField = (t: InputFields, description: string) =>
  t.id({
    required: true,
    description: `${description} Its id, \`acct_…\`, or \`ext:<externalId>\`.`,
  });

export const amountField = (t: InputFields) =>
  t.field({
    type: 'Decimal',
    required: true,
    description: 'The amount, above zero, with at most as many decimals as the currency.',
  });

const BalanceConditionInput = builder.inputType('BalanceConditionInput', {
  description:
    'A condition on an account. The operation is posted only if all given bounds hold; otherwise it is CONDITION_FAILED. Any ' +
    'account of the ledger is allowed, with any status, whether the operation changes it or not. Set at least one bound.',
  fields: (t) => ({
    accountId: accountIdField(t, 'The account.'),
    expectedVersion: t.field({
      type: 'BigInt',
      description: 'The exact version before the operation: the account has no entry since you read it.',
    }),
    balanceAtLeast: t.field({
      type: 'Decimal',
      description: 'The minimum balance after the operation. It may be negative.',
    }),
    balanceAtMost: t.field({
      type: 'Decimal',
      description: 'The maximum balance after the operation. It may be negative.',
    }),
    availableAtLeast: t.field({
      type: 'Decimal',
      description:
        'The minimum available amount after the operation. It always holds for an account without a minBalance.',
    }),
  }),
});

export const conditionsField = (t: InputFields) =>
  t.field({
    type: [BalanceConditionInput],
    description: `Conditions for posting, at most ${MAX_CONDITIONS}. They are checked in this order.`,
  });

/** The refusals of any operation. */
export const ATTEMPT_REFUSALS: readonly refusals.RefusalType[] = [
  refusals.IdempotencyConflictError,
  ...refusals.COMMON_REFUSALS,
];

/** The refusals of any operation that moves an amount and checks the status of an account. */
export const MOVEMENT_REFUSALS: readonly refusals.RefusalType[] = [
  refusals.InvalidAmountError,
  refusals.PeriodClosedError,
  refusals.ExternalIdTakenError,
  refusals.AccountFrozenError,
  ...ATTEMPT_REFUSALS,
];

builder.objectType('TransactionPosted', {
  description: 'The transaction is committed: the money has moved.',
  fields: (t) => ({
    transaction: t.expose('transaction', { type: 'Transaction', description: 'The recorded transaction.' }),
    replayed: t.exposeBoolean('replayed', {
      description:
        'True if an earlier request with the same key posted the transaction: no money moved again.',
    }),
  }),
});

/** The fields of an input that decide whether a caller restricted to an owner may post it. */
interface RestrictableInput {
  readonly externalId?: string | null | undefined;
  readonly expiresAt?: Instant | Malformed | null | undefined;
}

/** Refuses an operation that the caller may not post, before its input is read. */
export function forbidden(
  viewer: Viewer,
  type: TransactionType,
  { externalId = null, expiresAt = null }: RestrictableInput,
): Refusal<'FORBIDDEN'> | undefined {
  if (viewer.owner === null) return undefined;
  return forbidRestricted(viewer, { type, externalId, expiresAt }, BigInt(Date.now()) * 1000n);
}

/** Posts a command. Returns its outcome, or the refusal of an invalid input. */
export async function post(context: Context, command: Command | Refusal): Promise<Outcome> {
  return settle(context, 'code' in command ? command : await context.ledger.post(command));
}

/** Returns the name of the GraphQL type of an outcome. */
export function outcomeTypeName(outcome: Outcome): string {
  if (outcome.code !== 'POSTED') return refusals.refusalTypeName(outcome.code);
  return outcome.transaction.type === 'HOLD' ? 'HoldPlaced' : 'TransactionPosted';
}
