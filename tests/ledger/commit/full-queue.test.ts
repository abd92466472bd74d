import { randomUUID } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import { toTransfer } from '../../../src/core/decide/request.ts';
import { createTestDatabase } from '../../support/database.ts';
import { expectSoundBooks, makeAccounts, openLedger } from '../../support/ledger.ts';

const database = await createTestDatabase();
afterAll(() => expectSoundBooks(database));

test.each(['INDEPENDENT', 'ATOMIC'] as const)(
  'short %s batches that arrive together are counted before they are planned',
  async (mode) => {
    const ledger = await openLedger(database, { maxQueue: 1000 });
    const [from = '', to = ''] = await makeAccounts(ledger, 2, { minBalance: { unlimited: true } });
    const operations = () =>
      Array.from({ length: 100 }, () =>
        toTransfer({ fromAccountId: from, toAccountId: to, amount: '1.00', idempotencyKey: randomUUID() }),
      );
    const answers = await Promise.all(Array.from({ length: 30 }, () => ledger.postBatch(mode, operations())));
    expect(answers.map(({ code }) => code)).toEqual([
      ...Array(10).fill('PROCESSED'),
      ...Array(20).fill('OVERLOADED'),
    ]);
    expect(await ledger.postBatch(mode, operations())).toMatchObject({ code: 'PROCESSED' });
  },
);
