import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { startHttpServer } from '../../../../src/server/http/http.ts';
import { createTestDatabase } from '../../../support/database.ts';
import { makeAccount, openLedger } from '../../../support/ledger.ts';
import { asking, exchange, JSON_TYPE, type Received } from '../exchange.ts';
import { connectRaw, head } from '../raw.ts';

const database = await createTestDatabase();
const ledger = await openLedger(database);
const ORIGIN = 'https://app.example';
const [HEADERS_TIMEOUT_MS, REQUEST_TIMEOUT_MS] = [700, 1500];
const server = await startHttpServer({
  engine: ledger.engine,
  host: '127.0.0.1',
  port: 0,
  // An error of a caller is not logged as one of the service.
  log: { error: (fault: unknown) => expect.unreachable(JSON.stringify(fault)) },
  corsOrigins: [ORIGIN],
  headersTimeoutMs: HEADERS_TIMEOUT_MS,
  requestTimeoutMs: REQUEST_TIMEOUT_MS,
});
const url = `${server.url}/graphql`;

interface Refused {
  readonly data?: unknown;
  readonly errors: readonly { readonly message: string; readonly extensions: Record<string, unknown> }[];
}

function refusalOf({ body }: Received): Refused['errors'][number] | undefined {
  const answer: Refused = JSON.parse(body);
  expect(answer).not.toHaveProperty('data');
  return answer.errors[0];
}

const times = (count: number, write: (place: number) => string) =>
  Array.from({ length: count }, (_, i) => write(i)).join(' ');
const chain = (count: number) =>
  `{ ...F0 } ${times(count, (i) => `fragment F${i} on Query { ...F${i + 1} ...F${i + 1} }`)} fragment F${count} on Query { ledger { name } }`;

describe('a document is rejected before it is validated, with the reason', () => {
  test.each([
    ['nesting', `${'{ node(id: "") '.repeat(5000)}${'}'.repeat(5000)}`],
    ['characters', `{ ${times(20_000, (i) => `a${i}: ledger { name }`)} }`],
    ['cost', `{ ${times(400, (i) => `a${i}: ledger { name }`)} }`],
    ['cost', `{ __schema { types { ${times(700, (i) => `a${i}: fields { name }`)} } } }`],
    ['tokens', `{ ${'a '.repeat(10_000)} }`],
    ['characters', `{ ${'a '.repeat(100_000)} }`],
    ['selections', chain(20)],
    [
      'mutationFields',
      `mutation { ${times(11, (i) => `a${i}: withdraw(input: { accountId: "x", amount: 1, idempotencyKey: "k" }) { __typename }`)} }`,
    ],
    ['cost', '{ accounts(first: 100) { nodes { history(first: 100) { nodes { transaction { id } } } } } }'],
  ])('%s of %.40s', async (limit, query) => {
    const since = performance.now();
    const answer = await exchange(url, asking(query, {}, { accept: 'application/graphql-response+json' }));
    expect(performance.now() - since).toBeLessThan(2000);
    expect(answer.status).toBe(400);
    expect(refusalOf(answer)).toMatchObject({
      message: expect.stringMatching(/ has [\d,]+ .*; at most [\d,]+ are allowed\./),
      extensions: { code: 'INVALID_INPUT', limit, given: expect.any(Number), allowed: expect.any(Number) },
    });
  });

  test('a fragment that spreads itself', async () => {
    const answer = await exchange(url, asking('{ ...A } fragment A on Query { ...A }'));
    expect(refusalOf(answer)?.message).toContain('itself');
  });

  test('a validation reports a limited number of errors', async () => {
    const answer = await exchange(url, asking(`{ ${times(900, (i) => `nothing${i}`)} }`));
    expect((JSON.parse(answer.body) as Refused).errors.length).toBeLessThanOrEqual(21);
  });

  test('a validation error repeats little of a long document', async () => {
    const fields = times(1500, (i) => `f${i}: "${'x'.repeat(40)}"`);
    const query = `mutation { deposit(input: { ${fields} }) { __typename } }`;
    const answer = await exchange(url, asking(query));
    expect(refusalOf(answer)?.message).toMatch(/^Expected value of type "DepositInput".*…$/s);
    expect(answer.body.length).toBeLessThan(3000);
  });

  test.each([
    ['that do not exist', Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`f${i}`, 1]))],
    ['that are missing from a large value', { metadata: { x: 'x'.repeat(500_000) } }],
  ])('fields of variables %s are reported briefly', async (_, input) => {
    const query = 'mutation ($input: DepositInput!) { deposit(input: $input) { __typename } }';
    const answer = await exchange(url, asking(query, { variables: { input } }));
    expect(refusalOf(answer)?.message).toMatch(/^\$input (has|lacks) the field/);
    expect(answer.body.length).toBeLessThan(1000);
  });

  test('a rejected mutation has no effect', async () => {
    const id = await makeAccount(ledger, { funds: '10' });
    const query = `mutation ($id: ID!) { ${times(11, (i) => `a${i}: withdraw(input: { accountId: $id, amount: 1, idempotencyKey: "${i}" }) { __typename }`)} }`;
    expect(refusalOf(await exchange(url, asking(query, { variables: { id } })))).toBeDefined();
    const { body } = await exchange(
      url,
      asking('query ($id: ID!) { account(id: $id) { version } }', { variables: { id } }),
    );
    expect(JSON.parse(body)).toEqual({ data: { account: { version: '1' } } });
  });

  test('a page of a hundred entries with all accounts is within the limits', async () => {
    const id = await makeAccount(ledger, { funds: '10' });
    const query = `query ($id: ID!) { account(id: $id) { history(first: 100) {
      nodes { side amount { amount } transaction { type entries { amount { amount } account { owner } } } }
    } } }`;
    const { body } = await exchange(url, asking(query, { variables: { id } }));
    expect(JSON.parse(body)).toMatchObject({
      data: { account: { history: { nodes: [{ side: 'CREDIT' }] } } },
    });
  });
});

