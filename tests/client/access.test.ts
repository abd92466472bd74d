// How a client sends its API key and its ledger, and what it does when the service rejects them or limits its rate.

import { inspect } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import {
  createLedgerClient as createClient,
  isRefusal,
  type LedgerClientOptions,
  LedgerRefusal,
  OutcomeUnknown,
  PermissionDenied,
  RequestRejected,
  UnauthenticatedError,
  unwrap,
} from '../../src/client/index.ts';
import { serve } from '../graphql/api.ts';
import { createTestDatabase } from '../support/database.ts';
import { expectSoundBooks, makeAccount, openLedger } from '../support/ledger.ts';
import { memoryStore } from './memory-store.ts';
import { MODES } from './modes.ts';
import { listenSmall, type Received, type Reply } from './small-server.ts';

const database = await createTestDatabase();
const books = await openLedger(database);
const { server } = await serve(books);
const service = `${server.url}/graphql`;
afterAll(() => expectSoundBooks(database));

const KEY = 'tlsk_01kbn2m3_Zm9vYmFyLXNlY3JldC1vZi10aGUtdGVzdA';
const OTHER_KEY = 'tlsk_01kbn2m4_b3RoZXItc2VjcmV0LW9mLXRoZS10ZXN0';

const unauthenticated: Reply = {
  status: 401,
  headers: { 'www-authenticate': 'Bearer realm="ledger"' },
  body: { errors: [{ message: 'The API key was revoked.', extensions: { code: 'UNAUTHENTICATED' } }] },
};
const forbidden: Reply = {
  status: 403,
  body: { errors: [{ message: 'The key is for another ledger.', extensions: { code: 'FORBIDDEN' } }] },
};
const limited = (headers: Readonly<Record<string, string>> = {}, facts: object = {}): Reply => ({
  status: 429,
  headers,
  body: { errors: [{ message: 'Too many requests.', extensions: { code: 'RATE_LIMITED', ...facts } }] },
});
const hasKey = ({ headers }: Received, key = KEY) => headers.authorization === `Bearer ${key}`;

function thrownBy(call: Promise<unknown>): Promise<Error> {
  return call.then(
    () => expect.unreachable('the call has a result'),
    (error: Error) => error,
  );
}

describe('a client is not created with', () => {
  it.each([
    ['an empty key', ''],
    ['a key with a line break', `${KEY}\n`],
    ['a key with a space', `${KEY} `],
    ['two keys', `${KEY},${OTHER_KEY}`],
    ['a key with its scheme', `Bearer ${KEY}`],
    ['the beginning of a key', 'tlsk_01kbn2m3'],
    ['another kind of secret', 'sk_live_secret'],
    ['a character that HTTP does not allow', `${KEY}\u20ac`],
    ['null', null],
    ['a number', 7],
  ])('%s, and the error does not contain it', (_, apiKey) => {
    const make = () => createClient({ url: service, apiKey: apiKey as string });
    expect(make).toThrow(TypeError);
    expect(make).toThrow('"tlsk_…_…"');
    expect(make).not.toThrow(/01kbn2m|secret/);
  });

  it.each(['', 'Main', '-main', 'a b', 'main\r\n', 'a/b', 'ä', 'a'.repeat(64), null])(
    'a ledger of the name %j',
    (ledger) => {
      const make = () => createClient({ url: service, ledger: ledger as string });
      expect(make).toThrow(TypeError);
      expect(make).toThrow('1 to 63 characters');
    },
  );

  it('a key as the ledger or in the url, and the error does not contain it', () => {
    for (const options of [
      { url: service, ledger: KEY },
      { url: `${service}?key=${KEY}` },
      { url: `nonsense ${KEY}` },
    ]) {
      const make = () => createClient(options);
      expect(make).toThrow(TypeError);
      expect(make).not.toThrow(/01kbn2m/);
    }
  });

  it('a key and a key store, but without a ledger', () => {
    const keyStore = memoryStore();
    expect(() => createClient({ url: service, apiKey: KEY, keyStore })).toThrow('ledger: "main"');
    createClient({ url: service, apiKey: KEY, keyStore, ledger: 'main' });
  });
});

