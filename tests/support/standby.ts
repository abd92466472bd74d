import { execFile } from 'node:child_process';
import { appendFile, chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/db/embedded/embedded-postgres.ts';
import { serverAccount } from '../../src/db/embedded/system.ts';
import { migrate } from '../../src/db/postgres/migrator.ts';

export interface Replication {
  readonly primary: EmbeddedPostgres;
  /** Replicates the primary. The primary acknowledges a COMMIT only when the standby has it. */
  readonly standby: EmbeddedPostgres;
}

/** Runs a function with a migrated primary and its synchronous standby: two real servers. */
export async function withStandby(run: (servers: Replication) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'ledger-standby-'));
  const servers: EmbeddedPostgres[] = [];
  const start = async (...options: Parameters<typeof startEmbeddedPostgres>) => {
    const server = await startEmbeddedPostgres(...options);
    servers.push(server);
    return server;
  };
  try {
    await chmod(folder, 0o711);
    const [first, second] = [join(folder, 'first'), join(folder, 'second')];
    const fresh = await startEmbeddedPostgres({ dataDir: first });
    await migrate(fresh.ownerUrl, () => {});
    await fresh.stop();
    // The standby begins as a copy of the stopped primary.
    await promisify(execFile)('cp', ['-a', first, second]);
    const signal = join(second, 'cluster', 'standby.signal');
    const account = serverAccount();
    await writeFile(signal, '', { mode: 0o644 });
    if (account !== undefined) await promisify(execFile)('chown', [`${account.uid}`, signal]);
    const primary = await start({ dataDir: first, settings: { synchronous_standby_names: '*' } });
    const { port, username, password } = new URL(primary.ownerUrl);
    const conninfo = `host=127.0.0.1 port=${port} user=${username} password=${password}`;
    await appendFile(join(second, 'cluster', 'postgresql.auto.conf'), `primary_conninfo = '${conninfo}'\n`);
    await run({ primary, standby: await start({ dataDir: second }) });
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
    await rm(folder, { recursive: true, force: true });
  }
}
