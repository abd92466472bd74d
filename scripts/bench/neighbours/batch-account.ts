/** Neighbours that pay an account which large ATOMIC batches use. */
import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { Command } from '../../../src/core/decide/command.ts';
import { toTransfer } from '../../../src/core/decide/request.ts';
import { formatId } from '../../../src/core/values/ids.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { accepted, makeAccounts } from '../engine.ts';
import { createPicker, type Pair } from '../workload.ts';
import {
  addTurn,
  type Bystanders,
  during,
  type Neighbour,
  nearlyUnaffected,
  type Run,
  type Stage,
  Tally,
  withBystanders,
} from './neighbour.ts';

const OPERATIONS = 10_000;
const BATCH_ACCOUNTS = 200;
const CALLERS = [1, 16];
const CHUNK = 500;
const ALONE = 'bystanders, batches elsewhere';
const withCallers = (callers: number) => `bystanders, ${callers} at the batches' account`;

export const batchAccount: Neighbour = {
  name: 'batch-account',
  comparisons: CALLERS.map((callers) => ({ figure: withCallers(callers), over: ALONE, ...nearlyUnaffected })),
  measure: (stage) => withBystanders(stage, (ledger, bystanders) => measure(stage, ledger, bystanders)),
};

async function measure({ figures, rounds }: Stage, ledger: Ledger, bystanders: Bystanders): Promise<void> {
  const publicIds = async (count: number) =>
    (await makeAccounts(ledger, count)).map((id) => formatId('account', id));
  const moved = await publicIds(BATCH_ACCOUNTS);
  const payers = await publicIds(Math.max(...CALLERS));
  const batches = new Tally();
  const turns = async (): Promise<void> => {
    for (let round = 0; round < rounds; round += 1) {
      addTurn(figures, ALONE, await bystanders.post());
      for (const callers of CALLERS) {
        const [turn, remark] = await during(
          (run) => keepPaying(ledger, { payers: payers.slice(0, callers), to: moved[0] ?? '' }, run),
          () => bystanders.post(),
        );
        addTurn(figures, withCallers(callers), turn, `${remark}; batches so far: ${batches}`);
      }
    }
  };
  await during((run) => keepPostingBatches(ledger, moved, batches, run), turns);
  figures.addCheck('all large batches are posted', batches.isOnly('PROCESSED'));
}

async function keepPostingBatches(
  ledger: Ledger,
  accounts: readonly string[],
  batches: Tally,
  run: Run,
): Promise<void> {
  const pick = createPicker('uniform', accounts);
  while (!run.isOver) {
    const operations: Command[] = [];
    while (operations.length < OPERATIONS) {
      if (operations.length % CHUNK === 0) await setImmediate();
      operations.push(transfer(pick()));
    }
    batches.add((await ledger.postBatch('ATOMIC', operations)).code);
  }
}

/** Each payer pays one account, one transfer after another. Returns the codes and the longest response time. */
async function keepPaying(
  ledger: Ledger,
  { payers, to }: { readonly payers: readonly string[]; readonly to: string },
  run: Run,
): Promise<string> {
  const codes = new Tally();
  let longestMs = 0;
  const pay = async (from: string): Promise<void> => {
    while (!run.isOver) {
      const sentAt = performance.now();
      codes.add((await ledger.post(transfer({ from, to }))).code);
      longestMs = Math.max(longestMs, performance.now() - sentAt);
    }
  };
  await Promise.all(payers.map(pay));
  return `callers of the account: ${codes}, within ${Math.round(longestMs)} ms`;
}

function transfer({ from, to }: Pair): Command {
  return accepted(
    toTransfer({ fromAccountId: from, toAccountId: to, amount: '0.01', idempotencyKey: randomUUID() }),
  );
}
