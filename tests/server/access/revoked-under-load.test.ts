import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { startServiceProcess } from '../../../scripts/service-process.ts';
import { formatId } from '../../../src/core/values/ids.ts';
import { createTestDatabase } from '../../support/database.ts';
import { balance, expectSoundBooks, makeAccount, openLedger } from '../../support/ledger.ts';
import { asking, exchange } from '../http/exchange.ts';
import { bearer, makeKey } from './keys.ts';

const TRANSFER = 'mutation ($i: TransferInput!) { transfer(input: $i) { __typename } }';
const REVOKE = 'mutation ($i: RevokeApiKeyInput!) { revokeApiKey(input: $i) { __typename } }';

test('in two processes under load, a revoked key posts nothing: at once where it was revoked, and after 5 seconds in the other', async () => {
  const database = await createTestDatabase();
  const main = await openLedger(database);
  const [from, to] = [
    await makeAccount(main, { owner: 'alice', funds: '1000.00' }),
    await makeAccount(main, { owner: 'bob' }),
  ];
  const admin = await makeKey(main);
  const keys = [
    await makeKey(main, { scopes: ['POST'] }),
    await makeKey(main, { scopes: ['READ', 'POST'], owner: 'alice' }),
  ];
  const services = await Promise.all(
    [1, 2].map(() => startServiceProcess({ DATABASE_URL: database.serviceUrl })),
  );
  onTestFinished(async () => void (await Promise.all(services.map((service) => service.stop()))));
  const [here = '', there = ''] = services.map(({ graphqlUrl }) => graphqlUrl);

  let [sent, posted] = [0, 0];
  /** When the response to each revocation arrived. */
  const revokedAt = new Map<string, number>();
  const keepPaying = async (url: string, secret: string, patienceMs: number) => {
    for (let rejected = 0; rejected < 5; ) {
      sent += 1;
      const i = { fromAccountId: from, toAccountId: to, amount: '0.01', idempotencyKey: `${sent}` };
      const sentAt = performance.now();
      const { status, body } = await exchange(url, asking(TRANSFER, { variables: { i } }, bearer(secret)));
      if (status === 200) {
        expect(body).toContain('TransactionPosted');
        expect(sentAt).toBeLessThan((revokedAt.get(secret) ?? Number.POSITIVE_INFINITY) + patienceMs);
        posted += 1;
      } else {
        // The address may have sent too many wrong credentials by then.
        expect([401, 429]).toContain(status);
        rejected += 1;
      }
    }
  };
  const revokeAll = async () => {
    await sleep(1000);
    for (const { secret, apiKey } of keys) {
      const i = { apiKeyId: formatId('apiKey', apiKey.id) };
      const { body } = await exchange(here, asking(REVOKE, { variables: { i } }, bearer(admin.secret)));
      expect(body).toContain('ApiKeyRevoked');
      revokedAt.set(secret, performance.now());
    }
  };
  const payers = keys.flatMap(({ secret }) =>
    [1, 2, 3, 4].flatMap(() => [keepPaying(here, secret, 0), keepPaying(there, secret, 5000)]),
  );
  await Promise.all([...payers, revokeAll()]);
  expect(posted).toBeGreaterThan(0);
  expect(await balance(main, to)).toBe(BigInt(posted));
  await expectSoundBooks(database);
}, 60_000);
