/**
 * The rules: what becomes of commands beside the books.
 *
 * `decide` is pure and synchronous. The caller opens a `Book` on accounts that it holds locked; `decide` goes through the
 * commands in order of arrival and carries the book forward, so that a later command sees what an earlier one left. A
 * refused command refuses alone. Steps 2 and 3 of the order of precedence are behind it; here are 4, what the key answered,
 * and 6, what the accounts allow, and between them 5 (see movement.ts). REFUSALS is the table.
 */
import { type AccountState, availableOf, balanceOf, heldOf, incomingOf, onSide } from '../account.ts';
import { canonicalText, type Leaf, leafDigest } from '../chain.ts';
import { type ConditionKind, type RecordedCode, type Refusal, refuse } from '../errors.ts';
import type { Entry, Outcome } from '../transaction.ts';
import type { Uuid } from '../values/ids.ts';
import { MAX_MINOR, type Money, toMinor } from '../values/money.ts';
import { attemptKey, type Book } from './book.ts';
import { differingFields, type PlannedCommand, type PlannedCondition } from './command.ts';
import { type Gain, gainOf, type Movement, type MovementLeg, planMovement } from './movement.ts';
import {
  digestEntryTexts,
  haveEntryTexts,
  type Recorded,
  type Recording,
  toRecordedFacts,
} from './recording.ts';

/** What became of a command. id: of what is recorded for it in this batch, null where nothing is. */
export interface Decision {
  readonly outcome: Outcome;
  readonly id: Uuid | null;
}

/** What became of commands that are answered as one. ids: of what is recorded, by the command's place. */
export interface UnitDecision {
  readonly answer: readonly Outcome[] | Refusal;
  readonly ids: readonly (Uuid | null)[];
}

/** Decides commands in order of arrival; the book carries what they leave. */
export function decide(book: Book, commands: readonly PlannedCommand[]): Decision[] {
  return commands.map((command) => decideOne(book, command));
}

function decideOne(book: Book, command: PlannedCommand): Decision {
  const { keyAccount, idempotencyKey } = command;
  if (!book.accounts.has(keyAccount.id)) {
    return unrecorded(refuse('keyAccountNotFound', { accountId: keyAccount.given }));
  }
  const earlier =
    idempotencyKey === null ? undefined : book.recorded.get(attemptKey(keyAccount.id, idempotencyKey));
  if (earlier !== undefined) return unrecorded(answerAgain(command, earlier));

  const movement = planMovement(book, command);
  if ('code' in movement) return refuseOne(book, command, movement);
  const refusal =
    checkStatus(movement) ?? checkConditions(book, command, movement) ?? checkBalances(movement);
  return refusal === undefined ? recordMovement(book, command, movement) : refuseOne(book, command, refusal);
}

function refuseOne(book: Book, command: PlannedCommand, refusal: Refusal): Decision {
  // The ledger's own act leaves nothing where it cannot be done.
  return isRecorded(refusal) && command.idempotencyKey !== null
    ? recordRefusal(book, command, refusal)
    : unrecorded(refusal);
}

/** Whether a key is to answer so forever. */
export function isRecorded(refusal: Refusal): refusal is Refusal<RecordedCode> {
  return refusal.recorded;
}

/** Step 4: the first outcome again, or a conflict where the request is another one. */
export function answerAgain(command: PlannedCommand, earlier: Recorded): Outcome {
  const differing =
    earlier.type === command.type
      ? [
          ...new Set([
            ...differingFields(command.request, earlier.request),
            ...differingTexts(command, earlier),
          ]),
        ]
      : ['type'];
  if (differing.length === 0) {
    return { ...earlier.outcome, replayed: !command.madeIds.has(earlier.id) };
  }
  const transaction = earlier.outcome.code === 'POSTED' ? earlier.id : null;
  return refuse('keyUsedOtherwise', { differingFields: differing, transaction });
}

function differingTexts({ description, metadata, legs }: PlannedCommand, earlier: Recorded): string[] {
  const metadataText = metadata === null ? null : canonicalText(metadata);
  return [
    ...(haveEntryTexts(legs, earlier.entryTexts) ? [] : ['entries']),
    ...(earlier.description === 'ERASED' || earlier.description === description ? [] : ['description']),
    ...(earlier.metadata === 'ERASED' || earlier.metadata === metadataText ? [] : ['metadata']),
  ];
}

/** Step 6, the accounts' status. */
function checkStatus({ gains, evenFrozen }: Movement): Refusal<RecordedCode> | undefined {
  for (const { id, status } of gains.keys())
    if (status === 'CLOSED') return refuse('accountClosed', { account: id });
  if (evenFrozen) return undefined;
  for (const { id, status } of gains.keys())
    if (status === 'FROZEN') return refuse('accountFrozen', { account: id });
  return undefined;
}

