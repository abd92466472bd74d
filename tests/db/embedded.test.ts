import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import {
  chmod,
  chown,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  realpath,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { embeddedNativeDir, prepareBinaries } from '../../src/db/embedded/binaries.ts';
import {
  DataDirectoryInUseError,
  defaultDataDir,
  type EmbeddedOptions,
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../src/db/embedded/embedded-postgres.ts';
import {
  processCommand,
  programOptions,
  serverAccount,
  unreachableFolder,
} from '../../src/db/embedded/system.ts';

const TIMEOUT_MS = 60_000;
const UNPRIVILEGED = { uid: 65534, gid: 65534 };
const projectRoot = join(import.meta.dirname, '../..');
const childScript = join(projectRoot, 'tests/support/embedded-child.ts');
const asRoot = process.getuid?.() === 0;

let base: string;
let template: string;
beforeAll(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'ledger-embedded-')));
  await chmod(base, 0o755);
  template = join(base, 'template');
  await (await startEmbeddedPostgres({ dataDir: template })).stop();
}, TIMEOUT_MS);
afterAll(() => rm(base, { recursive: true, force: true }));

/** Starts a server that stops at the end of the test. */
async function start(
  dataDir: string,
  options: Omit<EmbeddedOptions, 'dataDir'> = {},
): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dataDir, ...options });
  onTestFinished(() => server.stop());
  return server;
}

/** Creates an initialized data directory. It is a copy, which takes less time than a first start. */
async function usedDataDir(name: string): Promise<string> {
  const dataDir = join(base, name);
  await promisify(execFile)('cp', ['-a', template, dataDir]);
  return dataDir;
}

async function withClient<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

async function queryText(url: string, sql: string): Promise<string> {
  const { rows } = await withClient(url, (client) => client.query({ text: sql, rowMode: 'array' }));
  return String(rows[0]?.[0]);
}

/** Runs the fixture in another process until the test ends. Rejects with its error output if it fails. */
async function startChild(
  dataDir: string,
  account: { uid?: number; gid?: number } = {},
): Promise<{ child: ChildProcess; server: EmbeddedPostgres }> {
  const child = spawn(process.execPath, [childScript, dataDir], { ...account, stdio: 'pipe' });
  const ended = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGTERM');
    await ended;
  });
  const errors = text(child.stderr);
  const failed = ended.then(async () => Promise.reject(new Error(await errors)));
  failed.catch(() => {});
  const [line] = await Promise.race([once(createInterface(child.stdout), 'line'), failed]);
  return { child, server: JSON.parse(String(line)) };
}

/** Copies the npm package as it is before its install script: without links among the libraries. */
async function copyPackage(to: string): Promise<string> {
  const source = dirname(embeddedNativeDir());
  const filter = async (path: string) =>
    (await readlink(path).catch(() => undefined)) === undefined || path === source;
  await cp(await realpath(source), to, { recursive: true, filter });
  return join(to, 'native');
}

/** A zombie counts as ended: its parent collects it, not the launcher. */
async function isRunning(pid: number): Promise<boolean> {
  return Boolean(await processCommand(pid));
}

