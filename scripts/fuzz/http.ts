/**
 * Sends random requests to a service with the fast path and to one without it, and compares their answers and recorded outcomes.
 *   node scripts/fuzz/http.ts --requests 20000 --seed 1 [--trusted]
 */
import { parseArgs } from 'node:util';
import { withTemporaryLedger } from '../temporary-postgres.ts';
import { compareHttp, describeWays } from './http-compare.ts';

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '20000' },
    trusted: { type: 'boolean', default: false },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
  },
});
const { trusted } = values;
const [requests, seed] = [Number(values.requests), Number(values.seed)];
console.log(`${requests} requests of seed ${seed}; repeat with --seed ${seed}`);

await withTemporaryLedger((fast) =>
  withTemporaryLedger(async (slow) => {
    console.log(describeWays(await compareHttp([fast, slow], { seed, requests, trusted })));
  }),
);
