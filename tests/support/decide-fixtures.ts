// Accounts, holds, requests and a book for tests of `decide`, without a database.

import type { AccountState, AccountStatus, Side } from '../../src/core/account.ts';
import { type Book, type BookState, openBook } from '../../src/core/decide/book.ts';
import {
  type Command,
  type LookUp,
  type Name,
  type PlannedCommand,
  plan,
} from '../../src/core/decide/command.ts';
import { type Decision, decide } from '../../src/core/decide/decide.ts';
import {
  type CaptureInput,
  type DepositInput,
  type HoldInput,
  type JournalInput,
  type ReversalInput,
  type TransferInput,
  toCapture,
  toDeposit,
  toExpiry,
  toHold,
  toJournal,
  toReversal,
  toTransfer,
  toVoid,
  toWithdrawal,
  type VoidInput,
} from '../../src/core/decide/request.ts';
import type { Refusal } from '../../src/core/errors.ts';
import type { Hold } from '../../src/core/hold.ts';
import type { Outcome } from '../../src/core/transaction.ts';
import { formatId, type Uuid } from '../../src/core/values/ids.ts';

export const USD = { code: 'USD', exponent: 2 };
export const EUR = { code: 'EUR', exponent: 2 };

/** 2026-01-31T12:00:00.123456Z */
export const CLOCK = 1_769_860_800_123_456n;

const uuid = (n: number): Uuid => `0190d5e8-7a2b-7c3d-8e4f-${n.toString(16).padStart(12, '0')}`;
export const ALICE = uuid(1);
export const BOB = uuid(2);
export const CAROL = uuid(3);
export const DAVE = uuid(4);
export const ERIN = uuid(5);
export const EXTERNAL = uuid(14);
/** The ids of a hold and of a transaction that exist before the batch. */
export const HOLD = uuid(16);
export const ORIGINAL = uuid(17);
/** The id of no account. */
export const NOBODY = formatId('account', uuid(15));

export type MutableAccount = { -readonly [K in keyof AccountState]: AccountState[K] };

/** An empty, open account of USD that must not fall below zero. */
export function account(id: Uuid, changes: Partial<AccountState> = {}): MutableAccount {
  return {
    id,
    kind: 'STANDARD',
    currency: USD,
    normalSide: 'CREDIT',
    status: 'OPEN' as AccountStatus,
    minBalance: 0n,
    maxBalance: null,
    posted: 0n,
    pendingDebits: 0n,
    pendingCredits: 0n,
    totalDebits: 0n,
    version: 0n,
    lastAt: 0n,
    ...changes,
  };
}

export function externalAccount(changes: Partial<AccountState> = {}): MutableAccount {
  return account(EXTERNAL, { kind: 'EXTERNAL', normalSide: 'DEBIT', minBalance: null, ...changes });
}

/** An open hold of 50.00 from alice to bob, of which nothing is captured and which never expires. */
export function openHold(changes: Partial<Hold> = {}): Hold {
  return {
    id: HOLD,
    fromAccountId: ALICE,
    toAccountId: BOB,
    currency: USD,
    amount: 5000n,
    captured: 0n,
    status: 'OPEN',
    expiresAt: null,
    createdAt: 0n,
    ...changes,
  };
}

/** Returns a book on these accounts. Nothing is recorded in it, unless `state` contains it. */
export function bookOn(accounts: readonly AccountState[], state: Partial<BookState> = {}): Book {
  return openBook({
    accounts: new Map(accounts.map((one) => [one.id, one])),
    holds: new Map(),
    originals: new Map(),
    recorded: new Map(),
    externalIds: new Map(),
    closedBefore: null,
    clock: CLOCK,
    random: 0,
    ...state,
  });
}

/** A caller's request of any kind. */
export type Request =
  | { readonly kind: 'deposit' | 'withdraw'; readonly input: DepositInput }
  | { readonly kind: 'transfer'; readonly input: TransferInput }
  | { readonly kind: 'journal'; readonly input: JournalInput }
  | { readonly kind: 'hold'; readonly input: HoldInput }
  | { readonly kind: 'capture'; readonly input: CaptureInput }
  | { readonly kind: 'void'; readonly input: VoidInput }
  | { readonly kind: 'reverse'; readonly input: ReversalInput };

let keys = 0;
/** Returns a unique key. */
function newKey(): string {
  keys += 1;
  return `key ${keys}`;
}

