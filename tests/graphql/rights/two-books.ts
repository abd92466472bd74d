// Random books of Alice and others, twice: equal in everything that Alice may see, and different in everything else.

import { randomUUID } from 'node:crypto';
import { Choices } from '../../../scripts/fuzz/choices.ts';
import type { Names } from '../../../scripts/fuzz/values.ts';
import type { Command } from '../../../src/core/decide/command.ts';
import {
  toCapture,
  toDeposit,
  toHold,
  toJournal,
  toReversal,
  toTransfer,
  toVoid,
} from '../../../src/core/decide/request.ts';
import type { Refusal } from '../../../src/core/errors.ts';
import { type AccountChange, toAccountUpdate, toStatusChange } from '../../../src/core/update-account.ts';
import { formatEntryId, formatId, parseId } from '../../../src/core/values/ids.ts';
import { Engine } from '../../../src/ledger/engine.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { cloneDatabase, createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { expectPosted, makeAccount } from '../../support/ledger.ts';

export interface TwoBooks {
  readonly one: TestDatabase;
  readonly other: TestDatabase;
  /** Names for random requests. Accounts whose state decides whether they can receive money are only among the transactions. */
  readonly names: Names;
  readonly own: readonly string[];
  /** Accounts of others that can receive money in both books. */
  readonly payees: readonly string[];
  /** An account of another owner that receives no money: in one book it is frozen, in the other closed. */
  readonly blocked: string;
  /** Accounts of others whose balances are different. */
  readonly different: readonly string[];
}

const MOVES = 60;
const CHANGES = 40;

/** Writes the books. The seed determines them. */
export async function writeTwoBooks(seed: number): Promise<TwoBooks> {
  const one = await createTestDatabase();
  const books = new Writer(new Choices(seed));
  await withLedger(one, (ledger) => books.writeShared(ledger));
  const other = await cloneDatabase(one);
  await withLedger(one, (ledger) =>
    change(ledger, books.dora, toStatusChange('FREEZE', { accountId: books.dora })),
  );
  await withLedger(other, (ledger) => books.writeDifferences(ledger));
  const { accounts, own, bob, carol, zoe, dora, ids } = books;
  return {
    one,
    other,
    names: {
      accounts: [...accounts, ...accounts.flatMap((id) => books.named.get(id) ?? []), dora],
      holds: books.holds,
      // Values for ids of any kind.
      transactions: [...books.transactions, ...ids, ...zoe, books.frozen],
    },
    own,
    payees: [...bob, ...carol],
    blocked: dora,
    different: [...bob, ...carol, ...zoe],
  };
}

async function withLedger<T>({ serviceUrl }: TestDatabase, run: (ledger: Ledger) => Promise<T>): Promise<T> {
  const ledger = await Engine.openMain({ allowUnsafeDurability: true, databaseUrl: serviceUrl });
  try {
    return await run(ledger);
  } finally {
    await ledger.close();
  }
}

async function change(ledger: Ledger, accountId: string, wanted: AccountChange | Refusal): Promise<void> {
  const changed = 'code' in wanted ? wanted : await ledger.changeAccount(accountId, wanted);
  if (changed.code !== 'UPDATED') throw new TypeError(`refused: ${changed.code}`);
}

/** The ids of a hold and a transaction that do not exist. */
function startAnew() {
  const [hold, transaction] = (['hold', 'transaction'] as const).map((kind) => formatId(kind, randomUUID()));
  return { transactions: [transaction ?? ''], holds: [hold ?? ''] };
}

class Writer {
  own: string[] = [];
  bob: string[] = [];
  carol: string[] = [];
  zoe: string[] = [];
  dora = '';
  /** An own account. */
  frozen = '';
  readonly named = new Map<string, string>();
  readonly transactions: string[] = [];
  readonly holds: string[] = [];
  /** Other ids, such as those of entries. */
  readonly ids: string[] = [];
  readonly #choices: Choices;
  /** What captures, releases and reversals may name. The differences name nothing of the shared books. */
  #earlier: { readonly transactions: string[]; readonly holds: string[] } = startAnew();
  #keys = 0;

  constructor(choices: Choices) {
    this.#choices = choices;
  }

  get accounts(): readonly string[] {
    return [...this.own, ...this.bob, ...this.carol];
  }

  /** Writes accounts of all owners, and transactions of all kinds among them. */
  async writeShared(ledger: Ledger): Promise<void> {
    const choices = this.#choices;
    const make = async (owner: string, input: Partial<Parameters<typeof makeAccount>[1]> = {}) => {
      const named = choices.chance(50) ? { externalId: `${owner}:${this.#next()}` } : {};
      const metadata = { order: choices.pick('42', 'x y', '') };
      const id = await makeAccount(ledger, {
        owner,
        ...(owner !== 'dora' && { funds: '500' }),
        metadata,
        ...named,
        ...input,
      });
      if (named.externalId !== undefined) this.named.set(id, `ext:${named.externalId}`);
      return id;
    };
    this.own = [
      await make('alice'),
      await make('alice', { maxBalance: { amount: '900' } }),
      await make('alice', { currency: 'EUR' }),
    ];
    this.bob = [await make('bob'), await make('bob', { currency: 'EUR' })];
    this.carol = [await make('carol'), await make('Alice')];
    this.zoe = [await make('zoe'), await make('zoe', { maxBalance: { amount: '700' } })];
    this.dora = await make('dora');
    this.frozen = await make('alice');
    await this.#moveThere(ledger, this.own[0] ?? '', this.dora);
    for (let move = 0; move < MOVES; move += 1)
      await this.#move(ledger, [...this.accounts, ...this.zoe, this.frozen]);
    await change(ledger, this.frozen, toStatusChange('FREEZE', { accountId: this.frozen }));
    for (const account of [...this.accounts, ...this.zoe]) {
      for (const version of [1n, 2n, 5n])
        this.ids.push(formatEntryId(parseId('account', account) ?? '', version));
    }
    this.ids.push(
      formatId('ledger', ledger.id),
      formatId('transaction', ledger.id),
      formatId('hold', ledger.id),
    );
  }

