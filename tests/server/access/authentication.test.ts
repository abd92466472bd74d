import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { formatId } from '../../../src/core/values/ids.ts';
import { startHttpServer } from '../../../src/server/http/http.ts';
import { createTestDatabase } from '../../support/database.ts';
import { balance, expectSoundBooks, makeAccount, openLedger } from '../../support/ledger.ts';
import { asking, exchange, JSON_TYPE, type Received, type Sent } from '../http/exchange.ts';
import { compare, ORIGIN, serveAllWays } from '../http/ways.ts';
import { bearer, makeKey, makeLedger, revoke } from './keys.ts';

const NAME = '{ ledger { name } }';
const DEPOSIT = 'mutation ($i: DepositInput!) { deposit(input: $i) { __typename } }';

const database = await createTestDatabase();
const main = await openLedger(database);
const urls = await serveAllWays(main);
const eu = await makeLedger(main, 'eu');
const forMain = await makeKey(main);
const forEu = await makeKey(eu);
const forAll = await makeKey(main, { allLedgers: true });
const revoked = await makeKey(main);
await revoke(main, formatId('apiKey', revoked.apiKey.id));
const expiring = await makeKey(main, { expiresAt: BigInt(Date.now() + 1000) * 1000n });
await sleep(1000);
afterAll(() => expectSoundBooks(database));

const open = await createTestDatabase();
const openMain = await openLedger(open);
const openUrls = await serveAllWays(openMain);
await makeLedger(openMain, 'eu');

/** Another secret than that of the key. */
function withOtherSecret(secret: string): string {
  const [first = '', rest] = [secret.at(-43), secret.slice(-42)];
  return `${secret.slice(0, -43)}${first === 'x' ? 'y' : 'x'}${rest}`;
}

/** A request for the name of its ledger, by POST, or by GET, which Yoga answers. */
const METHODS: readonly (readonly [method: string, path: string, sent: Sent])[] = [
  ['POST', '/graphql', asking(NAME)],
  ['GET', `/graphql?query=${encodeURIComponent(NAME)}`, { method: 'GET' }],
];

function as(sent: Sent, headers: Sent['headers'] = {}): Sent {
  return { ...sent, headers: { ...sent.headers, ...headers } };
}

function errorOf({ body }: Received) {
  const { errors, ...rest } = JSON.parse(body) as {
    errors: { message: string; extensions: { code: string } }[];
  };
  expect(rest).toEqual({});
  expect(errors).toHaveLength(1);
  return { message: errors[0]?.message ?? '', code: errors[0]?.extensions.code };
}

function expectUnauthenticated(received: Received, hint: RegExp): void {
  expect(received.status).toBe(401);
  expect(received.headers).toMatchObject({ 'www-authenticate': 'Bearer realm="ledger"' });
  const { code, message } = errorOf(received);
  expect(code).toBe('UNAUTHENTICATED');
  expect(message).toMatch(hint);
  expect(message).toContain('Nothing was done.');
  expect(received.body).not.toMatch(/tlsk_\w/);
}

