import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { startServiceProcess } from '../../../scripts/service-process.ts';
import { startEmbeddedPostgres } from '../../../src/db/embedded/embedded-postgres.ts';
import { asOwner, createBlankDatabase, createTestDatabase } from '../../support/database.ts';
import { ask } from '../http/exchange.ts';
import { writeManifest } from '../http/manifest.ts';

const MAIN = join(import.meta.dirname, '../../../src/main.ts');

/** Runs a service that exits by itself, and returns its status and standard error. */
async function startInVain(
  env: Readonly<Record<string, string>>,
): Promise<{ status: unknown; stderr: string }> {
  try {
    await promisify(execFile)(process.execPath, [MAIN], {
      env: { ...process.env, PORT: '0', ...env },
      timeout: 20_000,
    });
  } catch (error) {
    const { code, stderr } = error as { code: unknown; stderr: string };
    return { status: code, stderr };
  }
  throw new Error('the service started and ended without an error');
}

test('an invalid environment variable prints one line and exits with status 1', async () => {
  expect(await startInVain({ PORT: 'abc' })).toEqual({
    status: 1,
    stderr: 'PORT must be a port from 0 to 65535, but is "abc".\n',
  });
});

describe('a manifest of trusted documents', () => {
  test('is read at the start, and then no other document is executed', async () => {
    const { serviceUrl } = await createTestDatabase();
    const path = await writeManifest(JSON.stringify({ abc123: '{ ledger { name } }' }));
    const service = await startServiceProcess({ DATABASE_URL: serviceUrl, TRUSTED_DOCUMENTS: path });
    const post = async (members: object) => {
      const headers = { 'content-type': 'application/json' };
      const body = JSON.stringify(members);
      return (await fetch(service.graphqlUrl, { method: 'POST', headers, body })).json();
    };
    expect(await post({ documentId: 'abc123' })).toEqual({ data: { ledger: { name: 'main' } } });
    expect(await post({ query: '{ __typename }' })).toMatchObject({
      errors: [{ extensions: { code: 'FORBIDDEN' } }],
    });
    expect(await service.stop()).toBe(0);
  });

  test('with an invalid document ends the start with one line that names it, and status 1', async () => {
    const path = await writeManifest('{"abc123":"{ nothing }"}');
    expect(await startInVain({ TRUSTED_DOCUMENTS: path })).toEqual({
      status: 1,
      stderr: expect.stringMatching(
        /^TRUSTED_DOCUMENTS is "[^"\n]+": the document "abc123" is invalid: [^\n]+\n$/,
      ),
    });
  });
});

