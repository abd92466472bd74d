import { setTimeout } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { COMMAND_LINE } from '../../../src/core/access/actor.ts';
import { SCOPES, type Viewer } from '../../../src/core/access/viewer.ts';
import { formatId } from '../../../src/core/values/ids.ts';
import type { KeyInput } from '../../../src/ledger/access/access.ts';
import { createKey, ledgerIdOf, openEngine, viewer } from '../../support/access.ts';
import { asOwner, createTestDatabase, serverLog } from '../../support/database.ts';
import { deposit, expectPosted, expectSoundBooks, makeAccount } from '../../support/ledger.ts';
import { type Fate, startTcpProxy } from '../../support/tcp-proxy.ts';

const database = await createTestDatabase();
await asOwner(database, `alter database ${database.name} set log_statement = 'all'`);
const engine = await openEngine(database);
const other = await openEngine(database);
const { access } = engine;
afterAll(() => expectSoundBooks(database));

const main = await ledgerIdOf(access);
const eu = await ledgerIdOf(access, 'eu');
const us = await ledgerIdOf(access, 'us');
const PAGE = { limit: 100, inverted: false };

/** Returns the audit events of a subject, with the name of their ledger. */
const eventsOf = (subject: string) =>
  asOwner(
    database,
    `select l.name as ledger, action, subject_type, actor, before::jsonb, after::jsonb, request_id
     from audit_events e join ledgers l on l.id = e.ledger_id where subject = '${subject}' order by e.created_at`,
  );

