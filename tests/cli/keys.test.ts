import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { userInfo } from 'node:os';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { Engine } from '../../src/ledger/engine.ts';
import { PROGRAM, runCli, runJson } from '../support/cli.ts';
import { asOwner, connect, createTestDatabase, type TestDatabase } from '../support/database.ts';
import { expectSoundBooks } from '../support/ledger.ts';
import { type Fate, startTcpProxy } from '../support/tcp-proxy.ts';

const SECRET = /^tlsk_[0-9a-z]{26}_[\w-]{43}$/;

let database: TestDatabase;
let env: { readonly DATABASE_URL: string };
let engine: Engine;
beforeAll(async () => {
  database = await createTestDatabase();
  env = { DATABASE_URL: database.serviceUrl };
  engine = await Engine.open({ databaseUrl: database.serviceUrl, allowUnsafeDurability: true });
});
afterAll(async () => {
  await engine.close();
  await expectSoundBooks(database);
});

const create = (...args: readonly string[]) => runCli(['keys', 'create', ...args], env);

describe('before the first key', () => {
  test('a list says what to do, and its document is empty', async () => {
    const { status, stdout, stderr } = await runCli(['keys', 'list'], env);
    expect([status, stdout]).toEqual([0, '']);
    expect(stderr).toMatch(/^There are no API keys\. Create one: npm run ledger -- keys create --name/);
    expect(await runJson(['keys', 'list'], env)).toEqual({ apiKeys: [] });
    expect((await runCli(['ledgers', 'list'], env)).stderr).toContain('ledgers create NAME');
  });

  test('a command that is refused leaves the service open', async () => {
    expect((await create('--name', '', '--scopes', 'READ')).status).toBe(1);
    expect(await engine.access.isKeyed()).toBe(false);
  });
});

describe('a created key', () => {
  test('has its secret as the only line of the output, and authenticates', async () => {
    const { status, stdout, stderr } = await create(
      '--name',
      'ops',
      '--scopes',
      'ADMIN,READ',
      '--all-ledgers',
    );
    const secret = stdout.trimEnd();
    expect(status).toBe(0);
    expect(secret).toMatch(SECRET);
    expect(stdout).toBe(`${secret}\n`);
    expect(stderr).toMatch(
      /^Created the API key ops \(key_\w{26}\): all ledgers; scopes READ, ADMIN; no expiry\.\n/,
    );
    expect(stderr).toContain('shown only this once');
    expect(stderr).not.toContain(secret.slice(32));

    expect(await engine.access.authenticate(secret)).toMatchObject({
      key: { name: 'ops', ledger: null },
      viewer: { allLedgers: true, scopes: new Set(['READ', 'ADMIN']), owner: null },
    });
    await expect.poll(() => engine.access.isKeyed(), { timeout: 5000 }).toBe(true);
  });

  test('has the options, also in the document', async () => {
    expect((await runCli(['ledgers', 'create', 'shop'], env)).status).toBe(0);
    const options = [
      '--ledger',
      'shop',
      '--expires',
      '2100-01-31T13:00:00+01:00',
      '--requests-per-second',
      '50',
    ];
    const made = await runJson(['keys', 'create', '--name', 'till', '--scopes', 'POST', ...options], env);
    expect(made.secret).toMatch(SECRET);
    expect(made.apiKey).toEqual({
      id: expect.stringMatching(/^key_\w{26}$/),
      actor: { id: expect.stringMatching(/^act_\w{26}$/), kind: 'API_KEY', name: 'till' },
      name: 'till',
      prefix: made.secret.slice(0, 31),
      scopes: ['POST'],
      owner: null,
      ledger: { id: expect.stringMatching(/^ldg_\w{26}$/), name: 'shop' },
      requestsPerSecond: 50,
      createdAt: expect.stringMatching(/^20.*Z$/),
      expiresAt: '2100-01-31T12:00:00.000000Z',
      lastUsedAt: null,
      revokedAt: null,
    });
    const { stdout } = await runCli(['keys', 'list'], env);
    const [titles, ...rows] = stdout.trimEnd().split('\n');
    expect(titles).toMatch(/^ID +NAME +LEDGER +SCOPES +OWNER +STATE +LAST USED$/);
    expect(rows.at(-1)).toMatch(
      /^key_\w{26} +till +shop +POST +\(any\) +valid until 2100-01-31 12:00Z +never$/,
    );
    expect(rows.at(-1)?.indexOf('shop')).toBe(titles?.indexOf('LEDGER'));
    expect(stdout).not.toContain('tlsk_');
    expect(await engine.access.authenticate(made.secret)).toMatchObject({
      key: { ledger: { name: 'shop' } },
      viewer: { allLedgers: false },
    });
  });

  test('can have any name of 255 bytes, which is shown without control characters', async () => {
    const name = `\u001b[31m\n${'é'.repeat(124)}`;
    const made = await create('--name', `${name}x`, '--scopes', 'READ');
    expect(made.stderr).toContain('\\u{1b}[31m\\u{a}é');
    const { stdout } = await runCli(['keys', 'list'], env);
    expect(stdout).toContain('\\u{1b}[31m\\u{a}é');
    const { apiKeys } = await runJson(['keys', 'list'], env);
    expect(apiKeys.at(-1).name).toBe(`${name}x`);
  });

  test('is in the audit log with the command line as its actor, and the user of the operating system', async () => {
    const { apiKey } = await runJson(['keys', 'create', '--name', 'audited', '--scopes', 'READ'], env);
    await runJson(['keys', 'revoke', apiKey.id], env);
    const events = await asOwner(
      database,
      `select e.action, a.kind, a.name, e.request_id from audit_events e join actors a on a.id = e.actor
        order by e.number desc limit 2`,
    );
    expect(events.map(({ action }) => action)).toEqual(['revokeApiKey', 'createApiKey']);
    for (const { kind, name, request_id } of events) {
      expect([kind, name]).toEqual(['CLI', 'command line']);
      expect(request_id).toMatch(new RegExp(`^cli:${userInfo().username}:[0-9a-f-]{36}$`));
    }
  });

  test.skipIf(process.platform !== 'linux')('whose secret cannot be printed is reported', async () => {
    const full = openSync('/dev/full', 'w');
    const child = spawn(process.execPath, [PROGRAM, 'keys', 'create', '--name', 'lost', '--scopes', 'READ'], {
      env: { ...process.env, ...env },
      stdio: ['ignore', full, 'pipe'],
    });
    closeSync(full);
    const closed = once(child, 'close');
    const stderr = child.stderr === null ? '' : await text(child.stderr);
    expect((await closed)[0]).toBe(1);
    expect(stderr).toMatch(/Standard output cannot be written: .*its secret is lost: revoke that key/);
  });
});