describe('a body', () => {
  test('with a content-length above 16 MiB is rejected by its head', async () => {
    const { socket, ended, received } = await connectRaw(url);
    socket.write(head(`content-length: ${16 * 2 ** 20 + 1}`));
    await expect.poll(received).toMatch(/^HTTP\/1\.1 413 /);
    expect(received()).toContain('16,777,217 bytes; at most 16,777,216 are allowed');
    // The connection is closed, even if the client sends more.
    const since = performance.now();
    await ended;
    expect(performance.now() - since).toBeLessThan(3000);
  });

  test.each(['close', 'keep-alive'])(
    'that is rejected by its head is read, so that a client that reads only afterwards reads the rejection (connection: %s)',
    async (connection) => {
      const { socket, received } = await connectRaw(url);
      socket.pause();
      const body = Buffer.alloc(17 * 2 ** 20, ' ');
      socket.write(head(`content-length: ${body.length}`, `connection: ${connection}`));
      await new Promise<void>((resolve, reject) => {
        socket.write(body, (error) => (error == null ? resolve() : reject(error)));
      });
      socket.resume();
      await expect.poll(received).toMatch(/^HTTP\/1\.1 413 /);
    },
  );

  test('that keeps coming after its rejection ends with its connection', async () => {
    const { socket, received, ended } = await connectRaw(url);
    socket.write(head('transfer-encoding: chunked'));
    const chunk = Buffer.concat([Buffer.from('100000\r\n'), Buffer.alloc(2 ** 20, ' '), Buffer.from('\r\n')]);
    const more = () => socket.writable && socket.write(chunk, (error) => error == null && more());
    more();
    expect(await ended).toMatch(/^HTTP\/1\.1 413 /);
    expect(received().match(/HTTP\/1\.1/g)).toHaveLength(1);
    // Reading in pauses keeps what is read far below what the network can carry.
    expect(socket.bytesWritten).toBeLessThan(80 * 2 ** 20);
  });

  test('above 16 MiB is rejected at the first byte beyond the limit', async () => {
    const { socket, received } = await connectRaw(url);
    socket.write(head('transfer-encoding: chunked'));
    const chunk = Buffer.alloc(2 ** 20, ' ');
    for (let sent = 0; sent < 16; sent += 1) {
      socket.write('100000\r\n');
      socket.write(chunk);
      socket.write('\r\n');
    }
    await sleep(100);
    expect(received()).toBe('');
    socket.write('1\r\n \r\n');
    await expect.poll(received).toMatch(/^HTTP\/1\.1 413 /);
  });

  test('above 1 MiB is rejected unless it is that of a postBatch', async () => {
    const variables = { x: 'x'.repeat(2 ** 20) };
    const answer = await exchange(url, asking('{ ledger { name } }', { variables }));
    expect(answer.status).toBe(413);
    expect(refusalOf(answer)).toMatchObject({
      message: expect.stringMatching(/at most 1,048,576 are allowed.*postBatch/),
      extensions: { limit: 'bytes', given: expect.any(Number), allowed: 2 ** 20 },
    });
    const batch = await exchange(url, asking('mutation { postBatch { id } }', { variables }));
    expect(refusalOf(batch)?.message).toMatch(/Cannot query field .*postBatch/i);
  });

  test.each([
    '{ ledger { name } }',
    'mutation { transfer { id } }',
    'query A { a } mutation B { deposit { id } }',
  ])('above 1 MiB is rejected within its first MiB if its document is %s', async (query) => {
    const { socket, received } = await connectRaw(url);
    const body = JSON.stringify({ query, variables: { x: 'x'.repeat(15 * 2 ** 20) } });
    socket.write(head(`content-length: ${body.length}`) + body.slice(0, 2 ** 20 + 2 ** 17));
    await expect.poll(received).toMatch(/^HTTP\/1\.1 413 /);
    expect(received()).toContain(`${body.length.toLocaleString('en')} bytes; at most 1,048,576 are allowed`);
  });

  test.each([
    [
      'at most 500,000 commas, colons and opening brackets, and this one has at least 500,001',
      `[${'[],'.repeat(2 ** 19)}[]]`,
    ],
    [
      'at most 1,000 different names, and this one has at least 1,001',
      `{${Array.from({ length: 2 ** 17 }, (_, i) => `"${i}":1`)}}`,
    ],
    [
      'at most 1,000 different names, and this one has at least 1,001',
      `{${Array.from({ length: 1001 }, (_, i) => `"${i}":1`)},"long":"${' '.repeat(2 ** 16)}"}`,
    ],
    [
      'at most 20 nested brackets, and this one has at least 21',
      `${'['.repeat(21)}"${' '.repeat(2 ** 20)}"${']'.repeat(21)}`,
    ],
  ])('above 64 KiB may have %s', async (limit, variables) => {
    const query = JSON.stringify('mutation { postBatch { id } }');
    const body = `{"query":${query},"variables":{"input":${variables}}}`;
    const answer = await exchange(url, { headers: JSON_TYPE, body });
    expect(answer.status).toBe(413);
    expect(refusalOf(answer)).toEqual({
      message: `A body above 65,536 bytes may have ${limit}.`,
      extensions: { code: 'INVALID_INPUT' },
    });
  });

  test('of 64 KiB may have any number of names', async () => {
    const names = Array.from({ length: 1001 }, (_, i) => `"${i}":1`);
    const body = `{"query":"{ ledger { name } }","variables":{${names}}}`;
    const answer = await exchange(url, { headers: JSON_TYPE, body: body.padEnd(2 ** 16) });
    expect(answer.status).toBe(200);
  });

  test.each([
    ['invalid UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), 400],
    ['malformed JSON', '{', 400],
  ])('of %s is rejected', async (_, body, status) => {
    expect((await exchange(url, { headers: JSON_TYPE, body })).status).toBe(status);
  });
});

describe('a client is disconnected', () => {
  const expectEnd = async (ended: Promise<string>, timeoutMs: number) => {
    const since = performance.now();
    const received = await ended;
    const took = performance.now() - since;
    expect(took).toBeGreaterThan(timeoutMs / 2);
    expect(took).toBeLessThan(timeoutMs + 1000);
    return received;
  };

  test('that sends nothing', async () => {
    const { ended } = await connectRaw(url);
    await expectEnd(ended, HEADERS_TIMEOUT_MS);
  });

  test('that sends a head slowly', async () => {
    const { socket, ended } = await connectRaw(url);
    const drip = setInterval(() => socket.write('x-more: x\r\n'), 100);
    socket.write(head('x: x').slice(0, -2));
    const received = await expectEnd(ended, HEADERS_TIMEOUT_MS);
    clearInterval(drip);
    expect(received).toMatch(/^HTTP\/1\.1 408 /);
    expect(received).toContain('The head may take 0.7 s, and the whole request 1.5 s');
  });

  test('that sends a body slowly', async () => {
    const { socket, ended } = await connectRaw(url);
    const drip = setInterval(() => socket.write(' '), 100);
    socket.write(head('content-length: 1000'));
    const received = await expectEnd(ended, REQUEST_TIMEOUT_MS);
    clearInterval(drip);
    expect(received).toMatch(/^HTTP\/1\.1 408 /);
  });

  test('at once if the head is too large', async () => {
    const { socket, ended } = await connectRaw(url);
    socket.write(head(`x: ${'x'.repeat(20_000)}`));
    const received = await ended;
    expect(received).toMatch(/^HTTP\/1\.1 431 .*x-content-type-options: nosniff\r\n/s);
    expect(received).toContain('at most 16,384 are allowed');
  });

  test('at once if it does not send HTTP', async () => {
    const { socket, ended } = await connectRaw(url);
    socket.write('hello\r\n\r\n');
    expect(await ended).toMatch(/^HTTP\/1\.1 400 .*"INVALID_INPUT"/s);
  });
});

describe('GraphQL over HTTP', () => {
  const JSON_ONLY = 'application/json';
  const RESPONSE = 'application/graphql-response+json';
  const INPUT = 'mutation ($input: DepositInput!) { deposit(input: $input) { __typename } }';
  test.each([
    ['data', asking('{ ledger { name } }'), 200, 200],
    ['null and an error', asking('{ accounts(first: 101) { nodes { id } } }'), 200, 200],
    ['a syntax error', asking('{'), 200, 400],
    ['a validation error', asking('{ nothing }'), 200, 400],
    ['a refused document', asking(chain(20)), 200, 400],
    ['an unknown operation', asking('query A { ledger { name } }', { operationName: 'B' }), 200, 400],
    ['a wrong variable', asking(INPUT, { variables: { input: 5 } }), 200, 400],
    ['no JSON', { headers: JSON_TYPE, body: '{' }, 400, 400],
    ['no query', asking(undefined), 400, 400],
    ['variables that are none', asking('{ ledger { name } }', { variables: 'x' }), 400, 400],
    ['an operationName that is none', asking('{ ledger { name } }', { operationName: 5 }), 400, 400],
    ['several requests', { headers: JSON_TYPE, body: '[]' }, 400, 400],
  ] as const)('%s', async (_, sent, asJson, asResponse) => {
    for (const [accept, status] of [
      [JSON_ONLY, asJson],
      [RESPONSE, asResponse],
    ] as const) {
      const answer = await exchange(url, { ...sent, headers: { ...sent.headers, accept } });
      expect(answer.status).toBe(status);
      expect(answer.headers['content-type']).toBe(`${accept}; charset=utf-8`);
    }
  });

  test('a request whose answer type is not acceptable has no effect', async () => {
    const id = await makeAccount(ledger);
    const query = `mutation ($id: ID!) { deposit(input: { accountId: $id, amount: 1, idempotencyKey: "k" }) { __typename } }`;
    expect((await exchange(url, asking(query, { variables: { id } }, { accept: 'text/html' }))).status).toBe(
      406,
    );
    const { body } = await exchange(
      url,
      asking('query ($id: ID!) { account(id: $id) { version } }', { variables: { id } }),
    );
    expect(JSON.parse(body)).toEqual({ data: { account: { version: '0' } } });
  });

  test('GET executes queries but no mutations, and other methods are rejected', async () => {
    const get = (query: string) => exchange(`${url}?${new URLSearchParams({ query })}`, { method: 'GET' });
    expect(await get('{ ledger { name } }')).toMatchObject({
      status: 200,
      body: '{"data":{"ledger":{"name":"main"}}}',
    });
    expect(
      await get('mutation { createAccount(input: { owner: "x", currency: "USD" }) { __typename } }'),
    ).toMatchObject({ status: 405 });
    expect(await exchange(url, { method: 'PUT' })).toMatchObject({
      status: 405,
      headers: { allow: 'GET, POST, OPTIONS' },
    });
  });
});

test('every answer has security headers', async () => {
  const answers = [
    await exchange(url, asking('{ ledger { name } }')),
    await exchange(url, { headers: { 'content-type': 'text/plain' }, body: '{}' }),
    await exchange(`${server.url}/nowhere`, { method: 'GET' }),
  ];
  for (const { headers } of answers) {
    expect(headers).toMatchObject({
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
      'x-request-id': expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
  }
  const page = await exchange(url, { method: 'GET', headers: { accept: 'text/html' } });
  expect(page.headers).toMatchObject({
    'content-security-policy': expect.stringContaining("frame-ancestors 'none'"),
    'x-content-type-options': 'nosniff',
  });
});

describe('a page of another origin', () => {
  const query = '{ ledger { name } }';
  test('that is allowed may read answers', async () => {
    const { headers } = await exchange(url, asking(query, {}, { origin: ORIGIN }));
    expect(headers).toMatchObject({ 'access-control-allow-origin': ORIGIN, vary: 'Origin' });
    expect(headers).not.toHaveProperty('access-control-allow-credentials');
    const preflight = await exchange(url, {
      method: 'OPTIONS',
      headers: { origin: ORIGIN, 'access-control-request-method': 'POST' },
    });
    expect(preflight).toMatchObject({
      status: 204,
      headers: {
        'access-control-allow-origin': ORIGIN,
        'access-control-allow-methods': 'GET, POST',
        'access-control-allow-headers': 'authorization, content-type, x-ledger, x-ledger-cost',
      },
    });
  });

  test.each([
    'https://elsewhere.example',
    'null',
    `${ORIGIN}.elsewhere.example`,
    ORIGIN.toUpperCase(),
    'http://app.example',
  ])('such as %s may not read answers', async (origin) => {
    const preflight = { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } };
    for (const sent of [asking(query, {}, { origin }), preflight]) {
      const { headers } = await exchange(url, sent);
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
      expect(headers['vary']).toBe('Origin');
    }
  });
});
