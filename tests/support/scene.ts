// Accounts, requests and a book for `decide`, without a database.

import type { AccountState, AccountStatus } from '../../src/core/account.ts';
import {
  type AccountName,
  type Command,
  type DepositInput,
  type PlannedCommand,
  plan,
  type TransferInput,
  toDeposit,
  toTransfer,
  toWithdrawal,
} from '../../src/core/command.ts';
import { type Book, type BookState, openBook } from '../../src/core/decide.ts';
import type { Refusal } from '../../src/core/errors.ts';
import { formatId, type Uuid } from '../../src/core/ids.ts';

export const USD = { code: 'USD', exponent: 2 };
export const EUR = { code: 'EUR', exponent: 2 };

/** 2026-01-31T12:00:00.123456Z */
export const CLOCK = 1_769_860_800_123_456n;

const uuid = (n: number): Uuid => `0190d5e8-7a2b-7c3d-8e4f-${n.toString(16).padStart(12, '0')}`;
export const ALICE = uuid(1);
export const BOB = uuid(2);
export const CAROL = uuid(3);
export const EXTERNAL = uuid(14);
/** What no account bears. */
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

/** A book on these accounts; nothing is recorded in it unless the state says so. */
export function bookOn(accounts: readonly AccountState[], state: Partial<BookState> = {}): Book {
  return openBook({
    accounts: new Map(accounts.map((one) => [one.id, one])),
    recorded: new Map(),
    externalIds: new Map(),
    closedBefore: null,
    clock: CLOCK,
    random: 0,
    ...state,
  });
}

/** An attempt of some kind, as a caller asks for it. */
export type Request =
  | { readonly kind: 'deposit' | 'withdraw'; readonly input: DepositInput }
  | { readonly kind: 'transfer'; readonly input: TransferInput };

let keys = 0;
/** A key that no other request has. */
function newKey(): string {
  keys += 1;
  return `key ${keys}`;
}

export function transfer(from: Uuid, to: Uuid, amount: string, more: Partial<TransferInput> = {}): Request {
  return {
    kind: 'transfer',
    input: {
      fromAccountId: formatId('account', from),
      toAccountId: formatId('account', to),
      amount,
      idempotencyKey: newKey(),
      ...more,
    },
  };
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

/** The command that a request becomes, or the refusal of steps 2 and 3. */
export function planRequest(request: Request): PlannedCommand | Refusal {
  const command = readRequest(request);
  if ('facts' in command) return command;
  const id = (name: AccountName) => (name.by === 'id' ? name.id : undefined);
  return plan(command, { id, external: () => EXTERNAL, salt: () => new Uint8Array(16) });
}

/** The command of a request that is well formed. */
export function planned(request: Request): PlannedCommand {
  const command = planRequest(request);
  if ('facts' in command) throw new TypeError(`refused before the books: ${command.code}`);
  return command;
}

function readRequest({ kind, input }: Request): Command | Refusal {
  if (kind === 'transfer') return toTransfer(input);
  return kind === 'deposit' ? toDeposit(input) : toWithdrawal(input);
}
