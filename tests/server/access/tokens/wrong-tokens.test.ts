/** Wrong tokens are limited by address, without delaying the right tokens of others at the same address. */
import { afterAll, expect, test } from 'vitest';
import { createTestDatabase } from '../../../support/database.ts';
import { openLedger } from '../../../support/ledger.ts';
import { asking, exchange } from '../../http/exchange.ts';
import { serveAllWays } from '../../http/ways.ts';
import { bearer } from '../keys.ts';
import { acceptTokens, makeSigningKey, present, sign, startIssuer } from './issuer.ts';

const [key, stranger] = [await makeSigningKey(), await makeSigningKey()];
const issuer = await startIssuer(key);
afterAll(() => issuer.close());
const ledger = await openLedger(await createTestDatabase());
const urls = await serveAllWays(ledger, { tokens: acceptTokens(issuer.url), maxWrongCredentials: 5 });

async function statusOf(url: string, token: string): Promise<number | undefined> {
  return (await exchange(`${url}/graphql`, asking('{ viewer { owner } }', {}, bearer(token)))).status;
}

test.each(Object.entries(urls))(
  'after too many wrong tokens, further ones are 429 and new right ones are served: %s',
  async (_, url) => {
    const wrong = await sign(stranger);
    const statuses = [];
    for (let times = 0; times < 8; times += 1) statuses.push(await statusOf(url, wrong));
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429, 429]);
    expect(await statusOf(url, await sign(key, { sub: 'a user that is new' }))).toBe(200);
    // Keys, which are read from the database, are limited as without tokens.
    expect(await statusOf(url, `tlsk_${'0'.repeat(26)}_${'A'.repeat(43)}`)).toBe(429);
  },
);

test.each(Object.entries(urls))(
  'tokens of the issuer that have expired are not counted: %s',
  async (_, url) => {
    // The tests above may have counted wrong ones within the last second.
    await expect.poll(() => statusOf(url, 'x'), { timeout: 3000 }).toBe(401);
    const now = present();
    const expired = await sign(key, { iat: now - 600, exp: now - 60 });
    for (let times = 0; times < 12; times += 1) expect(await statusOf(url, expired)).toBe(401);
    expect(await statusOf(url, await sign(stranger))).toBe(401);
  },
);