describe('a key', () => {
  it('has what was asked for, and a secret that is stored nowhere', async () => {
    const expiresAt = 4_000_000_000_000_001n;
    const { apiKey, secret } = await createKey(access, eu, {
      name: 'ops é',
      scopes: ['ADMIN', 'READ'],
      expiresAt,
      requestsPerSecond: 7,
    });
    expect(apiKey).toMatchObject({
      name: 'ops é',
      actor: { kind: 'API_KEY', name: 'ops é' },
      scopes: ['READ', 'ADMIN'],
      owner: null,
      ledger: { id: eu, name: 'eu' },
      requestsPerSecond: 7,
      expiresAt,
      lastUsedAt: null,
      revokedAt: null,
    });
    expect(secret.startsWith(`${apiKey.prefix}_`)).toBe(true);
    expect(apiKey.prefix).toBe(`tlsk_${formatId('apiKey', apiKey.id).slice(4)}`);

    const random = secret.slice(apiKey.prefix.length + 1);
    const texts = [random, Buffer.from(random, 'base64url').toString('hex')];
    const log = (await serverLog(database)).join();
    expect(log).toContain('insert into api_keys');
    const tables = ['api_keys', 'actors', 'access_state', 'audit_events'];
    const dumps = tables.map((table) => `(select jsonb_agg(r)::text from ${table} r)`);
    const [rows] = await asOwner<{ text: string }>(database, `select concat(${dumps.join(', ')}) as text`);
    expect(rows?.text).toContain(apiKey.id);
    for (const text of texts) {
      expect(log).not.toContain(text);
      expect(rows?.text).not.toContain(text);
    }
  });

  it('is neither created nor revoked, and no ledger is created, by a key that was revoked or has expired meanwhile', async () => {
    const { apiKey, secret } = await createKey(access, eu, { scopes: SCOPES, allLedgers: true });
    const expiring = await createKey(access, eu, {
      scopes: SCOPES,
      allLedgers: true,
      expiresAt: BigInt(Date.now() + 300) * 1000n,
    });
    const credentials = await Promise.all([secret, expiring.secret].map((text) => access.authenticate(text)));
    const id = formatId('apiKey', apiKey.id);
    const [revoked, expired] = credentials.map((each) =>
      typeof each === 'string' ? viewer([]) : each.viewer,
    );
    if (revoked === undefined || expired === undefined) return expect.unreachable();
    // A key may revoke itself.
    expect(await other.access.revokeKey(revoked, eu, id, 'r')).toMatchObject({ code: 'API_KEY_REVOKED' });
    await setTimeout(400);
    for (const [by, name] of [
      [revoked, 'late-1'],
      [expired, 'late-2'],
    ] as const) {
      const forbidden = { code: 'FORBIDDEN', facts: { needs: 'a key that is neither revoked nor expired' } };
      const key = { name, scopes: SCOPES, allLedgers: true };
      expect(await access.createKey(by, eu, key, 'r')).toMatchObject(forbidden);
      expect(await access.revokeKey(by, eu, id, 'r')).toMatchObject(forbidden);
      expect(await access.createLedger(by, name, 'r')).toMatchObject(forbidden);
    }
    const made = await asOwner(
      database,
      `select name from api_keys where name like 'late-%' union all select name from ledgers where name like 'late-%'`,
    );
    expect(made).toEqual([]);
  });

  it('of a name that is taken is refused, also in another process, until that key is revoked', async () => {
    const first = await createKey(access, eu, { name: 'taken' });
    const again = () => other.access.createKey(viewer(), eu, { name: 'taken', scopes: ['POST'] }, 'r');
    const refusal = { code: 'INVALID_INPUT', facts: { field: 'name' }, retryable: false };
    expect(await again()).toMatchObject(refusal);
    // The name is free in another ledger and among the keys of all ledgers.
    await createKey(access, us, { name: 'taken' });
    await createKey(access, eu, { name: 'taken', allLedgers: true });
    expect(
      await other.access.createKey(viewer(), us, { name: 'taken', scopes: ['READ'] }, 'r'),
    ).toMatchObject(refusal);
    await access.revokeKey(viewer(), eu, formatId('apiKey', first.apiKey.id), 'r');
    expect(await again()).toMatchObject({ code: 'API_KEY_CREATED' });
  });

  it('is created once by concurrent requests with one name', async () => {
    for (const allLedgers of [false, true]) {
      const input: KeyInput = { name: 'race', scopes: ['READ'], allLedgers };
      const answers = await Promise.all(
        Array.from({ length: 12 }, (_, place) =>
          (place % 2 === 0 ? access : other.access).createKey(viewer(), eu, input, `r${place}`),
        ),
      );
      const codes = answers.map(({ code }) => code).sort();
      expect(codes).toEqual(['API_KEY_CREATED', ...Array(11).fill('INVALID_INPUT')]);
    }
    const { rows } = await access.listKeys(viewer(), eu, PAGE);
    expect(rows.filter(({ name }) => name === 'race')).toHaveLength(2);
  });

  it('is created with FORBIDDEN or INVALID_INPUT as the only outcomes of a bad request, which change nothing', async () => {
    const count = () => asOwner(database, 'select count(*) from api_keys');
    const before = await count();
    const create = (by: Viewer, input: Partial<KeyInput>) =>
      access.createKey(by, eu, { name: 'bad', scopes: ['READ'], ...input }, 'r');
    expect(await create(viewer(['READ', 'POST', 'MANAGE']), {})).toMatchObject({ code: 'FORBIDDEN' });
    expect(await create(viewer(['ADMIN']), {})).toMatchObject({ code: 'FORBIDDEN' });
    expect(await create(viewer(SCOPES, false), { allLedgers: true })).toMatchObject({ code: 'FORBIDDEN' });
    expect(await create(viewer(), { owner: 'external' })).toMatchObject({
      code: 'INVALID_INPUT',
      facts: { field: 'owner' },
    });
    expect(await create(viewer(), { expiresAt: 1n })).toMatchObject({ code: 'INVALID_INPUT' });
    expect(await count()).toEqual(before);
  });

  it('can be restricted to an owner, of one ledger or of all', async () => {
    for (const allLedgers of [false, true]) {
      const { apiKey, secret } = await createKey(access, eu, {
        owner: 'alicé',
        scopes: ['POST', 'READ'],
        allLedgers,
      });
      expect(apiKey).toMatchObject({ owner: 'alicé', scopes: ['READ', 'POST'] });
      expect(await other.access.authenticate(secret)).toMatchObject({
        viewer: { owner: 'alicé', scopes: new Set(['READ', 'POST']), allLedgers },
      });
    }
  });

  it('of a ledger that does not exist is a fault, without a key', async () => {
    const faults: unknown[] = [];
    const watched = await openEngine(database, { onFault: (error) => faults.push(error) });
    const made = await watched.access.createKey(
      viewer(),
      crypto.randomUUID(),
      { name: 'x', scopes: ['READ'] },
      'r',
    );
    expect(made).toMatchObject({ code: 'INTERNAL' });
    expect(faults).toMatchObject([{ constraint: 'api_keys_ledger_exists' }]);
  });
});

