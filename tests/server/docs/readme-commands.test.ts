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
// Under root PostgreSQL runs as another user, who must be able to enter the folder.
beforeAll(() => chmod(folder, 0o711));
afterAll(() => rm(folder, { recursive: true, force: true }));

test(
  'the first command brings up the ledger, and what was answered is still there at the next start',
  async () => {
    const copy = join(folder, 'ledger');
    for (const name of ['package.json', 'src', 'db']) {
      await cp(join(PROJECT, name), join(copy, name), { recursive: true });
    }
    // A test downloads nothing: what `npm ci` would install is linked. All else is npm's own.
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
    await expectAnswers(second.graphqlUrl, walk.slice(-1));
    expect(second.output.join('\n'), 'Ctrl+C was an orderly end').not.toMatch(/Recovering|killed/);
  },
  TIMEOUT_MS,
);

describe('the founding proof', () => {
  /** npm does not say what it runs. */
  const QUIET = 'export npm_config_loglevel=silent\n';

  test(
    'prints what the README says, on a server of its own',
    async () => {
      const printed = await new Shell(PROJECT).run(QUIET + commands.proof);
      expect(printed).toBe(`Starting a ledger of its own …\n${commands.proofOutput}`);
    },
    TIMEOUT_MS,
  );

  test('prints the same on a service that runs already', async () => {
    const database = await createTestDatabase();
    const service = await startServiceProcess({ DATABASE_URL: database.serviceUrl });
    try {
      const [, command = '', url = ''] = /`(npm run proof -- (http:\S+))`/.exec(readme) ?? [];
      const printed = await new Shell(PROJECT).run(QUIET + command.replace(url, service.graphqlUrl));
      expect(printed).toBe(commands.proofOutput);
    } finally {
      await service.stop();
    }
    await expectSoundBooks(database);
  });
});

/** It comes with PostgreSQL's packages, and not with the embedded server. */
const hasPsql = (process.env['PATH'] ?? '').split(delimiter).some((path) => existsSync(join(path, 'psql')));

test.skipIf(!hasPsql)(
  'the commands for a PostgreSQL of one’s own prepare it, and the service serves on it',
  async () => {
    const password = 'of-the-administrator';
    const server = await startEmbeddedPostgres({
      dataDir: join(folder, 'own'),
      settings: { fsync: 'off', full_page_writes: 'off' },
    });
    try {
      // The server of somebody who never had a ledger: its superuser, and nothing else.
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

test('the log has the line that the README shows', async () => {
  const database = await createTestDatabase();
  const service = await startServiceProcess({ DATABASE_URL: database.serviceUrl });
  try {
    const named = walk.slice(0, 3).map(({ query, answer }) => ({
      query: query.replace(/^mutation (?=\{\n {2}transfer\b)/, 'mutation Pay '),
      answer,
    }));
    await expectAnswers(service.graphqlUrl, named);
    const line = () => service.output.find((printed) => printed.includes('"operation":"Pay"'));
    await expect.poll(line).toBeDefined();
    expect(likeEveryOther(line() ?? '')).toBe(likeEveryOther(commands.logLine.trimEnd()));
  } finally {
    await service.stop();
  }
});

/** A line of the log with the same time, process, machine, request and duration as every other one that has them. */
function likeEveryOther(line: string): string {
  return line
    .replace(/"time":\d{13},/, '"time":0,')
    .replace(/"pid":\d+,/, '"pid":0,')
    .replace(/"hostname":"[^"]+"/, '"hostname":""')
    .replace(/"requestId":"[0-9a-f]{4}[0-9a-f-]*…?"/, '"requestId":""')
    .replace(/"ms":\d+(\.\d)?,/, '"ms":0,');
}
