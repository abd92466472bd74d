/** Neighbours that close the period repeatedly, each time at the latest instant that is allowed. */
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { addTurn, during, type Neighbour, nearlyUnaffected, type Run, withBystanders } from './neighbour.ts';

const CLOSERS = 4;
const LATEST_MS = 5100;
const ALONE = 'bystanders, no closers';
const WITH_CLOSERS = `bystanders, ${CLOSERS} closers`;

export const closers: Neighbour = {
  name: 'closers',
  comparisons: [{ figure: WITH_CLOSERS, over: ALONE, ...nearlyUnaffected }],
  measure: (stage) =>
    withBystanders(stage, async (ledger, bystanders) => {
      for (let round = 0; round < stage.rounds; round += 1) {
        addTurn(stage.figures, ALONE, await bystanders.post());
        const [turn, closings] = await during(
          (run) => closeByAll(ledger, run),
          () => bystanders.post(),
        );
        addTurn(stage.figures, WITH_CLOSERS, turn, `${closings} periods closed`);
      }
    }),
};

async function closeByAll(ledger: Ledger, run: Run): Promise<number> {
  const counts = await Promise.all(Array.from({ length: CLOSERS }, () => keepClosing(ledger, run)));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Closes periods until its turn is over. Returns the number of closed periods. */
async function keepClosing(ledger: Ledger, run: Run): Promise<number> {
  let count = 0;
  for (; !run.isOver; count += 1) {
    const before = BigInt(Date.now() - LATEST_MS) * 1000n;
    const { code } = await ledger.closePeriod({ before });
    if (code !== 'CLOSED') throw new Error(`closePeriod was refused: ${code}`);
  }
  return count;
}
