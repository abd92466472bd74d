import { expect, test } from 'vitest';
import { compareHttp, describeWays } from '../../../scripts/fuzz/http-compare.ts';
import { createTestDatabase } from '../../support/database.ts';
import { expectSoundBooks } from '../../support/ledger.ts';

test.each([
  { trusted: false, documents: 'any documents' },
  { trusted: true, documents: 'trusted documents' },
])(
  'random bytes are answered and recorded the same with the fast path and without it: $documents',
  {
    timeout: 120_000,
  },
  async ({ trusted }) => {
    const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000_000);
    console.log(`requests of seed ${seed}; repeat with SEED=${seed}`);
    const databases = [await createTestDatabase(), await createTestDatabase()] as const;
    console.log(describeWays(await compareHttp(databases, { seed, requests: trusted ? 300 : 400, trusted })));
    for (const database of databases) await expectSoundBooks(database);
    expect.assertions(2);
  },
);
