/** Callers who close the period again and again at the latest instant that is allowed. */
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { addTurn, beside, during, type Run, type Scene, withStrangers } from './scene.ts';

const CLOSERS = 4;
const LATEST_MS = 5100;
const ALONE = 'strangers, no closers';
const BESIDE = `strangers, ${CLOSERS} closers`;

export const closers: Scene = {
  name: 'closers',
  targets: [{ figure: BESIDE, over: ALONE, ...beside }],
  measure: (stage) =>
    withStrangers(stage, async (ledger, strangers) => {
      for (let round = 0; round < stage.rounds; round += 1) {
        addTurn(stage.figures, ALONE, await strangers.post());
        const [turn, closings] = await during(
          (run) => closeByAll(ledger, run),
          () => strangers.post(),
        );
        addTurn(stage.figures, BESIDE, turn, `${closings} closings answered`);
      }
    }),
};

async function closeByAll(ledger: Ledger, run: Run): Promise<number> {
  const counts = await Promise.all(Array.from({ length: CLOSERS }, () => keepClosing(ledger, run)));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Closes periods until its turn is over, and answers how many. */
async function keepClosing(ledger: Ledger, run: Run): Promise<number> {
  let count = 0;
  for (; !run.isOver; count += 1) {
    const before = BigInt(Date.now() - LATEST_MS) * 1000n;
    const { code } = await ledger.closePeriod({ before });
    if (code !== 'CLOSED') throw new Error(`closing is answered ${code}`);
  }
  return count;
}
