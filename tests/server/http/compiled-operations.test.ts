import { expect, test } from 'vitest';
import { writeBooks } from '../../../scripts/fuzz/books.ts';
import { compareOperations } from '../../../scripts/fuzz/comparison.ts';
import { cloneDatabase, createTestDatabase } from '../../support/database.ts';
import { expectSoundBooks } from '../../support/ledger.ts';

test('random operations return and record the same when they are compiled', {
  timeout: 120_000,
}, async () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000_000);
  console.log(`operations of seed ${seed}; repeat with SEED=${seed}`);
  const plain = await createTestDatabase();
  const names = await writeBooks(plain.serviceUrl);
  const compiled = await cloneDatabase(plain);
  const counts = await compareOperations({ seed, documents: 200, plain, compiled, names });
  // Otherwise little would be compared.
  expect(counts.compiled).toBeGreaterThan(40);
  expect(counts.compiledWriting).toBeGreaterThan(5);
  expect(counts.compiledReplayed).toBeGreaterThan(0);
  await Promise.all([plain, compiled].map(expectSoundBooks));
});
