// Clients with tokens, against a server that rejects old tokens and forwards the rest to a real service.

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import {
  createLedgerClient as createClient,
  IntentConflict,
  type LedgerClientOptions,
  OutcomeUnknown,
  PermissionDenied,
  TokenError,
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

const expired: Reply = {
  status: 401,
  body: { errors: [{ message: 'The token has expired.', extensions: { code: 'UNAUTHENTICATED' } }] },
};
const tokenOf = ({ headers }: Received) => headers.authorization?.replace('Bearer ', '') ?? '';
const keysOf = ({ body }: Received) =>
  [...body.matchAll(/"idempotencyKey":"([^"]+)"/g)].map(([, key = '']) => key).toSorted();

/** A token with these claims. Its signature is no concern of the client. */
function jwt(claims: object): string {
  const part = (json: object) => Buffer.from(JSON.stringify(json)).toString('base64url');
  return `${part({ alg: 'EdDSA' })}.${part({ jti: randomUUID(), ...claims })}.c2lnbmF0dXJl`;
}

/** Returns a function that makes tokens with these claims, and the tokens that it made. */
function issue(claims: object = { sub: 'alice', owner: 'alice', ledger: 'main' }) {
  const issued: string[] = [];
  const token = () => {
    const text = jwt(claims);
    issued.push(text);
    return text;
  };
  return { issued, token };
}

/** A server that accepts the tokens that `isValid` accepts. */
function listen(isValid: (token: string, received: Received) => boolean | 'cut') {
  return listenSmall((received) => {
    const verdict = isValid(tokenOf(received), received);
    return verdict === 'cut' ? 'cut' : verdict ? 'forward' : expired;
  }, service);
}

function thrownBy(call: Promise<unknown>): Promise<Error> {
  return call.then(
    () => expect.unreachable('the call has a result'),
    (error: Error) => error,
  );
}

describe('a client is not created with', () => {
  const make = (options: object) => () => createClient({ url: service, ...options } as LedgerClientOptions);
  const text = jwt({});

  it.each([
    [
      'a token and an apiKey',
      { token: () => text, apiKey: `tlsk_${'0'.repeat(26)}_${'A'.repeat(43)}` },
      'one',
    ],
    ['a token that is no function', { token: text }, 'must be a function'],
    ['null as its token', { token: null }, 'must be a function'],
    ['a token in its url', { url: `${service}?access_token=${text}` }, 'option apiKey or token'],
    ['a token as its ledger', { ledger: text }, 'eyJ…'],
    ['an empty owner', { token: () => text, owner: '' }, 'owner is invalid'],
    ['an owner with a lone surrogate', { token: () => text, owner: 'a\ud800' }, 'owner is invalid'],
    ['a keyStore, but without a ledger', { token: () => text, keyStore: memoryStore() }, 'option ledger'],
    [
      'a token and a keyStore, but without an owner',
      { token: () => text, keyStore: memoryStore(), ledger: 'main' },
      'option owner',
    ],
  ])('%s, and the error does not contain the token', (_, options, hint) => {
    expect(make(options)).toThrow(TypeError);
    expect(make(options)).toThrow(hint);
    expect(make(options)).not.toThrow(text);
  });

  it('but with tokens of no owner it is', () => {
    make({ token: () => text, keyStore: memoryStore(), ledger: 'main', owner: null })();
  });
});

describe.each(MODES)('a $mode client:', ({ coalesce }) => {
  const createLedgerClient = (options: LedgerClientOptions) => createClient({ coalesce, ...options });
  const balanceOf = async (id: string) => (await createClient({ url: service }).account(id))?.balance.amount;

  /** Starts five reads and five payments at once. */
  function callAll(ledger: ReturnType<typeof createClient>, accountId = 'ext:a') {
    return Array.from({ length: 5 }, (_, index) => [
      ledger.account(`ext:account-${index}`),
      ledger.deposit({ accountId, amount: '1' }),
    ]).flat();
  }

  it('the token is a header of each request and nowhere else, and the function is called once', async () => {
    const accountId = await makeAccount(books);
    const { issued, token } = issue();
    const { url, received } = await listen(() => true);
    const keyStore = memoryStore();
    const ledger = createLedgerClient({ url, token, ledger: 'main', owner: 'alice', keyStore });
    expect(received).toEqual([]);
    expect(issued).toEqual([]);
    await Promise.all(callAll(ledger, accountId));
    await ledger.postBatch([{ deposit: { accountId, amount: '1' } }], { intent: 'one' });
    await ledger.trialBalance();
    for await (const _ of ledger.accounts()) break;
    await ledger.request('{ __typename }', {});
    expect(issued).toHaveLength(1);
    const [text = ''] = issued;
    for (const { headers, target, body } of received) {
      expect(headers.authorization).toBe(`Bearer ${text}`);
      expect(target + body).not.toContain(text);
    }
    expect(keyStore.kept.size).toBe(1);
    expect(JSON.stringify([...keyStore.kept])).not.toContain('eyJ');
    expect(inspect(ledger, { depth: 9, showHidden: true })).not.toContain('eyJ');
  });

  it('a rejected token is replaced once for all calls, which are sent again with the same keys', async () => {
    const accountId = await makeAccount(books);
    const { issued, token } = issue();
    const slowly = async () => {
      await sleep(30);
      return token();
    };
    const { url, received } = await listen((text) => text !== issued[0]);
    const ledger = createLedgerClient({ url, token: slowly });
    const deposits = Array.from({ length: 10 }, () => ledger.deposit({ accountId, amount: '1' }));
    for (const result of await Promise.all(deposits)) expect(unwrap(result).replayed).toBe(false);
    expect(issued).toHaveLength(2);
    const [first, second] = issued.map((text) => received.filter((one) => tokenOf(one) === text));
    expect(first).toHaveLength(coalesce ? 1 : 10);
    expect(second?.flatMap(keysOf).toSorted()).toEqual(first?.flatMap(keysOf).toSorted());
    expect(second).toHaveLength(coalesce ? 1 : 10);
    expect(await balanceOf(accountId)).toBe('10.00');
    await ledger.account(accountId);
    await ledger.request('{ ledger { id } }', {});
    expect(issued).toHaveLength(2);
  });

  it('a second rejection throws UnauthenticatedError at once, and the next call asks again', async () => {
    const { issued, token } = issue();
    let isOpen = false;
    const { url, received } = await listen(() => isOpen);
    const ledger = createLedgerClient({ url, token });
    const since = performance.now();
    for (const error of await Promise.all(callAll(ledger).map(thrownBy))) {
      expect(error).toBeInstanceOf(UnauthenticatedError);
      expect(error.message).toContain('The token has expired. The option token must return a valid token.');
      expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('eyJ');
    }
    expect(performance.now() - since).toBeLessThan(2000);
    // Without sharing, a call can learn of its first rejection when the second token is rejected too.
    if (coalesce) expect(issued).toHaveLength(2);
    const asked = issued.length;
    expect(asked).toBeLessThanOrEqual(10);
    expect(received).toHaveLength(coalesce ? 4 : 20);
    isOpen = true;
    await ledger.account('ext:a');
    expect(issued).toHaveLength(asked + 1);
    expect(received).toHaveLength(coalesce ? 5 : 21);
  });

  it('a mutation of the caller’s own document is sent again after a rejection only', async () => {
    const accountId = await makeAccount(books);
    const { issued, token } = issue();
    const { url, received } = await listen((text, { index }) => (index === 2 ? 'cut' : text !== issued[0]));
    const ledger = createLedgerClient({ url, token });
    const document = 'mutation Pay($input: DepositInput!) { deposit(input: $input) { __typename } }';
    const input = { accountId, amount: '1', idempotencyKey: 'own' };
    expect(await ledger.request(document, { input })).toEqual({
      deposit: { __typename: 'TransactionPosted' },
    });
    expect((await thrownBy(ledger.request(document, { input }))).name).toBe('NoAnswer');
    expect(received).toHaveLength(3);
    expect(await balanceOf(accountId)).toBe('1.00');
  });

  it('a proxy that returns the token does not put it into an error', async () => {
    const { token } = issue();
    for (const status of [200, 400, 401, 403, 404, 503]) {
      for (const asJson of [true, false]) {
        const { url } = await listenSmall(({ headers }) => {
          const message = `sent: ${headers.authorization}`;
          return { status, body: asJson ? { errors: [{ message, extensions: { code: 'X' } }] } : message };
        });
        const ledger = createLedgerClient({ url, token, deadlineMs: 300 });
        for (const error of await Promise.all(callAll(ledger).map(thrownBy))) {
          expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('eyJhb');
        }
      }
    }
  });

  it('a short text as the token changes nothing in a response', async () => {
    const accountId = await makeAccount(books, { funds: '10.00' });
    const { url } = await listen((text) => text === '10');
    const account = await createLedgerClient({ url, token: () => '10' }).account(accountId);
    expect(account?.balance.amount).toBe('10.00');
  });

  describe('a token function', () => {
    const secret = jwt({});
    it.each([
      [
        'throws',
        () => {
          throw new Error('signed out');
        },
        'The option token failed: signed out',
      ],
      ['rejects', () => Promise.reject(new Error('signed out')), 'The option token failed: signed out'],
      ['rejects with a text', () => Promise.reject('no'), 'The option token failed: no'],
      ['fails with a token in its message', () => Promise.reject(`no ${secret}`), 'failed: no eyJ…'],
      ['returns undefined', () => undefined, 'It returned undefined.'],
      ['returns null', async () => null, 'It returned null.'],
      ['returns a number', () => 7, 'It returned number.'],
      ['returns an object', () => ({ token: secret }), 'It returned object.'],
      ['returns an empty text', () => '', 'It returned another text.'],
      ['returns the scheme too', () => `Bearer ${secret}`, 'without the word Bearer'],
      ['returns a line break', () => `${secret}\r\nx-ledger: other`, 'It returned another text.'],
      ['returns a character above U+00FF', () => `${secret}€`, 'It returned another text.'],
    ])('that %s is a TokenError, and nothing is sent', async (_, token, hint) => {
      const { url, received } = await listen(() => true);
      const keyStore = memoryStore();
      const ledger = createLedgerClient({
        ...{ url, ledger: 'main', owner: 'alice', keyStore },
        token: token as () => string,
      });
      const since = performance.now();
      const intended = ledger.deposit({ accountId: 'ext:a', amount: '1' }, { intent: 'checkout' });
      for (const error of await Promise.all([...callAll(ledger), intended].map(thrownBy))) {
        expect(error).toBeInstanceOf(TokenError);
        expect(error).toMatchObject({ name: 'TokenError' });
        expect(error.message).toContain(hint);
        expect(error.message).not.toContain(secret);
      }
      expect(performance.now() - since).toBeLessThan(2000);
      expect(received).toEqual([]);
      expect(keyStore.kept.size).toBe(1);
    });

    it('that fails after an attempt was sent leaves the outcome unknown, and its intent pays once', async () => {
      const accountId = await makeAccount(books);
      const { token } = issue();
      const { url, received } = await listen((_, { index }) => index === 2);
      let calls = 0;
      const keyStore = memoryStore();
      // The first request is done, but its response is lost. The second one finds the token expired.
      const options = { url, ledger: 'main', owner: 'alice', keyStore };
      const ledger = createLedgerClient({
        ...options,
        token: () => {
          calls += 1;
          if (calls > 1) throw new Error('signed out');
          return token();
        },
        fetch: async (to, init) => {
          if (received.length > 0) return fetch(to, init);
          await fetch(service, { ...init, headers: { 'content-type': 'application/json' } });
          await fetch(to, init);
          throw new TypeError('The response is lost.');
        },
      });
      const pay = (client: typeof ledger) =>
        client.deposit({ accountId, amount: '1' }, { intent: 'checkout' });
      const error = await thrownBy(pay(ledger));
      expect(error).toBeInstanceOf(OutcomeUnknown);
      expect(error).toMatchObject({ intent: 'checkout', attempts: 2 });
      expect(error.message).toContain('The option token failed: signed out');
      expect(error.cause).toBeInstanceOf(TokenError);
      expect(calls).toBe(2);
      expect(await pay(createLedgerClient({ ...options, token }))).toMatchObject({ replayed: true });
      expect(await balanceOf(accountId)).toBe('1.00');
    });

    it('that never returns is a TokenError within the deadline of each call, and is called again', async () => {
      const { url, received } = await listen(() => true);
      const { token } = issue();
      let calls = 0;
      const ledger = createLedgerClient({
        url,
        token: () => {
          calls += 1;
          return calls === 1 ? new Promise<string>(() => {}) : token();
        },
      });
      const since = performance.now();
      const call = (deadlineMs: number) =>
        thrownBy(ledger.deposit({ accountId: 'ext:a', amount: '1' }, { deadlineMs })).then((error) => {
          expect(error).toBeInstanceOf(TokenError);
          expect(error.message).toContain('no token in time');
          return performance.now() - since;
        });
      const [short = 0, long = 0] = await Promise.all([call(200), call(1200)]);
      expect(short).toBeLessThan(210);
      expect(long).toBeGreaterThan(590);
      expect(long).toBeLessThan(1210);
      expect(calls).toBe(1);
      expect(received).toEqual([]);
      expect(await ledger.account('ext:a')).toBeNull();
      expect(calls).toBe(2);
    });

    it('that several calls await does not delay the call whose signal aborts, and the others pay', async () => {
      const accountId = await makeAccount(books);
      const { url } = await listen(() => true);
      const { promise, resolve } = Promise.withResolvers<string>();
      const ledger = createLedgerClient({ url, token: () => promise });
      const controller = new AbortController();
      const pay = (options?: object) => ledger.deposit({ accountId, amount: '1' }, options);
      const [ended, paid] = [pay({ signal: controller.signal }), pay()];
      controller.abort();
      expect(await thrownBy(ended)).toBeInstanceOf(TokenError);
      resolve(issue().token());
      expect(unwrap(await paid).replayed).toBe(false);
      expect(await balanceOf(accountId)).toBe('1.00');
    });
  });

  describe('cannot pay twice with tokens that expire:', () => {
    it('connections that are cut, and tokens that expire in between, cause one deposit per call', async () => {
      const accountId = await makeAccount(books);
      const { issued, token } = issue();
      let uses = 0;
      let cuts = 0;
      // Each token is accepted twice. Every third request is cut, before it is done or after it.
      const { url } = await listenSmall((received) => {
        if (tokenOf(received) !== issued.at(-1) || uses >= 2) return expired;
        uses += 1;
        if (received.index % 3 !== 0) return 'forward';
        cuts += 1;
        return cuts % 2 === 0 ? 'cut' : 'forward-and-cut';
      }, service);
      const ledger = createLedgerClient({
        url,
        token: () => {
          uses = 0;
          return token();
        },
      });
      let posted = 0;
      const keepPaying = async () => {
        while (cuts < 30) {
          try {
            unwrap(await ledger.deposit({ accountId, amount: '1', idempotencyKey: randomUUID() }));
            posted += 1;
          } catch (error) {
            // With calls in parallel, others may use up the second token too.
            if (!(error instanceof UnauthenticatedError)) throw error;
          }
        }
      };
      await (coalesce ? Promise.all([keepPaying(), keepPaying(), keepPaying()]) : keepPaying());
      expect(issued.length).toBeGreaterThan(10);
      expect(await balanceOf(accountId)).toBe(`${posted}.00`);
    }, 60_000);

    it('a rejection after a lost response keeps the intent, which another token settles', async () => {
      const accountId = await makeAccount(books);
      const { token } = issue();
      let isOpen = false;
      const { url, received } = await listenSmall(
        ({ index }) => (index === 0 ? 'forward-and-cut' : isOpen ? 'forward' : expired),
        service,
      );
      const keyStore = memoryStore();
      const ledger = createLedgerClient({ url, token, ledger: 'main', owner: 'alice', keyStore });
      const pay = () => ledger.deposit({ accountId, amount: '1' }, { intent: 'checkout' });
      const error = await thrownBy(pay());
      expect(error).toBeInstanceOf(OutcomeUnknown);
      expect(error.cause).toBeInstanceOf(UnauthenticatedError);
      expect(error).toMatchObject({ intent: 'checkout' });
      expect(received).toHaveLength(3);
      expect(keyStore.kept.size).toBe(1);
      isOpen = true;
      expect(await pay()).toMatchObject({ __typename: 'TransactionPosted', replayed: true });
      expect(new Set(received.flatMap(keysOf)).size).toBe(1);
      expect(await balanceOf(accountId)).toBe('1.00');
    });
  });

  describe('users who share a store:', () => {
    const clientOf = (url: string, owner: string | null, keyStore = memoryStore()) =>
      createLedgerClient({
        ...{ url, owner, keyStore, ledger: 'main' },
        token: issue({ owner: owner ?? undefined, ledger: 'main' }).token,
      });

    it('each has intents of its own, whatever their names are', async () => {
      const accountId = await makeAccount(books);
      const { url, received } = await listen(() => true);
      const keyStore = memoryStore();
      const owners = [null, 'alice', 'bob', 'alice:checkout', '@shop', '#alice', 'a b', '%61lice', 'Ä€😀'];
      for (const owner of owners) {
        for (const intent of ['checkout', 'alice:checkout', '#alice:checkout', 'checkout:checkout']) {
          const pay = () => clientOf(url, owner, keyStore).deposit({ accountId, amount: '1' }, { intent });
          expect(await pay(), `${owner} ${intent}`).toMatchObject({ replayed: false });
          expect(await pay()).toMatchObject({ replayed: true });
        }
      }
      expect(new Set(received.flatMap(keysOf)).size).toBe(owners.length * 4);
    });

    it('a refusal or another input of one user keeps the intent of the other', async () => {
      const [fromAccountId, toAccountId] = [
        await makeAccount(books, { funds: '9' }),
        await makeAccount(books),
      ];
      const { url } = await listen(() => true);
      const keyStore = memoryStore();
      const pay = (owner: string, amount: string) =>
        clientOf(url, owner, keyStore).transfer(
          { fromAccountId, toAccountId, amount },
          { intent: 'checkout' },
        );
      expect(await pay('alice', '1')).toMatchObject({ replayed: false });
      expect(await pay('bob', '100')).toMatchObject({ code: 'INSUFFICIENT_FUNDS' });
      expect(await thrownBy(pay('alice', '2'))).toBeInstanceOf(IntentConflict);
      expect(await pay('alice', '1')).toMatchObject({ replayed: true });
      await clientOf(url, 'bob', keyStore).forget('checkout');
      expect(await pay('alice', '1')).toMatchObject({ replayed: true });
      expect(await balanceOf(toAccountId)).toBe('1.00');
    });

    it.each([
      ['another owner', { owner: 'bob', ledger: 'main' }],
      ['no owner', { ledger: 'main' }],
      ['an owner that is a prefix', { owner: 'alic', ledger: 'main' }],
    ])('a token of %s than the client’s is a TokenError, and nothing is sent', async (_, claims) => {
      const { url, received } = await listen(() => true);
      const { token } = issue(claims);
      const ledger = createLedgerClient({ url, token, owner: 'alice' });
      const errors = await Promise.all(callAll(ledger).map(thrownBy));
      for (const error of errors) {
        expect(error).toBeInstanceOf(TokenError);
        expect(error.message).toContain('Create a client for each user');
        expect(error.message).not.toMatch(/eyJ|bob/);
      }
      expect(received).toEqual([]);
      const unrestricted = createLedgerClient({ url, token: issue().token, owner: null });
      expect(await thrownBy(unrestricted.account('ext:a'))).toBeInstanceOf(TokenError);
    });

    it.each([
      ['owner', { owner: 'bob', ledger: 'main' }],
      ['ledger', { owner: 'alice', ledger: 'shop' }],
    ])('a client does not repeat a payment with a token of another %s', async (_, claims) => {
      const accountId = await makeAccount(books);
      const tokens = [issue().token, issue(claims).token];
      let calls = 0;
      const { url, received } = await listenSmall(
        ({ index }) => (index === 0 ? 'forward-and-cut' : index === 1 ? expired : 'forward'),
        service,
      );
      const token = () => {
        calls += 1;
        return tokens[calls - 1]?.() ?? '';
      };
      const ledger = createLedgerClient({ url, token });
      const error = await thrownBy(ledger.deposit({ accountId, amount: '1' }));
      expect(error).toBeInstanceOf(OutcomeUnknown);
      expect(error.cause).toBeInstanceOf(TokenError);
      expect(received).toHaveLength(2);
      expect(await balanceOf(accountId)).toBe('1.00');
    });

    it('tokens whose claims cannot be read are used as they are', async () => {
      const { url, received } = await listen(() => true);
      for (const text of ['opaque-token', 'a.b.c', `a.${Buffer.from('null').toString('base64url')}.c`]) {
        await createLedgerClient({ url, token: () => text, owner: 'alice' }).account('ext:a');
      }
      expect(received.map(tokenOf)).toHaveLength(3);
    });
  });

  it('a request that is FORBIDDEN as a whole asks for no other token', async () => {
    const { issued, token } = issue();
    const { url } = await listenSmall(() => ({
      status: 403,
      body: { errors: [{ message: 'The token is for another ledger.', extensions: { code: 'FORBIDDEN' } }] },
    }));
    const ledger = createLedgerClient({ url, token });
    for (const error of await Promise.all(callAll(ledger).map(thrownBy))) {
      expect(error).toBeInstanceOf(PermissionDenied);
    }
    expect(issued).toHaveLength(1);
  });
});
