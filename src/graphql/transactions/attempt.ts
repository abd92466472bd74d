// What all operations that move money have in common: fields of their inputs, refusals of their answers, and the way.

import type { Command } from '../../core/decide/command.ts';
import { MAX_CONDITIONS } from '../../core/decide/request.ts';
import type { Refusal } from '../../core/errors.ts';
import type { Outcome } from '../../core/transaction.ts';
import { builder, type InputFields } from '../builder.ts';
import { type Context, settle } from '../context.ts';
import * as refusals from '../refusals.ts';

/** What every input has that moves money. */
export const attemptFields = (t: InputFields) => ({
  ...keyField(t),
  externalId: t.string({
    description:
      'Your own name for the business event, such as an order or a payout, 1 to 255 bytes: at most one posted transaction ' +
      'of the ledger has it, whatever the keys.',
  }),
  ...noteFields(t),
  effectiveAt: t.field({
    type: 'DateTime',
    description:
      'When it counts economically, in the past or the future. Absent: when it is recorded. Not before `closedBefore`.',
  }),
});

export const keyField = (t: InputFields) => ({
  idempotencyKey: t.string({
    required: true,
    description:
      'Names this one attempt, 1 to 255 bytes, unique among those of the account whose key it is: answered the same way ' +
      'forever, posted or declined. Send the same key to hear the answer again, a new key for a new attempt. Kept forever: ' +
      'no personal data in it.',
  }),
});

export const noteFields = (t: InputFields) => ({
  description: t.string({ description: 'A note for people, at most 1,000 bytes.' }),
  metadata: t.field({
    type: 'Metadata',
    description: 'What you want kept with it, such as ids of your own systems.',
  }),
});

export const accountIdField = (t: InputFields, description: string) =>
  t.id({
    required: true,
    description: `${description} Its id, \`acct_…\`, or \`ext:\` and its externalId.`,
  });

export const amountField = (t: InputFields) =>
  t.field({
    type: 'Decimal',
    required: true,
    description: 'How much, above zero, with at most as many decimals as the currency has.',
  });

const BalanceConditionInput = builder.inputType('BalanceConditionInput', {
  description:
    'What an account must be like for the operation to be posted; anything else is CONDITION_FAILED. Any account of the ' +
    'ledger, moving or not, in whatever status. At least one bound is given, and all that are given must hold.',
  fields: (t) => ({
    accountId: accountIdField(t, 'The account.'),
    expectedVersion: t.field({
      type: 'BigInt',
      description: 'Its version, as the operation finds it: nothing has moved since it was read.',
    }),
    balanceAtLeast: t.field({
      type: 'Decimal',
      description: 'How low its balance may be, as the operation leaves it. A minus sign is taken.',
    }),
    balanceAtMost: t.field({
      type: 'Decimal',
      description: 'How high its balance may be, as the operation leaves it. A minus sign is taken.',
    }),
    availableAtLeast: t.field({
      type: 'Decimal',
      description:
        'How low what is available may be, as the operation leaves it. Without a lower limit there is always enough.',
    }),
  }),
});

export const conditionsField = (t: InputFields) =>
  t.field({
    type: [BalanceConditionInput],
    description: `What must hold for it to be posted, at most ${MAX_CONDITIONS} conditions; they are tested in this order.`,
  });

/** What any operation can be refused by. */
export const ATTEMPT_REFUSALS: readonly refusals.RefusalType[] = [
  refusals.IdempotencyConflictError,
  ...refusals.COMMON_REFUSALS,
];

/** What any movement of an amount can be refused by that has an account's status to look at. */
export const MOVEMENT_REFUSALS: readonly refusals.RefusalType[] = [
  refusals.InvalidAmountError,
  refusals.PeriodClosedError,
  refusals.ExternalIdTakenError,
  refusals.AccountFrozenError,
  ...ATTEMPT_REFUSALS,
];

builder.objectType('TransactionPosted', {
  description: 'It has happened, durably: the money has moved.',
  fields: (t) => ({
    transaction: t.expose('transaction', { type: 'Transaction', description: 'What was recorded.' }),
    replayed: t.exposeBoolean('replayed', {
      description:
        'This key had been answered before: nothing moved again, and the first answer is repeated.',
    }),
  }),
});

/** Posts a command, or answers why its input makes none. */
export async function post(context: Context, command: Command | Refusal): Promise<Outcome> {
  return settle(context, 'code' in command ? command : await context.ledger.post(command));
}

/** The name of an outcome's type. */
export function outcomeTypeName(outcome: Outcome): string {
  if (outcome.code !== 'POSTED') return refusals.refusalTypeName(outcome.code);
  return outcome.transaction.type === 'HOLD' ? 'HoldPlaced' : 'TransactionPosted';
}
