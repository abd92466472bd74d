import { CompiledQuery, type Transaction as Trx } from 'kysely';
import type { DB } from '../tables.ts';

/** Commits the transaction. It may be the last statement of a pipeline. */
export const COMMIT = CompiledQuery.raw('commit');

/**
 * Sends statements of one transaction, in order, without waiting for each other's results: together they cost one round trip.
 * Returns the rows of each. If a statement fails, PostgreSQL rejects those after it, and `pipeline` throws the first error.
 * `onResult` is called for each result.
 */
export async function pipeline<Rows extends readonly unknown[]>(
  trx: Trx<DB>,
  queries: readonly [...{ [K in keyof Rows]: CompiledQuery<Rows[K]> }],
  onResult: () => void = () => {},
): Promise<{ [K in keyof Rows]: Rows[K][] }> {
  // Promise.all would throw the error that arrives first. The rejection of a later statement can arrive before that of the cause.
  const results = await trx.getExecutor().provideConnection((connection) =>
    Promise.allSettled(
      queries.map(async (query) => {
        const { rows } = await connection.executeQuery(query);
        onResult();
        return rows;
      }),
    ),
  );
  const rows = results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
  return rows as { [K in keyof Rows]: Rows[K][] };
}
