/**
 * What most services do, and the group commit is compared with: one Kysely transaction a request, on the bare tables. Lock both
 * rows, lowest id first; look the key up; two updates, three rows inserted; commit.
 */
import { randomUUID } from 'node:crypto';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { uuidv7 } from 'uuidv7';
import type { Database } from '../../src/db/postgres/database.ts';
import { DIGEST, LEDGER, REQUEST } from './bare.ts';
import type { Acknowledged } from './stage.ts';
import type { Pair } from './workload.ts';

/** Opens a pool whose calls each transfer one minor unit; what finds no connection free waits for one. */
export function openPerRequest(url: string, connections: number) {
  const pool = new pg.Pool({ connectionString: url, max: connections, types: { getTypeParser } });
  const db: Database = new Kysely({ dialect: new PostgresDialect({ pool }) });
  return { transfer: (pair: Pair) => transfer(db, pair), close: () => db.destroy() };
}

const WHOLE_NUMBERS: readonly number[] = [pg.types.builtins.INT8, pg.types.builtins.NUMERIC];

function getTypeParser(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
  return WHOLE_NUMBERS.includes(oid) ? BigInt : pg.types.getTypeParser(oid, format);
}

async function transfer(db: Database, { from, to }: Pair): Promise<Acknowledged> {
  const id = uuidv7();
  const key = randomUUID();
  const createdAt = new Date().toISOString();
  return db.transaction().execute(async (trx) => {
    const rows = await trx
      .selectFrom('accounts')
      .select(['id', 'posted', 'total_debits', 'version'])
      .where('id', 'in', [from, to])
      .where('ledger_id', '=', LEDGER)
      .orderBy('id')
      .forUpdate()
      .execute();
    const recorded = await trx
      .selectFrom('transactions')
      .select(['id', 'outcome'])
      .where('account_id', '=', from)
      .where('idempotency_key', '=', key)
      .where('ledger_id', '=', LEDGER)
      .executeTakeFirst();
    if (recorded !== undefined) throw new Error('a new key was used before');
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
        idempotency_key: key,
        request: REQUEST,
        outcome: 'POSTED',
        created_at: createdAt,
        digest: DIGEST,
      })
      .execute();
    await trx
      .insertInto('entries')
      .values(
        moves.map(({ account, line, amount, posted, totalDebits, version }) => ({
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
        })),
      )
      .execute();
    return { key, id };
  });
}
