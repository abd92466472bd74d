// A wrong address, or one where no request can succeed, is an error at once: the client does not retry until the deadline.

import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, describe, expect, it } from 'vitest';
import {
  createLedgerClient,
  type LedgerClientOptions,
  OutcomeUnknown,
  RequestRejected,
  Unreachable,
} from '../../src/client/index.ts';
import { serve } from '../graphql/api.ts';
import { createTestDatabase } from '../support/database.ts';
import { expectSoundBooks, makeAccount, openLedger } from '../support/ledger.ts';

const database = await createTestDatabase();
const books = await openLedger(database);
const { server } = await serve(books);
const accountId = await makeAccount(books);
afterAll(() => expectSoundBooks(database));

/** A self-signed certificate for 127.0.0.1, which is not trusted, and its key. */
const UNTRUSTED = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBkDCCATagAwIBAgIUBFKWU47wvR3LTli61OrYWOIik+YwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJMTI3LjAuMC4xMCAXDTI2MTEzMDEwMTYwMVoYDzIxMjYxMTA2
MTAxNjAxWjAUMRIwEAYDVQQDDAkxMjcuMC4wLjEwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQtcffWpDp/Nz85yWk9YyCJY1o4lAGLw+32uHM2Rj+QSrQ7bonR1cEV
95fYlcwCCVq7N9mhfv3Ce9XoY3mQczt1o2QwYjAdBgNVHQ4EFgQUFg0PHYfcKJhx
MocSITWAQ8bdxFcwHwYDVR0jBBgwFoAUFg0PHYfcKJhxMocSITWAQ8bdxFcwDwYD
VR0TAQH/BAUwAwEB/zAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0gAMEUC
IGL7v1eLqxocgiA7B7LSpbNTLkqjDaiiJe2JivA6GJJFAiEAx6e46yOlFDJWcKNe
2U/2fdS3h3TyFSNVJtje0epE4wY=
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgHUEMoAlKTVDaAakA
uAwIUNOXNXnUUqcff9QT9lhgVF2hRANCAAQtcffWpDp/Nz85yWk9YyCJY1o4lAGL
w+32uHM2Rj+QSrQ7bonR1cEV95fYlcwCCVq7N9mhfv3Ce9XoY3mQczt1
-----END PRIVATE KEY-----
`,
};

/** Listens until the file ends, and counts requests. */
async function listen(to: Server): Promise<{ readonly origin: string; readonly received: () => number }> {
  let requests = 0;
  to.on('request', () => {
    requests += 1;
  });
  to.listen(0, '127.0.0.1');
  await once(to, 'listening');
  afterAll(() => to.close());
  return { origin: `http://127.0.0.1:${(to.address() as AddressInfo).port}`, received: () => requests };
}

/** Returns the errors of a query and a mutation, which must come long before the deadline of 30 s. */
async function thrownAt(url: string, options: Partial<LedgerClientOptions> = {}) {
  const client = createLedgerClient({ url, ...options });
  const since = performance.now();
  const query = await client.account(accountId).catch((error: unknown) => error);
  const mutation = await client.deposit({ accountId, amount: '1' }).catch((error: unknown) => error);
  expect(performance.now() - since).toBeLessThan(2000);
  return { query, mutation } as { readonly query: Error; readonly mutation: Error };
}

describe('a client is not created for', () => {
  it.each([
    ['', 'is not a URL'],
    ['/graphql', 'is not a URL'],
    ['127.0.0.1:4000/graphql', 'is not a URL'],
    ['http://', 'is not a URL'],
    [undefined, 'is not a URL'],
    ['localhost:4000/graphql', 'must begin with http:// or https://'],
    ['ws://127.0.0.1:4000/graphql', 'must begin with http:// or https://'],
    ['file:///graphql', 'must begin with http:// or https://'],
  ])('the url %j', (url, hint) => {
    const make = () => createLedgerClient({ url: url as string });
    expect(make).toThrow(TypeError);
    expect(make).toThrow(hint);
    expect(make).toThrow('http://127.0.0.1:4000/graphql');
  });

  it('a url with a password, which its error does not repeat', () => {
    const make = () => createLedgerClient({ url: 'http://me:secret@127.0.0.1:4000/graphql' });
    expect(make).toThrow('headers: { authorization');
    expect(make).not.toThrow('secret');
  });
});

const html: RequestListener = (_, response) => {
  response.setHeader('content-type', 'text/html');
  response.end('<!doctype html><title>shop</title>');
};
const status =
  (code: number, body = ''): RequestListener =>
  (_, response) =>
    void response.writeHead(code).end(body);