describe.each(MODES)('a $mode client:', ({ coalesce }) => {
  const createLedgerClient = (options: LedgerClientOptions) => createClient({ coalesce, ...options });

  /** Starts five reads and five payments at once. */
  function callAll(ledger: ReturnType<typeof createClient>, accountId = 'ext:a') {
    return Array.from({ length: 5 }, (_, index) => [
      ledger.account(`ext:account-${index}`),
      ledger.deposit({ accountId, amount: '1' }),
    ]).flat();
  }

  it('the key and the ledger are headers of each request, and nowhere else', async () => {
    const accountId = await makeAccount(books);
    const { url, received } = await listenSmall(() => 'forward', service);
    let turn = 0;
    const headers = () => {
      turn += 1;
      return { 'x-trace': `${turn}` };
    };
    const keyStore = memoryStore();
    const ledger = createLedgerClient({ url, apiKey: KEY, ledger: 'shop-1', headers, keyStore });
    await Promise.all(callAll(ledger, accountId));
    await ledger.postBatch([{ deposit: { accountId, amount: '1' } }], { intent: 'one' });
    await ledger.createAccounts([{ owner: 'a', currency: 'USD' }]);
    await ledger.freezeAccount(accountId, { intent: 'two' });
    await ledger.trialBalance();
    for await (const _ of ledger.accounts()) break;
    await ledger.request('{ __typename }', {});
    expect(received.length).toBeGreaterThan(coalesce ? 7 : 14);
    for (const { headers, target, body } of received) {
      expect(headers).toMatchObject({ authorization: `Bearer ${KEY}`, 'x-ledger': 'shop-1' });
      expect(target + body).not.toMatch(/tlsk_|shop-1/);
    }
    expect(received.map(({ headers }) => Number(headers['x-trace'])).toSorted((a, b) => a - b)).toEqual(
      received.map((_, index) => index + 1),
    );
    expect(keyStore.kept.size).toBe(2);
    expect(JSON.stringify([...keyStore.kept])).not.toContain('tlsk_');
    expect(inspect(ledger, { depth: 9, showHidden: true })).not.toContain('tlsk_');
  });

  it('without a key and a ledger neither header is sent', async () => {
    const { url, received } = await listenSmall(() => 'forward', service);
    await createLedgerClient({ url }).ledger();
    expect(received.map(({ headers }) => [headers.authorization, headers['x-ledger']])).toEqual([
      [undefined, undefined],
    ]);
  });

  it.each([
    ['a second credential', { apiKey: KEY, headers: { Authorization: 'Basic bWU6c2VjcmV0' } }],
    ['a key', { headers: { authorization: `Bearer ${KEY}` } }],
    ['a ledger', { headers: () => ({ 'X-Ledger': 'other' }) }],
  ])('headers with %s are an error, and nothing is sent', async (_, options) => {
    const { url, received } = await listenSmall(() => unauthenticated);
    const ledger = createLedgerClient({ url, ...options });
    for (const error of await Promise.all(callAll(ledger).map(thrownBy))) {
      expect(error).toBeInstanceOf(TypeError);
      expect(error.message).toContain('option');
      expect(error.message).not.toMatch(/tlsk_0|bWU6/);
    }
    expect(received).toEqual([]);
  });

  describe('a request that the service rejects as unauthenticated throws UnauthenticatedError at once', () => {
    it.each([
      ['with the code UNAUTHENTICATED', unauthenticated, 'The API key was revoked.'],
      ['with this code and status 400', { ...unauthenticated, status: 400 }, 'The API key was revoked.'],
      ['with an empty response', { status: 401, body: '' }, 'requires an API key or a token.'],
      ['with a page', { status: 401, body: '<html>sign in</html>' }, 'requires an API key or a token.'],
      [
        'with the key in the message',
        { status: 401, body: { errors: [{ message: `key ${KEY}` }] } },
        'key ….',
      ],
    ] satisfies [string, Reply, string][])('%s', async (_, reply, hint) => {
      const { url, received } = await listenSmall(() => reply);
      const ledger = createLedgerClient({ url, apiKey: KEY });
      const since = performance.now();
      const errors = await Promise.all(callAll(ledger).map(thrownBy));
      errors.push(await thrownBy(ledger.postBatch([{ deposit: { accountId: 'ext:a', amount: '1' } }])));
      errors.push(await thrownBy(ledger.trialBalance()));
      expect(performance.now() - since).toBeLessThan(2000);
      for (const error of errors) {
        expect(error).toBeInstanceOf(UnauthenticatedError);
        expect(error).toBeInstanceOf(RequestRejected);
        expect(error).toMatchObject({ name: 'UnauthenticatedError', status: reply.status });
        expect(error.message).toContain(hint);
        expect(error.message).toContain('Create the client with a valid apiKey or token.');
        expect(inspect(error, { depth: 9 })).not.toContain(KEY);
      }
      // A shared request is sent once too: no call can be the only cause.
      expect(received).toHaveLength(coalesce ? 4 : 12);
    });

    it('but after an attempt that may have been done, the outcome is unknown', async () => {
      const { url, received } = await listenSmall(({ index }) => (index === 0 ? 'cut' : unauthenticated));
      const ledger = createLedgerClient({ url, apiKey: KEY });
      const error = await thrownBy(ledger.deposit({ accountId: 'ext:a', amount: '1' }));
      expect(error).toBeInstanceOf(OutcomeUnknown);
      expect(error.message).toContain('The API key was revoked.');
      expect(inspect(error, { depth: 9 })).not.toContain(KEY);
      expect(received).toHaveLength(2);
    });
  });

  describe('permissions:', () => {
    it('a request that is FORBIDDEN as a whole throws PermissionDenied at once', async () => {
      const { url, received } = await listenSmall(() => forbidden);
      const ledger = createLedgerClient({ url, apiKey: KEY, ledger: 'other' });
      for (const error of await Promise.all(callAll(ledger).map(thrownBy))) {
        expect(error).toBeInstanceOf(PermissionDenied);
        expect(error).toMatchObject({ name: 'PermissionDenied', status: 403 });
        expect(error.message).toContain('The key is for another ledger. Create the client with an apiKey');
      }
      expect(received).toHaveLength(coalesce ? 2 : 10);
    });

    it('a page with status 403, such as a firewall’s, is another error', async () => {
      const { url } = await listenSmall(() => ({ status: 403, body: '<html>blocked</html>' }));
      const error = await thrownBy(createLedgerClient({ url, apiKey: KEY }).account('ext:a'));
      expect(error).toBeInstanceOf(RequestRejected);
      expect(error).not.toBeInstanceOf(PermissionDenied);
    });

    it('a query without permission throws PermissionDenied, once per call', async () => {
      const error = { message: 'It needs the scope READ.', extensions: { code: 'FORBIDDEN' } };
      const { url, received } = await listenSmall(({ body }) => {
        const aliases = [...body.matchAll(/\b(n\d+):account/g)].map(([, alias = '']) => alias);
        const names = aliases.length === 0 ? ['account'] : aliases;
        return {
          body: {
            data: Object.fromEntries(names.map((name) => [name, null])),
            errors: names.map((name) => ({ ...error, path: [name] })),
          },
        };
      });
      const ledger = createLedgerClient({ url, apiKey: KEY });
      const reads = ['ext:a', 'ext:b', 'ext:c'].map((id) => ledger.account(id));
      for (const denied of await Promise.all(reads.map(thrownBy))) {
        expect(denied).toBeInstanceOf(PermissionDenied);
        expect(denied.message).toContain('It needs the scope READ.');
        expect(denied).toMatchObject({ errors: [{ path: ['account'] }] });
      }
      expect(received).toHaveLength(coalesce ? 1 : 3);
    });

    const forbiddenError = {
      __typename: 'ForbiddenError',
      code: 'FORBIDDEN',
      message: 'It needs the scope POST.',
      retryable: false,
      replayed: false,
    };

    it('a mutation without permission returns FORBIDDEN, which isRefusal and unwrap know', async () => {
      const { url, received } = await listenSmall(() => ({ body: { data: { deposit: forbiddenError } } }));
      const result = await createLedgerClient({ url, apiKey: KEY }).deposit({
        accountId: 'ext:a',
        amount: '1',
      });
      expect(isRefusal(result) && result.code).toBe('FORBIDDEN');
      expect(() => unwrap(result)).toThrow(LedgerRefusal);
      expect(received).toHaveLength(1);
    });

    it('FORBIDDEN for one of several mutations concerns that call alone', async () => {
      const [allowed, denied] = [await makeAccount(books), await makeAccount(books)];
      // The results of a shared request with one operation refused; a request of its own is refused alone.
      const { url, received } = await listenSmall(({ body }) => {
        if (!body.includes(denied)) return 'forward';
        if (!body.includes('postBatch')) return { body: { data: { deposit: forbiddenError } } };
        return { body: { data: { postBatch: forbiddenError } } };
      }, service);
      const ledger = createLedgerClient({ url, apiKey: KEY });
      const results = await Promise.all(
        [allowed, denied, allowed].map((accountId) => ledger.deposit({ accountId, amount: '1' })),
      );
      expect(results).toMatchObject([
        { __typename: 'TransactionPosted', replayed: false },
        forbiddenError,
        { __typename: 'TransactionPosted', replayed: false },
      ]);
      expect(received).toHaveLength(coalesce ? 4 : 3);
      expect((await createLedgerClient({ url: service }).account(allowed))?.balance.amount).toBe('2.00');
    });
  });

  describe('a request beyond the rate limit', () => {
    it.each([
      ['the header retry-after', limited({ 'retry-after': '1' }), 1000],
      ['retryAfterMs', limited({}, { retryAfterMs: 700 }), 700],
      ['retryAfterMs, which is more exact', limited({ 'retry-after': '9' }, { retryAfterMs: 700 }), 700],
      ['no pause', limited(), 0],
    ])('is retried after the pause of %s, and done once', { timeout: 15_000 }, async (_, reply, pauseMs) => {
      const accountId = await makeAccount(books);
      const at: number[] = [];
      const { url, received } = await listenSmall(() => {
        at.push(performance.now());
        return at.length === 1 ? reply : 'forward';
      }, service);
      const ledger = createLedgerClient({ url, apiKey: KEY });
      const posted = await ledger.deposit({ accountId, amount: '1' });
      expect(posted).toMatchObject({ __typename: 'TransactionPosted', replayed: false });
      expect(received).toHaveLength(2);
      expect((at[1] ?? 0) - (at[0] ?? 0)).toBeGreaterThanOrEqual(pauseMs - 5);
      expect((at[1] ?? 0) - (at[0] ?? 0)).toBeLessThan(pauseMs + 4000);
      at.length = 0;
      expect((await ledger.account(accountId))?.balance.amount).toBe('1.00');
      expect((at[1] ?? 0) - (at[0] ?? 0)).toBeGreaterThanOrEqual(pauseMs - 5);
    });

    it('returns RATE_LIMITED at the deadline, and is not sent again if the pause is longer', async () => {
      const { url, received } = await listenSmall(() => limited({ 'retry-after': '60' }));
      const ledger = createLedgerClient({ url, apiKey: KEY, deadlineMs: 5000 });
      const since = performance.now();
      expect(await ledger.deposit({ accountId: 'ext:a', amount: '1' })).toEqual({
        __typename: 'RateLimitedError',
        code: 'RATE_LIMITED',
        message: 'Too many requests.',
        retryable: true,
        replayed: false,
        retryAfterMs: 60_000,
      });
      expect(performance.now() - since).toBeLessThan(2000);
      expect(received).toHaveLength(1);
    });

    it('has an unknown outcome if an earlier attempt was cut', async () => {
      const { url } = await listenSmall(({ index }) => (index === 0 ? 'cut' : limited()));
      const ledger = createLedgerClient({ url, apiKey: KEY, deadlineMs: 600 });
      const error = await thrownBy(ledger.deposit({ accountId: 'ext:a', amount: '1' }));
      expect(error).toBeInstanceOf(OutcomeUnknown);
      expect(error.message).toContain('Too many requests.');
    });

    it('keeps the deadline of each of its calls', async () => {
      const accountId = await makeAccount(books);
      const since = performance.now();
      const isOver = () => performance.now() - since > 1500;
      const { url } = await listenSmall(
        () => (isOver() ? 'forward' : limited({}, { retryAfterMs: 50 })),
        service,
      );
      const ledger = createLedgerClient({ url, apiKey: KEY });
      const durations: number[] = [];
      const pay = async (deadlineMs: number) => {
        const result = await ledger.deposit({ accountId, amount: '1' }, { deadlineMs });
        durations.push(performance.now() - since);
        return result;
      };
      const results = await Promise.all([pay(400), pay(800), pay(20_000)]);
      expect(results).toMatchObject([
        { code: 'RATE_LIMITED' },
        { code: 'RATE_LIMITED' },
        { __typename: 'TransactionPosted', replayed: false },
      ]);
      expect(durations[0]).toBeLessThan(790);
      expect(durations[1]).toBeLessThan(1490);
      expect((await createLedgerClient({ url: service }).account(accountId))?.balance.amount).toBe('1.00');
    });

    it('is retried by every call that shares it', async () => {
      const accountId = await makeAccount(books);
      const { url } = await listenSmall(
        ({ index }) => (index < 3 ? limited({}, { retryAfterMs: 20 }) : 'forward'),
        service,
      );
      const ledger = createLedgerClient({ url, apiKey: KEY });
      const results = await Promise.all(
        Array.from({ length: 20 }, () => ledger.deposit({ accountId, amount: '1' })),
      );
      for (const result of results) expect(unwrap(result).replayed).toBe(false);
      expect((await ledger.account(accountId))?.balance.amount).toBe('20.00');
    });
  });

  describe('an intent', () => {
    const intent = { intent: 'checkout-42' };

    it.each([
      ['401', unauthenticated, UnauthenticatedError],
      ['403', forbidden, PermissionDenied],
    ])('that met %s is not settled: with the right key it pays once', async (_, reply, kind) => {
      const [fromAccountId, toAccountId] = [
        await makeAccount(books, { funds: '10' }),
        await makeAccount(books),
      ];
      const { url, received } = await listenSmall(
        (request) => (hasKey(request, OTHER_KEY) ? 'forward' : reply),
        service,
      );
      const keyStore = memoryStore();
      const clientOf = (apiKey: string) => createLedgerClient({ url, apiKey, ledger: 'main', keyStore });
      const pay = (apiKey: string) =>
        clientOf(apiKey).transfer({ fromAccountId, toAccountId, amount: '1' }, intent);
      expect(await thrownBy(pay(KEY))).toBeInstanceOf(kind);
      const [record] = keyStore.kept.values();
      expect(record).toBeDefined();
      expect(await pay(OTHER_KEY)).toMatchObject({ __typename: 'TransactionPosted', replayed: false });
      expect(await pay(OTHER_KEY)).toMatchObject({ __typename: 'TransactionPosted', replayed: true });
      expect([...keyStore.kept.values()]).toEqual([record]);
      expect((await createLedgerClient({ url: service }).account(toAccountId))?.balance.amount).toBe('1.00');
      const sentKeys = received.map(({ body }) => /"idempotencyKey":"([^"]+)"/.exec(body)?.[1]);
      expect(new Set(sentKeys).size).toBe(1);
    });

    it('that met FORBIDDEN as a result is kept too', async () => {
      const refusal = { code: 'FORBIDDEN', message: 'no', retryable: false, replayed: false };
      const { url } = await listenSmall(() => ({
        body: { data: { deposit: { __typename: 'ForbiddenError', ...refusal } } },
      }));
      const keyStore = memoryStore();
      const ledger = createLedgerClient({ url, apiKey: KEY, ledger: 'main', keyStore });
      expect(await ledger.deposit({ accountId: 'ext:a', amount: '1' }, intent)).toMatchObject(refusal);
      expect(keyStore.kept.size).toBe(1);
    });

    it('whose key is revoked in between, with responses lost, pays once', async () => {
      const accountId = await makeAccount(books);
      const keyStore = memoryStore();
      // The first request is done, but its response is lost; then the key is revoked.
      const { url } = await listenSmall((request) => {
        if (hasKey(request, OTHER_KEY)) return 'forward';
        return request.index === 0 ? 'forward' : unauthenticated;
      }, service);
      let isLost = false;
      const losing = createLedgerClient({
        url,
        apiKey: KEY,
        ledger: 'main',
        keyStore,
        fetch: async (to, init) => {
          const response = await fetch(to, init);
          if (isLost) return response;
          isLost = true;
          throw new TypeError('the connection was lost');
        },
      });
      const error = await thrownBy(losing.deposit({ accountId, amount: '1' }, intent));
      expect(error).toBeInstanceOf(OutcomeUnknown);
      const ledger = createLedgerClient({ url, apiKey: OTHER_KEY, ledger: 'main', keyStore });
      expect(await ledger.deposit({ accountId, amount: '1' }, intent)).toMatchObject({ replayed: true });
      expect((await ledger.account(accountId))?.balance.amount).toBe('1.00');
    });

    it('is one of each ledger: a declined one does not forget that of another ledger', async () => {
      const [fromAccountId, toAccountId] = [
        await makeAccount(books, { funds: '10' }),
        await makeAccount(books),
      ];
      const refusal = { code: 'INSUFFICIENT_FUNDS', message: 'no', retryable: false, replayed: false };
      const { url, received } = await listenSmall(
        ({ headers }) =>
          headers['x-ledger'] === 'shop' ? { body: { data: { transfer: refusal } } } : 'forward',
        service,
      );
      const keyStore = memoryStore();
      const pay = (ledger?: string, name = 'checkout-42') =>
        createLedgerClient({ url, keyStore, ...(ledger === undefined ? {} : { ledger }) }).transfer(
          { fromAccountId, toAccountId, amount: '1' },
          { intent: name },
        );
      expect(await pay('main')).toMatchObject({ replayed: false });
      expect(await pay('shop')).toMatchObject({ code: 'INSUFFICIENT_FUNDS' });
      // Without a name the ledger is main. No name of an intent reaches into another ledger.
      expect(await pay()).toMatchObject({ replayed: true });
      expect(await pay('main', '@shop:checkout-42')).toMatchObject({ replayed: false });
      expect(await pay('main', 'shop:checkout-42')).toMatchObject({ replayed: false });
      expect(new Set(received.map(({ body }) => /"idempotencyKey":"([^"]+)"/.exec(body)?.[1])).size).toBe(4);
    });

    it('that is kept for another url is a conflict, and nothing is sent', async () => {
      const accountId = await makeAccount(books);
      const one = await listenSmall(() => 'forward', service);
      const other = await listenSmall(() => 'forward', service);
      const keyStore = memoryStore();
      const pay = (url: string) =>
        createLedgerClient({ url, keyStore }).deposit({ accountId, amount: '1' }, intent);
      await pay(`${one.url}?trace=secret`);
      expect(await pay(one.url)).toMatchObject({ replayed: true });
      const error = await thrownBy(pay(other.url));
      expect(error).toMatchObject({ name: 'IntentConflict' });
      expect(error.message).toContain(one.url);
      expect(error.message).not.toContain('secret');
      expect(other.received).toEqual([]);
      await createLedgerClient({ url: other.url, keyStore }).forget('checkout-42');
      expect(await pay(other.url)).toMatchObject({ replayed: false });
    });
  });
});
