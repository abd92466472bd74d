import { afterAll } from 'vitest';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { startHttpServer } from '../../../src/server/http/http.ts';

/** The URLs of three services on one ledger. Each answers requests on another path. */
export interface AllPaths {
  readonly fast: string;
  /** Compiles an operation after its first execution. */
  readonly compiled: string;
  readonly yoga: string;
}

export const ORIGIN = 'https://app.example';

/** Starts a service for each path that answers requests. They end with the test file. */
export async function serveAllPaths(ledger: Ledger, explorer = true): Promise<AllPaths> {
  const log = { error: () => {} };
  const common = { ledger, host: '127.0.0.1', port: 0, log, corsOrigins: [ORIGIN], explorer };
  const [fast, compiled, yoga] = await Promise.all(
    [{ fastPath: true }, { fastPath: true, compileAfter: 1 }, { fastPath: false }].map(async (options) => {
      const server = await startHttpServer({ ...common, ...options });
      afterAll(() => server.close());
      return server.url;
    }),
  );
  return { fast: fast ?? '', compiled: compiled ?? '', yoga: yoga ?? '' };
}
