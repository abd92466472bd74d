/** Translates the program's ids, requests and answers to and from those of the model. */
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { toAccountRequest } from '../../../src/core/create-account.ts';
import type { Outcome } from '../../../src/core/transaction.ts';
import { formatId, parseId, type Uuid } from '../../../src/core/values/ids.ts';
import type { Engine } from '../../../src/ledger/engine.ts';
import type { AccountUpdated, Ledger } from '../../../src/ledger/ledger.ts';
import {
  type Account,
  type Condition,
  entryText,
  nameOf,
  outsideOf,
  type Posting,
  type ReferenceModel,
  say,
  textOf,
} from './reference-model.ts';

/** The program that is compared with the model: the original, or a copy with a planted bug. */
export interface Program {
  readonly Engine: typeof Engine;
  readonly requests: typeof import('../../../src/core/decide/request.ts');
  readonly toAccountUpdate: typeof import('../../../src/core/update-account.ts').toAccountUpdate;
}
export interface Service extends Omit<Program, 'Engine'> {
  readonly ledger: Ledger;
  readonly reader: pg.Pool;
}

/** Maps the program's ids and externalIds to the model's names. */
export class Names {
  readonly accounts: ReadonlyMap<string, Account>;
  readonly run: string;
  readonly #ids = new Map<string, Uuid>();
  readonly #names = new Map<string, string>();
  readonly #externalIds = new Map<string, string>();

  private constructor(run: string, accounts: ReadonlyMap<string, Account>) {
    this.run = run;
    this.accounts = accounts;
  }

  /** Creates the accounts of a world. */
  static async make({ ledger, reader }: Service, accounts: ReadonlyMap<string, Account>): Promise<Names> {
    const names = new Names(`${randomUUID()} `, accounts);
    const own = [...accounts].filter(([, { isOutside }]) => !isOutside);
    const limit = (minor: bigint | null) =>
      minor === null ? { unlimited: true } : { amount: decimal(minor, true) };
    const orders = own.map(([name, { currency, side, min, max }]) =>
      toAccountRequest({
        owner: names.run,
        externalId: names.run + name,
        currency,
        normalSide: side,
        minBalance: limit(min),
        maxBalance: limit(max),
      }),
    );
    const made = await ledger.createAccounts(orders);
    if (made.code !== 'ACCOUNTS_CREATED') throw new TypeError(`refused: ${made.code}`);
    for (const [place, [name]] of own.entries()) {
      const result = made.results[place];
      if (result?.code !== 'CREATED') throw new TypeError(`refused: ${result?.code}`);
      names.#add(name, result.account.id);
    }
    const { rows } = await reader.query<{ id: Uuid; currency: string }>(
      "select id, currency from accounts where kind = 'EXTERNAL'",
    );
    for (const { id, currency } of rows) names.#add(outsideOf(currency), id);
    return names;
  }

