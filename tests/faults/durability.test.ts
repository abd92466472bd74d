import { expect, onTestFinished, test } from 'vitest';
import { withTemporaryPostgres } from '../../scripts/temporary-postgres.ts';
import { ConnectionLostError } from '../../src/db/postgres/checked-pool.ts';
import { type DatabaseOptions, openDatabase } from '../../src/db/postgres/database.ts';
import { migrate } from '../../src/db/postgres/migrator.ts';
import { Engine } from '../../src/ledger/engine.ts';
import { createHealth } from '../../src/server/operations/health.ts';
import { asOwner } from '../support/database.ts';
import { deposit, makeAccount } from '../support/ledger.ts';

const RELOAD = 'select pg_reload_conf()';
const END_SESSIONS = `select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'transactional-ledger %'`;

const durably = (run: Parameters<typeof withTemporaryPostgres>[0]) =>
  withTemporaryPostgres(run, { isDurable: true });

/** Returns a function that reads settings of one of the service's connections. */
function session(url: string, options: Partial<DatabaseOptions> = {}) {
  const db = openDatabase({
    url,
    role: 'ledger_service',
    maxConnections: 1,
    applicationName: 'durability',
    ...options,
  });
  onTestFinished(() => db.destroy());
  return async (name: string) => {
    const { rows } = await db.executeQuery<{ value: string }>({
      ...db.selectNoFrom(({ val, fn }) => fn<string>('current_setting', [val(name)]).as('value')).compile(),
    });
    return rows[0]?.value;
  };
}

test('COMMIT waits for the disk whatever the settings are, and for standbys as configured', async () => {
  await durably(async (server) => {
    const set: [value: string, used: string][] = [
      ['off', 'on'],
      ['local', 'local'],
      ['remote_write', 'remote_write'],
      ['on', 'on'],
      ['remote_apply', 'remote_apply'],
    ];
    for (const where of ['role ledger_service', 'database ledger', 'system']) {
      for (const [value, used] of set) {
        await asOwner(server, `alter ${where} set synchronous_commit = ${value}`, RELOAD);
        const setting = session(server.serviceUrl);
        expect(await setting('synchronous_commit'), `${where}: ${value}`).toBe(used);
      }
      await asOwner(server, `alter ${where} reset synchronous_commit`, RELOAD);
    }
  });
}, 60_000);

test('a reload of the configuration does not lower the durability of a connection', async () => {
  await durably(async (server) => {
    const setting = session(server.serviceUrl);
    const witness = session(server.serviceUrl, { allowUnsafeDurability: true });
    expect([await setting('synchronous_commit'), await witness('synchronous_commit')]).toEqual(['on', 'on']);
    await asOwner(server, 'alter system set synchronous_commit = off', RELOAD);
    await expect.poll(() => witness('synchronous_commit')).toBe('off');
    expect(await setting('synchronous_commit')).toBe('on');
  });
});

test.each(['fsync', 'full_page_writes'])(
  'a server with %s off is rejected, at the start and later',
  async (name) => {
    await durably(async (server) => {
      await migrate(server.ownerUrl, () => {});
      const turn = (value: string) => asOwner(server, `alter system set ${name} = ${value}`, RELOAD);
      const options = { databaseUrl: server.serviceUrl };
      const problem = new RegExp(`${name} is off\\..* ALLOW_UNSAFE_DURABILITY=1`);

      const faults: string[] = [];
      const ledger = await Engine.openMain({
        ...options,
        onFault: (error) => faults.push((error as Error).message),
      });
      onTestFinished(() => ledger.close());
      const health = createHealth({ engine: ledger.engine, draining: () => false });
      const accountId = await makeAccount(ledger);
      const pay = async () => (await deposit(ledger, { accountId, amount: '1' })).code;
      expect(await pay()).toBe('POSTED');

      await turn('off');
      await expect.poll(async () => String((await health.readyz()).body), { timeout: 5000 }).toMatch(problem);
      // Existing connections stay usable; later ones are rejected.
      expect(await pay()).toBe('POSTED');
      await asOwner(server, END_SESSIONS);
      expect(await pay()).toBe('UNAVAILABLE');
      expect(faults.filter((fault) => problem.test(fault))).toHaveLength(1);
      await expect(Engine.openMain(options)).rejects.toThrow(ConnectionLostError);
      await expect(Engine.openMain(options)).rejects.toThrow(problem);
      await (await Engine.openMain({ ...options, allowUnsafeDurability: true })).close();

      await turn('on');
      await expect.poll(pay, { timeout: 10_000 }).toBe('POSTED');
      await expect.poll(async () => (await health.readyz()).status, { timeout: 5000 }).toBe(200);
    });
  },
  60_000,
);