/** Step 6, the conditions: of versions as the command finds the account, of balances as it leaves it. */
function checkConditions(
  book: Book,
  { conditions }: PlannedCommand,
  { legs, gains }: Movement,
): Refusal<RecordedCode> | undefined {
  for (const condition of conditions) {
    const found = book.accounts.get(condition.account.id ?? '');
    if (found === undefined) throw new TypeError('the accounts of conditions are locked');
    const entries = legs.filter(({ account }) => account.id === found.id).length;
    const left = { ...found, ...leave(found, gains.get(found)), version: found.version + BigInt(entries) };
    const failed = failedCondition(condition, found, left);
    if (failed === undefined) continue;
    const met = failed === 'EXPECTED_VERSION' ? found : left;
    const money = (minor: bigint): Money => ({ minor, currency: found.currency });
    return refuse('conditionFailed', {
      account: found.id,
      condition: failed,
      actualBalance: money(balanceOf(met.normalSide, met)),
      actualAvailable: met.minBalance === null ? null : money(availableOf(met)),
      actualVersion: met.version,
    });
  }
  return undefined;
}

function failedCondition(
  { expectedVersion, balanceAtLeast, balanceAtMost, availableAtLeast }: PlannedCondition,
  found: AccountState,
  left: AccountState,
): ConditionKind | undefined {
  const minorOf = (bound: NonNullable<typeof balanceAtLeast>): bigint => {
    const minor = toMinor(bound, found.currency);
    if (typeof minor !== 'bigint') throw new TypeError('bounds were looked at before');
    return minor;
  };
  const balance = balanceOf(left.normalSide, left);
  if (expectedVersion !== null && expectedVersion !== found.version) return 'EXPECTED_VERSION';
  if (balanceAtLeast !== null && balance < minorOf(balanceAtLeast)) return 'BALANCE_AT_LEAST';
  if (balanceAtMost !== null && balance > minorOf(balanceAtMost)) return 'BALANCE_AT_MOST';
  // Without a lower limit there is always more.
  if (availableAtLeast !== null && left.minBalance !== null && availableOf(left) < minorOf(availableAtLeast))
    return 'AVAILABLE_AT_LEAST';
  return undefined;
}

/**
 * Step 6, the accounts' limits, on the state that the whole transaction leaves. Open holds, and the balances between two
 * entries of an account, have 38 digits too.
 */
function checkBalances({ gains, legs }: Movement): Refusal<RecordedCode> | undefined {
  // No balance between two entries is further from where it was than this.
  let reach = 0n;
  for (const { amount } of legs) reach += amount < 0n ? -amount : amount;
  for (const [account, gain] of gains) {
    const { currency, normalSide } = account;
    const held = heldOf(normalSide, gain);
    const fall = held - onSide(normalSide, gain.posted);
    if (fall > 0n) {
      const room = MAX_MINOR - heldOf(normalSide, account);
      const free = availableOf(account);
      const available = held > room && room < free ? room : free;
      if (available < fall) {
        return refuse('insufficientFunds', {
          account: account.id,
          available: { minor: available, currency },
          requested: { minor: fall, currency },
        });
      }
    }
    const balance = balanceOf(normalSide, account);
    if (balance - reach >= -MAX_MINOR) continue;
    const { lowest } = swingOf(account, legs);
    if (lowest < -MAX_MINOR) {
      return refuse('insufficientFunds', {
        account: account.id,
        available: { minor: balance + MAX_MINOR, currency },
        requested: { minor: balance - lowest, currency },
      });
    }
  }
  for (const [account, gain] of gains) {
    const { currency, normalSide } = account;
    const gained = onSide(normalSide, gain.posted);
    const balance = balanceOf(normalSide, account);
    const rise = gained + incomingOf(normalSide, gain);
    if (rise > 0n) {
      const incoming = incomingOf(normalSide, account) + incomingOf(normalSide, gain);
      const highest = balance + gained + incoming;
      const { limit, resulting } =
        incoming > MAX_MINOR && highest <= (account.maxBalance ?? MAX_MINOR)
          ? { limit: MAX_MINOR, resulting: incoming }
          : { limit: account.maxBalance ?? MAX_MINOR, resulting: highest };
      if (resulting > limit) {
        return refuse('balanceLimitExceeded', {
          account: account.id,
          limit: { minor: limit, currency },
          resulting: { minor: resulting, currency },
        });
      }
    }
    if (balance + reach <= MAX_MINOR) continue;
    const { highest } = swingOf(account, legs);
    if (highest > MAX_MINOR) {
      return refuse('balanceLimitExceeded', {
        account: account.id,
        limit: { minor: MAX_MINOR, currency },
        resulting: { minor: highest, currency },
      });
    }
  }
  return undefined;
}

/** The lowest and the highest balance of an account after any of its entries, on its normal side. */
function swingOf(
  account: AccountState,
  legs: readonly MovementLeg[],
): { readonly lowest: bigint; readonly highest: bigint } {
  let balance = balanceOf(account.normalSide, account);
  let [lowest, highest] = [balance, balance];
  for (const leg of legs) {
    if (leg.account !== account || leg.layer !== 'POSTED') continue;
    balance += onSide(account.normalSide, leg.amount);
    if (balance < lowest) lowest = balance;
    if (balance > highest) highest = balance;
  }
  return { lowest, highest };
}