describe('a key is refused', () => {
  test.concurrent.each([
    [
      'a taken name',
      ['--name', 'ops', '--scopes', 'READ', '--all-ledgers'],
      /--name must be unique.*"ops".*Revoke/,
    ],
    ['no name', ['--name', '', '--scopes', 'READ'], /--name must not be empty/],
    [
      '300 bytes',
      ['--name', 'n'.repeat(300), '--scopes', 'READ'],
      /--name must have at most 255 bytes, but has 300/,
    ],
    [
      'an owner with MANAGE',
      ['--name', 'o', '--scopes', 'READ,MANAGE', '--owner', 'alice'],
      /--owner requires the scopes READ and POST alone, but the key has MANAGE/,
    ],
    [
      'the owner external',
      ['--name', 'o', '--scopes', 'READ', '--owner', 'external'],
      /--owner must not be external/,
    ],
    [
      'the past',
      ['--name', 'o', '--scopes', 'READ', '--expires', '2020-01-01T00:00:00Z'],
      /--expires must be later/,
    ],
    [
      '0 per second',
      ['--name', 'o', '--scopes', 'READ', '--requests-per-second', '0'],
      /--requests-per-second must/,
    ],
    [
      'no such ledger',
      ['--name', 'o', '--scopes', 'READ', '--ledger', 'nope'],
      /The ledger "nope" does not exist.*ledgers create/,
    ],
    [
      'a bad ledger',
      ['--name', 'o', '--scopes', 'READ', '--ledger', '\u001b]0;x\u0007'.repeat(60)],
      /does not exist/,
    ],
    ['no ledger name', ['--name', 'o', '--scopes', 'READ', '--ledger', ''], /The ledger "" does not exist/],
  ])('for %s, with status 1', async (_, args, message) => {
    const count = () => asOwner(database, 'select count(*) from api_keys');
    const before = await count();
    const { status, stdout, stderr } = await create(...args);
    expect(stderr).toMatch(message);
    expect([status, stdout]).toEqual([1, '']);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they must not occur
    expect(stderr.trimEnd()).not.toMatch(/[\u0000-\u001f]/);
    expect(await count()).toEqual(before);
  });
});

