import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { startServiceProcess } from '../../../../scripts/service-process.ts';
import { actorId } from '../../../../src/core/access/actor.ts';
import { formatId } from '../../../../src/core/values/ids.ts';
import { asOwner, createTestDatabase, serverLog, type TestDatabase } from '../../../support/database.ts';
import { balance, expectSoundBooks, makeAccount, openLedger } from '../../../support/ledger.ts';
import { startTcpProxy } from '../../../support/tcp-proxy.ts';
import { asking, exchange, type Sent } from '../../http/exchange.ts';
import { serveAllWays } from '../../http/ways.ts';
import { bearer, makeKey } from '../keys.ts';
import {
  AUDIENCE,
  acceptTokens,
  encode,
  ISSUER,
  makeSigningKey,
  present,
  type SigningKey,
  sign,
  startIssuer,
  UNRESTRICTED,
  validClaims,
} from './issuer.ts';

const [first, second] = (await Promise.all([makeSigningKey(), makeSigningKey('ES256')])) as [
  SigningKey,
  SigningKey,
];
const issuer = await startIssuer(first);
afterAll(() => issuer.close());

const TRANSFER = 'mutation ($i: TransferInput!) { transfer(input: $i) { __typename } }';
const DEPOSIT = 'mutation ($i: DepositInput!) { deposit(input: $i) { __typename } }';
const WHO = '{ viewer { owner } }';
const ENV = {
  JWT_ISSUER: ISSUER,
  JWT_AUDIENCE: AUDIENCE,
  JWT_JWKS_URL: issuer.url,
  JWT_UNRESTRICTED_CLAIM: UNRESTRICTED,
};
/** The claims of a backend, which may do everything in its ledger. */
const BACKEND = { sub: 'backend', owner: undefined, [UNRESTRICTED]: true, scope: 'READ POST MANAGE ADMIN' };

async function start(database: Pick<TestDatabase, 'serviceUrl'>, env: Readonly<Record<string, string>> = {}) {
  const service = await startServiceProcess({ DATABASE_URL: database.serviceUrl, ...ENV, ...env });
  onTestFinished(() => service.stop().then(() => {}));
  return service;
}

async function statusOf(url: string, token?: string, query = WHO): Promise<number | undefined> {
  return (await exchange(url, asking(query, {}, token === undefined ? {} : bearer(token)))).status;
}

async function failureOf(env: Readonly<Record<string, string>>): Promise<string[]> {
  const { serviceUrl } = await createTestDatabase();
  const failed = await startServiceProcess({ DATABASE_URL: serviceUrl, ...env }).then(
    () => expect.unreachable(),
    (error: Error) => error.message,
  );
  return failed.split('\n').slice(1);
}

test('two processes accept the same tokens and require a credential from the start, without any API key', async () => {
  const database = await createTestDatabase();
  const main = await openLedger(database);
  const services = await Promise.all([start(database), start(database)]);
  const token = await sign(first);
  const key = await makeKey(main);
  for (const { graphqlUrl, output } of services) {
    expect(output.join('\n')).toContain(`API keys or tokens of the issuer ${ISSUER} are required.`);
    expect(await statusOf(graphqlUrl)).toBe(401);
    expect(await statusOf(graphqlUrl, token)).toBe(200);
    expect(await statusOf(graphqlUrl, await sign({ ...second, kid: first.kid, alg: 'ES256' }))).toBe(401);
    expect(await statusOf(graphqlUrl, key.secret)).toBe(200);
  }
});

test('an address that other machines can reach needs no API key if tokens are accepted', async () => {
  const { graphqlUrl } = await start(await createTestDatabase(), { HOST: '127.0.0.2' });
  expect(await statusOf(graphqlUrl)).toBe(401);
  expect(await statusOf(graphqlUrl, await sign(first))).toBe(200);
});

