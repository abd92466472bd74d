/**
 * Reads the inputs of mutations that move money into commands. A malformed input is refused here: step 2 of the order of
 * precedence. `path` is the position of the input within the request.
 */
import type { Side } from '../account.ts';
import type { Refusal } from '../errors.ts';
import { formatId, type Uuid } from '../values/ids.ts';
import type { Instant } from '../values/instant.ts';
import { type Decimal, shortestDecimal } from '../values/money.ts';
import { checkDescription, Malformed } from '../values/text.ts';
import {
  type AttemptInput,
  attemptFields,
  checkOptional,
  instantField,
  malformed,
  readAmount,
  readAttempt,
  readPart,
} from './attempt.ts';
import { type Command, type Leg, type Name, nameAccount, nameTarget } from './command.ts';
import { type ConditionInput, checkConditionShapes, conditionsField, readConditions } from './conditions.ts';

export interface DepositInput extends AttemptInput {
  readonly accountId: string;
  readonly amount: string | Malformed;
}
export type WithdrawInput = DepositInput;
export interface TransferInput extends AttemptInput {
  readonly fromAccountId: string;
  readonly toAccountId: string;
  readonly amount: string | Malformed;
  readonly conditions?: readonly ConditionInput[] | null | undefined;
}
export interface JournalInput extends AttemptInput {
  readonly keyAccountId: string;
  readonly entries: readonly EntryInput[];
  readonly conditions?: readonly ConditionInput[] | null | undefined;
}
export interface EntryInput {
  readonly accountId: string;
  readonly side: Side;
  readonly amount: string | Malformed;
  readonly description?: string | null | undefined;
}
export interface HoldInput extends TransferInput {
  readonly expiresAt?: Instant | Malformed | null | undefined;
}
export interface CaptureInput extends AttemptInput {
  readonly holdId: string;
  readonly amount?: string | Malformed | null | undefined;
  readonly final?: boolean | null | undefined;
}
export interface VoidInput extends Pick<AttemptInput, 'idempotencyKey' | 'description' | 'metadata'> {
  readonly holdId: string;
}
export interface ReversalInput extends AttemptInput {
  readonly transactionId: string;
  readonly amount?: string | Malformed | null | undefined;
}

export { nameAccount } from './command.ts';
export { MAX_CONDITIONS } from './conditions.ts';

export const MIN_ENTRIES = 2;
export const MAX_ENTRIES = 100;

/** Reads a deposit: the external account is debited, the account is credited. */
export const toDeposit = (input: DepositInput, path = ''): Command | Refusal =>
  externalMovement('DEPOSIT', input, path, ['EXTERNAL', 'KEY']);

/** Reads a withdrawal: the account is debited, the external account is credited. */
export const toWithdrawal = (input: WithdrawInput, path = ''): Command | Refusal =>
  externalMovement('WITHDRAWAL', input, path, ['KEY', 'EXTERNAL']);

function externalMovement(
  type: 'DEPOSIT' | 'WITHDRAWAL',
  input: DepositInput,
  path: string,
  [debited, credited]: readonly ['EXTERNAL', 'KEY'] | readonly ['KEY', 'EXTERNAL'],
): Command | Refusal {
  const attempt = readAttempt(input, path);
  if ('code' in attempt) return attempt;
  const amount = readAmount(input.amount, `${path}amount`);
  if ('code' in amount) return amount;
  const account = nameAccount(input.accountId);
  return {
    ...DEFAULTS,
    ...attempt,
    type,
    keyAccount: account,
    legs: [
      leg(debited === 'KEY' ? account : 'EXTERNAL', 'DEBIT', amount),
      leg(credited === 'KEY' ? account : 'EXTERNAL', 'CREDIT', amount),
    ],
    fields: [['accountId', account], ['amount', shortestDecimal(amount)], ...attemptFields(attempt)],
  };
}

/** Reads a transfer: the `from` account is debited, the `to` account is credited. */
export const toTransfer = (input: TransferInput, path = ''): Command | Refusal =>
  betweenTwo('TRANSFER', input, path, null);

/** Reads a hold: it reserves the amount of a transfer until it is captured, voided or expires. */
export function toHold(input: HoldInput, path = ''): Command | Refusal {
  const { expiresAt = null } = input;
  if (expiresAt instanceof Malformed) return malformed(`${path}expiresAt`, expiresAt.problem);
  return betweenTwo('HOLD', input, path, expiresAt);
}

function betweenTwo(
  type: 'TRANSFER' | 'HOLD',
  input: TransferInput,
  path: string,
  expiresAt: Instant | null,
): Command | Refusal {
  const problem = checkConditionShapes(input.conditions, path);
  if (problem !== undefined) return problem;
  const attempt = readAttempt(input, path);
  if ('code' in attempt) return attempt;
  const amount = readAmount(input.amount, `${path}amount`);
  if ('code' in amount) return amount;
  const conditions = readConditions(input.conditions, path);
  if ('code' in conditions) return conditions;
  const from = nameAccount(input.fromAccountId);
  const to = nameAccount(input.toAccountId);
  return {
    ...DEFAULTS,
    ...attempt,
    type,
    keyAccount: from,
    legs: [leg(from, 'DEBIT', amount), leg(to, 'CREDIT', amount)],
    conditions,
    expiresAt,
    fields: [
      ['fromAccountId', from],
      ['toAccountId', to],
      ['amount', shortestDecimal(amount)],
      ...attemptFields(attempt),
      ['conditions', conditionsField(conditions)],
      ['expiresAt', instantField(expiresAt)],
    ],
  };
}