describe('revoking', { timeout: 60_000 }, () => {
  test('by the id, the prefix, the whole text or the name ends a key for good', async () => {
    const revokeBy = async (which: 'id' | 'prefix' | 'secret' | 'name') => {
      const { apiKey, secret } = await runJson(
        ['keys', 'create', '--name', `by ${which}`, '--scopes', 'READ'],
        env,
      );
      const given = which === 'secret' ? secret : apiKey[which];
      const { status, stdout } = await runCli(['keys', 'revoke', given], env);
      expect(status).toBe(0);
      expect(stdout).toMatch(new RegExp(`^Revoked the API key by ${which} \\(${apiKey.id}\\)`));
      expect(stdout).not.toContain('tlsk_');
      expect(await engine.access.authenticate(secret)).toBe('REVOKED');
    };
    await Promise.all((['id', 'prefix', 'secret', 'name'] as const).map(revokeBy));
    const { stdout } = await runCli(['keys', 'list'], env);
    expect(stdout.match(/ by \w+ .*revoked 20\d\d-/g)).toHaveLength(4);
    // The flag stays set although the key is revoked.
    expect(await engine.access.isKeyed()).toBe(true);
  });

  test('by a name of several keys lists their ids; a revoked one does not count', async () => {
    const revoked = await runJson(['keys', 'create', '--name', 'twin', '--scopes', 'READ'], env);
    await runJson(['keys', 'revoke', 'twin'], env);
    const one = await runJson(['keys', 'create', '--name', 'twin', '--scopes', 'READ'], env);
    const two = await runJson(['keys', 'create', '--name', 'twin', '--scopes', 'READ', '--all-ledgers'], env);
    const { status, stderr } = await runCli(['keys', 'revoke', 'twin'], env);
    expect(status).toBe(1);
    expect(stderr).toContain(`${one.apiKey.id} (ledger main), ${two.apiKey.id} (all ledgers)`);
    expect(stderr).not.toContain(revoked.apiKey.id);
    const again = await runJson(['keys', 'revoke', revoked.apiKey.id], env);
    expect(again.apiKey.revokedAt).not.toBeNull();
  });

  test.concurrent.each([
    ['nobody', /No valid key has the name "nobody"/],
    ['', /No valid key has the name ""/],
    [`key_${'0'.repeat(26)}`, /API key "key_0+" does not exist.*\(API_KEY_NOT_FOUND\)/],
    [`tlsk_${'0'.repeat(26)}_${'A'.repeat(43)}`, /API key "key_0+" does not exist/],
    [`tlsk_${'A'.repeat(43)}`, /No valid key has the name "tlsk_…"/],
  ])('%j is refused', async (which, message) => {
    const { status, stdout, stderr } = await runCli(['keys', 'revoke', which], env);
    expect(stderr).toMatch(message);
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).not.toContain('AAAA');
  });
});

describe('ledgers', () => {
  test('are created once, and listed in order of creation', async () => {
    const first = await runJson(['ledgers', 'create', 'sandbox'], env);
    expect(first).toMatchObject({
      ledger: { name: 'sandbox', id: expect.stringMatching(/^ldg_/) },
      replayed: false,
    });
    expect(await runJson(['ledgers', 'create', 'sandbox'], env)).toEqual({ ...first, replayed: true });
    const { ledgers } = await runJson(['ledgers', 'list'], env);
    expect(ledgers.map(({ name }: { name: string }) => name)).toEqual(['main', 'shop', 'sandbox']);
    expect((await engine.ledger('sandbox'))?.name).toBe('sandbox');
  });

  test.concurrent.each(['', 'Main', '-a', 'a b', 'a'.repeat(64), 'ä', 'a\u0007'])(
    'the name %j is refused',
    async (name) => {
      const { status, stdout, stderr } = await runCli(['ledgers', 'create', '--', name], env);
      expect(stderr).toMatch(/name must have 1 to 63 characters/);
      expect([status, stdout]).toEqual([1, '']);
    },
  );
});

describe('a failing database', () => {
  test('leads to status 1 and nothing else while a table is locked', async () => {
    const session = await connect(database.ownerUrl);
    await session.query('begin; lock table api_keys in exclusive mode');
    const { status, stdout, stderr } = await create('--name', 'locked', '--scopes', 'READ');
    expect(stderr).toMatch(/^error: .*\((OVERLOADED|UNAVAILABLE)\)\n$/);
    expect([status, stdout]).toEqual([1, '']);
    await session.query('rollback');
    const { rows } = await session.query(`select from api_keys where name = 'locked'`);
    expect(rows).toEqual([]);
  });

  test('whose COMMIT returns no result creates the key once, and its secret is valid', async () => {
    const fates: Fate[] = ['drop after', 'drop before'];
    const proxy = await startTcpProxy(database.serviceUrl, () => fates.pop() ?? 'pass');
    onTestFinished(() => proxy.close());
    const args = ['keys', 'create', '--name', 'unsure', '--scopes', 'READ'];
    const { status, stdout, stderr } = await runCli(args, { DATABASE_URL: proxy.url });
    expect([status, fates], stderr).toEqual([0, []]);
    expect(await engine.access.authenticate(stdout.trimEnd())).toMatchObject({ key: { name: 'unsure' } });
  });

  test('that never returns a result of COMMIT leads to advice', async () => {
    const proxy = await startTcpProxy(database.serviceUrl, () => 'drop after');
    onTestFinished(() => proxy.close());
    const args = ['keys', 'create', '--name', 'unknown', '--scopes', 'READ'];
    const { status, stdout, stderr } = await runCli(args, { DATABASE_URL: proxy.url });
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/It is unknown whether the change was made\..* keys list.*\(UNAVAILABLE\)/);
  });
});