describe('the audit log', () => {
  it('records a key of a ledger in its log, with the actor and without the secret', async () => {
    const { apiKey: admin } = await createKey(access, eu, { scopes: ['ADMIN', 'READ'] });
    const by = { ...viewer(['ADMIN', 'READ'], false), actor: admin.actor };
    const { apiKey } = await createKey(
      access,
      eu,
      { name: 'audited', owner: 'alice', requestsPerSecond: 5 },
      by,
    );
    const id = formatId('apiKey', apiKey.id);
    const revoked = await access.revokeKey(by, eu, id, 'request 2');
    expect(revoked).toMatchObject({ code: 'API_KEY_REVOKED', apiKey: { id: apiKey.id } });
    // Revoking again changes nothing.
    expect(await other.access.revokeKey(by, eu, id, 'request 3')).toEqual(revoked);
    const common = { ledger: 'eu', subject_type: 'API_KEY', actor: admin.actor.id };
    expect(await eventsOf(apiKey.id)).toEqual([
      {
        ...common,
        action: 'createApiKey',
        before: null,
        after: {
          name: 'audited',
          scopes: 'READ',
          owner: 'alice',
          ledger: formatId('ledger', eu),
          expiresAt: null,
          requestsPerSecond: '5',
          secretDigest: expect.stringMatching(/^[0-9a-f]{64}$/),
        },
        request_id: 'request',
      },
      {
        ...common,
        action: 'revokeApiKey',
        before: { revokedAt: null },
        after: { revokedAt: expect.stringMatching(/^20.*Z$/) },
        request_id: 'request 2',
      },
    ]);
  });

  it('records keys of all ledgers, and ledgers, in the log of main', async () => {
    const by = COMMAND_LINE;
    const { apiKey } = await createKey(access, eu, { allLedgers: true }, by);
    await access.revokeKey(by, us, formatId('apiKey', apiKey.id), 'r');
    expect(await eventsOf(apiKey.id)).toMatchObject([
      { ledger: 'main', action: 'createApiKey', actor: by.actor?.id, after: { ledger: null } },
      { ledger: 'main', action: 'revokeApiKey', actor: by.actor?.id },
    ]);
    expect(await access.createLedger(by, 'audited', 'r')).toMatchObject({ replayed: false });
    const id = await ledgerIdOf(access, 'audited');
    expect(await eventsOf(id)).toEqual([
      {
        ledger: 'main',
        action: 'createLedger',
        subject_type: 'LEDGER',
        actor: by.actor?.id,
        before: null,
        after: { name: 'audited' },
        request_id: 'r',
      },
    ]);
  });

  it('has no actor where the caller has no credential', async () => {
    const { apiKey } = await createKey(access, eu);
    expect(await eventsOf(apiKey.id)).toMatchObject([{ actor: null }]);
  });
});

