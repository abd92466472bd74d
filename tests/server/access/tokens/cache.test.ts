import fc from 'fast-check';
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest';
import { UnavailableError } from '../../../../src/ledger/ledger.ts';
import { VERIFIED_FOR_MS } from '../../../../src/server/access/tokens/tokens.ts';
import {
  acceptTokens,
  makeSigningKey,
  present,
  type SigningKey,
  sign,
  startIssuer,
  UNRESTRICTED,
} from './issuer.ts';

const [first, second, stranger] = (await Promise.all(
  ['EdDSA', 'ES256', 'EdDSA'].map((alg) => makeSigningKey(alg)),
)) as [SigningKey, SigningKey, SigningKey];
const issuer = await startIssuer(first, second);
afterAll(() => issuer.close());

// In the middle of a second, in which the clock of a test does not move by itself.
const NOW = Math.floor(Date.now() / 1000) * 1000 + 500;
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date', 'performance'], now: NOW }));
afterEach(() => void vi.useRealTimers());

/** Claims and headers, of which most are right. Times are seconds from the present. */
const CLAIMS = fc.record(
  {
    exp: fc.oneof(
      fc.integer({ min: -60, max: 200 }),
      fc.double({ min: -40, max: 200, noNaN: true }),
      fc.constant(4000),
    ),
    iat: fc.integer({ min: -100, max: 40 }),
    nbf: fc.integer({ min: -10, max: 40 }),
    owner: fc.constantFrom('Ana', 'Ana', 'Ana', 'Ben', 'Ben', 'external', 7),
    scope: fc.constantFrom('READ', 'READ POST', 'POST', 'ADMIN', '', 'openid', 'READ openid'),
    sub: fc.constantFrom('user-1', 'user-2', 'user-3', ''),
    [UNRESTRICTED]: fc.constantFrom(true, true, false, 'true'),
  },
  { requiredKeys: [] },
);
const TOKEN = fc.record({
  claims: CLAIMS,
  key: fc.constantFrom(first, first, first, second, second, { ...stranger, kid: first.kid }, stranger),
});
const STEP = fc.oneof(
  { weight: 3, arbitrary: fc.record({ ask: fc.nat(4) }) },
  { weight: 1, arbitrary: fc.record({ passMs: fc.oneof(fc.nat(3000), fc.nat(45_000)) }) },
);

test('at any time, the cached verification has the same result as verifying each time', async () => {
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`SEED=${seed}`);
  const counts = { accepted: 0, rejected: 0, expired: 0 };
  await fc.assert(
    fc.asyncProperty(
      fc.array(TOKEN, { minLength: 5, maxLength: 5 }),
      fc.array(STEP, { minLength: 20, maxLength: 60 }),
      async (drawn, steps) => {
        const tokens = acceptTokens(issuer.url);
        const now = present();
        const texts = await Promise.all(
          drawn.map(({ claims, key }) => {
            const at = Object.entries(claims).filter(([name]) => ['exp', 'iat', 'nbf'].includes(name));
            const times = Object.fromEntries(at.map(([name, seconds]) => [name, now + Number(seconds)]));
            return sign(key, { ...claims, ...times });
          }),
        );
        const wasAccepted = new Set<string>();
        for (const step of steps) {
          if ('passMs' in step) {
            vi.advanceTimersByTime(step.passMs);
            continue;
          }
          const text = texts[step.ask] ?? '';
          const [cached, plain] = [await tokens.authenticate(text), await tokens.verify(text)];
          expect(cached).toEqual(plain);
          if (!('problem' in cached)) wasAccepted.add(text);
          counts['problem' in cached ? (wasAccepted.has(text) ? 'expired' : 'rejected') : 'accepted'] += 1;
        }
      },
    ),
    { seed, numRuns: 250 },
  );
  console.log(counts);
  for (const count of Object.values(counts)) expect(count).toBeGreaterThan(50);
}, 60_000);

test('a token expires at the second, also one that was verified just before', async () => {
  const tokens = acceptTokens(issuer.url);
  const token = await sign(first, { exp: present() + 20 });
  // 20 seconds until it expires and 30 seconds of tolerance, from the middle of a second.
  expect(await tokens.authenticate(token)).toMatchObject({ ledgerName: 'main' });
  vi.advanceTimersByTime(49_499);
  expect(await tokens.authenticate(token)).toMatchObject({ ledgerName: 'main' });
  vi.advanceTimersByTime(1);
  const expired = { problem: 'has expired. Request another one from its issuer.', isExpired: true };
  expect(await tokens.authenticate(token)).toEqual(expired);
  expect(await tokens.verify(token)).toEqual(expired);
});

test('a token is verified once a minute, and each of its requests has the same credential', async () => {
  const recorded: string[] = [];
  const tokens = acceptTokens(issuer.url, { recordActor: async (_, subject) => void recorded.push(subject) });
  const token = await sign(first);
  const credential = await tokens.authenticate(token);
  for (let count = 0; count < 10; count++) expect(await tokens.authenticate(token)).toBe(credential);
  expect(recorded).toEqual(['user-1']);
  vi.advanceTimersByTime(VERIFIED_FOR_MS + 1);
  const again = await tokens.authenticate(token);
  expect(again).toEqual(credential);
  expect(again).not.toBe(credential);
  expect(recorded).toEqual(['user-1', 'user-1']);
});

test('a token whose actor cannot be recorded is not accepted, unless it only reads', async () => {
  let isDown = true;
  const tokens = acceptTokens(issuer.url, {
    recordActor: async () => {
      if (isDown) throw new UnavailableError('down');
    },
  });
  const [reader, payer] = [await sign(first, { scope: 'READ openid' }), await sign(first)];
  expect(await tokens.authenticate(reader)).toMatchObject({ ledgerName: 'main' });
  for (const _ of [1, 2]) await expect(tokens.authenticate(payer)).rejects.toBeInstanceOf(UnavailableError);
  isDown = false;
  expect(await tokens.authenticate(payer)).toMatchObject({ ledgerName: 'main' });
});

test('a rejected token is not cached', async () => {
  const tokens = acceptTokens(issuer.url);
  const token = await sign(first, { nbf: present() + 31 });
  expect(await tokens.authenticate(token)).toEqual({ problem: 'is not valid yet (claim "nbf").' });
  vi.advanceTimersByTime(1000);
  expect(await tokens.authenticate(token)).toMatchObject({ ledgerName: 'main' });
});
