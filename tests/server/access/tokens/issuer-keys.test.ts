import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { exportJWK } from 'jose';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  IssuerKeys,
  KEYS_MAX_AGE_MS,
  KeysUnavailableError,
  RETRY_AFTER_MS,
  UNKNOWN_KEY_AFTER_MS,
} from '../../../../src/server/access/tokens/issuer-keys.ts';
import { VERIFIED_FOR_MS } from '../../../../src/server/access/tokens/tokens.ts';
import { createTestDatabase } from '../../../support/database.ts';
import { openLedger } from '../../../support/ledger.ts';
import { asking } from '../../http/exchange.ts';
import { compare, serveAllWays } from '../../http/ways.ts';
import { bearer } from '../keys.ts';
import { acceptTokens, type Issuer, makeSigningKey, type SigningKey, sign, startIssuer } from './issuer.ts';

const [first, second] = (await Promise.all([makeSigningKey(), makeSigningKey('ES256')])) as [
  SigningKey,
  SigningKey,
];

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date', 'performance'], now: Date.now() }));
afterEach(() => void vi.useRealTimers());

function pass(ms: number): void {
  vi.advanceTimersByTime(ms);
}

async function start(...keys: SigningKey[]): Promise<Issuer> {
  const issuer = await startIssuer(...keys);
  onTestFinished(() => issuer.close());
  return issuer;
}

const accepted = expect.objectContaining({ ledgerName: 'main' });
const unknownKey = { problem: 'names a key ("kid") that its issuer does not have.' };

/** A set with both keys, of this many bytes. */
function setOf(bytes: number): string {
  const set = JSON.stringify({ keys: [first.publicJwk, second.publicJwk] });
  return `${set.slice(0, -1)},"padding":"${'x'.repeat(bytes - set.length - 13)}"}`;
}

describe('while the keys cannot be read', () => {
  /** Answers that would add the key `second` if they were read. */
  const ANSWERS: readonly (readonly [
    name: string,
    cause: RegExp,
    respond: (response: ServerResponse) => void,
  ])[] = [
    [
      'because of HTML',
      /not JSON/,
      (response) => response.setHeader('content-type', 'text/html').end('<html>Log in</html>'),
    ],
    ['because of 5 MB', /more than 65536 bytes/, (response) => response.end(setOf(5 * 2 ** 20))],
    ['because of one byte too many', /more than 65536 bytes/, (response) => response.end(setOf(2 ** 16 + 1))],
    [
      'because of an error of the server',
      /status is 500/,
      (response) => response.writeHead(500).end(setOf(2000)),
    ],
    ['because of no content', /status is 204/, (response) => response.writeHead(204).end()],
    ['because of another JSON', /malformed/, (response) => response.end('{"keys":{}}')],
    ['because of a list', /malformed/, (response) => response.end(JSON.stringify([second.publicJwk]))],
    ['because the connection ends', /closed|reset|terminated|socket/i, (response) => response.destroy()],
    [
      'because the connection ends within the answer',
      /closed|reset|terminated|other side/i,
      (response) => {
        response.setHeader('content-length', '2000');
        response.write(setOf(2000).slice(0, 1000), () => response.destroy());
      },
    ],
  ];

  async function expectKnownOnly(respond: (response: ServerResponse) => void, cause: RegExp): Promise<void> {
    const issuer = await start(first);
    const problems: unknown[] = [];
    const tokens = acceptTokens(issuer.url, {}, problems);
    expect(await tokens.authenticate(await sign(first))).toEqual(accepted);
    const tokensOfNoKnownKeys = acceptTokens(issuer.url);

    issuer.respond = respond;
    pass(60 * KEYS_MAX_AGE_MS);
    const token = await sign(first);
    for (const round of [1, 2, 3]) {
      expect(await tokens.verify(token), `round ${round}`).toEqual(accepted);
      await expect(tokens.verify(await sign(second))).rejects.toBeInstanceOf(KeysUnavailableError);
      await expect(tokensOfNoKnownKeys.verify(token)).rejects.toBeInstanceOf(KeysUnavailableError);
      pass(RETRY_AFTER_MS);
    }
    expect(problems).toEqual([{ cause: expect.stringMatching(cause) }]);

    issuer.respond = undefined;
    issuer.keys.push(second.publicJwk);
    expect(await tokens.verify(await sign(second))).toEqual(accepted);
    expect(await tokensOfNoKnownKeys.verify(await sign(second))).toEqual(accepted);
    expect(problems.slice(1)).toEqual(['the keys of the token issuer can be read again']);
  }

  test.each(ANSWERS)('%s, known keys go on and unknown ones are not let in', (_, cause, respond) =>
    expectKnownOnly(respond, cause),
  );

  test('because of a redirect, which is not followed', async () => {
    const elsewhere = await start(first, second);
    for (const status of [301, 302, 303, 307, 308]) {
      await expectKnownOnly(
        (response) => response.writeHead(status, { location: elsewhere.url }).end(),
        new RegExp(`status is ${status}`),
      );
    }
    expect(elsewhere.reads).toBe(0);
  });

  test('because the issuer does not answer, a request waits for 5 seconds at most once', async () => {
    const issuer = await start(first);
    const problems: unknown[] = [];
    const tokens = acceptTokens(issuer.url, {}, problems);
    expect(await tokens.verify(await sign(first))).toEqual(accepted);
    // The head and a part arrive in time, the rest never.
    issuer.respond = (response) => void response.write(setOf(2000).slice(0, 100));
    pass(KEYS_MAX_AGE_MS);
    const since = process.hrtime.bigint();
    const waited = () => Number(process.hrtime.bigint() - since) / 1e9;
    expect(await tokens.verify(await sign(first))).toEqual(accepted);
    expect(waited()).toBeGreaterThan(4.5);
    expect(waited()).toBeLessThan(7);
    pass(RETRY_AFTER_MS);
    expect(await tokens.verify(await sign(first))).toEqual(accepted);
    expect(waited()).toBeLessThan(7.5);
    await expect(tokens.verify(await sign(second))).rejects.toBeInstanceOf(KeysUnavailableError);
    expect(problems).toEqual([{ cause: 'no answer within 5 s' }]);
  });

  test('because nothing listens, a token of an unknown key receives 503, by each way, and is no wrong credential', async () => {
    const ledger = await openLedger(await createTestDatabase());
    const issuer = await start(first);
    const known = await sign(first);
    const urls = await serveAllWays(ledger, { tokens: acceptTokens(issuer.url) });
    const query = '{ viewer { owner } }';
    const ask = async (token: string) => [
      await compare(urls, asking(query, {}, bearer(token))),
      await compare(
        urls,
        { method: 'GET', headers: bearer(token) },
        `/graphql?query=${encodeURIComponent(query)}`,
      ),
    ];
    for (const { status } of await ask(known)) expect(status).toBe(200);
    await issuer.close();
    pass(UNKNOWN_KEY_AFTER_MS);
    const unknown = await sign(second);
    for (let round = 0; round < 8; round++) {
      for (const { status, headers, body } of await ask(unknown)) {
        expect([status, headers['retry-after'], JSON.parse(body)]).toEqual([
          503,
          '5',
          {
            errors: [
              {
                message: expect.stringContaining('Nothing was done. Retry later.'),
                extensions: { code: 'UNAVAILABLE', retryAfterMs: 5000 },
              },
            ],
          },
        ]);
      }
    }
    for (const { status } of await ask(known)) expect(status).toBe(200);
    // The key is known, so the signature is checked.
    for (const { status } of await ask(`${known.slice(0, -20)}${'A'.repeat(20)}`)) expect(status).toBe(401);
  });
});

