import { afterAll, describe, expect, test } from 'vitest';
import { createTestDatabase } from '../../support/database.ts';
import { expectSoundBooks } from '../../support/ledger.ts';
import { compareWithModel } from './model-check.ts';
import { loadProgram } from './planted.ts';

const database = await createTestDatabase();

describe('the ledger and the reference model', () => {
  afterAll(() => expectSoundBooks(database));

  test('agree on random requests of every kind, with repetitions and conflicts', {
    timeout: 60_000,
  }, async () => {
    const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000_000);
    console.log(`requests of seed ${seed}; repeat with SEED=${seed}`);
    const limits = { interruptAfterTimeLimit: 50_000, markInterruptAsFailure: true };
    const sent = await compareWithModel(await loadProgram(), database, {
      seed,
      numRuns: 10,
      ...limits,
    });
    expect(sent).toBeGreaterThanOrEqual(10_000);
  });
});