export function transfer(from: Uuid, to: Uuid, amount: string, more: Partial<TransferInput> = {}): Request {
  return { kind: 'transfer', input: { ...betweenTwo(from, to, amount), ...more } };
}
export function deposit(to: Uuid, amount: string, more: Partial<DepositInput> = {}): Request {
  return {
    kind: 'deposit',
    input: { accountId: formatId('account', to), amount, idempotencyKey: newKey(), ...more },
  };
}
export function withdraw(from: Uuid, amount: string, more: Partial<DepositInput> = {}): Request {
  return {
    kind: 'withdraw',
    input: { accountId: formatId('account', from), amount, idempotencyKey: newKey(), ...more },
  };
}
/** One entry of a journal in a caller's request. */
export type Line = readonly [account: Uuid, side: Side, amount: string, description?: string];
/** Returns a request for a journal. By default its key belongs to the account of its first line. */
export function journal(lines: readonly Line[], more: Partial<JournalInput> = {}): Request {
  const entries = lines.map(([id, side, amount, description]) => ({
    accountId: formatId('account', id),
    side,
    amount,
    description,
  }));
  const keyAccountId = entries[0]?.accountId ?? '';
  return { kind: 'journal', input: { keyAccountId, entries, idempotencyKey: newKey(), ...more } };
}
export function placeHold(from: Uuid, to: Uuid, amount: string, more: Partial<HoldInput> = {}): Request {
  return { kind: 'hold', input: { ...betweenTwo(from, to, amount), ...more } };
}
export function capture(hold: Uuid, more: Partial<CaptureInput> = {}): Request {
  return {
    kind: 'capture',
    input: { holdId: formatId('hold', hold), idempotencyKey: newKey(), ...more },
  };
}
export function voidHold(hold: Uuid, more: Partial<VoidInput> = {}): Request {
  return { kind: 'void', input: { holdId: formatId('hold', hold), idempotencyKey: newKey(), ...more } };
}
export function reverse(transaction: Uuid, more: Partial<ReversalInput> = {}): Request {
  return {
    kind: 'reverse',
    input: { transactionId: formatId('transaction', transaction), idempotencyKey: newKey(), ...more },
  };
}

function betweenTwo(from: Uuid, to: Uuid, amount: string): TransferInput {
  return {
    fromAccountId: formatId('account', from),
    toAccountId: formatId('account', to),
    amount,
    idempotencyKey: newKey(),
  };
}

/** Returns the planned command of a request, or the refusal of steps 2 and 3. By default, only account ids are known. */
export function planRequest(request: Request, lookUp: Partial<LookUp> = {}): PlannedCommand | Refusal {
  const command = readRequest(request);
  return 'facts' in command ? command : plan(command, { ...IDS_ALONE, ...lookUp }, null);
}
const IDS_ALONE: LookUp = {
  account: idOf,
  external: () => EXTERNAL,
  target: () => undefined,
  salt: () => new Uint8Array(16),
};

function idOf(name: Name): Uuid | undefined {
  return name.by === 'id' ? name.id : undefined;
}

/** Returns the planned command of a valid request that names only accounts. */
export function planned(request: Request): PlannedCommand {
  return accepted(planRequest(request));
}

/** Returns the planned command of a valid request that may name a hold or a transaction of the book. */
export function plannedIn(book: Book, request: Request): PlannedCommand {
  return accepted(planRequest(request, { target: targetIn(book) }));
}

function accepted(command: PlannedCommand | Refusal): PlannedCommand {
  if ('facts' in command) throw new TypeError(`the request was refused: ${command.code}`);
  return command;
}

/** Returns the look-up of holds and transactions of a book, including those of its batch. */
export function targetIn({ holds, originals }: Pick<Book, 'holds' | 'originals'>): LookUp['target'] {
  return ({ kind, name }) => {
    const id = idOf(name);
    if (id === undefined) return undefined;
    if (kind === 'hold') {
      const hold = holds.get(id);
      if (hold === undefined) return undefined;
      const { fromAccountId, toAccountId } = hold;
      return { id, keyAccountId: fromAccountId, accounts: [fromAccountId, toAccountId] };
    }
    const transaction = originals.get(id)?.transaction;
    if (transaction === undefined) return undefined;
    const accounts = transaction.entries.map(({ accountId }) => accountId);
    return { id, keyAccountId: transaction.keyAccountId, accounts };
  };
}

/** Decides requests one after the other. Each is planned with the holds and transactions of those before it. */
export function decideAll(book: Book, ...requests: readonly Request[]): Outcome[] {
  return requests.flatMap((request) =>
    decide(book, [plannedIn(book, request)]).map(({ outcome }) => outcome),
  );
}

/** Returns the command that expires a hold of the book. */
export function expiryIn(book: Book, hold: Uuid): PlannedCommand {
  return accepted(plan(toExpiry(hold), { ...IDS_ALONE, target: targetIn(book) }, null));
}

/** Expires a hold of the book. */
export function expire(book: Book, hold: Uuid): Decision {
  const [decision] = decide(book, [expiryIn(book, hold)]);
  if (decision === undefined) throw new TypeError('one command has one decision');
  return decision;
}

export function codesOf(outcomes: readonly Outcome[]): string[] {
  return outcomes.map(({ code }) => code);
}

function readRequest(request: Request): Command | Refusal {
  switch (request.kind) {
    case 'deposit':
      return toDeposit(request.input);
    case 'withdraw':
      return toWithdrawal(request.input);
    case 'transfer':
      return toTransfer(request.input);
    case 'journal':
      return toJournal(request.input);
    case 'hold':
      return toHold(request.input);
    case 'capture':
      return toCapture(request.input);
    case 'void':
      return toVoid(request.input);
    case 'reverse':
      return toReversal(request.input);
  }
}