describe('a first start', { timeout: TIMEOUT_MS }, () => {
  it('creates a durable PostgreSQL whose service login has only the role of the application', async () => {
    const progress: string[] = [];
    const dataDir = join(base, 'first');
    const server = await start(dataDir, { onProgress: (line) => progress.push(line) });

    expect(server.dataDir).toBe(dataDir);
    expect(progress).toEqual([`Creating a PostgreSQL ${server.version} data directory in ${dataDir}`]);
    expect(await queryText(server.serviceUrl, 'show server_version')).toBe(server.version);
    const settings: Record<string, string> = {
      fsync: 'on',
      synchronous_commit: 'on',
      full_page_writes: 'on',
      data_checksums: 'on',
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      server_encoding: 'UTF8',
      port: String(server.port),
    };
    for (const [name, value] of Object.entries(settings)) {
      expect(await queryText(server.ownerUrl, `show ${name}`), name).toBe(value);
    }

    const rolesOfService = await queryText(
      server.serviceUrl,
      `select json_agg(rolname order by rolname) #>> '{}' from pg_roles where pg_has_role(oid, 'member')`,
    );
    expect(JSON.parse(rolesOfService)).toEqual(['ledger_service', 'tls_app']);
    await expect(queryText(server.serviceUrl, 'set role tls_owner')).rejects.toThrow('permission denied');
    const powers = 'rolsuper or rolcreatedb or rolcreaterole or rolreplication or rolbypassrls';
    expect(
      await queryText(server.serviceUrl, `select ${powers} from pg_roles where rolname = current_user`),
    ).toBe('false');
    expect(
      await queryText(server.ownerUrl, 'select rolsuper from pg_roles where rolname = current_user'),
    ).toBe('true');
    expect(
      await queryText(
        server.ownerUrl,
        'select pg_get_userbyid(datdba) from pg_database where datname = current_database()',
      ),
    ).toBe('ledger_admin');

    const file = await stat(join(dataDir, 'credentials.json'));
    expect(file.mode & 0o777).toBe(0o600);
    expect(file.uid).toBe(process.getuid?.());
    const wrong = server.serviceUrl.replace(/:[0-9a-f]{48}@/, ':0@');
    expect(wrong).not.toBe(server.serviceUrl);
    await expect(queryText(wrong, 'select 1')).rejects.toMatchObject({ code: '28P01' });
    expect(await readdir(dataDir)).not.toContainEqual(expect.stringContaining('.password'));
  });

  it('succeeds after an interrupted one', async () => {
    const dataDir = join(base, 'interrupted');
    await mkdir(join(dataDir, 'cluster.half'), { recursive: true, mode: 0o711 });
    await writeFile(join(dataDir, 'cluster.half', 'PG_VERSION'), '');
    const server = await start(dataDir);
    expect(await queryText(server.serviceUrl, 'select 1')).toBe('1');
    expect(await readdir(dataDir)).not.toContain('cluster.half');
  });

  it('applies settings; if PostgreSQL rejects them, the error quotes the log and the folder stays usable', async () => {
    const dataDir = join(base, 'refused');
    await expect(startEmbeddedPostgres({ dataDir, settings: { shared_buffers: 'much' } })).rejects.toThrow(
      /LEDGER_DATA_DIR[\s\S]*postgres\.log[\s\S]*invalid value for parameter "shared_buffers"/,
    );
    const server = await start(dataDir, { settings: { work_mem: '7MB', port: '1' } });
    expect(await queryText(server.serviceUrl, 'show work_mem')).toBe('7MB');
  });
});

