// A PostgreSQL server of the service's own. The order of a start matters: the data directory is locked; then a
// cluster is made if there is none; then a server that a killed service left behind is shut down; only then is
// the server started. The lock is given back when the server has ended for good.

import { existsSync } from 'node:fs';
import { access, chmod, constants, mkdir, realpath } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { copyFolders, embeddedNativeDir, installedBinaries, prepareBinaries } from './binaries.ts';
import { createRolesAndDatabase, DATABASE, OWNER, openCluster, SERVICE } from './cluster.ts';
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
  /** postgres://… of the service's login: a member of the application's role only, no superuser. */
  readonly serviceUrl: string;
  /** postgres://… of the cluster's superuser, who migrates. */
  readonly ownerUrl: string;
  /** The postmaster's; another one after a restart. */
  readonly pid: number;
  readonly port: number;
  readonly dataDir: string;
  /** As PostgreSQL says it: `18.4`. */
  readonly version: string;
  /** Resolves when the postmaster has ended and is not started again. */
  readonly exited: Promise<void>;
  /** Ends all sessions, writes a checkpoint, and resolves when the postmaster has ended. Idempotent. */
  stop(): Promise<void>;
}

export interface EmbeddedOptions {
  /** Made if missing. Holds the cluster, its passwords, its log and the lock. */
  readonly dataDir: string;
  /** The folder of another installation's programs instead of the npm package's. */
  readonly binDir?: string;
  /** Further PostgreSQL settings, as by `-c name=value`. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly onProgress?: (line: string) => void;
  /**
   * Whether a server that ends by itself is started again, on the same port and with growing pauses, until it is stopped. Its
   * connections are lost, and nothing that it had committed.
   */
  readonly restarts?: boolean;
  /** Called when the server has ended by itself, and with each start after that that fails. */
  readonly onTrouble?: (problem: string) => void;
}

/** Failures that pass by themselves: a port taken meanwhile, or the dying rest of a killed server. */
const PASSING = /Address already in use|pre-existing shared memory block|lock file "postmaster.pid" already/;

/**
 * Starts PostgreSQL on a data directory and resolves when it accepts connections, after crash recovery where
 * that is due. Durability settings are PostgreSQL's own. Throws DataDirectoryInUseError while another process
 * serves the directory; every other Error says what is wrong and what to do.
 */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const account = serverAccount();
  const dataDir = await openDataDir(options.dataDir, account);
  const giveBack = await takeStartLock(dataDir);
  try {
    return await startLocked(dataDir, account, options, giveBack);
  } catch (error) {
    await giveBack();
    throw error;
  }
}

async function startLocked(
  dataDir: string,
  account: ServerAccount | undefined,
  options: EmbeddedOptions,
  giveBack: () => Promise<void>,
): Promise<EmbeddedPostgres> {
  const { binDir, settings = {}, onProgress = () => {}, restarts = false, onTrouble = () => {} } = options;
  const binaries =
    binDir === undefined
      ? await prepareBinaries(embeddedNativeDir(), account, copyFolders(account, dataDir))
      : await installedBinaries(binDir, account);
  const { ownerPassword, servicePassword } = await openCluster(dataDir, binaries, account, onProgress);
  const url = (user: string, password: string, port: number, database: string) =>
    // sslmode is spelled out so that PGSSLMODE in the environment does not ask this server for TLS.
    `postgres://${user}:${password}@127.0.0.1:${port}/${database}?sslmode=disable`;

  /** Undefined: it ended before it accepted connections. */
  const bringUp = async (postmaster: Postmaster): Promise<Postmaster | undefined> => {
    const { child, port, exited } = postmaster;
    try {
      const ownerUrl = url(OWNER, ownerPassword, port, 'postgres');
      const client = await connect(dataDir, postmaster, ownerUrl, onProgress);
      if (client === undefined) return undefined;
      await createRolesAndDatabase(client, servicePassword).finally(() => client.end());
      // From here on the server alone does not keep this process alive.
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
  const released = ended.then(giveBack);
  const { port } = server.current;
  return {
    serviceUrl: url(SERVICE, servicePassword, port, DATABASE),
    ownerUrl: url(OWNER, ownerPassword, port, DATABASE),
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
 * Makes a folder with those above it that are missing, and returns the new ones. Node's recursive mkdir never returns where
 * the system says ENOENT below a folder that exists, as Linux does in /proc.
 */
async function makeFolders(path: string, mode: number): Promise<string[]> {
  const missing: string[] = [];
  for (let folder = path; !existsSync(folder); folder = dirname(folder)) missing.unshift(folder);
  // Another process may have made one meanwhile.
  for (const folder of missing) await mkdir(folder, { mode }).catch(unless('EEXIST'));
  return missing;
}

async function openDataDir(path: string, account: ServerAccount | undefined): Promise<string> {
  const wanted = resolve(path);
  // The server's account may pass through what root makes here to its cluster, and write nothing else.
  const mode = account === undefined ? 0o700 : 0o711;
  try {
    const made = await makeFolders(wanted, mode);
    // The dot has a file refused.
    await access(`${wanted}/.`, constants.W_OK);
    // What a strict umask took from the new folders. Those that were there before are left as they are.
    for (const folder of made) await chmod(folder, mode);
  } catch (cause) {
    throw new EmbeddedPostgresError(
      `The data directory ${wanted} cannot be made or written to. Set LEDGER_DATA_DIR to a folder of your own.`,
      { cause },
    );
  }
  const dataDir = await realpath(wanted);
  if (account === undefined) return dataDir;
  const barrier = unreachableFolder(dataDir, account);
  if (barrier === undefined) return dataDir;
  throw new EmbeddedPostgresError(
    `PostgreSQL refuses to run as root, and user ${account.uid}, as whom it runs instead, cannot enter ${barrier}. ` +
      'Set LEDGER_DATA_DIR to a folder that this user can reach (mode 0711 on every folder of the way is enough).',
  );
}