/** Credentials that are no credentials in any mode. */
const MALFORMED: readonly (readonly [name: string, authorization: string | string[], hint: RegExp])[] = [
  ['the scheme Basic', `Basic ${Buffer.from(`ops:${forAll.secret}`).toString('base64')}`, /scheme Bearer/],
  ['a key without a scheme', forAll.secret, /scheme Bearer/],
  ['two headers', [`Bearer ${forAll.secret}`, `Bearer ${forAll.secret}`], /2 authorization headers/],
  ['two keys in one header', `Bearer ${forAll.secret}, Bearer ${forAll.secret}`, /malformed/],
  ['no key', 'Bearer', /not an API key/],
  ['an empty header', '', /scheme Bearer/],
  ['a token that is no API key', 'Bearer eyJhbGciOiJIUzI1NiJ9.e30.x', /not an API key/],
  ['only the beginning of a key', 'Bearer tlsk_', /malformed/],
  ['a space before the key', `Bearer  ${forAll.secret}`, /malformed/],
  ['a space in the key', `Bearer ${forAll.secret.slice(0, 40)} ${forAll.secret.slice(40)}`, /malformed/],
  ['a tab in the key', `Bearer ${forAll.secret.slice(0, 40)}\t${forAll.secret.slice(40)}`, /malformed/],
  ['another character after the key', `Bearer ${forAll.secret};`, /malformed/],
  ['a quoted key', `Bearer "${forAll.secret}"`, /malformed/],
  ['a character that is not ASCII', `Bearer ${forAll.secret.slice(0, -1)}é`, /malformed/],
  ['a key without its end', `Bearer ${forAll.secret.slice(0, -1)}`, /malformed/],
  ['a key in capitals', `Bearer ${forAll.secret.toUpperCase()}`, /not an API key/],
  ['8,000 characters', `Bearer tlsk_${'x'.repeat(8000)}`, /malformed/],
];

describe.each(METHODS)('by %s', (_, path, sent) => {
  describe('while no key was ever created', () => {
    test('a request without a key is executed in the ledger main', async () => {
      const { status, body } = await compare(openUrls, sent, path);
      expect([status, body]).toEqual([200, '{"data":{"ledger":{"name":"main"}}}']);
    });

    test('x-ledger names the ledger', async () => {
      const { body } = await compare(openUrls, as(sent, { 'x-ledger': 'eu' }), path);
      expect(body).toBe('{"data":{"ledger":{"name":"eu"}}}');
    });

    test('a ledger that does not exist is rejected, with what to do', async () => {
      const received = await compare(openUrls, as(sent, { 'x-ledger': 'mars' }), path);
      expect(received.status).toBe(400);
      expect(errorOf(received)).toEqual({
        code: 'INVALID_INPUT',
        message: expect.stringMatching(/"mars".*Create it with createLedger/),
      });
    });

    test.each(MALFORMED)('%s is rejected', async (__, authorization, hint) => {
      expectUnauthenticated(
        await compare(openUrls, as(sent, { authorization: authorization as string }), path),
        hint,
      );
    });

    test('a key of another service is rejected', async () => {
      const answer = await compare(openUrls, as(sent, bearer(forEu.secret)), path);
      expectUnauthenticated(answer, /The API key is unknown/);
    });
  });

  describe('once a key exists', () => {
    test('a request without a key is rejected', async () => {
      expectUnauthenticated(await compare(urls, sent, path), /has no API key. Send an API key/);
    });

    test.each(MALFORMED)('%s is rejected', async (__, authorization, hint) => {
      expectUnauthenticated(
        await compare(urls, as(sent, { authorization: authorization as string }), path),
        hint,
      );
    });

    test.each([
      ['unknown', /unknown/, withOtherSecret(forAll.secret)],
      ['unknown', /unknown/, forAll.secret.replace(/^tlsk_.{26}/, `tlsk_${'0'.repeat(26)}`)],
      ['revoked', /revoked/, revoked.secret],
      ['expired', /expired/, expiring.secret],
    ])('a key that is %s is rejected', async (__, hint, secret) => {
      expectUnauthenticated(await compare(urls, as(sent, bearer(secret)), path), hint);
    });

    test('the scheme may be in any case', async () => {
      const { status } = await compare(urls, as(sent, { authorization: `bEARER ${forMain.secret}` }), path);
      expect(status).toBe(200);
    });

    test.each([
      ['one ledger', forEu.secret, {}, 'eu'],
      ['one ledger, which x-ledger names too', forEu.secret, { 'x-ledger': 'eu' }, 'eu'],
      ['all ledgers', forAll.secret, {}, 'main'],
      ['all ledgers, with x-ledger', forAll.secret, { 'x-ledger': 'eu' }, 'eu'],
    ])('a key for %s is executed in its ledger', async (__, secret, headers, name) => {
      const { status, body } = await compare(urls, as(sent, { ...bearer(secret), ...headers }), path);
      expect([status, body]).toEqual([200, `{"data":{"ledger":{"name":"${name}"}}}`]);
    });

    test('a key for one ledger may not name another, and does not learn whether it exists', async () => {
      const [existing, missing] = await Promise.all(
        ['main', 'mars'].map((name) =>
          compare(urls, as(sent, { ...bearer(forEu.secret), 'x-ledger': name }), path),
        ),
      );
      expect(existing?.status).toBe(403);
      expect(errorOf(existing as Received)).toEqual({
        code: 'FORBIDDEN',
        message: expect.stringContaining('for the ledger "eu" only'),
      });
      const [{ 'x-request-id': _1, date: _2, ...headers }, { 'x-request-id': _3, date: _4, ...others }] = [
        existing?.headers ?? {},
        missing?.headers ?? {},
      ];
      expect([missing?.status, missing?.body, others]).toEqual([403, existing?.body, headers]);
    });

    test.each([
      ['twice', ['main', 'main']],
      ['empty', ''],
      ['in capitals', 'Main'],
      ['longer than 63 characters', 'x'.repeat(64)],
      ['of 300 characters', 'x'.repeat(300)],
      ['with a space', 'ma in'],
      ['with a tab', 'ma\tin'],
      ['that begins with a dot', '.main'],
      ['that is not ASCII', 'maïn'],
      ['that is an API key', forAll.secret],
    ])('x-ledger %s is rejected', async (__, name) => {
      for (const [its, headers] of [
        [urls, bearer(forAll.secret)],
        [openUrls, {}],
      ] as const) {
        const received = await compare(its, as(sent, { ...headers, 'x-ledger': name }), path);
        expect(received.status).toBe(400);
        const { code, message } = errorOf(received);
        expect(code).toBe('INVALID_INPUT');
        expect(message).toMatch(/x-ledger/);
        expect(message).not.toContain('tlsk_');
      }
    });

    test('of two problems the missing key is reported', async () => {
      expectUnauthenticated(await compare(urls, as(sent, { 'x-ledger': 'Mars' }), path), /no API key/);
    });
  });
});

