// For tests of the database's defences: a ledger with data, a client with the service's credentials, and attacks, which are valid
// blocks with a change.

import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { afterEach, beforeEach, expect } from 'vitest';
import type { Uuid } from '../../src/core/values/ids.ts';
import { type Block, type BlockOptions, buildBlock, type Draft, postBlock, type Row } from './block.ts';
import { asOwner, connect, createTestDatabase, type TestDatabase } from './database.ts';

export const CHECK = '23514';
export const DENIED = '42501';
export const UNIQUE = '23505';

export const SECOND = 1_000_000n;
export const LONG_AGO = '2020-01-01T00:00:00Z';

export interface Books {
  readonly database: TestDatabase;
  /** The attacker's connection: the service's login, and any SQL. */
  readonly client: pg.Client;
  /** The external account of USD. */
  readonly cash: Uuid;
  /** Has 10.00 USD, and limits of 0 to 20.00. */
  readonly alice: Uuid;
  /** Has 0.00 USD, and a minimum of 0. */
  readonly bob: Uuid;
  readonly closed: Uuid;
  readonly frozen: Uuid;
  /** The external account of EUR. */
  readonly euroCash: Uuid;
  /** Has 10.00 EUR. */
  readonly erik: Uuid;
  /** Belongs to the ledger `other`, like strangerToo. */
  readonly stranger: Uuid;
  readonly strangerToo: Uuid;
}

export async function openBooks(): Promise<Books> {
  const database = await createTestDatabase();
  await asOwner(database, `insert into ledgers (id, name) values (gen_random_uuid(), 'other')`);
  const client = await connect(database.serviceUrl);
  const external = { kind: 'EXTERNAL', owner: 'external', side: -1 };
  const books = {
    database,
    client,
    cash: await insertAccount(client, external),
    alice: await insertAccount(client, { min_balance: 0, max_balance: 2000 }),
    bob: await insertAccount(client, { min_balance: 0 }),
    closed: await insertAccount(client, {}),
    frozen: await insertAccount(client, {}),
    euroCash: await insertAccount(client, { ...external, currency: 'EUR' }),
    erik: await insertAccount(client, { currency: 'EUR' }),
    stranger: await insertAccount(client, {}, 'other'),
    strangerToo: await insertAccount(client, {}, 'other'),
  };
  const { cash, alice, euroCash, erik, closed, frozen } = books;
  await client.query(`update accounts set status = 'CLOSED' where id = $1`, [closed]);
  await client.query(`update accounts set status = 'FROZEN' where id = $1`, [frozen]);
  await postBlock(client, await buildBlock(client, [pay(cash, alice, 1000n), pay(euroCash, erik, 1000n)]));
  return books;
}

/** Inserts an account with zero balances, as the service may. */
export async function insertAccount(client: pg.Client, columns: Row, ledger = 'main'): Promise<Uuid> {
  const id = randomUUID();
  const row = { owner: 'owner', currency: 'USD', side: 1, kind: 'STANDARD', ...columns };
  await client.query(
    `insert into accounts (id, ledger_id, owner, kind, currency, side, min_balance, max_balance)
     select $1, l.id, r.owner, r.kind, r.currency, r.side, r.min_balance, r.max_balance
     from jsonb_populate_record(null::accounts, $2) r, ledgers l where l.name = $3`,
    [id, row, ledger],
  );
  return id;
}

export function pay(from: Uuid, to: Uuid, amount: bigint): Draft {
  const debit = [from, -amount] as const;
  return { legs: [debit, [to, amount]] };
}

/** Rolls back after each test, and fails if the tables have changed. */
export function demandUnchanged({ database, client }: Books): void {
  const tables = [
    'ledgers',
    'currencies',
    'accounts',
    'transactions',
    'entries',
    'blocks',
    'holds',
    'audit_events',
    'audit_heads',
    'actors',
    'api_keys',
    'access_state',
  ];
  const columns = tables.map((table) => `(select jsonb_agg(r order by r::text) from ${table} r) as ${table}`);
  const read = () => asOwner(database, `select ${columns.join(', ')}`);
  let before: unknown;
  beforeEach(async () => {
    before = await read();
  });
  afterEach(async () => {
    await client.query('rollback');
    expect(await read()).toEqual(before);
  });
}

/** A block that the database must reject. */
export interface Attack {
  readonly name: string;
  /** The transactions. Default: two payments between alice and bob. */
  readonly drafts?: readonly Draft[];
  readonly options?: BlockOptions;
  readonly change?: (block: Block) => void;
  /** The SQLSTATE of the error. Default: a check violation. */
  readonly code?: string;
  readonly constraint?: string;
}

export async function expectRefusal({ client, alice, bob }: Books, attack: Attack): Promise<void> {
  const { drafts = [pay(alice, bob, 100n), pay(bob, alice, 30n)], options, change, constraint } = attack;
  const block = await buildBlock(client, drafts, options);
  change?.(block);
  const expected = { code: attack.code ?? CHECK, ...(constraint === undefined ? {} : { constraint }) };
  await expect(postBlock(client, block)).rejects.toMatchObject(expected);
}

/** Returns the transaction or entry at this index. */
export function rowAt(rows: readonly Row[], place: number): Row {
  const row = rows[place];
  if (row === undefined) throw new RangeError(`row ${place} does not exist`);
  return row;
}

/** Changes columns of one row of a block. */
export function set(table: keyof Pick<Block, 'transactions' | 'entries'>, place: number, change: Change) {
  return (block: Block): void => apply(rowAt(block[table], place), place, change);
}

/** Changes all rows of one of a block's tables. */
export function setAll(table: keyof Pick<Block, 'transactions' | 'entries'>, change: Change) {
  return (block: Block): void => {
    for (const [place, row] of block[table].entries()) apply(row, place, change);
  };
}

type Change = Row | ((row: Row, place: number) => Row);

function apply(row: Row, place: number, change: Change): void {
  Object.assign(row, typeof change === 'function' ? change(row, place) : change);
}

/** Adds to the integer in a column. */
export function plus(row: Row, column: string, by: bigint): Row {
  return { [column]: `${BigInt(String(row[column])) + by}` };
}