describe('the start', () => {
  const { JWT_JWKS_URL: _, ...WITHOUT_KEYS } = ENV;

  test('ends with one line if the file of the keys cannot be read or has no keys', async () => {
    const missing = join(import.meta.dirname, 'missing.json');
    expect(await failureOf({ ...WITHOUT_KEYS, JWT_JWKS_FILE: missing })).toEqual([
      expect.stringMatching(/^JWT_JWKS_FILE must be a JSON Web Key Set, but cannot be read: ENOENT/),
    ]);
    expect(await failureOf({ ...WITHOUT_KEYS, JWT_JWKS_FILE: import.meta.filename })).toEqual([
      'JWT_JWKS_FILE must be a JSON Web Key Set, but cannot be read: the set is not JSON.',
    ]);
  });

  test('reads the keys from a file', async () => {
    const file = join(tmpdir(), `${first.kid}.json`);
    onTestFinished(() => rm(file));
    await writeFile(file, JSON.stringify({ keys: [first.publicJwk] }));
    const database = await createTestDatabase();
    const service = await startServiceProcess({
      DATABASE_URL: database.serviceUrl,
      ...WITHOUT_KEYS,
      JWT_JWKS_FILE: file,
    });
    onTestFinished(() => service.stop().then(() => {}));
    expect(await statusOf(service.graphqlUrl, await sign(first))).toBe(200);
    expect(await statusOf(service.graphqlUrl, await sign(second))).toBe(401);
  });

  test('does not wait for an issuer that is down, whose tokens are not let in until it answers', async () => {
    const late = await startIssuer(first);
    onTestFinished(() => late.close());
    late.respond = (response) => response.writeHead(502).end();
    const { graphqlUrl, output } = await start(await createTestDatabase(), { JWT_JWKS_URL: late.url });
    const token = await sign(first);
    expect(await statusOf(graphqlUrl, token)).toBe(503);
    const lines = () => output.map((line) => JSON.parse(line)).filter(({ level }) => level >= 50);
    expect(lines()).toMatchObject([
      { level: 50, msg: 'the keys of the token issuer cannot be read', cause: 'the status is 502, not 200' },
    ]);
    // The database is idle, not unavailable.
    await sleep(2500);
    expect(await statusOf(graphqlUrl, token)).toBe(503);
    expect(lines()).toHaveLength(1);
    late.respond = undefined;
    await expect.poll(() => statusOf(graphqlUrl, token), { timeout: 10_000 }).toBe(200);
  });
});

test('in two processes under load, no transfer is posted with a token after its expiry', {
  timeout: 60_000,
}, async () => {
  const database = await createTestDatabase();
  const main = await openLedger(database);
  const [from, to] = [await makeAccount(main, { funds: '1000.00' }), await makeAccount(main)];
  const services = await Promise.all([start(database), start(database)]);
  let [sent, posted] = [0, 0];
  // With the tolerance of 30 seconds, these expire 2 to 5 seconds from the present.
  const exps = [2, 3, 4, 5].map((seconds) => present() + seconds - 30);
  const callers = exps.flatMap((exp) => services.map((service) => ({ exp, service })));
  await Promise.all(
    callers.map(async ({ exp, service }) => {
      const token = await sign(first, { ...BACKEND, sub: `backend-${exp}`, iat: exp - 60, exp });
      const end = (exp + 30) * 1000;
      let rejected = 0;
      while (rejected < 20) {
        sent += 1;
        const variables = {
          i: { fromAccountId: from, toAccountId: to, amount: '0.01', idempotencyKey: `${sent}` },
        };
        const sentAt = Date.now();
        const { status, body } = await exchange(
          service.graphqlUrl,
          asking(TRANSFER, { variables }, bearer(token)),
        );
        if (status === 200) {
          expect(body).toContain('TransactionPosted');
          expect(sentAt).toBeLessThan(end);
          posted += 1;
        } else {
          expect(status === 401 || status === 429, `${status}`).toBe(true);
          expect(Date.now()).toBeGreaterThanOrEqual(end);
          rejected += 1;
        }
      }
    }),
  );
  expect(posted).toBeGreaterThan(0);
  expect(await balance(main, to)).toBe(BigInt(posted));
  await expectSoundBooks(database);
});

test('a token that expires while the body arrives posts nothing', async () => {
  const database = await createTestDatabase();
  const main = await openLedger(database);
  const accountId = await makeAccount(main);
  const recordActor = (from: string, subject: string) => main.engine.access.recordTokenActor(from, subject);
  const tokens = acceptTokens(issuer.url, { recordActor });
  const urls = Object.values(await serveAllWays(main, { tokens }));
  const send = async (url: string, key: string, exp: number, ms: number) => {
    const token = await sign(first, { ...BACKEND, iat: exp - 60, exp });
    const { headers, body = '' } = asking(
      DEPOSIT,
      { variables: { i: { accountId, amount: '1', idempotencyKey: key } } },
      bearer(token),
    );
    const sent = request(`${url}/graphql`, {
      method: 'POST',
      headers: { ...headers, 'content-length': body.length },
    });
    const answered = once(sent, 'response');
    sent.write(body.slice(0, 20));
    await sleep(ms);
    sent.end(body.slice(20));
    const [response] = await answered;
    return { status: response.statusCode, body: await text(response) };
  };
  await Promise.all(
    urls.flatMap((url, way) => [
      // Valid for one to two seconds.
      send(url, `late ${way}`, present() - 30 + 2, 2200).then((answer) => {
        expect(answer).toMatchObject({ status: 401, body: expect.stringContaining('has expired') });
      }),
      send(url, `slow ${way}`, present() + 60, 2200).then((answer) => {
        expect(answer).toMatchObject({ status: 200, body: expect.stringContaining('TransactionPosted') });
      }),
    ]),
  );
  expect(await balance(main, accountId)).toBe(BigInt(urls.length) * 100n);
  await expectSoundBooks(database);
});

