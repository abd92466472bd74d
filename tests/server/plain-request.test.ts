import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { readPlainRequest } from '../../src/server/plain-request.ts';

const BODY = '{"query":"{ __typename }"}';
const FIELDS = ['Host: localhost', 'Content-Type: application/json', `Content-Length: ${BODY.length}`];

function requestOf(
  fields: readonly string[],
  body = BODY,
  line = 'POST /graphql HTTP/1.1',
  end = '\r\n',
): Buffer {
  return Buffer.from([line, ...fields, '', body].join(end), 'latin1');
}

const read = (bytes: Buffer) => readPlainRequest(bytes, '/graphql');

test('a plain request is its headers, by names in lower case, and its body', () => {
  const plain = read(
    requestOf([...FIELDS, 'X-Trace:  a b\t', 'accept:*/*', 'Connection: Keep-Alive', 'empty:']),
  );
  expect(Object.fromEntries(plain?.headers ?? [])).toEqual({
    host: 'localhost',
    'content-type': 'application/json',
    'content-length': `${BODY.length}`,
    'x-trace': 'a b',
    accept: '*/*',
    connection: 'Keep-Alive',
    empty: '',
  });
  expect(plain?.body.toString()).toBe(BODY);
});

describe('left to the HTTP server is', () => {
  test.each([
    ['another method', requestOf(FIELDS, BODY, 'GET /graphql HTTP/1.1')],
    ['another version', requestOf(FIELDS, BODY, 'POST /graphql HTTP/1.0')],
    ['another path', requestOf(FIELDS, BODY, 'POST /graphql?a=1 HTTP/1.1')],
    ['a whole URL', requestOf(FIELDS, BODY, 'POST http://localhost/graphql HTTP/1.1')],
    ['a body that is not there yet', requestOf(FIELDS, BODY.slice(0, -1))],
    ['a request upon another', Buffer.concat([requestOf(FIELDS), requestOf(FIELDS)])],
    ['a head without its end', requestOf(FIELDS).subarray(0, 60)],
    ['no length', requestOf(FIELDS.slice(0, 2))],
    ['a length with a sign', requestOf([...FIELDS.slice(0, 2), `Content-Length: +${BODY.length}`])],
    ['a length with a zero before it', requestOf([...FIELDS.slice(0, 2), `Content-Length: 0${BODY.length}`])],
    ['two lengths', requestOf([...FIELDS, `content-length: ${BODY.length}`])],
    [
      'two lengths in one',
      requestOf([...FIELDS.slice(0, 2), `Content-Length: ${BODY.length}, ${BODY.length}`]),
    ],
    ['a length and chunks', requestOf([...FIELDS, 'Transfer-Encoding: chunked'])],
    ['no host', requestOf(FIELDS.slice(1))],
    ['two hosts', requestOf([...FIELDS, 'host: other'])],
    ['a compressed body', requestOf([...FIELDS, 'Content-Encoding: gzip'])],
    ['what waits for 100 Continue', requestOf([...FIELDS, 'Expect: 100-continue'])],
    ['an upgrade', requestOf([...FIELDS, 'Upgrade: websocket'])],
    ['the end of the connection', requestOf([...FIELDS, 'Connection: close'])],
    ['a field of the connection', requestOf([...FIELDS, 'Connection: keep-alive, x-trace'])],
    ['a space before the colon', requestOf([...FIELDS, 'x-trace : a'])],
    ['a field on two lines', requestOf([...FIELDS, 'x-trace: a', ' b'])],
    ['a line without a colon', requestOf([...FIELDS, 'x-trace'])],
    ['a line without a name', requestOf([...FIELDS, ': a'])],
    ['lines that end in LF alone', requestOf(FIELDS, BODY, undefined, '\n')],
    ['an LF within a field', requestOf([...FIELDS, 'x-trace: a\nhost: other'])],
    ['a CR within a field', requestOf([...FIELDS, 'x-trace: a\rb'])],
    ['a NUL within a field', requestOf([...FIELDS, 'x-trace: a\0b'])],
    ['a byte beyond ASCII', requestOf([...FIELDS, 'x-trace: \xe9'])],
    ['a long head', requestOf([...FIELDS, `x-trace: ${'a'.repeat(9000)}`])],
    ['a head of many fields', requestOf([...FIELDS, ...Array.from({ length: 60 }, (_, n) => `x-${n}: a`)])],
    ['TLS', Buffer.from('16030100a5010000a10303', 'hex')],
    ['nothing', Buffer.alloc(0)],
  ])('%s', (_, bytes) => {
    expect(read(bytes)).toBeUndefined();
  });
});

test('what is read as plain is what Node reads there', async () => {
  const server = createServer(async (request, response) => {
    const { method, url, headers } = request;
    const body = (await buffer(request)).toString('latin1');
    response.end(JSON.stringify({ method, url, headers, body }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterAll(() => server.close());
  const { port } = server.address() as AddressInfo;
  const askNode = async (bytes: Buffer): Promise<unknown> => {
    const socket = connect(port, '127.0.0.1');
    socket.end(bytes);
    const answer = (await buffer(socket)).toString('latin1');
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    return JSON.parse(
      answer.slice(answer.indexOf('\r\n\r\n') + 4).replace(/^[0-9a-f]+\r\n|\r\n0\r\n\r\n$/g, ''),
    );
  };

  const seed = Math.floor(Math.random() * 2 ** 31);
  console.log(`SEED=${seed}`);
  const noise = fc.string({ unit: fc.constantFrom(...'aA1:;, \t\r\n\0"()-_\xe9'), maxLength: 6 });
  const field = fc.oneof(
    fc.constantFrom(
      'Accept: */*',
      'Connection: keep-alive',
      'X-A: 1',
      'x-a: 2',
      'Transfer-Encoding: x',
      'Te: a',
    ),
    fc.tuple(noise, noise).map(([name, value]) => `x${name}:${value}`),
  );
  const request = fc
    .tuple(fc.array(field, { maxLength: 4 }), fc.string({ maxLength: 20 }), fc.nat(4))
    .map(([fields, body, place]) => {
      const length = `Content-Length: ${Buffer.byteLength(body)}`;
      const all = ['Host: localhost', ...fields];
      all.splice(place % all.length, 0, length);
      return Buffer.concat([requestOf(all, ''), Buffer.from(body)]);
    });
  let accepted = 0;
  await fc.assert(
    fc.asyncProperty(request, async (bytes) => {
      const plain = read(bytes);
      if (plain === undefined) return;
      accepted += 1;
      expect(await askNode(bytes)).toEqual({
        method: 'POST',
        url: '/graphql',
        headers: Object.fromEntries(plain.headers),
        body: plain.body.toString('latin1'),
      });
    }),
    { seed, numRuns: 1500 },
  );
  expect(accepted).toBeGreaterThan(100);
});
