import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { toAccountRequest } from '../../src/core/create-account.ts';
import { UnavailableError } from '../../src/ledger/ledger.ts';
import { createTestDatabase } from '../support/database.ts';
import { balance, expectSoundBooks, makeAccounts, openLedger, transfer } from '../support/ledger.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';

describe.concurrent.each([
  ['refuses connections', 'refuse'],
  ['stops responding', 'freeze'],
] as const)('a database that %s', (_, takeAway) => {
  test('leads to UNAVAILABLE within five seconds, and is used again when it is back', async () => {
    const database = await createTestDatabase();
    const proxy = await startTcpProxy(database.serviceUrl);
    afterAll(() => proxy.close());
    const ledger = await openLedger({ serviceUrl: proxy.url });
    const [from = '', to = ''] = await makeAccounts(ledger, 2, { funds: '101.00' });
    const request = { fromAccountId: from, toAccountId: to, amount: '5.00' };
    const keys = Array.from({ length: 20 }, () => randomUUID());
    const account = toAccountRequest({ owner: 'dave', currency: 'USD', normalSide: 'CREDIT' });
    if ('code' in account) throw new TypeError(account.code);
    proxy[takeAway]();

    const since = performance.now();
    const [outcomes, created, read] = await Promise.all([
      Promise.all(keys.map((idempotencyKey) => transfer(ledger, { ...request, idempotencyKey }))),
      ledger.createAccount(account),
      ledger.state().catch((error: unknown) => error),
    ]);
    const waitedMs = performance.now() - since;

    expect(new Set(outcomes.map(({ code }) => code))).toEqual(new Set(['UNAVAILABLE']));
    expect(created.code).toBe('UNAVAILABLE');
    expect(read).toBeInstanceOf(UnavailableError);
    expect(waitedMs).toBeLessThan(5000);

    proxy.admit();
    const recovered = await untilPosted(() => transfer(ledger, { ...request, amount: '1.00' }));
    expect(recovered).toBe('POSTED');
    // The same keys resolve the unknown outcomes: each transfer is posted exactly once.
    for (const idempotencyKey of keys) await transfer(ledger, { ...request, idempotencyKey });
    expect(await balance(ledger, from)).toBe(0n);
    await expectSoundBooks(database);
  }, 60_000);
});

/** A connection that does not respond is closed at its deadline. */
async function untilPosted(call: () => Promise<{ readonly code: string }>): Promise<string> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const { code } = await call();
    if (code !== 'UNAVAILABLE' || performance.now() > deadline) return code;
    await sleep(100);
  }
}
