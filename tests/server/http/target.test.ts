import { afterAll, describe, expect, test } from 'vitest';
import { startHttpServer } from '../../../src/server/http/http.ts';
import { createTestDatabase } from '../../support/database.ts';
import { balance, makeAccount, openLedger } from '../../support/ledger.ts';
import { connectRaw } from './raw.ts';

// RFC 9112, section 3.2, and RFC 9110, section 12.5.1.

const ledger = await openLedger(await createTestDatabase());
const accountId = await makeAccount(ledger);
const log = { error: (fault: unknown) => expect.unreachable(JSON.stringify(fault)) };
const common = { engine: ledger.engine, host: '127.0.0.1', port: 0, log };
const [open, guarded] = await Promise.all([
  startHttpServer({ ...common, allowedHosts: null }),
  startHttpServer({ ...common, allowedHosts: ['ledger.example'] }),
]);
afterAll(async () => {
  await Promise.all([open.close(), guarded.close()]);
  expect(await balance(ledger, accountId)).toBe(0n);
});

const QUERY = JSON.stringify({ query: '{ ledger { name } }' });
const DEPOSIT = JSON.stringify({
  query: `mutation { deposit(input: { accountId: "${accountId}", amount: 1, idempotencyKey: "k" }) { __typename } }`,
});

/** Sends a request line and header lines over a connection of their own, and returns all bytes of the answer. */
async function send(line: string, lines: readonly string[], body = '', url = open.url): Promise<string> {
  const { socket, ended } = await connectRaw(url);
  const fields = [...lines, 'connection: close', 'content-type: application/json'];
  socket.write([line, ...fields, `content-length: ${body.length}`, '', body].join('\r\n'));
  return ended;
}
const post = (lines: readonly string[], body = QUERY, url = open.url) =>
  send('POST /graphql HTTP/1.1', lines, body, url);

const INVALID: readonly (readonly [name: string, lines: readonly string[]])[] = [
  ['no Host header', []],
  ['two Host headers', ['Host: localhost', 'Host: elsewhere.example']],
  ['the same Host header twice', ['host: localhost', 'x: x', 'HOST: localhost']],
  ['two Host headers, one of which is empty', ['Host:', 'Host: localhost']],
  [
    'a second Host header after many others',
    ['Host: localhost', ...Array.from({ length: 1500 }, () => 'x:'), 'Host: a'],
  ],
  ...[
    'a b',
    'localhost, localhost',
    'user@localhost',
    'http://localhost',
    'localhost/graphql',
    'localhost:80:80',
    'localhost:http',
    'localhost:-1',
    '[::1',
    '::1',
    '[::1]x',
    '[1.2.3.4]',
    '[fe80::1%25eth0]',
    '100%',
    'a"b',
    'a\\b',
    'a#b',
    'a?b',
    '\xe9',
  ].map((host) => [`the Host ${host}`, [`Host: ${host}`]] as const),
];

describe.each(INVALID)('%s is rejected with 400', (_, lines) => {
  test.each([
    ['POST /graphql', DEPOSIT],
    ['GET /livez', ''],
    ['OPTIONS /graphql', ''],
    ['PUT /nowhere', 'x'],
    ['HEAD /readyz', ''],
    ['POST http://localhost/graphql', DEPOSIT],
  ])('for %s', async (line, body) => {
    for (const more of [[], ['Expect: 100-continue'], ['Expect: more']]) {
      const answer = await send(`${line} HTTP/1.1`, [...lines, ...more], body);
      expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n.*x-content-type-options: nosniff\r\n/s);
      expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
    }
    if (lines.length > 0) {
      expect(await send(`${line} HTTP/1.0`, lines, body)).toMatch(/^HTTP\/1\.1 400 /);
    }
  });
});

test.each([
  'localhost',
  'LOCALHOST:4000',
  'a-b_c.example',
  'a.example.:80',
  'localhost:',
  '127.0.0.1:4000',
  '[::1]',
  '[::ffff:1.2.3.4]:4000',
  '%61.example',
  '',
])('the Host header %j is valid', async (host) => {
  expect(await post([`Host: ${host}`])).toMatch(/^HTTP\/1\.1 200 .*"main"/s);
});

