import { setTimeout as sleep } from 'node:timers/promises';
import type { HttpAnswer } from '../../graphql/execution/answer.ts';
import type { LedgerEngine } from '../../ledger/ledger.ts';

export interface HealthOptions {
  readonly engine: Pick<LedgerEngine, 'load' | 'findSchemaProblem'>;
  /** Whether the service is stopping. */
  readonly draining: () => boolean;
}

export interface Health {
  /** Returns 200 while the process responds. It ignores the database, because a restart would not repair that. */
  livez(): HttpAnswer;
  /** Returns 200 if the service can take requests, otherwise 503 with the checks that failed. */
  readyz(): Promise<HttpAnswer>;
}

interface Check {
  readonly ok: boolean;
  readonly problem?: string;
}

interface DatabaseChecks {
  readonly database: Check;
  readonly schema: Check;
}

const OK: Check = { ok: true };

/** How long a probe waits for the database. Load balancers usually wait longer for a probe. */
const DEADLINE_MS = 800;
/** How long a result is reused, so that many probes need one query. */
const REUSED_MS = 1000;

const unavailable = (problem: string): DatabaseChecks => ({
  database: { ok: false, problem },
  schema: { ok: false, problem: 'Unknown while the database is unavailable.' },
});
const SILENT = unavailable('The database does not respond.');

export function createHealth({ engine, draining }: HealthOptions): Health {
  // While a query is pending, all probes wait for its result.
  let pending: Promise<DatabaseChecks> | undefined;
  const checkDatabase = async (): Promise<DatabaseChecks> => {
    const answer = await engine.findSchemaProblem().then(
      (problem) => ({ database: OK, schema: problem === null ? OK : { ok: false, problem } }),
      (error: Error) => unavailable(error.message),
    );
    setTimeout(() => {
      pending = undefined;
    }, REUSED_MS).unref();
    return answer;
  };

  return {
    livez: () => ({ status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: 'alive\n' }),
    readyz: async () => {
      pending ??= checkDatabase();
      const deadline = sleep(DEADLINE_MS, SILENT, { ref: false });
      const { database, schema } = await Promise.race([pending, deadline]);
      const { queued, maxQueue, draining: ledgerDrains } = engine.load;
      const checks = {
        database,
        schema,
        queue:
          queued < maxQueue
            ? OK
            : { ok: false, problem: `The queue is full: ${queued} of ${maxQueue} commands.` },
        serving: draining() || ledgerDrains ? { ok: false, problem: 'The service is stopping.' } : OK,
      };
      const ready = Object.values(checks).every(({ ok }) => ok);
      return {
        status: ready ? 200 : 503,
        headers: { 'content-type': 'application/json' },
        body: `${JSON.stringify({ ready, checks })}\n`,
      };
    },
  };
}
