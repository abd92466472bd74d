/**
 * What the group commit is compared with: one Kysely transaction a request, on the same tables without their defences and
 * without a chain. Lock both rows, lowest id first; look the key up; two updates, three inserts; commit.
 */
import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { uuidv7 } from 'uuidv7';
import type { Uuid } from '../../src/core/ids.ts';
import { type Database, openDatabase } from '../../src/db/database.ts';
import { pickPair, type Workload } from './workload.ts';

const LEDGER: Uuid = '00000000-0000-4000-8000-000000000001';
const DIGEST = Buffer.alloc(32);
const REQUEST = Buffer.alloc(36);

/** Makes the bare tables and their accounts; the login of `url` owns them. */
export async function prepareBareTables(url: string, accounts: number): Promise<Uuid[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(
      await readFile(new URL('../../db/migrations/0001_ledger.sql', import.meta.url), 'utf8'),
    );
    await client.query(`do $$ declare c record; begin
      for c in select conrelid::regclass as relation, conname from pg_constraint
        where contype = 'c' and connamespace = 'public'::regnamespace and conrelid <> 0
      loop execute format('alter table %s drop constraint %I', c.relation, c.conname); end loop; end $$`);
    const ids = Array.from({ length: accounts }, () => uuidv7());
    await client.query(
      `insert into accounts (id, ledger_id, owner, currency, side)
        select id, $2, 'owner', 'USD', 1 from unnest($1::uuid[]) as u (id)`,
      [ids, LEDGER],
    );
    await client.query('vacuum analyze');
    return ids;
  } finally {
    await client.end();
  }
}

/** Opens a pool whose calls each transfer one minor unit. */
export function openPerRequest(url: string, role: string, connections: number) {
  const db = openDatabase({ url, role, maxConnections: connections, applicationName: 'bench per-request' });
  return {
    call: (workload: Workload, accounts: readonly Uuid[]) => transfer(db, pickPair(workload, accounts)),
    close: () => db.destroy(),
  };
}

async function transfer(
  db: Database,
  { from, to }: { readonly from: Uuid; readonly to: Uuid },
): Promise<boolean> {
  const id = uuidv7();
  const idempotencyKey = id;
  const createdAt = new Date().toISOString();
  return db.transaction().execute(async (trx) => {
    const rows = await trx
      .selectFrom('accounts')
      .select([
        'id',
        'posted',
        'pending_debits',
        'pending_credits',
        'total_debits',
        'version',
        'min_balance',
        'status',
      ])
      .where('id', 'in', [from, to])
      .where('ledger_id', '=', LEDGER)
      .orderBy('id')
      .forUpdate()
      .execute();
    const recorded = await trx
      .selectFrom('transactions')
      .select(['id', 'outcome'])
      .where('account_id', '=', from)
      .where('idempotency_key', '=', idempotencyKey)
      .where('ledger_id', '=', LEDGER)
      .executeTakeFirst();
    if (recorded !== undefined) return false;
    const moves = [
      { account: from, line: 1, amount: -1n },
      { account: to, line: 2, amount: 1n },
    ].map((move) => {
      const row = rows.find(({ id: accountId }) => accountId === move.account);
      if (row === undefined) throw new TypeError('the accounts are there');
      const totalDebits = move.amount < 0n ? row.total_debits - move.amount : row.total_debits;
      return { ...move, posted: row.posted + move.amount, totalDebits, version: row.version + 1n };
    });
    for (const { account, posted, totalDebits, version } of moves) {
      await trx
        .updateTable('accounts')
        .set({ posted, total_debits: totalDebits, version, last_at: createdAt })
        .where('id', '=', account)
        .where('ledger_id', '=', LEDGER)
        .execute();
    }
    await trx
      .insertInto('transactions')
      .values({
        id,
        ledger_id: LEDGER,
        type: 'TRANSFER',
        entry_count: 2,
        account_id: from,
        idempotency_key: idempotencyKey,
        request: REQUEST,
        outcome: 'POSTED',
        created_at: createdAt,
        digest: DIGEST,
      })
      .execute();
    for (const { account, line, amount, posted, totalDebits, version } of moves) {
      await trx
        .insertInto('entries')
        .values({
          account_id: account,
          version,
          ledger_id: LEDGER,
          transaction_id: id,
          line,
          type: 'TRANSFER',
          currency: 'USD',
          layer: 'POSTED',
          amount,
          posted_after: posted,
          pending_debits_after: 0n,
          pending_credits_after: 0n,
          total_debits_after: totalDebits,
          created_at: createdAt,
        })
        .execute();
    }
    return true;
  });
}