  /**
   * Returns the public id, or the `ext:` name if there is one. A missing object gets an unused id. An `ext:` name is returned
   * unchanged.
   */
  given(kind: 'account' | 'hold' | 'transaction', name: string, byExternalId: boolean): string {
    if (name.startsWith('ext:')) {
      const given = `ext:${this.run}${name.slice('ext:'.length)}`;
      this.#names.set(given, name);
      return given;
    }
    const externalId = this.accounts.get(name)?.isOutside === false ? name : this.#externalIds.get(name);
    if (!this.#ids.has(name)) this.#add(name, randomUUID());
    const given =
      byExternalId && externalId !== undefined
        ? `ext:${this.run}${externalId}`
        : formatId(kind, this.#ids.get(name) ?? '');
    this.#names.set(given, name);
    return given;
  }

  idOf(name: string): Uuid {
    return this.#ids.get(name) ?? '';
  }

  nameOf(text: string): string {
    return this.#names.get(text) ?? text;
  }

  /** Stores a transaction under the account and key of its request. */
  learn(outcome: Outcome | AccountUpdated): void {
    if (outcome.code !== 'POSTED') return;
    const { id, keyAccountId, idempotencyKey, holdId, externalId } = outcome.transaction;
    const key = idempotencyKey?.slice(this.run.length);
    const name =
      key === undefined ? `${this.nameOf(holdId ?? '')} expired` : nameOf(this.nameOf(keyAccountId), key);
    this.#add(name, id);
    if (externalId !== null) this.#externalIds.set(name, externalId.slice(this.run.length));
  }

  #add(name: string, id: Uuid): void {
    this.#ids.set(name, id);
    this.#names.set(id, name);
  }
}

/** Returns the command of a request; `spelled out` in another notation with the same meaning. */
export function commandOf(
  {
    toDeposit,
    toWithdrawal,
    toTransfer,
    toJournal,
    toHold,
    toCapture,
    toVoid,
    toExpiry,
    toReversal,
  }: Service['requests'],
  request: Posting,
  names: Names,
  isSpeltOut: boolean,
): ReturnType<typeof toDeposit> {
  const account = (name: string) => names.given('account', name, isSpeltOut);
  const bound = (minor: bigint | null) => (minor === null ? null : decimal(minor, isSpeltOut));
  const amount = (minor: bigint) => decimal(minor, isSpeltOut);
  const conditions = (given: readonly Condition[]) =>
    given.map(({ accountId, expectedVersion, balanceAtLeast, balanceAtMost, availableAtLeast }) => ({
      accountId: account(accountId),
      expectedVersion,
      balanceAtLeast: bound(balanceAtLeast),
      balanceAtMost: bound(balanceAtMost),
      availableAtLeast: bound(availableAtLeast),
    }));
  if (request.kind === 'EXPIRY')
    return toExpiry(parseId('hold', names.given('hold', request.holdId, false)) ?? '');
  const { key, description } = request;
  const kept = { idempotencyKey: names.run + key, description };
  if (request.kind === 'VOID')
    return toVoid({ ...kept, holdId: names.given('hold', request.holdId, isSpeltOut) });
  const { externalId, effectiveAt } = request;
  const attempt = { ...kept, externalId: externalId === null ? null : names.run + externalId, effectiveAt };
  switch (request.kind) {
    case 'DEPOSIT':
    case 'WITHDRAWAL': {
      const input = { ...attempt, accountId: account(request.accountId), amount: amount(request.amount) };
      return request.kind === 'DEPOSIT' ? toDeposit(input) : toWithdrawal(input);
    }
    case 'TRANSFER':
    case 'HOLD': {
      const input = {
        ...attempt,
        fromAccountId: account(request.fromAccountId),
        toAccountId: account(request.toAccountId),
        amount: amount(request.amount),
        conditions: conditions(request.conditions),
      };
      return request.kind === 'TRANSFER'
        ? toTransfer(input)
        : toHold({ ...input, expiresAt: request.expiresAt });
    }
    case 'JOURNAL': {
      const { entries, keyAccountId } = request;
      return toJournal({
        ...attempt,
        keyAccountId: account(keyAccountId),
        entries: entries.map((entry) => ({
          ...entry,
          accountId: account(entry.accountId),
          amount: amount(entry.amount),
        })),
        conditions: conditions(request.conditions),
      });
    }
    case 'CAPTURE': {
      const holdId = names.given('hold', request.holdId, isSpeltOut);
      return toCapture({ ...attempt, holdId, amount: bound(request.amount), final: request.final });
    }
    case 'REVERSAL': {
      const transactionId = names.given('transaction', request.transactionId, isSpeltOut);
      return toReversal({ ...attempt, transactionId, amount: bound(request.amount) });
    }
  }
}

/** Returns whole units as decimal text: "12" or "12.00". */
export function decimal(minor: bigint, isSpeltOut: boolean): string {
  return isSpeltOut ? `${minor / 100n}.00` : `${minor / 100n}`;
}

/** Returns the outcome as the model's text. */
export function textOfOutcome(outcome: Outcome | AccountUpdated, names: Names): string {
  if (outcome.code === 'UPDATED') return say('UPDATED');
  const again = outcome.replayed ? ' again' : '';
  if (outcome.code !== 'POSTED') return say(outcome.code, plainFacts(outcome.facts, names)) + again;
  const { id, entries } = outcome.transaction;
  const lines = entries.map((entry) => {
    const { accountId, layer, amount, version, normalSide } = entry;
    const { postedAfter, pendingDebitsAfter, pendingCreditsAfter } = entry;
    const account = names.nameOf(accountId);
    const isOutside = names.accounts.get(account)?.isOutside ?? false;
    const sums =
      normalSide === 'CREDIT'
        ? { balance: postedAfter, held: pendingDebitsAfter, incoming: pendingCreditsAfter }
        : { balance: -postedAfter, held: pendingCreditsAfter, incoming: pendingDebitsAfter };
    return entryText({ account, layer, amount }, { ...sums, version, isOutside });
  });
  return say('POSTED', { name: names.nameOf(id), entries: lines }) + again;
}

/** Returns a refusal's facts with the model's names, without currencies and messages. */
function plainFacts(facts: object, names: Names): object {
  const plain = (value: unknown): unknown => {
    if (typeof value === 'string') return names.nameOf(value);
    if (Array.isArray(value)) return value.map(plain).sort();
    if (typeof value !== 'object' || value === null) return value;
    return 'minor' in value ? value.minor : plainFacts(value, names);
  };
  const known = Object.entries(facts).filter(([name]) => name !== 'problem');
  return Object.fromEntries(known.map(([name, value]) => [name, plain(value)]));
}

/** Compares the accounts and holds in the database with those of the model. */
export async function compareBooks(
  { ledger, reader }: Service,
  names: Names,
  model: ReferenceModel,
): Promise<void> {
  const expected = [...model.accounts].filter(([, { isOutside }]) => !isOutside);
  const found = await ledger.findAccounts(expected.map(([name]) => names.idOf(name)));
  for (const [name, { status, min, max, balance, held, incoming, version }] of expected) {
    const account = found.get(names.idOf(name));
    const sign = account?.normalSide === 'CREDIT' ? 1n : -1n;
    const pending = [account?.pendingDebits, account?.pendingCredits];
    const [heldNow, incomingNow] = sign === 1n ? pending : pending.toReversed();
    const has = [account?.status, account?.minBalance, account?.maxBalance, sign * (account?.posted ?? 0n)];
    mustBe(
      name,
      [...has, heldNow, incomingNow, account?.version],
      [status, min, max, balance, held, incoming, version],
    );
  }
  const { rows } = await reader.query<{ id: Uuid; status: string; remaining: string }>(
    `select id, status, case status when 'OPEN' then amount - captured else 0 end as remaining
     from holds where id = any($1::uuid[])`,
    [[...model.holds.keys()].map((name) => names.idOf(name))],
  );
  const holds = new Map(rows.map(({ id, status, remaining }) => [names.nameOf(id), [status, remaining]]));
  for (const [name, { status, remaining }] of model.holds)
    mustBe(name, holds.get(name), [status, `${remaining}`]);
}

function mustBe(name: string, found: unknown, expected: unknown): void {
  if (textOf(found) !== textOf(expected))
    throw new Error(`${name} is ${textOf(found)}, not ${textOf(expected)}`);
}
