import { join } from 'node:path';
import type { Logger } from 'pino';
import { type Config, ConfigError, CREATE_KEY, checkExposure, readConfig } from './config.ts';
import { EmbeddedPostgresError, startEmbeddedPostgres } from './db/embedded/embedded-postgres.ts';
import { prepareDatabase } from './db/postgres/prepare.ts';
import { UnfitServerError } from './db/postgres/primary.ts';
import { DatabaseNotReadyError } from './db/postgres/start-client.ts';
import { Engine } from './ledger/engine.ts';
import { startSweeper } from './ledger/sweeper.ts';
import { IssuerKeys, KeysUnavailableError } from './server/access/tokens/issuer-keys.ts';
import { Tokens } from './server/access/tokens/tokens.ts';
import { type HttpServer, startHttpServer } from './server/http/http.ts';
import { tryPort } from './server/http/port.ts';
import {
  ManifestError,
  readTrustedDocuments,
  type TrustedDocuments,
} from './server/http/trusted-documents.ts';
import { Drain, describeUnfinished } from './server/operations/drain.ts';
import { createLog, reportEnd } from './server/operations/log.ts';
import { type OperationsServer, startOperationsServer } from './server/operations/operations-server.ts';
import { Outages } from './server/operations/outages.ts';
import { logRequest } from './server/operations/request-log.ts';

/** Where `npm run build` puts the console. */
const CONSOLE_FOLDER = join(import.meta.dirname, '../dist/console');

/** Errors that the operator can fix. Their message says how, so it is printed without a stack. */
const OPERATOR_ERRORS = [
  ConfigError,
  ManifestError,
  EmbeddedPostgresError,
  DatabaseNotReadyError,
  UnfitServerError,
];

try {
  await run(readConfig(process.env));
} catch (error) {
  if (OPERATOR_ERRORS.some((kind) => error instanceof kind)) console.error((error as Error).message);
  else reportEnd(error);
  process.exitCode = 1;
}

/** The state that the parts of the service share while they run. */
interface Service {
  readonly config: Config;
  readonly trustedDocuments: TrustedDocuments | undefined;
  /** The keys of the token issuer. Undefined: no tokens are accepted. */
  readonly issuerKeys: IssuerKeys | undefined;
  readonly log: Logger;
  /** Writes the few lines of the start, at any log level. */
  readonly notices: Logger;
  readonly drain: Drain;
  /** Resolves at the first SIGTERM or SIGINT. */
  readonly stopRequested: Promise<unknown>;
}

/** Starts the configured parts in order, and stops them in reverse order at SIGTERM or SIGINT. */
async function run(config: Config): Promise<void> {
  // A signal also stops the service in order while it is starting. Further signals are ignored: on Ctrl+C both the terminal and
  // npm send one.
  const stopRequested = new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, resolve);
  });
  const drain = new Drain(config.drainTimeoutMs);
  void stopRequested.then(() => drain.begin());
  const log = createLog(config.logLevel);
  const notices = log.child({}, { level: 'info' });
  // The configuration is checked completely before a database is created or changed.
  const trustedDocuments =
    config.trustedDocuments === null ? undefined : await readTrustedDocuments(config.trustedDocuments);
  const issuerKeys = await openIssuerKeys(config, log);
  await tryPort(config.host, config.port).catch(throwPortError(config));
  const { operations } = config;
  if (operations !== null) {
    await tryPort(operations.host, operations.port).catch(throwPortError(operations, 'OPERATIONS_'));
  }
  const service = { config, trustedDocuments, issuerKeys, log, notices, drain, stopRequested };
  if (config.database !== null) return serve(service, config.database.url, config.database.migrationUrl);
  const postgres = await startEmbeddedPostgres({
    dataDir: config.dataDir,
    onProgress: (line) => notices.info(line),
    restarts: true,
    onTrouble: (problem) => log.error(problem),
  });
  try {
    notices.info(`PostgreSQL ${postgres.version} keeps its data in ${postgres.dataDir}`);
    await serve(service, postgres.serviceUrl, postgres.ownerUrl);
  } finally {
    drain.waitFor(() => 'the embedded PostgreSQL');
    await postgres.stop();
  }
}

