import { describe, expect, test } from 'vitest';
import { compareWays } from '../../../scripts/fuzz/both-ways.ts';
import { race } from '../../../scripts/fuzz/race.ts';
import { createTestDatabase } from '../../support/database.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000_000);
console.log(`random commands of seed ${seed}; repeat with SEED=${seed}`);

describe('optimistic writes', () => {
  test('return the same outcomes as the regular path', { timeout: 60_000 }, async () => {
    const total = { posted: 0, optimistic: 0 };
    // A seed whose commands are mostly declined or have targets makes few optimistic writes.
    for (let next = seed; total.optimistic <= 5 && next < seed + 5; next += 1) {
      const [one, two] = [await createTestDatabase(), await createTestDatabase()];
      const { posted, optimistic } = await compareWays(one, two, next);
      total.posted += posted;
      total.optimistic += optimistic;
    }
    expect(total.posted).toBeGreaterThan(50);
    expect(total.optimistic).toBeGreaterThan(5);
  });

  test('of two services on one database keep all limits and post no key twice', {
    timeout: 120_000,
  }, async () => {
    const { posted, optimistic } = await race(await createTestDatabase(), seed);
    expect(posted).toBeGreaterThan(20);
    expect(optimistic).toBeGreaterThan(0);
  });
});