describe('when the issuer changes its keys', () => {
  test('a new key is accepted within 10 seconds, and a removed one is rejected within 2 minutes', async () => {
    const issuer = await start(first);
    const tokens = acceptTokens(issuer.url);
    const old = await sign(first);
    expect(await tokens.authenticate(old)).toEqual(accepted);
    issuer.keys = [second.publicJwk];
    const reads = issuer.reads;
    expect(await tokens.authenticate(await sign(second))).toEqual(unknownKey);
    expect(issuer.reads).toBe(reads);
    pass(UNKNOWN_KEY_AFTER_MS);
    expect(await tokens.authenticate(await sign(second))).toEqual(accepted);
    expect(await tokens.authenticate(await sign(first, { sub: 'another' }))).toEqual(unknownKey);
    // The token was verified before.
    expect(await tokens.authenticate(old)).toEqual(accepted);
    pass(VERIFIED_FOR_MS - UNKNOWN_KEY_AFTER_MS + 1);
    expect(await tokens.authenticate(old)).toEqual(unknownKey);
  });

  test('a removed key is rejected within 2 minutes although no unknown key makes the service read the set', async () => {
    const issuer = await start(first);
    const tokens = acceptTokens(issuer.url);
    expect(await tokens.authenticate(await sign(first))).toEqual(accepted);
    pass(KEYS_MAX_AGE_MS - 30_000);
    // The last read is half a minute old.
    const token = await sign(first);
    expect(await tokens.authenticate(token)).toEqual(accepted);
    issuer.keys = [];
    pass(VERIFIED_FOR_MS - 1);
    expect(await tokens.authenticate(token)).toEqual(accepted);
    pass(2);
    expect(await tokens.authenticate(token)).toEqual(unknownKey);
    expect(await tokens.authenticate(await sign(first))).toEqual(unknownKey);
  });

  test('a key of the same name with other content replaces it', async () => {
    const issuer = await start(first);
    const tokens = acceptTokens(issuer.url);
    expect(await tokens.verify(await sign(first))).toEqual(accepted);
    issuer.keys = [{ ...second.publicJwk, kid: first.kid }];
    pass(KEYS_MAX_AGE_MS);
    expect(await tokens.verify(await sign({ ...second, kid: first.kid }))).toEqual(accepted);
    expect(await tokens.verify(await sign(first))).toEqual(unknownKey);
  });
});

