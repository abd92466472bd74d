import { existsSync } from 'node:fs';
import { chmod, cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServiceProcess } from '../../../scripts/service-process.ts';
import { startEmbeddedPostgres } from '../../../src/db/embedded/embedded-postgres.ts';
import { COMMAND_LANGUAGES, readCommands } from '../../support/commands.ts';
import { asOwner, createTestDatabase } from '../../support/database.ts';
import { readPage, Shell } from '../../support/docs.ts';
import { expectSoundBooks } from '../../support/ledger.ts';
import { startInTerminal } from '../../support/terminal.ts';
import { expectAnswers, readWalk } from '../../support/walk.ts';

const PROJECT = join(import.meta.dirname, '../../..');
const TIMEOUT_MS = 120_000;

const readme = await readPage('README.md');
const commands = await readCommands();
const walk = readWalk(readme, COMMAND_LANGUAGES);

const folder = await mkdtemp(join(tmpdir(), 'ledger-readme-'));
// Root runs PostgreSQL as another user, who must be able to enter the folder.
beforeAll(() => chmod(folder, 0o711));
afterAll(() => rm(folder, { recursive: true, force: true }));

test(
  'the first command starts the ledger, and recorded outcomes survive a restart',
  async () => {
    const copy = join(folder, 'ledger');
    for (const name of ['package.json', 'src', 'db']) {
      await cp(join(PROJECT, name), join(copy, name), { recursive: true });
    }
    // A test downloads nothing: `npm ci` links the installed packages. All other commands are npm's own.
    const standIn = `npm() {
      if [ "$*" = ci ]; then ln -sfn '${PROJECT}/node_modules' node_modules; else command npm "$@"; fi
    }`;
    const start = () =>
      startInTerminal(copy, `${standIn}\n${commands.start}`, { LEDGER_DATA_DIR: join(folder, 'data') });

    const first = await start();
    expect(readme).toContain(`<${first.graphqlUrl.replace(/:\d+/, ':4000')}>`);
    await expectAnswers(first.graphqlUrl, walk);
    await first.interrupt();

    const second = await start();
    await expectAnswers(second.graphqlUrl, walk.slice(-2));
    expect(second.output.join('\n'), 'Ctrl+C is an orderly shutdown').not.toMatch(/Recovering|killed/);
  },
  TIMEOUT_MS,
);

/** Suppresses the lines in which npm prints the command. */
const QUIET = 'export npm_config_loglevel=silent\n';

test('the demo fills an empty ledger', async () => {
  const database = await createTestDatabase();
  const target = `export DATABASE_URL='${database.serviceUrl}'\n`;
  expect(await new Shell(PROJECT).run(QUIET + target + commands.demo)).toContain(
    'The ledger main has a demo: 101 accounts',
  );
});

describe('the proof', () => {
  test('prints what the page shows on a running service', async () => {
    const database = await createTestDatabase();
    const service = await startServiceProcess({ DATABASE_URL: database.serviceUrl });
    try {
      const command = commands.proof.replace(/http:\S+/, service.graphqlUrl);
      expect(command, 'the page names an address').toContain(service.graphqlUrl);
      expect(await new Shell(PROJECT).run(QUIET + command)).toBe(commands.proofOutput);
    } finally {
      await service.stop();
    }
    await expectSoundBooks(database);
  });

  test(
    'prints the same on a temporary service if it is given no address',
    async () => {
      const command = commands.proof.replace(/ -- http:\S+/, '');
      const printed = await new Shell(PROJECT).run(QUIET + command);
      expect(printed.slice(printed.indexOf('\n') + 1)).toBe(commands.proofOutput);
    },
    TIMEOUT_MS,
  );
});

/** The packages of PostgreSQL contain psql; the embedded server does not. */
const hasPsql = (process.env['PATH'] ?? '').split(delimiter).some((path) => existsSync(join(path, 'psql')));

test.skipIf(!hasPsql)(
  'the commands for your own PostgreSQL prepare it, and the service runs on it',
  async () => {
    const password = 'of-the-administrator';
    const server = await startEmbeddedPostgres({
      dataDir: join(folder, 'own'),
      settings: { fsync: 'off', full_page_writes: 'off' },
    });
    try {
      // A server without a ledger: it has a superuser only.
      const { username, password: own } = new URL(server.ownerUrl);
      const ownerUrl = `postgres://${username}:${own}@127.0.0.1:${server.port}/postgres`;
      await asOwner(
        { ownerUrl },
        'drop database ledger',
        'drop role ledger_service, tls_app, tls_owner',
        `create role postgres superuser login password '${password}'`,
      );

      const here = commands.ownPostgres.replaceAll('127.0.0.1:5432', `127.0.0.1:${server.port}`);
      const service = await startInTerminal(PROJECT, here, {
        PGHOST: '127.0.0.1',
        PGPORT: `${server.port}`,
        PGUSER: 'postgres',
        PGPASSWORD: password,
      });
      await expectAnswers(service.graphqlUrl, walk);
      expect(service.output.join('\n')).not.toMatch(/ERROR|WARNING|can become the owner/);
      await service.interrupt();
      await expectSoundBooks({
        serviceUrl: `postgres://postgres:${password}@127.0.0.1:${server.port}/books`,
      });
    } finally {
      await server.stop();
    }
  },
  TIMEOUT_MS,
);

test('the log contains the line that the page shows', async () => {
  const database = await createTestDatabase();
  const service = await startServiceProcess({ DATABASE_URL: database.serviceUrl });
  try {
    await expectAnswers(service.graphqlUrl, walk.slice(0, 2));
    const line = () => service.output.find((printed) => printed.includes('"operation":"Pay"'));
    await expect.poll(line).toBeDefined();
    expect(withoutVariables(line() ?? '')).toBe(withoutVariables(commands.logLine.trimEnd()));
  } finally {
    await service.stop();
  }
});

/** Replaces the values that differ between runs: time, process, host, request and duration. */
function withoutVariables(line: string): string {
  return line
    .replace(/"time":\d{13},/, '"time":0,')
    .replace(/"pid":\d+,/, '"pid":0,')
    .replace(/"hostname":"[^"]+"/, '"hostname":""')
    .replace(/"requestId":"[0-9a-f]{4}[0-9a-f-]*…?"/, '"requestId":""')
    .replace(/"ms":\d+(\.\d)?,/, '"ms":0,');
}
