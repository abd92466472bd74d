import { ConnectionLostError } from '../db/postgres/checked-pool.ts';
import {
  APPLICATION,
  type Database,
  type DatabaseOptions,
  openDatabase,
  type PoolUse,
  poolUse,
} from '../db/postgres/database.ts';
import { dueMigrations } from '../db/postgres/migrator.ts';
import { Primary, type PrimaryOptions, UnfitServerError } from '../db/postgres/primary.ts';
import { DatabaseNotReadyError } from '../db/postgres/start-client.ts';

/** The database cannot be reached, or takes no writes. */
export class UnavailableError extends Error {
  override readonly name = 'UnavailableError';
}

/** The number of large batches that are posted at the same time. */
export const BATCH_LANES = 4;
/** The number of them that one ledger can have. */
export const BATCH_LANES_PER_LEDGER = 2;
/** An answer to a write may take so long. */
export const WRITE_DEADLINE_MS = 10_000;

/** Writes wait briefly for a lock. Then the group commit finds the locked accounts and parks the commands that use them. */
const WRITES = {
  statementDeadlineMs: WRITE_DEADLINE_MS,
  lockTimeoutMs: 250,
  planCacheMode: 'force_generic_plan',
} as const;
/** A large batch locks many accounts one after the other, so that it may wait longer for each of them. */
const BATCHES = { ...WRITES, lockTimeoutMs: 1000 } as const;
/** A change of a locked account must not occupy a connection for long. */
const READS = { statementDeadlineMs: 4000, lockTimeoutMs: WRITES.lockTimeoutMs } as const;

interface PoolsOptions extends PrimaryOptions {
  readonly databaseUrl: string;
  readonly lanes: number;
  readonly readConnections: number;
}

/** The connections of an engine, in three pools: reads, with changes of accounts; the lanes; the lanes of large batches. */
export class Pools {
  readonly reads: Database;
  readonly writes: Database;
  readonly batches: Database;
  readonly #primary: Primary;

  constructor({ databaseUrl: url, lanes, readConnections, ...options }: PoolsOptions) {
    const primary = new Primary(options);
    const open = (
      use: string,
      maxConnections: number,
      limits: Pick<DatabaseOptions, 'statementDeadlineMs' | 'lockTimeoutMs' | 'planCacheMode'>,
    ) => openDatabase({ url, maxConnections, applicationName: `${APPLICATION} ${use}`, primary, ...limits });
    this.#primary = primary;
    this.reads = open('reads', readConnections, READS);
    this.writes = open('writes', lanes, WRITES);
    this.batches = open('batches', BATCH_LANES, BATCHES);
  }

  get use(): Readonly<Record<'reads' | 'writes' | 'batches', PoolUse>> {
    return { reads: poolUse(this.reads), writes: poolUse(this.writes), batches: poolUse(this.batches) };
  }

  /** Returns null or the problem with the schema. Rejects with `UnavailableError`. See `Ledger.findSchemaProblem`. */
  async findSchemaProblem(): Promise<string | null> {
    try {
      await this.#primary.examine(this.reads);
      const due = await dueMigrations(this.reads);
      return due.length === 0 ? null : `It lacks the migrations ${due.join(', ')}.`;
    } catch (error) {
      if (error instanceof DatabaseNotReadyError) return error.message;
      throw new UnavailableError(whyUnavailable(error), { cause: error });
    }
  }

  /** Closes all connections. */
  async close(): Promise<void> {
    await Promise.all([this.reads.destroy(), this.writes.destroy(), this.batches.destroy()]);
  }
}

function whyUnavailable(error: unknown): string {
  const cause = error instanceof ConnectionLostError ? error.cause : error;
  return cause instanceof UnfitServerError ? cause.message : 'The database does not answer.';
}
