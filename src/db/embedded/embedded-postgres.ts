// Starts a PostgreSQL server for this process. The order matters: lock the data directory; create the cluster if there is none;
// shut down a server that a killed process left running; start the server. The lock is released when the server has ended and
// is not restarted.

import { existsSync } from 'node:fs';
import { access, chmod, constants, mkdir, realpath } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { copyFolders, embeddedNativeDir, installedBinaries, prepareBinaries } from './binaries.ts';
import { createRolesAndDatabase, openCluster, urlsOf } from './cluster.ts';
import { EmbeddedPostgresError } from './error.ts';
import { KeptServer } from './kept-server.ts';
import { takeStartLock } from './lock.ts';
import {
  connect,
  endFormerServer,
  freePort,
  lastLines,
  launch,
  PATIENCE_MS,
  type Postmaster,
  readLog,
} from './postmaster.ts';
import { type ServerAccount, serverAccount, unless, unreachableFolder } from './system.ts';

export { EmbeddedPostgresError } from './error.ts';
export { DataDirectoryInUseError } from './lock.ts';
export { defaultDataDir } from './system.ts';

export interface EmbeddedPostgres {
  /** postgres://… of the service's login. It is a member of the application's role only, and no superuser. */
  readonly serviceUrl: string;
  /** postgres://… of the cluster's superuser, for migrations. */
  readonly ownerUrl: string;
  /** The process id of the postmaster. A restart changes it. */
  readonly pid: number;
  readonly port: number;
  readonly dataDir: string;
  /** In PostgreSQL's notation: `18.4`. */
  readonly version: string;
  /** Resolves when the postmaster has ended and is not restarted. */
  readonly exited: Promise<void>;
  /** Ends all sessions, writes a checkpoint and resolves when the postmaster has ended. Idempotent. */
  stop(): Promise<void>;
}

export interface EmbeddedOptions {
  /** Created if missing. Contains the cluster, its passwords, its log and the lock. */
  readonly dataDir: string;
  /** The folder of another installation's programs. Default: those of the npm package. */
  readonly binDir?: string;
  /** More PostgreSQL settings, as with `-c name=value`. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly onProgress?: (line: string) => void;
  /** Whether the caller stops the server within seconds. Other processes then wait for the directory. */
  readonly brief?: boolean;
  /**
   * Whether a server that ends by itself is restarted, on the same port and after growing pauses, until it is stopped. Its
   * connections are lost; its committed data is not.
   */
  readonly restarts?: boolean;
  /** Called when the server has ended by itself, and for each failed restart. */
  readonly onTrouble?: (problem: string) => void;
}

/** Temporary failures: another process took the port, or processes of a killed server have not ended yet. */
const PASSING = /Address already in use|pre-existing shared memory block|lock file "postmaster.pid" already/;

/**
 * Starts PostgreSQL on a data directory and resolves when it accepts connections. A crash recovery comes first if it is needed.
 * Durability settings are PostgreSQL's defaults. Throws DataDirectoryInUseError while another process uses the directory for more
 * than a brief task, and other errors whose messages say what is wrong and what to do.
 */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const account = serverAccount();
  const dataDir = await openDataDir(options.dataDir, account);
  const { brief = false, onProgress = () => {} } = options;
  const releaseLock = await takeStartLock(dataDir, { brief, onProgress });
  try {
    return await startLocked(dataDir, account, options, releaseLock);
  } catch (error) {
    await releaseLock();
    throw error;
  }
}

async function startLocked(
  dataDir: string,
  account: ServerAccount | undefined,
  options: EmbeddedOptions,
  releaseLock: () => Promise<void>,
): Promise<EmbeddedPostgres> {
  const { binDir, settings = {}, onProgress = () => {}, restarts = false, onTrouble = () => {} } = options;
  const binaries =
    binDir === undefined
      ? await prepareBinaries(embeddedNativeDir(), account, copyFolders(account, dataDir))
      : await installedBinaries(binDir, account);
  const credentials = await openCluster(dataDir, binaries, account, onProgress);

  /** Returns undefined if the server ended before it accepted connections. */
  const bringUp = async (postmaster: Postmaster): Promise<Postmaster | undefined> => {
    const { child, port, exited } = postmaster;
    try {
      const client = await connect(dataDir, postmaster, urlsOf(credentials, port).maintenanceUrl, onProgress);
      if (client === undefined) return undefined;
      await createRolesAndDatabase(client, credentials.servicePassword).finally(() => client.end());
      // The running server alone must not keep this process alive.
      child.unref();
      return postmaster;
    } catch (error) {
      child.kill('SIGINT');
      await exited;
      throw error;
    }
  };
  const start = async (
    port: number | undefined,
    onLaunched: (postmaster: Postmaster) => void,
  ): Promise<Postmaster> => {
    const startedAt = performance.now();
    for (;;) {
      await endFormerServer(dataDir, onProgress);
      const launched = await launch(dataDir, binaries, account, settings, port ?? (await freePort()));
      onLaunched(launched);
      const postmaster = await bringUp(launched);
      if (postmaster !== undefined) return postmaster;
      const log = await readLog(dataDir);
      if (!PASSING.test(log) || performance.now() - startedAt > PATIENCE_MS) {
        throw new EmbeddedPostgresError(`PostgreSQL did not start on ${dataDir}. ${lastLines(dataDir, log)}`);
      }
      await delay(200);
    }
  };

  const server = new KeptServer({ start, restarts, onTrouble });
  const { ended } = await server.start();
  const released = ended.then(releaseLock);
  const { port } = server.current;
  const { serviceUrl, ownerUrl } = urlsOf(credentials, port);
  return {
    serviceUrl,
    ownerUrl,
    get pid() {
      return server.current.pid;
    },
    port,
    dataDir,
    version: binaries.version,
    exited: released,
    stop: async () => {
      server.stop();
      await released;
    },
  };
}

/**
 * Creates a folder and its missing parents, and returns the created ones. Node's recursive mkdir never returns if the system
 * reports ENOENT below an existing folder, as Linux does in /proc.
 */
async function makeFolders(path: string, mode: number): Promise<string[]> {
  const missing: string[] = [];
  for (let folder = path; !existsSync(folder); folder = dirname(folder)) missing.unshift(folder);
  // Another process may create one at the same time.
  for (const folder of missing) await mkdir(folder, { mode }).catch(unless('EEXIST'));
  return missing;
}

async function openDataDir(path: string, account: ServerAccount | undefined): Promise<string> {
  const wanted = resolve(path);
  // The server's account must be able to enter the folders that root creates here, on the way to its cluster, but not to write.
  const mode = account === undefined ? 0o700 : 0o711;
  try {
    const made = await makeFolders(wanted, mode);
    // The dot makes the check fail for a file.
    await access(`${wanted}/.`, constants.W_OK);
    // A strict umask may have removed permissions from the created folders. Existing folders are not changed.
    for (const folder of made) await chmod(folder, mode);
  } catch (cause) {
    throw new EmbeddedPostgresError(
      `The data directory ${wanted} cannot be created or written to. Set LEDGER_DATA_DIR to a folder that you own.`,
      { cause },
    );
  }
  const dataDir = await realpath(wanted);
  if (account === undefined) return dataDir;
  const barrier = unreachableFolder(dataDir, account);
  if (barrier === undefined) return dataDir;
  throw new EmbeddedPostgresError(
    `PostgreSQL refuses to run as root. It runs as user ${account.uid}, who cannot enter ${barrier}. ` +
      'Set LEDGER_DATA_DIR to a folder that this user can reach (mode 0711 on every parent folder is enough).',
  );
}