test('invented keys do not make the service read the set without bound, whether it can be read or not', async () => {
  const issuer = await start(first);
  const tokens = acceptTokens(issuer.url);
  expect(await tokens.verify(await sign(first))).toEqual(accepted);
  const flood = () =>
    Promise.all(
      Array.from({ length: 100 }, async (_, number) =>
        tokens.verify(await sign({ ...second, kid: `k${number}` })).catch(() => 'unavailable'),
      ),
    );
  pass(UNKNOWN_KEY_AFTER_MS);
  for (const round of [1, 2, 3]) {
    const reads = issuer.reads;
    const answers = [...(await flood()), ...(await flood())];
    expect(
      answers.every((answer) => typeof answer !== 'string'),
      `round ${round}`,
    ).toBe(true);
    expect(issuer.reads - reads).toBe(1);
    pass(UNKNOWN_KEY_AFTER_MS);
  }
  issuer.respond = (response) => response.writeHead(503).end();
  for (const round of [1, 2, 3]) {
    const reads = issuer.reads;
    const answers = [...(await flood()), ...(await flood())];
    expect(new Set(answers), `round ${round}`).toEqual(new Set(['unavailable']));
    expect(issuer.reads - reads).toBe(1);
    pass(RETRY_AFTER_MS);
  }
});

test('many tokens that are verified in an idle service read the keys once', async () => {
  const issuer = await start(first, second);
  const tokens = acceptTokens(issuer.url);
  const sent = await Promise.all(
    Array.from({ length: 50 }, (_, n) => sign(n % 2 ? first : second, { sub: `${n}` })),
  );
  const answers = await Promise.all(sent.map((token) => tokens.authenticate(token)));
  expect(answers).toEqual(sent.map(() => accepted));
  expect(issuer.reads).toBe(1);
});

test('a private key in the set verifies nothing', async () => {
  const issuer = await start();
  issuer.keys = [{ ...(await exportJWK(first.privateKey)), kid: first.kid, alg: first.alg }];
  expect(await acceptTokens(issuer.url).verify(await sign(first))).toEqual({
    problem: 'cannot be verified with the keys of its issuer.',
  });
});

test('a token without kid is accepted if one key can be meant, and rejected if several can', async () => {
  const [another, issuer] = [await makeSigningKey(), await start(first, second)];
  const tokens = acceptTokens(issuer.url);
  const token = await sign(first, {}, { kid: undefined });
  expect(await tokens.verify(token)).toEqual(accepted);
  issuer.keys.push(another.publicJwk);
  pass(KEYS_MAX_AGE_MS);
  expect(await tokens.verify(token)).toEqual({
    problem: 'does not say by "kid" which key of its issuer signed it.',
  });
});

describe('a file with the keys', () => {
  async function makeFile(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'ledger-jwks-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    return join(folder, 'keys & more.json');
  }
  const write = (path: string, ...keys: SigningKey[]) =>
    writeFile(path, JSON.stringify({ keys: keys.map(({ publicJwk }) => publicJwk) }));

  test('is read again when it changes', async () => {
    const path = await makeFile();
    await write(path, first);
    const tokens = acceptTokens(pathToFileURL(path).href);
    expect(await tokens.verify(await sign(first))).toEqual(accepted);
    await write(path, second);
    pass(UNKNOWN_KEY_AFTER_MS);
    expect(await tokens.verify(await sign(second))).toEqual(accepted);
    expect(await tokens.verify(await sign(first))).toEqual(unknownKey);
  });

  test('leaves the known keys while it is missing, half written, or too large', async () => {
    const path = await makeFile();
    await write(path, first);
    const problems: unknown[] = [];
    const tokens = acceptTokens(pathToFileURL(path).href, {}, problems);
    expect(await tokens.verify(await sign(first))).toEqual(accepted);
    for (const damage of [
      () => rename(path, `${path}.old`),
      () => writeFile(path, setOf(2000).slice(0, 1000)),
      () => writeFile(path, setOf(2 ** 16 + 1)),
    ]) {
      await damage();
      pass(KEYS_MAX_AGE_MS);
      expect(await tokens.verify(await sign(first))).toEqual(accepted);
      await expect(tokens.verify(await sign(second))).rejects.toBeInstanceOf(KeysUnavailableError);
    }
    await write(path, first, second);
    pass(RETRY_AFTER_MS);
    expect(await tokens.verify(await sign(second))).toEqual(accepted);
    expect(problems).toEqual([
      { cause: expect.stringContaining('ENOENT') },
      'the keys of the token issuer can be read again',
    ]);
  });

  test('that cannot be read is reported by its reader alone', async () => {
    const problems: unknown[] = [];
    const log = { error: (problem: unknown) => void problems.push(problem) };
    const keys = new IssuerKeys(pathToFileURL(await makeFile()), log as never);
    await expect(keys.read()).rejects.toThrow(/ENOENT/);
    expect(problems).toEqual([]);
  });
});
