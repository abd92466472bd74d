/**
 * Sends random requests to a service with the fast path and to one without it, and compares what they answer and record.
 *   node scripts/fuzz/http.ts --requests 20000 --seed 1
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startEmbeddedPostgres } from '../../src/db/embedded.ts';
import { migrate } from '../../src/db/migrator.ts';
import { compareHttp, tellWays } from './http-compare.ts';

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '20000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
  },
});
const [requests, seed] = [Number(values.requests), Number(values.seed)];
console.log(`${requests} requests of seed ${seed}; again by --seed ${seed}`);

const folder = await mkdtemp(join(tmpdir(), 'ledger-fuzz-'));
try {
  // Under root the database runs as another user, who must be able to enter the folder.
  await chmod(folder, 0o711);
  const start = async (name: string) => {
    const server = await startEmbeddedPostgres({ dataDir: join(folder, name), settings: { fsync: 'off' } });
    await migrate(server.ownerUrl, () => {});
    return server;
  };
  const databases = [await start('fast'), await start('slow')] as const;
  try {
    console.log(tellWays(await compareHttp(databases, { seed, requests })));
  } finally {
    await Promise.all(databases.map((server) => server.stop()));
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
