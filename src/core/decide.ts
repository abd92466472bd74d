/**
 * The rules: what becomes of commands beside the books.
 *
 * `decide` is pure and synchronous. The caller opens a `Book` on accounts that it holds locked; `decide` goes through the
 * commands in order of arrival and carries the book forward, so that a later command sees what an earlier one left. A
 * refused command refuses alone. Each staircase below is the order of precedence, step by step; REFUSALS is its table.
 */
import { type AccountState, availableOf, balanceOf, incomingOf, onSide } from './account.ts';
import { canonicalText, leafDigest } from './chain.ts';
import { differingFields, type PlannedCommand, type PlannedLeg } from './command.ts';
import { type RecordedCode, type Refusal, refuse } from './errors.ts';
import { blockIds, type Uuid } from './ids.ts';
import type { Instant } from './instant.ts';
import { MAX_MINOR, toMinor } from './money.ts';
import { type Recorded, type Recording, toRecordedFacts } from './recording.ts';
import { Malformed } from './text.ts';
import type { Entry, Outcome } from './transaction.ts';

/** The state beside which a batch is decided, and what has become of it so far. */
export interface Book {
  /** Every account that the batch names and the ledger has, locked. */
  readonly accounts: Map<Uuid, AccountState>;
  /** What the batch's keys answered before; see `attemptKey`. */
  readonly recorded: Map<string, Recorded>;
  /** Who has the externalIds that the batch would take. */
  readonly externalIds: Map<string, Uuid>;
  readonly closedBefore: Instant | null;
  readonly createdAt: Instant;
  readonly idAt: (place: number) => Uuid;
  /** What is to be written, in decided order. */
  readonly recordings: Recording[];
}

/** What became of a command. id: of what is recorded for it in this batch, null where nothing is. */
export interface Decision {
  readonly outcome: Outcome;
  readonly id: Uuid | null;
}

export interface BookState extends Pick<Book, 'accounts' | 'recorded' | 'externalIds' | 'closedBefore'> {
  /** The database's clock, read after the locks were taken. */
  readonly clock: Instant;
  /** 42 random bits, for the block's ids. */
  readonly random: number;
}

/**
 * Opens a book. createdAt is the clock's time, or later where an account's last entry or the closed period lies later:
 * along an account's versions it always increases.
 */
export function openBook({ clock, random, ...state }: BookState): Book {
  let createdAt = clock;
  for (const { lastAt } of state.accounts.values()) if (lastAt >= createdAt) createdAt = lastAt + 1n;
  if (state.closedBefore !== null && state.closedBefore > createdAt) createdAt = state.closedBefore;
  return { ...state, createdAt, idAt: blockIds(createdAt, BigInt(random)), recordings: [] };
}

/** The name of an attempt in `Book.recorded`: keys are unique in their account. */
export function attemptKey(accountId: Uuid, idempotencyKey: string): string {
  return accountId + idempotencyKey;
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
  const earlier = book.recorded.get(attemptKey(keyAccount.id, idempotencyKey));
  if (earlier !== undefined) return unrecorded(answerAgain(command, earlier));

  const movement = planMovement(book, command);
  if ('code' in movement) return unrecorded(movement);
  const refusal = checkStatus(movement) ?? checkBalances(movement);
  return record(book, command, movement, refusal);
}

/** Step 4: the first outcome again, or a conflict where the request is another one. */
function answerAgain(command: PlannedCommand, earlier: Recorded): Outcome {
  const differing =
    earlier.type === command.type
      ? [...differingFields(command.request, earlier.request), ...differingTexts(command, earlier)]
      : ['type'];
  if (differing.length === 0) {
    return { ...earlier.outcome, replayed: !command.madeIds.has(earlier.id) };
  }
  const transaction = earlier.outcome.code === 'POSTED' ? earlier.id : null;
  return refuse('keyUsedOtherwise', { differingFields: differing, transaction });
}

function differingTexts({ description, metadata }: PlannedCommand, earlier: Recorded): string[] {
  const metadataText = metadata === null ? null : canonicalText(metadata);
  return [
    ...(earlier.description === 'ERASED' || earlier.description === description ? [] : ['description']),
    ...(earlier.metadata === 'ERASED' || earlier.metadata === metadataText ? [] : ['metadata']),
  ];
}

/** What a command moves, account by account. */
interface Movement {
  readonly legs: readonly MovementLeg[];
  /** The accounts in the order in which the request names them, and what each gains, credits positive. */
  readonly gains: ReadonlyMap<AccountState, bigint>;
}
interface MovementLeg {
  readonly account: AccountState;
  /** Signed, credits positive. */
  readonly amount: bigint;
}

