import { type Config, ConfigError, readConfig } from './config.ts';
import { EmbeddedPostgresError, startEmbeddedPostgres } from './db/embedded/embedded-postgres.ts';
import { prepareDatabase } from './db/postgres/prepare.ts';
import { UnfitServerError } from './db/postgres/primary.ts';
import { DatabaseNotReadyError } from './db/postgres/start-client.ts';
import { Ledger } from './ledger/ledger.ts';
import { startSweeper } from './ledger/sweeper.ts';
import { startHttpServer } from './server/http/http.ts';
import { tryPort } from './server/http/port.ts';
import { Drain, describeUnfinished } from './server/operations/drain.ts';
import { createLog, reportEnd } from './server/operations/log.ts';
import { Outages } from './server/operations/outages.ts';
import { logRequest } from './server/operations/request-log.ts';

/** What is wrong is the user's to mend, and the message says how: a stack would only hide it. */
const TOLD_PLAINLY = [ConfigError, EmbeddedPostgresError, DatabaseNotReadyError, UnfitServerError];

try {
  await run(readConfig(process.env));
} catch (error) {
  const isPlain = TOLD_PLAINLY.some((kind) => error instanceof kind);
  if (isPlain) console.error((error as Error).message);
  else reportEnd(error);
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
  // Whatever the level, the lines of the start are few, and say where the service is.
  const notices = log.child({}, { level: 'info' });
  const logs = { log, notices };
  // Before anything is made or changed.
  await tryPort(config.host, config.port).catch(refusePort(config));
  if (config.database !== null) {
    return serve(config, logs, drain, config.database.url, config.database.migrationUrl, told);
  }
  const postgres = await startEmbeddedPostgres({
    dataDir: config.dataDir,
    onProgress: (line) => notices.info(line),
    restarts: true,
    onTrouble: (problem) => log.error(problem),
  });
  try {
    notices.info(`PostgreSQL ${postgres.version} keeps its data in ${postgres.dataDir}`);
    await serve(config, logs, drain, postgres.serviceUrl, postgres.ownerUrl, told);
  } finally {
    drain.waitFor(() => 'the embedded PostgreSQL');
    await postgres.stop();
  }
}

async function serve(
  config: Config,
  { log, notices }: Readonly<Record<'log' | 'notices', ReturnType<typeof createLog>>>,
  drain: Drain,
  databaseUrl: string,
  migrationUrl: string | null,
  ended: Promise<unknown>,
): Promise<void> {
  const { host, port, corsOrigins, allowedHosts, explorer, allowUnsafeDurability } = config;
  const report = {
    info: (line: string) => notices.info(line),
    warn: (line: string) => notices.warn(line),
  };
  await prepareDatabase(databaseUrl, migrationUrl, report, { allowUnsafeDurability });
  const onFault = (error: unknown, faultId?: string) =>
    log.error({ err: error, faultId }, 'a fault of the ledger');
  const outages = new Outages(log);
  const ledger = await Ledger.open({
    databaseUrl,
    allowUnsafeDurability,
    onFault,
    onUnreachable: outages.failed,
    onAnswered: outages.answered,
  });
  const server = await startHttpServer({
    ledger,
    host,
    port,
    log,
    onAnswered: (request) => {
      logRequest(log, request);
      if (request.notes.codes.has('UNAVAILABLE')) outages.met();
    },
    corsOrigins,
    allowedHosts,
    explorer,
  }).catch(async (error: unknown) => {
    await ledger.close();
    return refusePort(config)(error);
  });
  const sweeper = startSweeper(ledger, onFault);
  notices.info(`GraphQL: ${server.url}/graphql`);
  if (process.stdout.isTTY) {
    notices.info(`${explorer ? 'Open that address in a browser for GraphiQL. ' : ''}Stop with Ctrl+C.`);
  }

  drain.waitFor(() => describeUnfinished(server.openRequests, ledger.load));
  await ended;
  // First those who wait are answered, then what answers them goes.
  await server.close();
  await sweeper.stop();
  await ledger.close();
  outages.close();
}

/** What refuses to start because nothing can listen on HOST and PORT. */
function refusePort({ host, port }: Config): (error: unknown) => never {
  return (error) => {
    const why = (error as Error).message;
    throw new ConfigError(`The service cannot listen on HOST and PORT, ${host}:${port}: ${why}.`);
  };
}