describe('a key in the URL', () => {
  const { secret } = forAll;
  test.each([
    ['a parameter', `/graphql?query=${encodeURIComponent(NAME)}&apiKey=${secret}`],
    ['a path', `/graphql/${secret}`],
    ['a percent-encoded mark', `/graphql?key=${secret.replace('_', '%5F')}`],
    ['percent-encoded letters', `/graphql?key=${secret.replace('tlsk', '%74l%73k')}`],
    ['the URL of a probe', `/livez?key=${secret}`],
  ])('is rejected in %s, in any mode, and says to send a header', async (_, path) => {
    for (const its of [urls, openUrls]) {
      for (const sent of [{ method: 'GET' }, asking(NAME), as(asking(NAME), bearer(secret))]) {
        const received = await compare(its, sent, path);
        expect(received.status).toBe(400);
        const { code, message } = errorOf(received);
        expect(code).toBe('INVALID_INPUT');
        expect(message).toContain('send it as a header');
        expect(received.body).not.toContain(secret.slice(5));
      }
    }
  });

  test('is rejected for pages too', async () => {
    const { status, body } = await exchange(`${urls.fast}/graphql?key=${secret}`, {
      method: 'GET',
      headers: { accept: 'text/html' },
    });
    expect(status).toBe(400);
    expect(body).not.toContain(secret.slice(5));
  });
});

