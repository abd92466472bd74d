import { describe, expect, test } from 'vitest';
import { compareWays } from '../../../scripts/fuzz/both-ways.ts';
import { race } from '../../../scripts/fuzz/race.ts';
import { createTestDatabase } from '../../support/database.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000_000);
console.log(`random commands of seed ${seed}; repeat with SEED=${seed}`);

describe('optimistic writes', () => {
  test('return the same outcomes as the regular path', { timeout: 60_000 }, async () => {
    const [one, two] = [await createTestDatabase(), await createTestDatabase()];
    const { posted, optimistic } = await compareWays(one, two, seed);
    expect(posted).toBeGreaterThan(50);
    expect(optimistic).toBeGreaterThan(5);
  });

  test('of two services on one database keep all limits and post no key twice', {
    timeout: 120_000,
  }, async () => {
    const { posted, optimistic } = await race(await createTestDatabase(), seed);
    expect(posted).toBeGreaterThan(20);
    expect(optimistic).toBeGreaterThan(0);
  });
});
