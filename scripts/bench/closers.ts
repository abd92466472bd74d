/**
 * What closing the period costs others: 64 callers post transfers through the group commit, in turns alone and with four closers
 * that each close the period again and again at the latest instant that is allowed. They are to cost at most a fifth.
 *   npm run bench:closers
 */
import { cpus } from 'node:os';
import { formatId } from '../../src/core/ids.ts';
import { Ledger } from '../../src/ledger/ledger.ts';
import { withTemporaryLedger } from '../temporary-postgres.ts';
import { closedLoop } from './callers.ts';
import { makeAccounts, postByEngine } from './engine.ts';
import { createPicker } from './workload.ts';

const CALLERS = 64;
const CLOSERS = 4;
const ACCOUNTS = 1000;
const ROUNDS = 6;
const TIMING = { warmUpMs: 500, durationMs: 3000 };
const LATEST_MS = 5100;
const MAX_COST = 0.2;

/** Closes periods until it is stopped, and returns the number of closings. */
async function keepClosing(ledger: Ledger, run: { readonly isOver: boolean }): Promise<number> {
  let count = 0;
  for (; !run.isOver; count += 1) {
    const before = BigInt(Date.now() - LATEST_MS) * 1000n;
    const { code } = await ledger.closePeriod({ before });
    if (code !== 'CLOSED') throw new Error(`closing is answered ${code}`);
  }
  return count;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function show(name: string, values: readonly number[]): void {
  const [least, most] = [Math.min(...values), Math.max(...values)].map(Math.round);
  console.log(`${name}: median ${Math.round(median(values))} transfers/s (${least} to ${most})`);
}

async function measure(ledger: Ledger): Promise<boolean> {
  const ids = await makeAccounts(ledger, ACCOUNTS);
  const pick = createPicker(
    'uniform',
    ids.map((id) => formatId('account', id)),
  );
  const post = async (): Promise<number> => {
    const load = await closedLoop(() => postByEngine(ledger, 'uniform', pick()), {
      callers: CALLERS,
      ...TIMING,
    });
    return load.measured.perSecond;
  };
  const [alone, beside]: [number[], number[]] = [[], []];
  await post();
  for (let round = 0; round < ROUNDS; round += 1) {
    alone.push(await post());
    const run = { isOver: false };
    const closers = Array.from({ length: CLOSERS }, () => keepClosing(ledger, run));
    beside.push(await post());
    run.isOver = true;
    const closed = (await Promise.all(closers)).reduce((sum, count) => sum + count, 0);
    console.log(`round ${round + 1} of ${ROUNDS}: ${closed} closings answered`);
  }
  const cost = 1 - median(beside) / median(alone);
  show('alone', alone);
  show(`with ${CLOSERS} closers`, beside);
  console.log(`${cost <= MAX_COST ? '✓' : '✗'} closers cost ${(cost * 100).toFixed(1)} %, at most 20 %`);
  return cost <= MAX_COST;
}

console.log(`${cpus().length} cores of ${cpus()[0]?.model ?? 'an unknown make'}, Node ${process.version}`);
await withTemporaryLedger(async ({ serviceUrl }) => {
  const ledger = await Ledger.open({ databaseUrl: serviceUrl });
  try {
    if (!(await measure(ledger))) process.exitCode = 1;
  } finally {
    await ledger.close();
  }
});
