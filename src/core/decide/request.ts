/**
 * The inputs of what moves money, read into commands: what is wrong with their shape is refused here, step 2 of the order of
 * precedence. `path` leads to the input within the request.
 */
import type { Side } from '../account.ts';
import { type Refusal, refuse } from '../errors.ts';
import { EXTERNAL_ID_MARK, formatId, parseId, type Uuid } from '../values/ids.ts';
import { formatInstant, type Instant } from '../values/instant.ts';
import { type Decimal, parseAmount, parseDecimal, shortestDecimal } from '../values/money.ts';
import { checkDescription, checkMetadata, checkName, Malformed, type Metadata } from '../values/text.ts';
import type { Command, Condition, FieldValue, Leg, Name, TargetName } from './command.ts';

/** What every command that moves money carries, as the API's inputs do. null and undefined both mean absent. */
export interface AttemptInput {
  readonly idempotencyKey: string;
  readonly externalId?: string | null | undefined;
  readonly description?: string | null | undefined;
  readonly metadata?: Metadata | Malformed | null | undefined;
  readonly effectiveAt?: Instant | Malformed | null | undefined;
}
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
export interface ConditionInput {
  readonly accountId: string;
  readonly expectedVersion?: bigint | Malformed | null | undefined;
  readonly balanceAtLeast?: string | Malformed | null | undefined;
  readonly balanceAtMost?: string | Malformed | null | undefined;
  readonly availableAtLeast?: string | Malformed | null | undefined;
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

export const MIN_ENTRIES = 2;
export const MAX_ENTRIES = 100;
export const MAX_CONDITIONS = 100;

export const toDeposit = (input: DepositInput, path = ''): Command | Refusal =>
  externalMovement('DEPOSIT', input, path, ['EXTERNAL', 'KEY']);
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
    ...PLAIN,
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

/** A transfer: from is debited, to is credited. */
export const toTransfer = (input: TransferInput, path = ''): Command | Refusal =>
  betweenTwo('TRANSFER', input, path, null);

/** A hold: the same, but what moves is reserved first. */
export function toHold(input: HoldInput, path = ''): Command | Refusal {
  const { expiresAt = null } = input;
  if (expiresAt instanceof Malformed) return wrong(`${path}expiresAt`, expiresAt.problem);
  return betweenTwo('HOLD', input, path, expiresAt);
}

function betweenTwo(
  type: 'TRANSFER' | 'HOLD',
  input: TransferInput,
  path: string,
  expiresAt: Instant | null,
): Command | Refusal {
  const problem = checkConditions(input.conditions, path);
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
    ...PLAIN,
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

/** A journal: any balanced set of entries. Its key account is one of theirs, named by itself, so that no order of the entries decides whose key it is. */
export function toJournal(input: JournalInput, path = ''): Command | Refusal {
  const { entries } = input;
  const problem = checkEntries(entries, path) ?? checkConditions(input.conditions, path);
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
    ...PLAIN,
    ...attempt,
    type: 'JOURNAL',
    keyAccount,
    legs,
    conditions,
    fields: [
      ['keyAccountId', keyAccount],
      // Descriptions are compared with the recorded ones, as all texts are.
      ['entries', legs.map(({ account, side, amount }) => [account, side, shortestDecimal(amount)])],
      ...attemptFields(attempt),
      ['conditions', conditionsField(conditions)],
    ],
  };
}

function checkEntries(entries: readonly EntryInput[], path: string): Refusal<'INVALID_INPUT'> | undefined {
  const { length } = entries;
  if (length < MIN_ENTRIES || length > MAX_ENTRIES) {
    return wrong(`${path}entries`, `must be ${MIN_ENTRIES} to ${MAX_ENTRIES}, and are ${length}`);
  }
  for (const [place, { description }] of entries.entries()) {
    const problem = textProblem(description, checkDescription);
    if (problem !== undefined) return wrong(`${path}entries[${place}].description`, problem);
  }
  return undefined;
}

/** A capture of a hold, all of it or a part; unless it is final, what it leaves stays held. */
export function toCapture(input: CaptureInput, path = ''): Command | Refusal {
  const attempt = readAttempt(input, path);
  if ('code' in attempt) return attempt;
  const part = readPart(input.amount, path);
  if (part !== null && 'code' in part) return part;
  const target = nameTarget('hold', input.holdId);
  const final = input.final ?? true;
  return {
    ...PLAIN,
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

/** The end of a hold by its owner: what is left of it is released. */
export function toVoid(input: VoidInput, path = ''): Command | Refusal {
  const attempt = readAttempt(input, path);
  if ('code' in attempt) return attempt;
  const target = nameTarget('hold', input.holdId);
  return { ...PLAIN, ...attempt, type: 'RELEASE', target, fields: [['holdId', target.name]] };
}

/** The end of a hold by its expiresAt: the ledger's own act, without a key. */
export function toExpiry(holdId: Uuid): Command {
  const name: Name = { by: 'id', given: formatId('hold', holdId), id: holdId };
  return { ...PLAIN, type: 'RELEASE', target: { kind: 'hold', name }, fields: [] };
}

/** A reversal of a transaction, all that is not reversed yet or a part. */
export function toReversal(input: ReversalInput, path = ''): Command | Refusal {
  const attempt = readAttempt(input, path);
  if ('code' in attempt) return attempt;
  const part = readPart(input.amount, path);
  if (part !== null && 'code' in part) return part;
  const target = nameTarget('transaction', input.transactionId);
  return {
    ...PLAIN,
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

/** Tells what an account's name names; see `Name`. */
export function nameAccount(given: string): Name {
  return nameOfKind('account', given);
}

/** A hold is also named by the externalId of the transaction that placed it. */
function nameTarget(kind: TargetName['kind'], given: string): TargetName {
  return { kind, name: nameOfKind(kind, given) };
}

function nameOfKind(kind: 'account' | TargetName['kind'], given: string): Name {
  if (given.startsWith(EXTERNAL_ID_MARK)) {
    const externalId = given.slice(EXTERNAL_ID_MARK.length);
    return checkName(externalId) === undefined
      ? { by: 'externalId', given, externalId }
      : { by: 'nothing', given };
  }
  const id = parseId(kind, given);
  return id === undefined ? { by: 'nothing', given } : { by: 'id', given, id };
}

/** What most commands lack. */
const PLAIN = {
  keyAccount: null,
  idempotencyKey: null,
  externalId: null,
  description: null,
  metadata: null,
  effectiveAt: null,
  legs: [],
  conditions: [],
  expiresAt: null,
  target: null,
  part: null,
  final: true,
} as const;

function leg(account: Leg['account'], side: Side, amount: Decimal): Leg {
  return { account, side, amount, description: null };
}

type ReadAttempt = Pick<
  Command,
  'idempotencyKey' | 'externalId' | 'description' | 'metadata' | 'effectiveAt'
>;

function attemptFields({ externalId, effectiveAt }: ReadAttempt): readonly [string, string | null][] {
  // description and metadata are compared with the recorded texts, so that no digest of them outlives their erasure.
  return [
    ['externalId', externalId],
    ['effectiveAt', instantField(effectiveAt)],
  ];
}

function instantField(instant: Instant | null): string | null {
  return instant === null ? null : formatInstant(instant);
}

function readAttempt(input: AttemptInput, path: string): ReadAttempt | Refusal<'INVALID_INPUT'> {
  const {
    idempotencyKey,
    externalId = null,
    description = null,
    metadata = null,
    effectiveAt = null,
  } = input;
  const keyProblem = checkName(idempotencyKey);
  if (keyProblem !== undefined) return wrong(`${path}idempotencyKey`, keyProblem);
  const externalIdProblem = textProblem(externalId, checkName);
  if (externalIdProblem !== undefined) return wrong(`${path}externalId`, externalIdProblem);
  const descriptionProblem = textProblem(description, checkDescription);
  if (descriptionProblem !== undefined) return wrong(`${path}description`, descriptionProblem);
  if (metadata instanceof Malformed) return wrong(`${path}metadata`, metadata.problem);
  const metadataProblem = metadata === null ? undefined : checkMetadata(metadata);
  if (metadataProblem !== undefined) return wrong(`${path}metadata`, metadataProblem);
  if (effectiveAt instanceof Malformed) return wrong(`${path}effectiveAt`, effectiveAt.problem);

  return {
    idempotencyKey,
    externalId,
    description,
    metadata: metadata === null || Object.keys(metadata).length === 0 ? null : metadata,
    effectiveAt,
  };
}

type GivenConditions = readonly ConditionInput[] | null | undefined;

/** What is wrong with conditions beside their amounts. */
function checkConditions(given: GivenConditions, path: string): Refusal<'INVALID_INPUT'> | undefined {
  if (given === null || given === undefined) return undefined;
  if (given.length > MAX_CONDITIONS) {
    return wrong(`${path}conditions`, `must be at most ${MAX_CONDITIONS}, and are ${given.length}`);
  }
  for (const [place, { expectedVersion, ...bounds }] of given.entries()) {
    const field = `${path}conditions[${place}]`;
    if (expectedVersion instanceof Malformed) {
      return wrong(`${field}.expectedVersion`, expectedVersion.problem);
    }
    const { balanceAtLeast, balanceAtMost, availableAtLeast } = bounds;
    if ((expectedVersion ?? balanceAtLeast ?? balanceAtMost ?? availableAtLeast ?? null) === null) {
      return wrong(
        field,
        'must have a bound: expectedVersion, balanceAtLeast, balanceAtMost or availableAtLeast',
      );
    }
  }
  return undefined;
}

/** Conditions whose shape was checked. */
function readConditions(
  given: GivenConditions,
  path: string,
): readonly Condition[] | Refusal<'INVALID_AMOUNT'> {
  const conditions: Condition[] = [];
  for (const [place, input] of (given ?? []).entries()) {
    const { accountId, expectedVersion } = input;
    const bounds = { balanceAtLeast: ABSENT, balanceAtMost: ABSENT, availableAtLeast: ABSENT };
    for (const name of BOUNDS) {
      const bound = readBound(input[name], `${path}conditions[${place}].${name}`);
      if (bound !== null && 'code' in bound) return bound;
      bounds[name] = bound;
    }
    conditions.push({
      account: nameAccount(accountId),
      expectedVersion: typeof expectedVersion === 'bigint' ? expectedVersion : null,
      ...bounds,
    });
  }
  return conditions;
}
const BOUNDS = ['balanceAtLeast', 'balanceAtMost', 'availableAtLeast'] as const;
const ABSENT: Decimal | null = null;

function conditionsField(conditions: readonly Condition[]): FieldValue {
  if (conditions.length === 0) return null;
  const bound = (decimal: Decimal | null) => (decimal === null ? null : shortestDecimal(decimal));
  return conditions.map((condition) => [
    condition.account,
    condition.expectedVersion === null ? null : `${condition.expectedVersion}`,
    bound(condition.balanceAtLeast),
    bound(condition.balanceAtMost),
    bound(condition.availableAtLeast),
  ]);
}

function readBound(
  given: string | Malformed | null | undefined,
  field: string,
): Decimal | null | Refusal<'INVALID_AMOUNT'> {
  if (given === null || given === undefined) return null;
  const bound = given instanceof Malformed ? given : parseDecimal(given, { signed: true });
  return bound instanceof Malformed ? refuse('malformedAmount', { field, problem: bound.problem }) : bound;
}

function readPart(
  given: string | Malformed | null | undefined,
  path: string,
): Decimal | null | Refusal<'INVALID_AMOUNT'> {
  return given === null || given === undefined ? null : readAmount(given, `${path}amount`);
}

function readAmount(given: string | Malformed, field: string): Decimal | Refusal<'INVALID_AMOUNT'> {
  const amount = given instanceof Malformed ? given : parseAmount(given);
  return amount instanceof Malformed ? refuse('malformedAmount', { field, problem: amount.problem }) : amount;
}

function textProblem(
  text: string | null | undefined,
  check: (text: string) => string | undefined,
): string | undefined {
  return text === null || text === undefined ? undefined : check(text);
}

function wrong(field: string, problem: string): Refusal<'INVALID_INPUT'> {
  return refuse('malformedInput', { field, problem });
}