describe('a URL that is no GraphQL endpoint receives one request', () => {
  it.each([
    ['returns 404', status(404), 'Is URL the GraphQL endpoint?'],
    ['returns 405', status(405), 'Is URL the GraphQL endpoint?'],
    ['returns 501', status(501, 'Unsupported method'), 'Unsupported method Is URL the GraphQL endpoint?'],
    [
      'returns 404 with a page',
      status(404, '<!DOCTYPE html><p>Not found'),
      'The response is a web page. Is URL',
    ],
    ['returns other JSON', status(200, '{"hello":"world"}'), 'is url the GraphQL endpoint?'],
    ['returns errors of another kind', status(400, '{"errors":"no"}'), 'is url the GraphQL endpoint?'],
  ])('if it %s', async (_, listener, hint) => {
    const { origin, received } = await listen(createServer(listener));
    const { query, mutation } = await thrownAt(`${origin}/`);
    expect(query).toBeInstanceOf(RequestRejected);
    expect(mutation).toBeInstanceOf(RequestRejected);
    for (const { message } of [query, mutation]) expect(message).toContain(hint.replace('URL', `${origin}/`));
    expect(received()).toBe(2);
  });

  it('if it returns a page; the outcome of a mutation is then unknown', async () => {
    const { origin, received } = await listen(createServer(html));
    const { query, mutation } = await thrownAt(origin);
    expect(query).toBeInstanceOf(Unreachable);
    expect(mutation).toBeInstanceOf(OutcomeUnknown);
    for (const { message } of [query, mutation])
      expect(message).toContain(`Is ${origin}/ the GraphQL endpoint?`);
    expect(received()).toBe(2);
  });

  it('if it redirects, as from http to https', async () => {
    const page = await listen(createServer(html));
    const moved: RequestListener = (_, response) =>
      void response.writeHead(301, { location: `${page.origin}/new` }).end();
    const { origin } = await listen(createServer(moved));
    const { query } = await thrownAt(origin);
    expect(query.message).toContain(`redirected to ${page.origin}/new: use it as the client's url`);
  });

  it('if it is another path of the service', async () => {
    const { query, mutation } = await thrownAt(server.url);
    for (const { message } of [query, mutation]) expect(message).toContain('The API is at /graphql.');
    expect(mutation).toBeInstanceOf(RequestRejected);
  });

  it('but after an attempt that may have been done, the outcome is unknown', async () => {
    let requests = 0;
    const client = createLedgerClient({
      url: server.url,
      fetch: async (to, init) => {
        requests += 1;
        if (requests > 1) return fetch(to, init);
        throw new TypeError('the connection was lost');
      },
    });
    const thrown = await client.deposit({ accountId, amount: '1' }).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(OutcomeUnknown);
    expect(String(thrown)).toContain('The API is at /graphql.');
    expect(requests).toBe(2);
  });
});

describe('a failed TLS handshake is not retried, and nothing was sent', () => {
  it.each([
    ['the certificate is not trusted', () => createTlsServer(UNTRUSTED), 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    ['the service has no TLS', () => createServer(), 'ERR_SSL_WRONG_VERSION_NUMBER'],
  ])('because %s', async (_, create, code) => {
    const { origin, received } = await listen(create());
    let sent = 0;
    const counting: LedgerClientOptions['fetch'] = (url, init) => {
      sent += 1;
      return fetch(url, init);
    };
    const url = `${origin.replace('http:', 'https:')}/graphql`;
    const { query, mutation } = await thrownAt(url, { fetch: counting });
    for (const error of [query, mutation]) {
      expect(error).toBeInstanceOf(Unreachable);
      expect(error.message).toContain(code);
      expect(error.message).toContain('NODE_EXTRA_CA_CERTS');
    }
    expect(sent).toBe(2);
    expect(received()).toBe(0);
  });
});

it('a port that fetch blocks is an error at once', async () => {
  const { mutation } = await thrownAt('http://127.0.0.1:6000/graphql');
  expect(mutation).toBeInstanceOf(Unreachable);
  expect(mutation.message).toContain('use another port');
});

it('an invalid header is an error at once, which does not contain it', async () => {
  const { query, mutation } = await thrownAt(`${server.url}/graphql`, { headers: { trace: 'secret\u20ac' } });
  for (const error of [query, mutation]) {
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toContain('is invalid');
    expect(error.message).not.toContain('secret');
  }
});

it('a service that is down is retried until the deadline, and the error names the reason', async () => {
  const gone = createServer().listen(0, '127.0.0.1');
  await once(gone, 'listening');
  const origin = `http://127.0.0.1:${(gone.address() as AddressInfo).port}`;
  gone.close();
  const client = createLedgerClient({ url: `${origin}/graphql`, deadlineMs: 600 });
  const [query, mutation] = await Promise.all([
    client.account(accountId).catch((error: unknown) => error),
    client.deposit({ accountId, amount: '1' }).catch((error: unknown) => error),
  ]);
  expect(query).toBeInstanceOf(Unreachable);
  expect(String(query)).toContain(`attempts. The connection to ${origin} failed: ECONNREFUSED.`);
  expect(mutation).toBeInstanceOf(OutcomeUnknown);
  expect(String(mutation)).toContain(`attempts. The connection to ${origin} failed: ECONNREFUSED.`);
});
