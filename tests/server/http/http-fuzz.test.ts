import { expect, test } from 'vitest';
import { compareHttp, tellWays } from '../../../scripts/fuzz/http-compare.ts';
import { createTestDatabase } from '../../support/database.ts';
import { expectSoundBooks } from '../../support/ledger.ts';

test('random bytes are answered and recorded alike with the fast path and without it', {
  timeout: 120_000,
}, async () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000_000);
  console.log(`requests of seed ${seed}; again by SEED=${seed}`);
  const databases = [await createTestDatabase(), await createTestDatabase()] as const;
  console.log(tellWays(await compareHttp(databases, { seed, requests: 400 })));
  for (const database of databases) await expectSoundBooks(database);
  expect.assertions(2);
});
