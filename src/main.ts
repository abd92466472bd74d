import type { Logger } from 'pino';
import { type Config, ConfigError, readConfig } from './config.ts';
import { EmbeddedPostgresError, startEmbeddedPostgres } from './db/embedded.ts';
import { DatabaseNotReadyError } from './db/migrator.ts';
import { prepareDatabase } from './db/prepare.ts';
import { UnfitServerError } from './db/primary.ts';
import { Ledger } from './ledger/ledger.ts';
import { startSweeper } from './ledger/sweeper.ts';
import { Drain, describeUnfinished } from './server/drain.ts';
import { startHttpServer } from './server/http.ts';
import { createLog } from './server/log.ts';
import { logRequest } from './server/request-log.ts';

/** What is wrong is the user's to mend, and the message says how: a stack would only hide it. */
const TOLD_PLAINLY = [ConfigError, EmbeddedPostgresError, DatabaseNotReadyError, UnfitServerError];

try {
  await run(readConfig(process.env));
} catch (error) {
  const plain = TOLD_PLAINLY.some((kind) => error instanceof kind);
  console.error(plain ? (error as Error).message : error);
  process.exitCode = 1;
}

/** Brings up what is configured, part by part, and takes it down the other way round when the process is told to end. */
async function run(config: Config): Promise<void> {
  // From here on a signal is an orderly end, also where it comes before all is up. A second one changes nothing: on Ctrl+C
  // both the terminal and npm send one.
  const told = new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, resolve);
  });
  const drain = new Drain(config.drainTimeoutMs);
  void told.then(() => drain.begin());
  const log = createLog(config.logLevel);
  if (config.database !== null) {
    return serve(config, log, drain, config.database.url, config.database.migrationUrl, told);
  }
  const postgres = await startEmbeddedPostgres({
    dataDir: config.dataDir,
    onProgress: console.log,
    restarts: true,
    onTrouble: (problem) => log.error(problem),
  });
  try {
    console.log(`PostgreSQL ${postgres.version} keeps its data in ${postgres.dataDir}`);
    await serve(config, log, drain, postgres.serviceUrl, postgres.ownerUrl, told);
  } finally {
    drain.waitFor(() => 'the embedded PostgreSQL');
    await postgres.stop();
  }
}

async function serve(
  { host, port, corsOrigins, allowedHosts, explorer, allowUnsafeDurability }: Config,
  log: Logger,
  drain: Drain,
  databaseUrl: string,
  migrationUrl: string | null,
  ended: Promise<unknown>,
): Promise<void> {
  const report = { info: console.log, warn: console.warn };
  await prepareDatabase(databaseUrl, migrationUrl, report, { allowUnsafeDurability });
  const onFault = (error: unknown, faultId?: string) =>
    log.error({ err: error, faultId }, 'a fault of the ledger');
  const ledger = await Ledger.open({ databaseUrl, allowUnsafeDurability, onFault });
  const server = await startHttpServer({
    ledger,
    host,
    port,
    log,
    onAnswered: (request) => logRequest(log, request),
    corsOrigins,
    allowedHosts,
    explorer,
  }).catch(async (error: unknown) => {
    await ledger.close();
    throw new ConfigError(
      `The service cannot listen on HOST and PORT, ${host}:${port}: ${(error as Error).message}.`,
    );
  });
  const sweeper = startSweeper(ledger, onFault);
  console.log(`GraphQL:  ${server.url}/graphql`);
  console.log(explorer ? 'GraphiQL: the same address in a browser. Stop with Ctrl+C.' : 'Stop with Ctrl+C.');

  drain.waitFor(() => describeUnfinished(server.openRequests, ledger.load));
  await ended;
  // First those who wait are answered, then what answers them goes.
  await server.close();
  await sweeper.stop();
  await ledger.close();
}