describe('keys are seen and revoked', () => {
  const all = viewer(['ADMIN']);
  const one = viewer(['ADMIN'], false);

  it('by callers with ADMIN only: all of them, or those of the ledger', async () => {
    const ofEu = await createKey(access, eu);
    const ofUs = await createKey(access, us);
    const ofAll = await createKey(access, eu, { allLedgers: true });
    const ids = [ofEu, ofUs, ofAll].map(({ apiKey }) => apiKey.id);
    const seen = async (by: Viewer, ledgerId: string) => {
      const found = await access.findKeys(by, ledgerId, ids);
      const { rows } = await access.listKeys(by, ledgerId, PAGE);
      const listed = rows.map(({ id }) => id).filter((id) => ids.includes(id));
      expect(new Set(found.keys())).toEqual(new Set(listed));
      return ids.map((id) => listed.includes(id));
    };
    expect(await seen(all, eu)).toEqual([true, true, true]);
    expect(await seen(one, eu)).toEqual([true, false, false]);
    expect(await seen(one, us)).toEqual([false, true, false]);
    expect(await seen(viewer(['READ', 'POST', 'MANAGE']), eu)).toEqual([false, false, false]);

    const revoke = (by: Viewer, ledgerId: string, place: number) =>
      access.revokeKey(by, ledgerId, formatId('apiKey', ids[place] ?? ''), 'r');
    // Foreign keys are not told apart from those that do not exist.
    for (const place of [1, 2]) {
      const apiKeyId = formatId('apiKey', ids[place] ?? '');
      expect(await revoke(one, eu, place)).toMatchObject({ code: 'API_KEY_NOT_FOUND', facts: { apiKeyId } });
    }
    expect(await revoke(viewer(['READ', 'POST', 'MANAGE']), eu, 0)).toMatchObject({ code: 'FORBIDDEN' });
    for (const { secret } of [ofEu, ofUs, ofAll]) {
      expect(await access.authenticate(secret)).toMatchObject({ viewer: { owner: null } });
    }
    expect(await revoke(one, eu, 0)).toMatchObject({ code: 'API_KEY_REVOKED' });
    expect(await revoke(all, eu, 1)).toMatchObject({ code: 'API_KEY_REVOKED' });
    expect(await revoke(all, us, 2)).toMatchObject({ code: 'API_KEY_REVOKED' });
  });

  it.for(['', 'key_', 'key_7zzzzzzzzzzzzzzzzzzzzzzzzz', 'acct_00000000000000000000000000', 'ext:a', '\0'])(
    'unless their id is %j',
    async (apiKeyId) => {
      const answer = await access.revokeKey(all, eu, apiKeyId, 'r');
      expect(answer).toMatchObject({ code: 'API_KEY_NOT_FOUND', facts: { apiKeyId } });
    },
  );

  it('not by the text of a key, which is not repeated', async () => {
    const { secret } = await createKey(access, eu);
    const answer = await access.revokeKey(all, eu, secret, 'r');
    expect(answer).toMatchObject({ code: 'INVALID_INPUT', facts: { field: 'apiKeyId' } });
    expect(JSON.stringify(answer)).not.toContain(secret.slice(-43));
  });

  it('page by page, newest first, in both directions', async () => {
    const paged = await ledgerIdOf(access, 'paged');
    const made: string[] = [];
    for (let count = 0; count < 7; count += 1) made.unshift((await createKey(access, paged)).apiKey.id);
    const page = async (range: object) => {
      const { rows, stoppedAt } = await access.listKeys(one, paged, { limit: 3, inverted: false, ...range });
      expect(stoppedAt).toBeUndefined();
      return rows.map(({ id }) => id);
    };
    expect(await page({})).toEqual(made.slice(0, 3));
    expect(await page({ after: made[2] })).toEqual(made.slice(3, 6));
    expect(await page({ after: made[5] })).toEqual(made.slice(6));
    expect(await page({ inverted: true })).toEqual(made.slice(4).reverse());
    expect(await page({ before: made[4], inverted: true })).toEqual(made.slice(1, 4).reverse());
  });
});