describe('a later start on the same data', { timeout: TIMEOUT_MS }, () => {
  it('finds all data after a clean stop', async () => {
    const dataDir = await usedDataDir('again');
    const first = await start(dataDir);
    await queryText(first.ownerUrl, `create table kept as select 'first' as word`);
    await Promise.all([first.stop(), first.stop(), first.exited]);
    expect(await isRunning(first.pid)).toBe(false);
    expect(await readFile(join(dataDir, 'postgres.log'), 'utf8')).toContain('database system is shut down');

    const progress: string[] = [];
    const second = await start(dataDir, { onProgress: (line) => progress.push(line) });
    expect(await queryText(second.ownerUrl, 'select word from kept')).toBe('first');
    expect(progress).toEqual([]);
  });

  it('recovers committed data after the postmaster was killed, while a session is still ending', async () => {
    const dataDir = await usedDataDir('crash');
    const first = await start(dataDir);
    await queryText(first.ownerUrl, 'create table kept (word text)');
    const progress: string[] = [];
    const recovered = await withClient(first.ownerUrl, async (session) => {
      await session.query(`insert into kept values ('committed')`);
      // A busy session notices the end of its postmaster late.
      const busy = session.query(
        `do $$ declare t timestamptz := clock_timestamp() + '1 s'; begin while clock_timestamp() < t loop end loop; end $$`,
      );
      busy.catch(() => {});
      await delay(100);
      process.kill(first.pid, 'SIGKILL');
      await first.exited;
      return start(dataDir, { onProgress: (line) => progress.push(line) });
    });
    expect(await queryText(recovered.ownerUrl, 'select word from kept')).toBe('committed');
    expect(progress).toContainEqual(expect.stringMatching(/^Recovering: /));
  });

  it('ignores a stale postmaster.pid whose process id another process has', async () => {
    const dataDir = await usedDataDir('reused');
    const first = await start(dataDir);
    process.kill(first.pid, 'SIGKILL');
    await first.exited;
    // It runs as the server's account: PostgreSQL ignores processes that it cannot signal.
    const bystander = spawn('sleep', ['600'], { ...serverAccount(), stdio: 'ignore' });
    onTestFinished(() => {
      bystander.kill();
    });
    const pidFile = join(dataDir, 'cluster', 'postmaster.pid');
    const stale = await readFile(pidFile, 'utf8');
    await writeFile(pidFile, stale.replace(/^\d+/, String(bystander.pid)));

    const second = await start(dataDir);
    expect(await queryText(second.serviceUrl, 'select 1')).toBe('1');
    expect(bystander.exitCode ?? bystander.signalCode).toBeNull();
  });

  it('does not touch a server that was started by hand on the data', async () => {
    const dataDir = await usedDataDir('by-hand');
    const first = await start(dataDir);
    await first.stop();
    const args = ['-D', join(dataDir, 'cluster'), '-p', String(first.port), '-k', ''];
    const byHand = spawn(join(embeddedNativeDir(), 'bin', 'postgres'), args, {
      ...programOptions(serverAccount()),
      stdio: 'ignore',
    });
    onTestFinished(async () => {
      byHand.kill('SIGINT');
      await once(byHand, 'exit');
    });
    await expect
      .poll(() => queryText(first.serviceUrl, 'select 1').catch(String), { timeout: 20_000 })
      .toBe('1');
    await expect(startEmbeddedPostgres({ dataDir })).rejects.toThrow(`in use by process ${byHand.pid}`);
    expect(await queryText(first.serviceUrl, 'select 1')).toBe('1');
  });

  it('rejects data of another major version, or without its passwords, and says what to do', async () => {
    const dataDir = join(base, 'unusable');
    const cluster = join(dataDir, 'cluster');
    await mkdir(cluster, { recursive: true });
    if (asRoot) await chown(cluster, UNPRIVILEGED.uid, UNPRIVILEGED.gid);
    await writeFile(join(cluster, 'PG_VERSION'), '9\n');
    await expect(startEmbeddedPostgres({ dataDir })).rejects.toThrow(
      /created by PostgreSQL 9 .*LEDGER_DATA_DIR/,
    );
    await writeFile(join(cluster, 'PG_VERSION'), '18\n');
    await expect(startEmbeddedPostgres({ dataDir })).rejects.toThrow('credentials.json is missing');
  });
});

describe('a server that restarts', { timeout: TIMEOUT_MS }, () => {
  it('restarts on the same port after it is killed, and keeps the lock of the data directory meanwhile', async () => {
    const dataDir = await usedDataDir('kept');
    const problems: string[] = [];
    const server = await start(dataDir, { restarts: true, onTrouble: (problem) => problems.push(problem) });
    const { pid } = server;
    process.kill(pid, 'SIGKILL');
    await expect.poll(() => problems).toHaveLength(1);
    await expect(startEmbeddedPostgres({ dataDir })).rejects.toThrow(DataDirectoryInUseError);
    await expect
      .poll(() => queryText(server.serviceUrl, 'select 1').catch(String), { timeout: 20_000 })
      .toBe('1');
    expect(server.pid).not.toBe(pid);
    await server.stop();
    expect(await isRunning(server.pid)).toBe(false);
    expect(problems).toEqual([`The embedded PostgreSQL, process ${pid}, has ended. It is restarted.`]);
  });

  it('does not restart if it is stopped while it is down', async () => {
    const dataDir = await usedDataDir('stopped');
    const problems: string[] = [];
    const server = await start(dataDir, { restarts: true, onTrouble: (problem) => problems.push(problem) });
    process.kill(server.pid, 'SIGKILL');
    await expect.poll(() => problems, { interval: 5 }).toHaveLength(1);
    await server.stop();
    await expect(queryText(server.serviceUrl, 'select 1')).rejects.toThrow('ECONNREFUSED');
    const next = await start(dataDir);
    expect(await queryText(next.serviceUrl, 'select 1')).toBe('1');
  });
});