describe('a database given by DATABASE_URL', () => {
  test('is served by a login that is only a member of the application’s role', async () => {
    const { serviceUrl } = await createTestDatabase();
    const service = await startServiceProcess({ DATABASE_URL: serviceUrl });
    expect(await ask(service.graphqlUrl, '{ ledger { name } }')).toEqual({
      data: { ledger: { name: 'main' } },
    });
    expect(service.output.join('\n')).not.toMatch(/can become the owner/);
    expect(await service.stop()).toBe(0);
  });

  test('is migrated by a login that can, with a warning about its rights', async () => {
    const { ownerUrl } = await createBlankDatabase();
    const service = await startServiceProcess({ DATABASE_URL: ownerUrl });
    expect(await ask(service.graphqlUrl, '{ ledger { name } }')).toEqual({
      data: { ledger: { name: 'main' } },
    });
    expect(service.output.join('\n')).toMatch(/Migrated the database: 0001_tables/);
    expect(service.output.join('\n')).toMatch(/can become the owner of the books/);
    expect(await service.stop()).toBe(0);
  });

  test('is migrated by the login of DATABASE_MIGRATION_URL', async () => {
    const { serviceUrl, ownerUrl } = await createBlankDatabase();
    const service = await startServiceProcess({ DATABASE_URL: serviceUrl, DATABASE_MIGRATION_URL: ownerUrl });
    expect(service.output.join('\n')).not.toMatch(/can become the owner/);
    expect(await service.stop()).toBe(0);
  });

  test('that lacks migrations is rejected if its login cannot migrate it', async () => {
    const { serviceUrl } = await createBlankDatabase();
    const { status, stderr } = await startInVain({ DATABASE_URL: serviceUrl });
    expect(status).toBe(1);
    expect(stderr).toMatch(/lacks the migrations 0001_tables, .* Set DATABASE_MIGRATION_URL/);
  });

  test('of a newer version is rejected and not changed', async () => {
    const database = await createTestDatabase();
    await asOwner(database, `insert into kysely_migration values ('9999_future', 'now')`);
    const { status, stderr } = await startInVain({ DATABASE_URL: database.ownerUrl });
    expect(status).toBe(1);
    expect(stderr).toMatch(/newer version of this program \(9999_future\)/);
  });

  test('of a version before the first release is refused in one line, which says how to start anew', async () => {
    const database = await createTestDatabase();
    await asOwner(database, `update kysely_migration set name = '0001_ledger' where name = '0001_tables'`);
    const { status, stderr } = await startInVain({ DATABASE_URL: database.ownerUrl });
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /^The database was made by .* before its first release.* Create a new database.*\n$/,
    );
  });

  test('whose login is not a member of the application’s role is rejected', async () => {
    const database = await createTestDatabase();
    const login = `stranger_${database.name}`;
    await asOwner(database, `create role ${login} login password 'secret'`);
    const url = new URL(database.serviceUrl);
    [url.username, url.password] = [login, 'secret'];
    const { status, stderr } = await startInVain({ DATABASE_URL: url.href });
    await asOwner(database, `drop role ${login}`);
    expect(status).toBe(1);
    expect(stderr).toContain(`grant tls_app to ${login};`);
  });

  test('that can lose committed transactions is rejected in one line, unless that is allowed', async () => {
    const { serviceUrl } = await createTestDatabase();
    const { status, stderr } = await startInVain({ DATABASE_URL: serviceUrl, ALLOW_UNSAFE_DURABILITY: '' });
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /^The database server can lose .*fsync is off, and full_page_writes is off\. .* ALLOW_UNSAFE_DURABILITY=1.*\n$/,
    );
    const service = await startServiceProcess({ DATABASE_URL: serviceUrl, ALLOW_UNSAFE_DURABILITY: '1' });
    expect(service.output.join('\n')).toMatch(/ALLOW_UNSAFE_DURABILITY is 1: .* not checked/);
    expect(await service.stop()).toBe(0);
  });

  test('that is read-only is rejected in one line', async () => {
    const database = await createTestDatabase();
    await asOwner(database, `alter database ${database.name} set default_transaction_read_only = on`);
    const { status, stderr } = await startInVain({ DATABASE_URL: database.serviceUrl });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^The database is read-only for this login: .*\n$/);
  });

  test.each(['DATABASE_URL', 'DATABASE_MIGRATION_URL'])(
    'that %s cannot reach is one clear line',
    async (name) => {
      const { serviceUrl } = await createBlankDatabase();
      const { status, stderr } = await startInVain({
        DATABASE_URL: serviceUrl,
        [name]: 'postgres://somebody@127.0.0.1:1/books',
      });
      expect(status).toBe(1);
      const line = `^PostgreSQL cannot be reached at 127\\.0\\.0\\.1:1, database books: .* Check ${name}, .*\\n$`;
      expect(stderr).toMatch(new RegExp(line));
    },
  );

  test('that does not exist is rejected in one line, which says how to create it', async () => {
    const url = new URL((await createBlankDatabase()).ownerUrl);
    url.pathname = 'not_yet';
    const { status, stderr } = await startInVain({ DATABASE_URL: url.href });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^PostgreSQL at \S+ has no database not_yet\. .* createdb not_yet; .*\n$/);
  });

  describe.each(['serviceUrl', 'ownerUrl'] as const)('whose search_path for the login of %s', (login) => {
    test('is wrong is rejected in one line, which says how to set it, and is not changed', async () => {
      const database = await createTestDatabase();
      await asOwner(
        database,
        'create schema elsewhere',
        `alter database ${database.name} set search_path = elsewhere`,
      );
      const { status, stderr } = await startInVain({ DATABASE_URL: database[login] });
      expect(status).toBe(1);
      expect(stderr).toMatch(
        /^The ledger uses the schema public, but the search_path .* is elsewhere\. .*alter role \S+ in database \S+ set search_path = public; .*\n$/,
      );
      const { username } = new URL(database[login]);
      const [, command = ''] = /run: (alter role .*? = public);/.exec(stderr) ?? [];
      expect(command).toContain(username);
      expect(
        await asOwner(database, `select from pg_class where relnamespace = 'elsewhere'::regnamespace`),
      ).toEqual([]);

      await asOwner(database, command);
      const service = await startServiceProcess({ DATABASE_URL: database[login] });
      await asOwner(database, `alter role ${username} in database ${database.name} reset search_path`);
      expect(await service.stop()).toBe(0);
    });
  });
});

