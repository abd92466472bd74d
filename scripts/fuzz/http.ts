/**
 * Sends random requests to a service with the fast path and to one without it, and compares what they answer and record.
 *   node scripts/fuzz/http.ts --requests 20000 --seed 1
 */
import { parseArgs } from 'node:util';
import { withTemporaryLedger } from '../temporary-postgres.ts';
import { compareHttp, tellWays } from './http-compare.ts';

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '20000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
  },
});
const [requests, seed] = [Number(values.requests), Number(values.seed)];
console.log(`${requests} requests of seed ${seed}; again by --seed ${seed}`);

await withTemporaryLedger((fast) =>
  withTemporaryLedger(async (slow) => {
    console.log(tellWays(await compareHttp([fast, slow], { seed, requests })));
  }),
);
