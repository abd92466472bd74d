import { randomUUID } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import { toTransfer } from '../../src/core/decide/request.ts';
import { createTestDatabase } from '../support/database.ts';
import { balance, expectSoundBooks, makeAccounts, openLedger } from '../support/ledger.ts';
import { type Fate, startTcpProxy } from '../support/tcp-proxy.ts';

const database = await createTestDatabase();
afterAll(() => expectSoundBooks(database));

test.each<Fate>(['drop before', 'drop after', 'warn'])(
  'an ATOMIC batch whose COMMIT meets "%s" is posted once, and its caller receives its own outcomes',
  async (fate) => {
    let armed = false;
    const proxy = await startTcpProxy(database.serviceUrl, (): Fate => {
      if (!armed) return 'pass';
      armed = false;
      return fate;
    });
    afterAll(() => proxy.close());
    const ledger = await openLedger({ serviceUrl: proxy.url });
    const [from = '', to = ''] = await makeAccounts(ledger, 2, { funds: '100.00' });
    const operations = Array.from({ length: 700 }, () =>
      toTransfer({ fromAccountId: from, toAccountId: to, amount: '0.10', idempotencyKey: randomUUID() }),
    );
    armed = true;

    const answer = await ledger.postBatch('ATOMIC', operations);

    expect(armed).toBe(false);
    expect(answer).toMatchObject({ code: 'PROCESSED' });
    const outcomes = 'outcomes' in answer ? answer.outcomes : [];
    expect(outcomes).toHaveLength(700);
    expect(outcomes.filter(({ code, replayed }) => code === 'POSTED' && !replayed)).toHaveLength(700);
    expect(await balance(ledger, to)).toBe(17_000n);
    await proxy.close();
  },
  30_000,
);
