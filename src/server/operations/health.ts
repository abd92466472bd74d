import { setTimeout as sleep } from 'node:timers/promises';
import type { HttpAnswer } from '../../graphql/execution/answer.ts';
import type { Ledger } from '../../ledger/ledger.ts';

export interface HealthOptions {
  readonly ledger: Pick<Ledger, 'load' | 'findSchemaProblem'>;
  /** Whether the service is about to end. */
  readonly draining: () => boolean;
}

export interface Health {
  /** The process answers. It says nothing of the database: restarting would not mend that. */
  livez(): HttpAnswer;
  /** Whether to send requests here: 200, or 503 with the checks that failed. */
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

/** How long a probe waits for the database: shorter than probes are usually waited for. */
const DEADLINE_MS = 800;
/** How long an answer of the database stands, so that many probes are one query. */
const STANDS_FOR_MS = 1000;

const away = (problem: string): DatabaseChecks => ({
  database: { ok: false, problem },
  schema: { ok: false, problem: 'It is not known while the database cannot be used.' },
});
const SILENT = away('The database does not answer.');

export function createHealth({ ledger, draining }: HealthOptions): Health {
  // One query at a time: while the database says nothing, further probes wait for the one that was asked.
  let asked: Promise<DatabaseChecks> | undefined;
  const askDatabase = async (): Promise<DatabaseChecks> => {
    const answer = await ledger.findSchemaProblem().then(
      (problem) => ({ database: OK, schema: problem === null ? OK : { ok: false, problem } }),
      (error: Error) => away(error.message),
    );
    setTimeout(() => {
      asked = undefined;
    }, STANDS_FOR_MS).unref();
    return answer;
  };

  return {
    livez: () => ({ status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: 'alive\n' }),
    readyz: async () => {
      asked ??= askDatabase();
      const deadline = sleep(DEADLINE_MS, SILENT, { ref: false });
      const { database, schema } = await Promise.race([asked, deadline]);
      const { queued, maxQueue, draining: ledgerDrains } = ledger.load;
      const checks = {
        database,
        schema,
        queue: queued < maxQueue ? OK : { ok: false, problem: `All ${maxQueue} places are taken.` },
        serving: draining() || ledgerDrains ? { ok: false, problem: 'The service is about to end.' } : OK,
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
