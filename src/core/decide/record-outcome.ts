/** Records outcomes in the book: they are written to the database with the batch, and later commands of the batch see them. */
import { canonicalText, type Leaf, leafDigest } from '../chain.ts';
import type { RecordedCode, Refusal } from '../errors.ts';
import type { Entry, Outcome } from '../transaction.ts';
import type { Uuid } from '../values/ids.ts';
import { attemptKey, type Book } from './book.ts';
import type { PlannedCommand } from './command.ts';
import { addDelta, deltaOf, lockedAccount, type Movement, type MovementLeg } from './movement.ts';
import { digestEntryTexts, type Recording, toRecordedFacts } from './recording.ts';

/** An outcome and the id of its recording. */
export interface RecordedOutcome {
  readonly outcome: Outcome;
  readonly id: Uuid;
}

/** Records a posted command: moves its accounts, its hold and its original in the book. */
export function recordMovement(book: Book, command: PlannedCommand, movement: Movement): RecordedOutcome {
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
    salt: command.salt,
  };
  record(book, command, leaf);
  if (command.externalId !== null) book.externalIds.set(command.externalId, transaction.id);
  book.originals.set(transaction.id, { transaction, reversed: 0n });
  countReversal(book, movement);

  const placed = command.type === 'HOLD' && hold !== null ? { hold } : {};
  const outcome: Outcome = { code: 'POSTED', transaction, ...placed, replayed: false };
  keepForReplay(book, command, transaction.id, outcome);
  return { outcome, id: transaction.id };
}

/** Records a refusal: the same idempotency key always returns it. */
export function recordRefusal(
  book: Book,
  command: PlannedCommand,
  refusal: Refusal<RecordedCode>,
): RecordedOutcome {
  const { target } = command;
  const attempt = {
    ...attemptOf(book, command),
    holdId: target?.kind === 'hold' ? target.id : null,
    reverses: target?.kind === 'transaction' ? target.id : null,
    entries: [],
  };
  const facts = toRecordedFacts(refusal);
  const leaf = { ...attempt, outcome: refusal.code, facts, expiresAt: null, salt: command.salt };
  record(book, command, leaf);
  keepForReplay(book, command, attempt.id, refusal);
  return { outcome: refusal, id: attempt.id };
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
    actor: command.actor,
    description: command.description,
    metadata: command.metadata,
  };
}

/** Appends a recording to the batch. A command of the ledger itself has no key, so no request is ever compared with it. */
function record(book: Book, command: PlannedCommand, leaf: Leaf & Pick<Recording, 'outcome'>): void {
  const { idempotencyKey, request, legs, salt } = command;
  book.recordings.push({
    ...leaf,
    request: idempotencyKey === null ? null : request.digest,
    entryTexts: digestEntryTexts(legs, salt),
    digest: leafDigest(leaf),
  });
}

/** Keeps an outcome for later commands of the batch with the same key. */
function keepForReplay(book: Book, command: PlannedCommand, id: Uuid, outcome: Outcome): void {
  const { type, keyAccount, idempotencyKey, request, description, metadata, salt, legs } = command;
  if (idempotencyKey === null) return;
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

/** Applies one entry to its account in the book. */
function moveAccount(book: Book, { account: { id }, layer, amount, description }: MovementLeg): Entry {
  const account = lockedAccount(book, id);
  const sums = addDelta(account, deltaOf({ layer, amount }));
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

/** Adds to the reversed amount of the original, so that later reversals of the batch see it. */
function countReversal(book: Book, { reverses, legs }: Movement): void {
  const original = reverses === null ? undefined : book.originals.get(reverses);
  const [first] = legs;
  if (original === undefined || first === undefined) return;
  const size = first.amount < 0n ? -first.amount : first.amount;
  book.originals.set(original.transaction.id, { ...original, reversed: original.reversed + size });
}
