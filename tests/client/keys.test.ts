// Clients with API keys of a real service.

import { spawn } from 'node:child_process';
import { randomInt, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { fileStore } from '../../src/client/file-store.ts';
import {
  createLedgerClient as createClient,
  type LedgerClientOptions,
  OutcomeUnknown,
  PermissionDenied,
  RequestRejected,
  type Scope,
  UnauthenticatedError,
  unwrap,
} from '../../src/client/index.ts';
import { formatId } from '../../src/core/values/ids.ts';
import { serve } from '../graphql/api.ts';
import { makeKey, makeLedger } from '../server/access/keys.ts';
import { createTestDatabase } from '../support/database.ts';
import { expectSoundBooks, makeAccount, openLedger } from '../support/ledger.ts';
import { type Cut, startCutProxy } from './cut-proxy.ts';
import { memoryStore } from './memory-store.ts';
import { MODES } from './modes.ts';

const database = await createTestDatabase();
const books = await openLedger(database);
const shop = await makeLedger(books, 'shop');
// These tests send more wrong keys in a second than one address may.
const { server } = await serve(books, { maxWrongCredentials: 1e6 });
const url = `${server.url}/graphql`;
afterAll(() => expectSoundBooks(database));

const { secret: adminKey } = await makeKey(books, { allLedgers: true });
const keyWith = async (...scopes: Scope[]) => (await makeKey(books, { scopes })).secret;

function thrownBy(call: Promise<unknown>): Promise<Error> {
  return call.then(
    () => expect.unreachable('the call has a result'),
    (error: Error) => error,
  );
}

describe.each(MODES)('a $mode client:', ({ coalesce }) => {
  const clientOf = (apiKey?: string, options: Pick<LedgerClientOptions, 'ledger' | 'keyStore'> = {}) =>
    createClient({ url, coalesce, ...(apiKey === undefined ? {} : { apiKey }), ...options });
  const admin = clientOf(adminKey, { ledger: 'main' });
  const balanceOf = async (id: string) => (await admin.account(id))?.balance.amount;

  it('creates a ledger and a key for it, and revokes the key', async () => {
    const name = `shop-${randomUUID()}`;
    const { ledger } = unwrap(await admin.createLedger({ name }));
    expect(unwrap(await admin.createLedger({ name }))).toMatchObject({ replayed: true, ledger });
    const found: string[] = [];
    for await (const each of admin.ledgers()) found.push(each.name);
    expect(found).toEqual(expect.arrayContaining(['main', 'shop', name]));

    const inShop = clientOf(adminKey, { ledger: name });
    const { secret, apiKey } = unwrap(await inShop.createApiKey({ name: 'till', scopes: ['READ', 'POST'] }));
    expect(secret.startsWith(`${apiKey.prefix}_`)).toBe(true);
    const till = clientOf(secret);
    expect(await till.viewer()).toMatchObject({
      actor: { kind: 'API_KEY', name: 'till' },
      scopes: ['READ', 'POST'],
      ledger: { id: ledger.id, name },
      owner: null,
    });
    expect(await till.ledger()).toMatchObject({ name });
    const keys = await inShop.apiKeys().page();
    expect(keys.nodes).toContainEqual(
      expect.objectContaining({ id: apiKey.id, name: 'till', revokedAt: null }),
    );
    expect(JSON.stringify(keys)).not.toContain(secret);

    const { apiKey: revoked } = unwrap(await inShop.revokeApiKey(apiKey.id));
    expect(revoked.revokedAt).not.toBeNull();
    const error = await thrownBy(till.viewer());
    expect(error).toBeInstanceOf(UnauthenticatedError);
    expect(error.message).toContain('is revoked');
  });

  it('receives typed refusals of the administration of keys', async () => {
    const manager = clientOf(await keyWith('ADMIN'));
    expect(await manager.createLedger({ name: 'another' })).toMatchObject({ __typename: 'ForbiddenError' });
    expect(await manager.createApiKey({ name: 'more', scopes: ['POST'] })).toMatchObject({
      code: 'FORBIDDEN',
    });
    expect(await admin.revokeApiKey('key_00000000000000000000000000')).toMatchObject({
      __typename: 'ApiKeyNotFoundError',
      apiKeyId: 'key_00000000000000000000000000',
    });
    expect(await clientOf(await keyWith('READ')).revokeApiKey('key_1')).toMatchObject({ code: 'FORBIDDEN' });
    expect(
      await thrownBy(
        clientOf(await keyWith('READ'))
          .apiKeys()
          .page(),
      ),
    ).toBeInstanceOf(PermissionDenied);
  });

  it('with READ reads, and each of its payments is FORBIDDEN', async () => {
    const accountId = await makeAccount(books);
    const reader = clientOf(await keyWith('READ'));
    const calls = Array.from({ length: 4 }, () => reader.deposit({ accountId, amount: '1' }));
    for (const result of await Promise.all(calls)) expect(result).toMatchObject({ code: 'FORBIDDEN' });
    expect(await reader.postBatch([{ deposit: { accountId, amount: '1' } }])).toMatchObject({
      code: 'FORBIDDEN',
    });
    expect((await reader.account(accountId))?.balance.amount).toBe('0.00');
  });

  it('with POST pays, and each of its queries throws PermissionDenied', async () => {
    const accountId = await makeAccount(books);
    const poster = clientOf(await keyWith('POST'));
    const paid = await Promise.all(
      Array.from({ length: 4 }, () => poster.deposit({ accountId, amount: '1' })),
    );
    for (const result of paid) expect(unwrap(result).transaction.entries).toHaveLength(2);
    const reads = [
      ...['ext:a', 'ext:b', accountId].map((id) => poster.account(id)),
      poster.ledger(),
      poster.accounts().page(),
      poster.preview({ deposit: { accountId, amount: '1' } }),
    ];
    for (const error of await Promise.all(reads.map(thrownBy))) {
      expect(error).toBeInstanceOf(PermissionDenied);
      expect(error.message).toContain('READ');
    }
    expect(await balanceOf(accountId)).toBe('4.00');
  });

  it.each([
    ['no key', undefined, 'has no API key'],
    ['an unknown key', `tlsk_${'0'.repeat(26)}_${'A'.repeat(43)}`, 'is unknown'],
    ['a malformed key', 'tlsk_a_b', 'is malformed'],
    ['a wrong secret', adminKey.slice(0, -43) + 'A'.repeat(43), 'is unknown'],
  ])('with %s every call throws UnauthenticatedError at once', async (_, apiKey, hint) => {
    const accountId = await makeAccount(books);
    const ledger = clientOf(apiKey);
    const since = performance.now();
    const calls = [
      ...Array.from({ length: 3 }, () => ledger.deposit({ accountId, amount: '1' })),
      ledger.account(accountId),
      ledger.account('ext:a'),
      ledger.viewer(),
      ledger.request(
        'mutation { closePeriod(input: { before: "2020-01-01T00:00:00Z" }) { __typename } }',
        {},
      ),
    ];
    for (const error of await Promise.all(calls.map(thrownBy))) {
      expect(error).toBeInstanceOf(UnauthenticatedError);
      expect(error.message).toContain(hint);
      if (apiKey !== undefined) expect(error.message).not.toContain(apiKey);
    }
    expect(performance.now() - since).toBeLessThan(2000);
    expect(await balanceOf(accountId)).toBe('0.00');
  });

  it('enters the ledger that it names, if its key may', async () => {
    expect(await clientOf(adminKey).ledger()).toMatchObject({ name: 'main' });
    expect(await clientOf(adminKey, { ledger: 'shop' }).ledger()).toMatchObject({ name: 'shop' });
    const { secret } = await makeKey(shop);
    for (const options of [{}, { ledger: 'shop' }]) {
      expect(await clientOf(secret, options).ledger()).toMatchObject({ name: 'shop' });
    }
    const accountId = await makeAccount(books);
    for (const ledger of ['main', 'missing']) {
      const stranger = clientOf(secret, { ledger });
      const calls = [
        stranger.ledger(),
        stranger.deposit({ accountId, amount: '1' }),
        stranger.account(accountId),
      ];
      for (const error of await Promise.all(calls.map(thrownBy))) {
        expect(error).toBeInstanceOf(PermissionDenied);
        expect(error).toMatchObject({ status: 403 });
      }
    }
    const error = await thrownBy(clientOf(adminKey, { ledger: 'missing' }).ledger());
    expect(error).toBeInstanceOf(RequestRejected);
    expect(error.message).toContain('"missing"');
    expect(await balanceOf(accountId)).toBe('0.00');
  });

  it('never uses the key or the ledger of another client, whose requests share connections', async () => {
    const clients = await Promise.all(
      Array.from({ length: 6 }, async (_, index) => {
        const name = randomUUID();
        const { secret } = await makeKey(index % 2 === 0 ? books : shop, { name });
        return { name, ledger: index % 2 === 0 ? 'main' : 'shop', client: clientOf(secret) };
      }),
    );
    const asked = Array.from({ length: 20 }, () =>
      clients.map(async ({ name, ledger, client }) => {
        const viewer = await client.viewer();
        expect([viewer.actor?.name, viewer.ledger.name]).toEqual([name, ledger]);
      }),
    );
    await Promise.all(asked.flat());
  });

  describe('cannot pay twice with a key:', () => {
    it('the same intent is one payment in each ledger', async () => {
      const keyStore = memoryStore();
      const ids = await Promise.all([makeAccount(books), makeAccount(shop)]);
      // One name for both, so that the inputs are equal too.
      const accountId = `ext:${randomUUID()}`;
      const clients = ['main', 'shop'].map((ledger) => clientOf(adminKey, { ledger, keyStore }));
      for (const [index, client] of clients.entries()) {
        const named = { accountId: ids[index] ?? '', externalId: accountId.slice(4) };
        unwrap(await client.updateAccount(named));
      }
      const payments = clients.flatMap((client) =>
        Array.from({ length: 10 }, () => client.deposit({ accountId, amount: '1' }, { intent: 'checkout' })),
      );
      const replayed = (await Promise.all(payments)).map((result) => unwrap(result).replayed);
      expect(replayed.filter((each) => !each)).toHaveLength(2);
      const sentKeys = [...keyStore.kept.values()].map((record) => JSON.parse(record).key);
      expect(new Set(sentKeys).size).toBe(2);
      for (const client of clients) expect((await client.account(accountId))?.balance.amount).toBe('1.00');
    });

    it('connections that are cut 60 times cause one deposit per call', async () => {
      const cuts: readonly Cut[] = ['before', 'after the request', 'during the response'];
      let requests = 0;
      let made = 0;
      const proxy = await startCutProxy(server.url, () => {
        requests += 1;
        if (requests % 2 === 0) return 'never';
        made += 1;
        return cuts[made % 3] ?? 'never';
      });
      const ledger = createClient({ url: proxy.url, coalesce, apiKey: await keyWith('POST') });
      const accountId = await makeAccount(books);
      let posted = 0;
      const keepPaying = async () => {
        while (made < 60) {
          unwrap(await ledger.deposit({ accountId, amount: '1' }));
          posted += 1;
        }
      };
      await Promise.all(Array.from({ length: 4 }, keepPaying));
      await proxy.close();
      expect(await balanceOf(accountId)).toBe(`${posted}.00`);
    }, 60_000);

    it('a program that is killed 8 times pays once each time, also with another key', async () => {
      const [fromAccountId, toAccountId] = [
        await makeAccount(books, { funds: '100' }),
        await makeAccount(books),
      ];
      const folder = await mkdtemp(join(tmpdir(), 'ledger-keys-'));
      const [before, after] = [await keyWith('POST'), await keyWith('POST')];
      for (let round = 0; round < 8; round += 1) {
        const intents = [randomUUID(), randomUUID(), randomUUID()];
        const mode = coalesce ? 'coalescing' : 'plain';
        const program = join(import.meta.dirname, 'payer.ts');
        const child = spawn(
          process.execPath,
          [program, url, folder, mode, fromAccountId, toAccountId, ...intents],
          {
            env: { ...process.env, LEDGER_API_KEY: before },
            stdio: ['ignore', 'pipe', 'inherit'],
          },
        );
        const exited = once(child, 'exit');
        await once(createInterface({ input: child.stdout }), 'line');
        await sleep(randomInt(60));
        child.kill('SIGKILL');
        await exited;
        const ledger = clientOf(after, { ledger: 'main', keyStore: fileStore(folder) });
        const repeated = intents.map((intent) =>
          ledger.transfer({ fromAccountId, toAccountId, amount: '1' }, { intent }),
        );
        for (const result of await Promise.all(repeated)) unwrap(result);
      }
      await rm(folder, { recursive: true });
      expect(await balanceOf(toAccountId)).toBe('24.00');
    }, 60_000);

    it('a key that is replaced while payments are made loses none', async () => {
      const accountId = await makeAccount(books);
      const old = await makeKey(books, { scopes: ['POST'] });
      const next = await keyWith('POST');
      const keyStore = memoryStore();
      let client = clientOf(old.secret, { ledger: 'main', keyStore });
      const outcomes = { first: 0, again: 0 };
      const pay = async (intent: string) => {
        try {
          unwrap(await client.deposit({ accountId, amount: '1' }, { intent }));
          outcomes.first += 1;
        } catch (error) {
          if (!(error instanceof UnauthenticatedError) && !(error instanceof OutcomeUnknown)) throw error;
          // The program restarts with the other key.
          client = clientOf(next, { ledger: 'main', keyStore });
          unwrap(await client.deposit({ accountId, amount: '1' }, { intent }));
          outcomes.again += 1;
        }
      };
      const payer = async (name: number) => {
        for (let turn = 0; turn < 10; turn += 1) await pay(`${name}-${turn}`);
      };
      const paying = Array.from({ length: 8 }, (_, name) => payer(name));
      await sleep(30);
      unwrap(await admin.revokeApiKey(formatId('apiKey', old.apiKey.id)));
      await Promise.all(paying);
      console.log(`payments by the first key and again by the second: ${JSON.stringify(outcomes)}`);
      expect(outcomes.first + outcomes.again).toBe(80);
      expect(await balanceOf(accountId)).toBe('80.00');
    });
  });
});