test('HTTP/1.0 does not need a Host header', async () => {
  expect(await send('GET /livez HTTP/1.0', [])).toMatch(/^HTTP\/1\.1 200 /);
});

test('100 Continue is sent only for a valid request', async () => {
  const expecting = ['Host: localhost', 'Expect: 100-continue'];
  const answer = await post(expecting);
  expect(answer).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n.*"main"/s);
  expect(await post(['Host: evil.example', 'Expect: 100-continue'], DEPOSIT, guarded.url)).toMatch(
    /^HTTP\/1\.1 421 /,
  );
});

test('100 Continue never stands within the response of a pipelined request', async () => {
  const yoga = await startHttpServer({ ...common, allowedHosts: null, fastPath: false });
  const requestWith = (body: string, line: string) =>
    `POST /graphql HTTP/1.1\r\nhost: localhost\r\n${line}\r\ncontent-type: application/json\r\n` +
    `content-length: ${body.length}\r\n\r\n${body}`;
  // The database answers the first one, so that the second one is done before its turn.
  const slow = JSON.stringify({ query: '{ ledger { name trialBalance { currency } } }' });
  const quick = JSON.stringify({ query: '{ __typename }' });
  try {
    for (const { url } of [open, yoga]) {
      const { socket, ended } = await connectRaw(url);
      socket.write(requestWith(slow, 'x: x') + requestWith(quick, 'expect: 100-continue'));
      socket.write(requestWith(quick, 'connection: close'));
      const answer = await ended;
      expect(answer.match(/"__typename":"Query"/g)).toHaveLength(2);
      expect(answer).not.toMatch(/\r\n\r\nHTTP\/1\.1 100 Continue\r\n\r\n\{/);
    }
  } finally {
    await yoga.close();
  }
});

describe('a request line with an absolute URL', () => {
  test.each([
    ['POST http://127.0.0.1:4000/graphql', QUERY, /^HTTP\/1\.1 200 .*"main"/s],
    ['POST HTTPS://LOCALHOST/graphql', QUERY, /^HTTP\/1\.1 200 .*"main"/s],
    ['POST http://[::1]:4000/graphql', QUERY, /^HTTP\/1\.1 200 .*"main"/s],
    [
      `GET http://localhost/graphql?${new URLSearchParams({ query: '{ ledger { name } }' })}`,
      '',
      /^HTTP\/1\.1 200 .*"main"/s,
    ],
    ['GET http://localhost/livez', '', /^HTTP\/1\.1 200 .*alive/s],
    ['GET http://localhost', '', /^HTTP\/1\.1 404 /],
    ['GET http://localhost?query=x', '', /^HTTP\/1\.1 404 /],
    ['POST http://user@localhost/graphql', DEPOSIT, /^HTTP\/1\.1 400 /],
    ['POST http:///graphql', DEPOSIT, /^HTTP\/1\.1 400 /],
    ['POST ftp://localhost/graphql', DEPOSIT, /^HTTP\/1\.1 404 /],
  ])('%s', async (line, body, expected) => {
    for (const { url } of [open, guarded]) {
      expect(await send(`${line} HTTP/1.1`, ['Host: localhost'], body, url)).toMatch(expected);
    }
  });

  test('uses the host of the URL instead of the Host header', async () => {
    const own = 'POST http://ledger.example/graphql HTTP/1.1';
    const foreign = 'POST http://evil.example/graphql HTTP/1.1';
    expect(await send(own, ['Host: evil.example'], QUERY, guarded.url)).toMatch(/^HTTP\/1\.1 200 /);
    expect(await send(foreign, ['Host: ledger.example'], DEPOSIT, guarded.url)).toMatch(/^HTTP\/1\.1 421 /);
    expect(await post(['Host: evil.example'], DEPOSIT, guarded.url)).toMatch(/^HTTP\/1\.1 421 /);
  });
});

test('an empty Accept header accepts any answer', async () => {
  for (const accept of ['', ' ', ',']) {
    const answer = await post(['Host: localhost', `Accept:${accept}`]);
    expect(answer).toMatch(/^HTTP\/1\.1 200 .*content-type: application\/json; charset=utf-8\r\n.*"main"/s);
  }
});