async function serve(
  { config, trustedDocuments, issuerKeys, log, notices, drain, stopRequested }: Service,
  databaseUrl: string,
  migrationUrl: string | null,
): Promise<void> {
  const { host, port, corsOrigins, allowedHosts, explorer, allowUnsafeDurability } = config;
  const report = {
    info: (line: string) => notices.info(line),
    warn: (line: string) => notices.warn(line),
  };
  const dataDir = config.database === null ? config.dataDir : null;
  await prepareDatabase(databaseUrl, migrationUrl, report, { allowUnsafeDurability, dataDir });
  const onFault = (error: unknown, faultId?: string) => log.error({ err: error, faultId }, 'internal error');
  const outages = new Outages(log);
  const engine = await Engine.open({
    databaseUrl,
    allowUnsafeDurability,
    onFault,
    onUnreachable: outages.connectionFailed,
    onAnswered: outages.databaseAnswered,
  });
  const closeEngine = async (error: unknown) => {
    await engine.close();
    throw error;
  };
  await printAccess(engine, config, notices).catch(closeEngine);
  const server = await startHttpServer({
    engine,
    host,
    port,
    log,
    onAnswered: (request) => {
      logRequest(log, request);
      if (request.notes.codes.has('UNAVAILABLE')) outages.requestFailed();
    },
    corsOrigins,
    allowedHosts,
    explorer,
    consoleFolder: config.console ? CONSOLE_FOLDER : undefined,
    trustedDocuments,
    tokens: openTokens(engine, config, issuerKeys),
    rateLimit: config.rateLimit,
    previewRateLimit: config.previewRateLimit,
    trustedProxies: config.trustedProxies,
    operations: whoReadsOperations(config),
  })
    .catch(throwPortError(config))
    .catch(closeEngine);
  const operations = await serveOperations(config, server, log).catch(async (error: unknown) => {
    await server.close();
    return closeEngine(error);
  });
  const sweeper = startSweeper(engine, onFault);
  if (operations !== undefined) notices.info(`Health and metrics: ${operations.url}`);
  notices.info(`GraphQL: ${server.url}/graphql`);
  if (config.console) notices.info(`Console: ${server.url}/`);
  if (process.stdout.isTTY) {
    notices.info(`${config.console || explorer ? 'Open an address in a browser. ' : ''}Stop with Ctrl+C.`);
  }

  drain.waitFor(() => describeUnfinished(server.openRequests, engine.load));
  await stopRequested;
  // The requests finish before the ledger that executes them is closed.
  await server.close();
  await operations?.close();
  await sweeper.stop();
  await engine.close();
  outages.close();
}

/** Reads the keys of the token issuer. A file must have them; a URL may answer later. */
async function openIssuerKeys({ tokens }: Config, log: Logger): Promise<IssuerKeys | undefined> {
  if (tokens === null) return undefined;
  const keys = new IssuerKeys(tokens.keys, log);
  const reading = keys.read();
  if (tokens.keys.protocol !== 'file:') {
    reading.catch(() => {});
    return keys;
  }
  await reading.catch((error: unknown) => {
    if (!(error instanceof KeysUnavailableError)) throw error;
    throw new ConfigError(`JWT_JWKS_FILE must be a JSON Web Key Set, but cannot be read: ${error.message}.`);
  });
  return keys;
}

function openTokens(
  { access }: Engine,
  { tokens }: Config,
  keys: IssuerKeys | undefined,
): Tokens | undefined {
  if (tokens === null || keys === undefined) return undefined;
  return new Tokens({
    ...tokens,
    keys,
    recordActor: (issuer, subject) => access.recordTokenActor(issuer, subject),
  });
}

/** Prints who may use the service. Throws `ConfigError` if other machines could use it without a credential. */
async function printAccess({ access }: Engine, config: Config, notices: Logger): Promise<void> {
  const isKeyed = await access.isKeyed();
  checkExposure(config, isKeyed);
  if (config.tokens !== null) {
    notices.info(`API keys or tokens of the issuer ${config.tokens.issuer} are required.`);
  } else if (isKeyed) notices.info('API keys are required.');
  else
    notices[config.isLoopback ? 'info' : 'warn'](
      `No API key exists: everyone who can reach this address may do everything. Create one with ${CREATE_KEY}`,
    );
}

function whoReadsOperations({ operations, isLoopback }: Config): 'open' | 'admin' | 'elsewhere' {
  if (operations !== null) return 'elsewhere';
  return isLoopback ? 'open' : 'admin';
}

/** Serves health and metrics on their own address, if there is one. They are served until all requests have ended. */
async function serveOperations(
  { operations }: Config,
  { operationsRoutes, count }: HttpServer,
  log: Logger,
): Promise<OperationsServer | undefined> {
  if (operations === null) return undefined;
  return startOperationsServer({
    ...operations,
    routes: operationsRoutes,
    onAnswered: (request) => {
      count(request);
      logRequest(log, request);
    },
    onFault: (error) => log.error({ err: error }, 'a request failed with an internal error'),
  }).catch(throwPortError(operations, 'OPERATIONS_'));
}

function throwPortError(
  { host, port }: Pick<Config, 'host' | 'port'>,
  prefix = '',
): (error: unknown) => never {
  return (error) => {
    const cause = (error as Error).message;
    throw new ConfigError(
      `The service cannot listen on ${host}:${port}: ${cause}. Set ${prefix}HOST or ${prefix}PORT to a free address.`,
    );
  };
}