describe('a ledger', () => {
  it('is created once, and can be used at once', async () => {
    const made = await access.createLedger(viewer(['ADMIN']), 'fresh', 'r');
    expect(made).toMatchObject({ code: 'LEDGER_CREATED', replayed: false, ledger: { name: 'fresh' } });
    expect(await other.access.createLedger(viewer(['ADMIN']), 'fresh', 'r')).toEqual({
      ...made,
      replayed: true,
    });
    const ledger = await other.ledger('fresh');
    if (ledger === undefined) throw new TypeError('the ledger was created');
    expectPosted(await deposit(ledger, { accountId: await makeAccount(ledger), amount: '1.00' }));
  });

  it('is created once by concurrent requests with one name', async () => {
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, place) =>
        (place % 2 === 0 ? access : other.access).createLedger(viewer(), 'raced', `r${place}`),
      ),
    );
    const ids = new Set(
      answers.map((answer) => (answer.code === 'LEDGER_CREATED' ? answer.ledger.id : answer.code)),
    );
    expect(ids.size).toBe(1);
    expect(answers.filter((answer) => answer.code === 'LEDGER_CREATED' && !answer.replayed)).toHaveLength(1);
    expect(await eventsOf([...ids].join())).toHaveLength(1);
  });

  it('is refused without ADMIN or without all ledgers, whether it exists or not', async () => {
    for (const by of [viewer(['READ', 'POST', 'MANAGE']), viewer(SCOPES, false)]) {
      for (const name of ['main', 'nowhere', 'NOT A NAME']) {
        expect(await access.createLedger(by, name, 'r')).toMatchObject({ code: 'FORBIDDEN' });
      }
    }
    expect(await access.createLedger(viewer(), 'NOT A NAME', 'r')).toMatchObject({ code: 'INVALID_INPUT' });
    expect(await engine.ledger('nowhere')).toBeUndefined();
  });

  it('is listed for callers with all ledgers; others see their own only', async () => {
    const { rows } = await access.listLedgers(viewer(['READ']), eu, PAGE);
    expect(rows.map(({ name }) => name)).toEqual(expect.arrayContaining(['main', 'eu', 'us', 'fresh']));
    const ids = rows.map(({ id }) => id);
    expect(ids).toEqual([...ids].sort().reverse());
    const page = await access.listLedgers(viewer(['READ']), eu, { limit: 2, inverted: false, after: ids[0] });
    expect(page.rows.map(({ id }) => id)).toEqual(ids.slice(1, 3));
    for (const own of [main, eu]) {
      const { rows: seen } = await access.listLedgers(viewer(SCOPES, false), own, PAGE);
      expect(seen.map(({ id }) => id)).toEqual([own]);
    }
  });
});

describe('a COMMIT whose outcome is unknown', () => {
  it.for<Fate>(['drop before', 'drop after', 'warn'])(
    'is retried, and each change is made exactly once: %s',
    async (fate) => {
      let faulty = 0;
      const proxy = await startTcpProxy(database.serviceUrl, () => {
        if (faulty === 0) return 'pass';
        faulty -= 1;
        return fate;
      });
      const cut = await openEngine({ serviceUrl: proxy.url });
      try {
        const name = `cut ${fate}`;
        faulty = 1;
        const made = await createKey(cut.access, eu, { name });
        expect(faulty).toBe(0);
        expect(await access.authenticate(made.secret)).toMatchObject({ key: { name } });
        faulty = 1;
        const id = formatId('apiKey', made.apiKey.id);
        expect(await cut.access.revokeKey(viewer(), eu, id, 'r')).toMatchObject({ code: 'API_KEY_REVOKED' });
        expect(await eventsOf(made.apiKey.id)).toHaveLength(2);
        faulty = 1;
        const ledger = await cut.access.createLedger(viewer(), name.replace(' ', '-').replace(' ', '-'), 'r');
        if (ledger.code !== 'LEDGER_CREATED') throw new TypeError(`refused: ${ledger.code}`);
        expect(ledger.replayed).toBe(false);
        expect(await eventsOf(ledger.ledger.id)).toHaveLength(1);
        expect(faulty).toBe(0);
      } finally {
        await cut.close();
        await proxy.close();
      }
    },
  );
});