/**
 * Reads a journal: any balanced set of entries. The key account is one of the entries' accounts. It has a field of its own, so
 * that reordering the entries does not change whose key it is.
 */
export function toJournal(input: JournalInput, path = ''): Command | Refusal {
  const { entries } = input;
  const problem = checkEntries(entries, path) ?? checkConditionShapes(input.conditions, path);
  if (problem !== undefined) return problem;
  const attempt = readAttempt(input, path);
  if ('code' in attempt) return attempt;
  const legs: Leg[] = [];
  for (const [place, { accountId, side, amount: given, description = null }] of entries.entries()) {
    const amount = readAmount(given, `${path}entries[${place}].amount`);
    if ('code' in amount) return amount;
    legs.push({ account: nameAccount(accountId), side, amount, description });
  }
  const conditions = readConditions(input.conditions, path);
  if ('code' in conditions) return conditions;
  const keyAccount = nameAccount(input.keyAccountId);
  return {
    ...DEFAULTS,
    ...attempt,
    type: 'JOURNAL',
    keyAccount,
    legs,
    conditions,
    fields: [
      ['keyAccountId', keyAccount],
      // The entries' descriptions are compared with the recorded texts; see `attemptFields`.
      ['entries', legs.map(({ account, side, amount }) => [account, side, shortestDecimal(amount)])],
      ...attemptFields(attempt),
      ['conditions', conditionsField(conditions)],
    ],
  };
}

function checkEntries(entries: readonly EntryInput[], path: string): Refusal<'INVALID_INPUT'> | undefined {
  const { length } = entries;
  if (length < MIN_ENTRIES || length > MAX_ENTRIES) {
    return malformed(`${path}entries`, `must have ${MIN_ENTRIES} to ${MAX_ENTRIES} items, but has ${length}`);
  }
  for (const [place, { description }] of entries.entries()) {
    const problem = checkOptional(description, checkDescription);
    if (problem !== undefined) return malformed(`${path}entries[${place}].description`, problem);
  }
  return undefined;
}

/** Reads a capture of a whole hold or a part of it. The remainder stays held unless the capture is final. */
export function toCapture(input: CaptureInput, path = ''): Command | Refusal {
  const attempt = readAttempt(input, path);
  if ('code' in attempt) return attempt;
  const part = readPart(input.amount, path);
  if (part !== null && 'code' in part) return part;
  const target = nameTarget('hold', input.holdId);
  const final = input.final ?? true;
  return {
    ...DEFAULTS,
    ...attempt,
    type: 'CAPTURE',
    target,
    part,
    final,
    fields: [
      ['holdId', target.name],
      ['amount', part === null ? null : shortestDecimal(part)],
      ['final', `${final}`],
      ...attemptFields(attempt),
    ],
  };
}

/** Reads a void: the remainder of a hold is released. */
export function toVoid(input: VoidInput, path = ''): Command | Refusal {
  const attempt = readAttempt(input, path);
  if ('code' in attempt) return attempt;
  const target = nameTarget('hold', input.holdId);
  return { ...DEFAULTS, ...attempt, type: 'RELEASE', target, fields: [['holdId', target.name]] };
}

/** The expiry of a hold: a command of the ledger itself, without an idempotency key. */
export function toExpiry(holdId: Uuid): Command {
  const name: Name = { by: 'id', given: formatId('hold', holdId), id: holdId };
  return { ...DEFAULTS, type: 'RELEASE', target: { kind: 'hold', name }, fields: [] };
}

/** Reads a reversal of a transaction: of a part, or of everything that is not reversed yet. */
export function toReversal(input: ReversalInput, path = ''): Command | Refusal {
  const attempt = readAttempt(input, path);
  if ('code' in attempt) return attempt;
  const part = readPart(input.amount, path);
  if (part !== null && 'code' in part) return part;
  const target = nameTarget('transaction', input.transactionId);
  return {
    ...DEFAULTS,
    ...attempt,
    type: 'REVERSAL',
    target,
    part,
    fields: [
      ['transactionId', target.name],
      ['amount', part === null ? null : shortestDecimal(part)],
      ...attemptFields(attempt),
    ],
  };
}

/** The fields that most commands leave absent. */
const DEFAULTS = {
  keyAccount: null,
  idempotencyKey: null,
  externalId: null,
  description: null,
  metadata: null,
  effectiveAt: null,
  legs: [],
  conditions: [],
  expiresAt: null,
  isRestricted: false,
  target: null,
  part: null,
  final: true,
} as const;

function leg(account: Leg['account'], side: Side, amount: Decimal): Leg {
  return { account, side, amount, description: null };
}