test('while the database does not answer, a token that only reads is known, and one that writes is not let in unrecorded', async () => {
  const database = await createTestDatabase();
  const proxy = await startTcpProxy(database.serviceUrl);
  onTestFinished(() => proxy.close());
  const behind = await openLedger({ serviceUrl: proxy.url });
  const tokens = acceptTokens(issuer.url, {
    recordActor: (from, subject) => behind.engine.access.recordTokenActor(from, subject),
  });
  const urls = Object.values(await serveAllWays(behind, { tokens }));
  const [reader, writer] = [await sign(first, { scope: 'READ' }), await sign(first, { sub: 'writer' })];
  proxy.refuse();
  await Promise.all(
    urls.map(async (url) => {
      expect(await statusOf(`${url}/graphql`, reader)).toBe(200);
      expect(await statusOf(`${url}/graphql`, writer)).toBe(503);
    }),
  );
  proxy.admit();
  for (const url of urls) {
    await expect.poll(() => statusOf(`${url}/graphql`, writer), { timeout: 10_000 }).toBe(200);
  }
});

test('no part of a token reaches a log, an error, a metric or a table, however it is used', {
  timeout: 60_000,
}, async () => {
  const database = await createTestDatabase();
  await asOwner(database, `alter database ${database.name} set log_statement = 'all'`);
  const service = await start(database, { LOG_LEVEL: 'trace', TRUSTED_PROXIES: 'loopback' });
  const url = service.graphqlUrl;
  const printed: string[] = [];
  let requests = 0;
  const send = async (sent: Sent, path = '/graphql') => {
    requests += 1;
    const headers = { ...sent.headers, 'x-forwarded-for': `192.0.2.${requests % 256}` };
    const { status, headers: received, body } = await exchange(new URL(path, url).href, { ...sent, headers });
    printed.push(JSON.stringify(received), body);
    return status;
  };
  const [valid, backend, expired, stranger] = [
    await sign(first),
    await sign(first, BACKEND),
    await sign(first, { iat: present() - 600, exp: present() - 300 }),
    await sign(second),
  ];
  const unsigned = encode({ alg: 'none' }, validClaims());
  for (const token of [valid, backend]) expect(await send(asking(WHO, {}, bearer(token)))).toBe(200);
  for (const token of [expired, stranger, unsigned])
    expect(await send(asking(WHO, {}, bearer(token)))).toBe(401);
  for (const token of [valid, backend, expired, stranger, unsigned]) {
    const wrong = (authorization: string | string[]): Sent =>
      asking(WHO, {}, { authorization: authorization as string });
    for (const [path, sent] of [
      ['/graphql', wrong(token)],
      ['/graphql', wrong(`Basic ${token}`)],
      ['/graphql', wrong(`Bearer  ${token}`)],
      ['/graphql', wrong(`Bearer "${token}"`)],
      ['/graphql', wrong(`Bearer ${token.slice(0, -5)}`)],
      ['/graphql', wrong([`Bearer ${token}`, `Bearer ${token}`])],
      ['/graphql', asking(WHO, {}, { ...bearer(token), 'x-ledger': token })],
      [`/graphql?token=${token}`, asking(WHO)],
      [`/${token}`, { method: 'GET' }],
      [`/livez?key=${token.replace('.', '%2e')}`, { method: 'GET' }],
    ] as const) {
      expect([400, 401]).toContain(await send(sent, path));
    }
  }
  await asOwner(database, 'alter table holds rename to gone');
  expect(await send(asking('{ holds(first: 1) { nodes { id } } }', {}, bearer(backend)))).toBe(200);
  expect(printed.at(-1)).toContain('INTERNAL');
  const metrics = await fetch(new URL('/metrics', url), { headers: bearer(backend) });
  printed.push(await metrics.text());
  expect(await service.stop()).toBe(0);

  const lines = service.output.join('\n');
  expect(lines).toContain(`"credential":"${formatId('actor', actorId('TOKEN', ISSUER, 'user-1'))}"`);
  const rows = await Promise.all(
    ['actors', 'audit_events', 'transactions'].map((table) =>
      asOwner<{ row: string }>(database, `select t::text as row from ${table} as t`),
    ),
  );
  const everything = [
    ...printed,
    lines,
    ...rows.flat().map(({ row }) => row),
    ...(await serverLog(database)),
  ].join('\n');
  for (const token of [valid, backend, expired, stranger, unsigned]) {
    for (const part of token.split('.').filter((each) => each !== '')) {
      for (const form of [part, part.slice(0, 30), part.slice(-30)]) {
        expect(everything.includes(form), form).toBe(false);
      }
    }
  }
});
