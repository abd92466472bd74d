// Compares optimistic writes with the regular path, and runs two ledgers on one database, with random input:
//   node scripts/fuzz/optimistic.ts --runs 50 --seed 1
// It prints the seed of each run, and exits with status 1 at the first run that fails.

import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { migrate } from '../../src/db/postgres/migrator.ts';
import { withDatabases, withName } from '../bench/databases.ts';
import { withTemporaryPostgres } from '../temporary-postgres.ts';
import { compareWays } from './both-ways.ts';
import { race } from './race.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(randomInt(1_000_000_000)) },
  },
});
const [runs, firstSeed] = [Number(values.runs), Number(values.seed)];

await withTemporaryPostgres(async ({ ownerUrl, serviceUrl }) => {
  const template = 'fuzz_template';
  const addressOf = (name: string) => ({
    serviceUrl: withName(serviceUrl, name),
    ownerUrl: withName(ownerUrl, name),
  });
  await withDatabases(ownerUrl, [{ name: template, template: 'template0' }], async () => {
    await migrate(withName(ownerUrl, template), () => {});
    for (let seed = firstSeed; seed < firstSeed + runs; seed += 1) {
      const [one, two, three] = ['one', 'two', 'three'] as const;
      const clones = [one, two, three].map((name) => ({ name, template }));
      await withDatabases(ownerUrl, clones, async () => {
        console.log(`seed ${seed}`, 'both ways', await compareWays(addressOf(one), addressOf(two), seed));
        console.log(`seed ${seed}`, 'race', await race(addressOf(three), seed));
      });
    }
  });
});