/** Step 5: what the request itself makes impossible, whatever the balances. */
function planMovement(book: Book, command: PlannedCommand): Movement | Refusal {
  const { type, legs } = command;
  const [from, to] = legs;
  if (type === 'TRANSFER' && from?.account.id === to?.account.id) {
    return refuse('sameAccount', { accountId: to?.account.given ?? '' });
  }

  const found: { readonly leg: PlannedLeg; readonly account: AccountState }[] = [];
  for (const leg of legs) {
    const account = leg.account.id === undefined ? undefined : book.accounts.get(leg.account.id);
    if (account === undefined) return refuse('accountNotFound', { accountId: leg.account.given });
    found.push({ leg, account });
  }

  const expected = found[0]?.account.currency.code ?? '';
  const stranger = found.find(({ account }) => account.currency.code !== expected);
  if (stranger !== undefined) {
    return refuse('currencyMismatch', { expected, given: stranger.account.currency.code });
  }

  const moved: MovementLeg[] = [];
  for (const { leg, account } of found) {
    const minor = toMinor(leg.amount, account.currency);
    if (minor instanceof Malformed) return refuse('amountUnfit', { field: 'amount', problem: minor.problem });
    moved.push({ account, amount: leg.side === 'CREDIT' ? minor : -minor });
  }
  const gains = new Map<AccountState, bigint>();
  // A deposit's request names the account that receives; the external one, which its entries name first, comes after it.
  for (const { account, amount } of type === 'DEPOSIT' ? moved.toReversed() : moved) {
    gains.set(account, (gains.get(account) ?? 0n) + amount);
  }

  // Deposits and withdrawals are between an owner's account and the external one, each on its own normal side.
  const keyAccount = book.accounts.get(command.keyAccount.id);
  if (type !== 'TRANSFER' && keyAccount?.normalSide !== 'CREDIT') {
    return refuse('unsupportedAccount', { account: command.keyAccount.id });
  }

  const { closedBefore } = book;
  if (closedBefore !== null && command.effectiveAt !== null && command.effectiveAt < closedBefore) {
    return refuse('periodClosed', { closedBefore });
  }
  const takenBy = command.externalId === null ? undefined : book.externalIds.get(command.externalId);
  if (takenBy !== undefined) {
    return refuse('externalIdTaken', { takenBy: { kind: 'transaction', id: takenBy } });
  }
  return { legs: moved, gains };
}

/** Step 6, the accounts' status. */
function checkStatus({ gains }: Movement): Refusal<RecordedCode> | undefined {
  for (const { id, status } of gains.keys())
    if (status === 'CLOSED') return refuse('accountClosed', { account: id });
  for (const { id, status } of gains.keys())
    if (status === 'FROZEN') return refuse('accountFrozen', { account: id });
  return undefined;
}

/** Step 6, the accounts' limits, on the state that the whole transaction leaves. */
function checkBalances({ gains }: Movement): Refusal<RecordedCode> | undefined {
  for (const [account, gain] of gains) {
    const { currency } = account;
    const rise = onSide(account.normalSide, gain);
    const available = availableOf(account);
    if (rise < 0n && available + rise < 0n) {
      return refuse('insufficientFunds', {
        account: account.id,
        available: { minor: available, currency },
        requested: { minor: -rise, currency },
      });
    }
  }
  for (const [account, gain] of gains) {
    const { currency, normalSide } = account;
    const rise = onSide(normalSide, gain);
    const limit = account.maxBalance ?? MAX_MINOR;
    const resulting = balanceOf(normalSide, account) + incomingOf(normalSide, account) + rise;
    if (rise > 0n && resulting > limit) {
      return refuse('balanceLimitExceeded', {
        account: account.id,
        limit: { minor: limit, currency },
        resulting: { minor: resulting, currency },
      });
    }
  }
  return undefined;
}

/** Writes the outcome into the book, posted or declined: from here on its key answers so forever. */
function record(
  book: Book,
  command: PlannedCommand,
  movement: Movement,
  refusal: Refusal<RecordedCode> | undefined,
): Decision {
  const id = book.idAt(book.recordings.length);
  const { type, idempotencyKey, externalId, effectiveAt, description, metadata, salt } = command;
  const transaction = {
    id,
    type,
    keyAccountId: command.keyAccount.id,
    idempotencyKey,
    externalId,
    holdId: null,
    reverses: null,
    effectiveAt,
    createdAt: book.createdAt,
    description,
    metadata,
    entries: refusal === undefined ? movement.legs.map((leg) => moveAccount(book, leg)) : [],
  };
  const leaf = {
    ...transaction,
    outcome: refusal?.code ?? ('POSTED' as const),
    facts: refusal === undefined ? null : toRecordedFacts(refusal),
    expiresAt: null,
    salt,
  };
  const outcome: Outcome = refusal ?? { code: 'POSTED', transaction, replayed: false };

  book.recordings.push({ ...leaf, request: command.request.digest, digest: leafDigest(leaf) });
  if (refusal === undefined && externalId !== null) book.externalIds.set(externalId, id);
  book.recorded.set(attemptKey(command.keyAccount.id, idempotencyKey), {
    id,
    type,
    request: command.request.digest,
    description,
    metadata: metadata === null ? null : canonicalText(metadata),
    outcome,
  });
  return { outcome, id };
}

/** Moves an account by one entry and carries it forward in the book. */
function moveAccount(book: Book, { account: { id }, amount }: MovementLeg): Entry {
  const account = book.accounts.get(id);
  if (account === undefined) throw new TypeError('a movement names accounts of its book');
  const posted = account.posted + amount;
  const totalDebits = amount < 0n ? account.totalDebits - amount : account.totalDebits;
  const version = account.version + 1n;
  book.accounts.set(id, { ...account, posted, totalDebits, version, lastAt: book.createdAt });
  return {
    accountId: id,
    version,
    currency: account.currency,
    normalSide: account.normalSide,
    layer: 'POSTED',
    amount,
    postedAfter: posted,
    pendingDebitsAfter: account.pendingDebits,
    pendingCreditsAfter: account.pendingCredits,
    totalDebitsAfter: totalDebits,
    description: null,
  };
}

function unrecorded(outcome: Outcome): Decision {
  return { outcome, id: null };
}