describe('concurrent starts on one data directory', { timeout: TIMEOUT_MS }, () => {
  it('exclude each other: the second fails with the process id of the first, which keeps running', async () => {
    const dataDir = await usedDataDir('taken');
    const { child, server } = await startChild(dataDir);
    const second = startEmbeddedPostgres({ dataDir });
    await expect(second).rejects.toThrow(DataDirectoryInUseError);
    await expect(second).rejects.toThrow(`${dataDir} is in use by process ${child.pid}`);
    expect(await queryText(server.serviceUrl, 'select 1')).toBe('1');
  });

  it('have exactly one winner, among processes and within one process', async () => {
    const dataDir = join(base, 'race');
    const starts = await Promise.allSettled([
      startChild(dataDir),
      startChild(dataDir),
      delay(150).then(() => start(dataDir)),
      delay(150).then(() => start(dataDir)),
    ]);
    expect(starts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const reasons = starts.flatMap((result) => (result.status === 'rejected' ? [String(result.reason)] : []));
    for (const reason of reasons) expect(reason).toContain('DataDirectoryInUseError');
  });

  it('take over from a killed service one at a time, and shut down its server', async () => {
    const dataDir = await usedDataDir('orphan');
    const { child, server: orphan } = await startChild(dataDir);
    await queryText(orphan.ownerUrl, `create table kept as select 'kept' as word`);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await isRunning(orphan.pid)).toBe(true);

    const progress: string[] = [];
    const onProgress = (line: string) => progress.push(line);
    const starts = await Promise.allSettled(
      [1, 2, 3].map(() => startEmbeddedPostgres({ dataDir, onProgress })),
    );
    const won = starts.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    onTestFinished(async () => {
      await Promise.all(won.map((server) => server.stop()));
    });
    expect(won).toHaveLength(1);
    expect(progress).toEqual([expect.stringContaining(`Shutting down the server (process ${orphan.pid})`)]);
    await expect.poll(() => isRunning(orphan.pid), { timeout: 20_000 }).toBe(false);
    expect(await queryText(won[0]?.ownerUrl ?? '', 'select word from kept')).toBe('kept');
    expect(await readFile(join(dataDir, 'postgres.log.old'), 'utf8')).toContain(
      'database system is shut down',
    );
  });
});

describe('a service that ends', { timeout: TIMEOUT_MS }, () => {
  it('shuts down its server when it exits without stopping it', async () => {
    const dataDir = await usedDataDir('exits');
    const script = `
      import { startEmbeddedPostgres } from ${JSON.stringify(join(projectRoot, 'src/db/embedded/embedded-postgres.ts'))};
      const { pid } = await startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)} });
      console.log(pid);
    `;
    const args = ['--input-type=module', '--eval', script];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    expect(Number(stdout)).toBeGreaterThan(1);
    await expect.poll(() => isRunning(Number(stdout)), { timeout: 20_000 }).toBe(false);
  });
});