describe('the embedded database', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ledger-service-'));
  await chmod(folder, 0o711);
  afterAll(() => rm(folder, { recursive: true, force: true }));
  const env = { LEDGER_DATA_DIR: join(folder, 'data') };

  test('starts and stops with the service, and keeps its data over a restart', async () => {
    const first = await startServiceProcess(env);
    const { data } = (await ask(
      first.graphqlUrl,
      'mutation { createAccount(input: { owner: "alice", currency: "USD" }) { ... on AccountCreated { account { id } } } }',
    )) as { data: { createAccount: { account: { id: string } } } };
    const { id } = data.createAccount.account;

    const second = await startInVain(env);
    expect(second.status).toBe(1);
    expect(second.stderr).toContain(env.LEDGER_DATA_DIR);
    expect(await first.stop()).toBe(0);

    const again = await startServiceProcess(env);
    expect(await ask(again.graphqlUrl, `{ account(id: "${id}") { owner } }`)).toEqual({
      data: { account: { owner: 'alice' } },
    });
    expect(await again.stop()).toBe(0);
  });

  test('of a version before the first release is refused in one line, which names the folder to remove', async () => {
    const dataDir = join(folder, 'unreleased');
    const postgres = await startEmbeddedPostgres({ dataDir });
    try {
      await asOwner(
        postgres,
        `create table kysely_migration as select '0001_ledger' as name, '' as timestamp`,
        'alter table kysely_migration owner to tls_owner',
      );
    } finally {
      await postgres.stop();
    }
    const { status, stderr } = await startInVain({ LEDGER_DATA_DIR: dataDir });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^The data directory .* before its first release.* Remove that folder.*\n$/);
    expect(stderr).toContain(`The data directory ${dataDir} `);
  });
});

test('a port in use prints one line, and no database is created or migrated', async () => {
  const database = await createBlankDatabase();
  const folder = await mkdtemp(join(tmpdir(), 'ledger-port-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await chmod(folder, 0o711);
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  onTestFinished(() => void taken.close());
  const PORT = `${(taken.address() as AddressInfo).port}`;
  for (const env of [{ DATABASE_URL: database.ownerUrl }, { LEDGER_DATA_DIR: join(folder, 'data') }]) {
    const { status, stderr } = await startInVain({ PORT, ...env });
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /^The service cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE.* Set HOST or PORT to a free address\.\n$/,
    );
  }
  expect(await readdir(folder)).toEqual([]);
  expect(await asOwner(database, `select from pg_class where relnamespace = 'public'::regnamespace`)).toEqual(
    [],
  );
});

test.skipIf(process.platform !== 'linux').each(['/proc/foo', '/proc/foo/bar', import.meta.filename])(
  'the data directory %s, which cannot be made, is one clear line',
  async (path) => {
    const { status, stderr } = await startInVain({ LEDGER_DATA_DIR: path });
    expect(status).toBe(1);
    expect(stderr).toBe(
      `The data directory ${path} cannot be created or written to. Set LEDGER_DATA_DIR to a folder that you own.\n`,
    );
  },
);

test('without a terminal, every line of the log is JSON', async () => {
  const { ownerUrl } = await createBlankDatabase();
  const service = await startServiceProcess({ DATABASE_URL: ownerUrl });
  expect(await service.stop()).toBe(0);
  const messages = service.output.map((line) => (JSON.parse(line) as { msg: string }).msg);
  expect(messages[0]).toMatch(/^Migrated the database: 0001/);
  expect(messages).toContainEqual(`GraphQL: ${service.graphqlUrl}`);
  expect(messages).toContainEqual(expect.stringMatching(/can become the owner of the books/));
});

/** The command of util-linux that runs another in a terminal. */
const SCRIPT = '/usr/bin/script';

test.skipIf(process.platform !== 'linux' || !existsSync(SCRIPT))(
  'the log is readable on a terminal, and Ctrl+C is an orderly end',
  async () => {
    const { serviceUrl } = await createTestDatabase();
    const child = spawn(SCRIPT, ['-qec', `exec '${process.execPath}' '${MAIN}'`, '/dev/null'], {
      env: { ...process.env, SHELL: '/bin/sh', NO_COLOR: '1', PORT: '0', DATABASE_URL: serviceUrl },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let printed = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      printed += text;
    });
    onTestFinished(() => void child.kill());
    const closed = once(child, 'close');
    await expect.poll(() => printed, { timeout: 20_000 }).toContain('Stop with Ctrl+C.');
    const [, url = ''] = /GraphQL: (\S+)/.exec(printed) ?? [];
    await ask(url, 'query Look { ledger { name } }');
    await expect.poll(() => printed).toContain('Look');
    child.stdin.write('\u0003');
    expect((await closed)[0]).toBe(0);
    const lines = printed.replaceAll('\r', '').replace('^C', '').trimEnd().split('\n');
    for (const line of lines) expect(line).toMatch(/^\[\d\d:\d\d:\d\d\] (INFO|WARN): \S/);
    expect(lines.at(-1)).toMatch(/ INFO: request \{.*"operation":"Look".*"status":200.*\}$/);
  },
);