test('a mutation without a valid key moves no money', async () => {
  const accountId = await makeAccount(main);
  const pay = (key: string, headers: Sent['headers']) =>
    compare(
      urls,
      asking(DEPOSIT, { variables: { i: { accountId, amount: '1', idempotencyKey: key } } }, headers),
    );
  for (const headers of [{}, bearer(revoked.secret), { authorization: 'Basic eA==' }]) {
    expect((await pay('refused', headers)).status).toBe(401);
  }
  expect((await pay('other', { ...bearer(forEu.secret), 'x-ledger': 'main' })).status).toBe(403);
  expect(await balance(main, accountId)).toBe(0n);
  const { body } = await pay('paid', bearer(forMain.secret));
  expect(body).toBe('{"data":{"deposit":{"__typename":"TransactionPosted"}}}');
  expect(await balance(main, accountId)).toBe(100n);
});

test('what needs no key is served without one', async () => {
  const get = (path: string, headers = {}) => exchange(`${urls.fast}${path}`, { method: 'GET', headers });
  expect(await get('/graphql', { accept: 'text/html' })).toMatchObject({ status: 200 });
  expect(await get('/schema.graphql')).toMatchObject({ status: 200 });
  expect(await get('/livez')).toMatchObject({ status: 200, body: 'alive\n' });
  const preflight = await exchange(`${urls.fast}/graphql`, {
    method: 'OPTIONS',
    headers: {
      origin: ORIGIN,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type,x-ledger',
    },
  });
  expect(preflight).toMatchObject({
    status: 204,
    headers: { 'access-control-allow-headers': 'authorization, content-type, x-ledger, x-ledger-cost' },
  });
});

test('every other method needs a key', async () => {
  for (const method of ['PUT', 'DELETE', 'HEAD', 'PATCH']) {
    const { status, headers } = await compare(urls, { method });
    expect([method, status, headers['www-authenticate']]).toEqual([method, 401, 'Bearer realm="ledger"']);
    expect(await compare(urls, { method, headers: bearer(forMain.secret) })).toMatchObject({ status: 405 });
  }
});

test('a page of an allowed origin may read why its request was rejected', async () => {
  for (const [path, status] of [
    ['/graphql', 401],
    [`/graphql?key=${forAll.secret}`, 400],
  ] as const) {
    const received = await compare(urls, asking(NAME, {}, { origin: ORIGIN }), path);
    expect(received).toMatchObject({ status, headers: { 'access-control-allow-origin': ORIGIN } });
  }
});

test('a head that is too large is rejected with 431', async () => {
  const { status } = await exchange(
    `${urls.fast}/graphql`,
    asking(NAME, {}, bearer(`tlsk_${'x'.repeat(20_000)}`)),
  );
  expect(status).toBe(431);
});

test('revoking the last key does not open the service again', async () => {
  const own = await openLedger(await createTestDatabase());
  const its = await serveAllWays(own);
  expect((await compare(its, asking(NAME))).status).toBe(200);
  const { apiKey, secret } = await makeKey(own);
  expect((await compare(its, asking(NAME))).status).toBe(401);
  expect((await compare(its, asking(NAME, {}, bearer(secret)))).status).toBe(200);
  await revoke(own, formatId('apiKey', apiKey.id));
  expect((await compare(its, asking(NAME))).status).toBe(401);
  expect((await compare(its, asking(NAME, {}, bearer(secret)))).status).toBe(401);
});

test('the public id of the key is noted, and nothing of its secret', async () => {
  const notes: unknown[] = [];
  const server = await startHttpServer({
    engine: main.engine,
    host: '127.0.0.1',
    port: 0,
    log: { error: () => expect.unreachable() },
    onAnswered: ({ notes: { credentialId, codes } }) => notes.push([credentialId, [...codes.keys()]]),
  });
  onTestFinished(() => server.close());
  const send = (headers: Sent['headers']) => exchange(`${server.url}/graphql`, as(asking(NAME), headers));
  await send(bearer(forMain.secret));
  await send(bearer(withOtherSecret(forMain.secret)));
  await send({ ...JSON_TYPE });
  await expect.poll(() => notes).toHaveLength(3);
  expect(notes).toEqual([
    [formatId('apiKey', forMain.apiKey.id), []],
    [null, ['UNAUTHENTICATED']],
    [null, ['UNAUTHENTICATED']],
  ]);
});