describe('the programs of the npm package', { timeout: TIMEOUT_MS }, () => {
  let folder: string;
  let nativeDir: string;
  beforeAll(async () => {
    folder = join(base, 'checkout');
    nativeDir = await copyPackage(join(folder, 'package'));
  }, TIMEOUT_MS);

  it.runIf(asRoot && unreachableFolder(projectRoot, UNPRIVILEGED) === undefined)(
    'run from a copy with its own links for a user who cannot write to the package',
    async () => {
      const copies = join(base, 'copies-of-another-user');
      await mkdir(copies);
      await chown(copies, UNPRIVILEGED.uid, UNPRIVILEGED.gid);
      const module = JSON.stringify(join(projectRoot, 'src/db/embedded/binaries.ts'));
      const script = `
        import { prepareBinaries } from ${module};
        console.log((await prepareBinaries(${JSON.stringify(nativeDir)}, undefined, [${JSON.stringify(copies)}])).binDir);
      `;
      const args = ['--input-type=module', '--eval', script];
      const { stdout } = await promisify(execFile)(process.execPath, args, UNPRIVILEGED);
      expect(dirname(dirname(stdout))).toBe(copies);
    },
  );

  it('run without the install script: the launcher creates the library links', async () => {
    await chmod(folder, 0o755);
    const initdb = promisify(execFile)(join(nativeDir, 'bin', 'initdb'), ['--version']);
    await expect(initdb).rejects.toThrow(/shared libraries|Library not loaded/);

    const { binDir } = await prepareBinaries(nativeDir, serverAccount(), []);
    expect(binDir).toBe(join(nativeDir, 'bin'));
    const server = await start(join(base, 'unlinked-data'), { binDir });
    expect(await queryText(server.serviceUrl, 'select 1')).toBe('1');
  });

  it.runIf(asRoot)(
    'run from a copy that no other user could have written, if they are out of reach',
    async () => {
      await chmod(folder, 0o700);
      const [planted, writable, copies] = [
        join(base, 'planted'),
        join(base, 'writable'),
        join(base, 'copies'),
      ];
      await mkdir(planted);
      await chown(planted, UNPRIVILEGED.uid, UNPRIVILEGED.gid);
      await mkdir(writable);
      await chmod(writable, 0o777);
      await expect(prepareBinaries(nativeDir, UNPRIVILEGED, [planted, writable])).rejects.toThrow(
        /only this user can write to[\s\S]*DATABASE_URL/,
      );

      const all = await Promise.all(
        [1, 2].map(() => prepareBinaries(nativeDir, UNPRIVILEGED, [planted, writable, copies])),
      );
      const [copy] = await readdir(copies);
      expect(all.map(({ binDir }) => binDir)).toEqual(Array(2).fill(join(copies, String(copy), 'bin')));
      expect(await readdir(copies)).toHaveLength(1);
      const server = await start(join(base, 'hidden-data'), { binDir: all[0]?.binDir ?? '' });
      expect(await queryText(server.serviceUrl, 'select 1')).toBe('1');
    },
  );
});

describe.runIf(asRoot)('as root', { timeout: TIMEOUT_MS }, () => {
  it('a data directory that the server cannot reach is rejected with advice', async () => {
    const hidden = join(base, 'hidden-from-server');
    await mkdir(hidden, { mode: 0o700 });
    await expect(startEmbeddedPostgres({ dataDir: join(hidden, 'data') })).rejects.toThrow(
      new RegExp(`cannot enter ${hidden}\\. Set LEDGER_DATA_DIR`),
    );
  });

  it('the default data directory is in the checkout if the server can reach it, otherwise under /var/lib', async () => {
    expect(defaultDataDir(base)).toBe(join(base, '.data'));
    const hidden = join(base, 'hidden-checkout');
    await mkdir(hidden, { mode: 0o700 });
    expect(defaultDataDir(hidden)).toMatch(/^\/var\/lib\/transactional-ledger\/hidden-checkout-[0-9a-f]{8}$/);
  });

  it.runIf(unreachableFolder(projectRoot, UNPRIVILEGED) === undefined)(
    'another user can start one too',
    async () => {
      const dataDir = join(base, 'of-another-user');
      await mkdir(dataDir, { mode: 0o700 });
      await chown(dataDir, UNPRIVILEGED.uid, UNPRIVILEGED.gid);
      const { child, server } = await startChild(dataDir, UNPRIVILEGED);
      expect(await queryText(server.serviceUrl, 'select 1')).toBe('1');
      child.kill('SIGTERM');
      await once(child, 'exit');
      expect(child.exitCode).toBe(0);
      expect((await stat(join(dataDir, 'credentials.json'))).uid).toBe(UNPRIVILEGED.uid);
      expect(await isRunning(server.pid)).toBe(false);
    },
  );
});

const debianBinDir = '/usr/lib/postgresql/15/bin';
describe.runIf(existsSync(debianBinDir))("another installation's programs", { timeout: TIMEOUT_MS }, () => {
  it('work as well', async () => {
    const server = await start(join(base, 'debian'), { binDir: debianBinDir });
    expect(server.version).toMatch(/^15\./);
    expect(await queryText(server.serviceUrl, 'show server_version')).toContain(server.version);
  });
});