  /** Changes balances, limits, status, metadata and transactions of the others. */
  async writeDifferences(ledger: Ledger): Promise<void> {
    const choices = this.#choices;
    const others = [...this.bob, ...this.carol, ...this.zoe];
    this.#earlier = startAnew();
    await change(ledger, this.dora, toStatusChange('CLOSE', { accountId: this.dora }));
    for (const accountId of others) {
      const metadata = { order: `different ${this.#next()}` };
      const minBalance = { amount: `-${this.#next()}.00` };
      const maxBalance = { amount: '1000000.00' };
      await change(ledger, accountId, toAccountUpdate({ accountId, metadata, minBalance, maxBalance }));
      await this.#post(
        ledger,
        toDeposit({ accountId, amount: `${this.#next()}.11`, idempotencyKey: `${this.#next()}` }),
      );
    }
    const made = await makeAccount(ledger, { owner: 'bob', funds: '77', externalId: 'only in one book' });
    this.ids.push(made, 'ext:only in one book');
    for (let move = 0; move < CHANGES; move += 1) await this.#move(ledger, [...others, made]);
    for (const accountId of this.zoe)
      if (choices.chance(50)) await change(ledger, accountId, toStatusChange('FREEZE', { accountId }));
  }

  #next(): number {
    this.#keys += 1;
    return this.#keys;
  }

  /** Moves money to an account and back, so that it can be closed. */
  async #moveThere(ledger: Ledger, one: string, other: string): Promise<void> {
    for (const [fromAccountId, toAccountId] of [
      [one, other],
      [other, one],
    ] as const) {
      const command = toTransfer({
        fromAccountId,
        toAccountId,
        amount: '3.00',
        idempotencyKey: `${this.#next()}`,
      });
      this.transactions.push(await this.#post(ledger, command));
    }
  }

  async #move(ledger: Ledger, among: readonly string[]): Promise<void> {
    const choices = this.#choices;
    const [fromAccountId, toAccountId] = [choices.pickFrom(among), choices.pickFrom(among)];
    const externalId = choices.chance(40) ? `event ${this.#next()}` : null;
    const attempt = {
      idempotencyKey: `key ${this.#next()}`,
      amount: `${choices.number(9) + 1}.${choices.pick('00', '50')}`,
      externalId,
      ...(choices.chance(50) && { metadata: { user: `${this.#next()}` } }),
      ...(choices.chance(50) && { description: `note ${this.#next()}` }),
    };
    const both = { fromAccountId, toAccountId, ...attempt };
    const entries = (['DEBIT', 'CREDIT'] as const).flatMap((side) =>
      [fromAccountId, toAccountId, choices.pickFrom(among)].map((accountId) => ({
        accountId,
        side,
        amount: '2.00',
      })),
    );
    const command = choices.pick(
      () => toTransfer(both),
      () => toDeposit({ accountId: toAccountId, ...attempt }),
      () => toJournal({ keyAccountId: fromAccountId, entries, ...attempt }),
      () =>
        toHold({
          ...both,
          ...(choices.chance(30) && { expiresAt: BigInt(Date.now() + 86_400_000) * 1000n }),
        }),
      () =>
        toCapture({ holdId: choices.pickFrom(this.#earlier.holds), ...attempt, final: choices.chance(30) }),
      () => toVoid({ holdId: choices.pickFrom(this.#earlier.holds), idempotencyKey: attempt.idempotencyKey }),
      () => toReversal({ ...attempt, transactionId: choices.pickFrom(this.#earlier.transactions) }),
    )();
    const outcome = 'code' in command ? command : await ledger.post(command);
    if (outcome.code !== 'POSTED') return;
    const { id, type } = outcome.transaction;
    this.transactions.push(formatId('transaction', id));
    this.#earlier.transactions.push(formatId('transaction', id));
    if (externalId !== null) this.transactions.push(`ext:${externalId}`);
    if (type !== 'HOLD') return;
    this.holds.push(formatId('hold', id));
    this.#earlier.holds.push(formatId('hold', id));
    if (externalId !== null) this.holds.push(`ext:${externalId}`);
  }

  async #post(ledger: Ledger, command: Command | Refusal): Promise<string> {
    const outcome = 'code' in command ? command : await ledger.post(command);
    expectPosted(outcome);
    return formatId('transaction', outcome.transaction.id);
  }
}