/** Writes what is posted into the book: from here on its key answers so forever. */
function recordMovement(book: Book, command: PlannedCommand, movement: Movement): Decision {
  const { hold, reverses, legs } = movement;
  const entries = legs.map((leg) => moveAccount(book, leg));
  if (hold !== null) {
    book.holds.set(hold.id, hold);
    book.changedHolds.set(hold.id, hold);
  }
  const expiresAt = command.type === 'HOLD' ? command.expiresAt : null;
  const transaction = { ...attemptOf(book, command), holdId: hold?.id ?? null, reverses, entries };
  const leaf = {
    ...transaction,
    outcome: 'POSTED' as const,
    facts: null,
    expiresAt,
    actor: null,
    salt: command.salt,
  };
  record(book, command, leaf);
  if (command.externalId !== null) book.externalIds.set(command.externalId, transaction.id);
  book.originals.set(transaction.id, { transaction, reversed: 0n });
  const placed = command.type === 'HOLD' && hold !== null ? { hold } : {};
  const outcome: Outcome = { code: 'POSTED', transaction, ...placed, replayed: false };
  countReversal(book, movement);
  return remember(book, command, transaction.id, outcome);
}

/** Writes a refusal into the book: its key answers so forever. */
export function recordRefusal(book: Book, command: PlannedCommand, refusal: Refusal<RecordedCode>): Decision {
  const { target } = command;
  const attempt = {
    ...attemptOf(book, command),
    holdId: target?.kind === 'hold' ? target.id : null,
    reverses: target?.kind === 'transaction' ? target.id : null,
    entries: [],
  };
  const leaf = {
    ...attempt,
    outcome: refusal.code,
    facts: toRecordedFacts(refusal),
    expiresAt: null,
    actor: null,
    salt: command.salt,
  };
  record(book, command, leaf);
  return remember(book, command, attempt.id, refusal);
}

function attemptOf(book: Book, command: PlannedCommand) {
  return {
    id: book.idAt(book.recordings.length),
    type: command.type,
    keyAccountId: command.keyAccount.id,
    idempotencyKey: command.idempotencyKey,
    externalId: command.externalId,
    effectiveAt: command.effectiveAt,
    createdAt: book.createdAt,
    description: command.description,
    metadata: command.metadata,
  };
}

/** Adds an outcome to what is to be written. An act of the ledger's own has no key, and no request to compare. */
function record(book: Book, command: PlannedCommand, leaf: Leaf & Pick<Recording, 'outcome'>): void {
  const { idempotencyKey, request, legs, salt } = command;
  book.recordings.push({
    ...leaf,
    request: idempotencyKey === null ? null : request.digest,
    entryTexts: digestEntryTexts(legs, salt),
    digest: leafDigest(leaf),
  });
}

function remember(book: Book, command: PlannedCommand, id: Uuid, outcome: Outcome): Decision {
  const { type, keyAccount, idempotencyKey, request, description, metadata, salt, legs } = command;
  if (idempotencyKey !== null) {
    const digest = digestEntryTexts(legs, salt);
    book.recorded.set(attemptKey(keyAccount.id, idempotencyKey), {
      id,
      type,
      request: request.digest,
      description,
      metadata: metadata === null ? null : canonicalText(metadata),
      entryTexts: digest === null || salt === null ? null : { salt, digest },
      outcome,
    });
  }
  return { outcome, id };
}

/** Moves an account by one entry and carries it forward in the book. */
function moveAccount(book: Book, { account: { id }, layer, amount, description }: MovementLeg): Entry {
  const account = book.accounts.get(id);
  if (account === undefined) throw new TypeError('a movement names accounts of its book');
  const sums = leave(account, gainOf({ layer, amount }));
  const totalDebits = layer === 'POSTED' && amount < 0n ? account.totalDebits - amount : account.totalDebits;
  const version = account.version + 1n;
  book.accounts.set(id, { ...account, ...sums, totalDebits, version, lastAt: book.createdAt });
  return {
    accountId: id,
    version,
    currency: account.currency,
    normalSide: account.normalSide,
    layer,
    amount,
    postedAfter: sums.posted,
    pendingDebitsAfter: sums.pendingDebits,
    pendingCreditsAfter: sums.pendingCredits,
    totalDebitsAfter: totalDebits,
    description,
  };
}

/** An account's sums with a gain. */
function leave({ posted, pendingDebits, pendingCredits }: Gain, gain: Gain | undefined): Gain {
  return {
    posted: posted + (gain?.posted ?? 0n),
    pendingDebits: pendingDebits + (gain?.pendingDebits ?? 0n),
    pendingCredits: pendingCredits + (gain?.pendingCredits ?? 0n),
  };
}

/** Later reversals of the batch see this one. */
function countReversal(book: Book, { reverses, legs }: Movement): void {
  const original = reverses === null ? undefined : book.originals.get(reverses);
  const [first] = legs;
  if (original === undefined || first === undefined) return;
  const size = first.amount < 0n ? -first.amount : first.amount;
  book.originals.set(original.transaction.id, { ...original, reversed: original.reversed + size });
}

function unrecorded(outcome: Outcome): Decision {
  return { outcome, id: null };
}
