// Holds optimistic batches against the ordinary way, and two ledgers of one database against each other, with random input:
//   node scripts/fuzz/optimistic.ts --runs 50 --seed 1
// It prints the seed of each run, and ends with status 1 at the first that finds something.

import { randomInt, randomUUID } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startEmbeddedPostgres } from '../../src/db/embedded.ts';
import { migrate } from '../../src/db/migrator.ts';
import { withDatabases, withName } from '../bench/databases.ts';
import { compareWays } from './both-ways.ts';
import { race } from './race.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(randomInt(1_000_000_000)) },
  },
});
const [runs, firstSeed] = [Number(values.runs), Number(values.seed)];

const folder = await mkdtemp(join(tmpdir(), 'ledger-fuzz-'));
// Under root the server runs as another user, who must be able to enter the folder.
await chmod(folder, 0o711);
const server = await startEmbeddedPostgres({ dataDir: join(folder, 'data'), settings: { fsync: 'off' } });
try {
  const template = 'fuzz_template';
  await withDatabases(server.ownerUrl, [{ name: template, template: 'template0' }], async () => {
    await migrate(withName(server.ownerUrl, template), () => {});
    for (let seed = firstSeed; seed < firstSeed + runs; seed += 1) {
      const names = [1, 2].map(() => `fuzz_${randomUUID().replaceAll('-', '')}`);
      await withDatabases(
        server.ownerUrl,
        names.map((name) => ({ name, template })),
        async () => {
          const [one, two] = names.map((name) => ({
            serviceUrl: withName(server.serviceUrl, name),
            ownerUrl: withName(server.ownerUrl, name),
          }));
          if (one === undefined || two === undefined) throw new TypeError('there are two databases');
          console.log(`seed ${seed}`, 'both ways', await compareWays(one, two, seed));
          console.log(`seed ${seed}`, 'race', await race(one, seed));
        },
      );
    }
  });
} finally {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}
