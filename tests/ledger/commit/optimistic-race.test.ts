import { describe, expect, test } from 'vitest';
import { compareWays } from '../../../scripts/fuzz/both-ways.ts';
import { race } from '../../../scripts/fuzz/race.ts';
import { createTestDatabase } from '../../support/database.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000_000);
console.log(`random commands of seed ${seed}; again by SEED=${seed}`);

describe('optimistic batches', () => {
  test('answer what batches of the ordinary way answer', { timeout: 60_000 }, async () => {
    const [one, two] = [await createTestDatabase(), await createTestDatabase()];
    const { posted, optimistic } = await compareWays(one, two, seed);
    expect(posted).toBeGreaterThan(50);
    expect(optimistic).toBeGreaterThan(5);
  });

  test('of two ledgers on one database break no limit and answer no key twice', {
    timeout: 120_000,
  }, async () => {
    const { posted, optimistic } = await race(await createTestDatabase(), seed);
    expect(posted).toBeGreaterThan(20);
    expect(optimistic).toBeGreaterThan(0);
  });
});
