/** Callers who want an account that large ATOMIC batches move. */
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
  beside,
  during,
  type Run,
  type Scene,
  type Stage,
  type Strangers,
  Tally,
  withStrangers,
} from './scene.ts';

const OPERATIONS = 10_000;
const BATCH_ACCOUNTS = 200;
const CALLERS = [1, 16];
const MADE_AT_ONCE = 500;
const ALONE = 'strangers, batches elsewhere';
const besideCallers = (callers: number) => `strangers, ${callers} at the batches' account`;

export const batchAccount: Scene = {
  name: 'batch-account',
  targets: CALLERS.map((callers) => ({ figure: besideCallers(callers), over: ALONE, ...beside })),
  measure: (stage) => withStrangers(stage, (ledger, strangers) => measure(stage, ledger, strangers)),
};

async function measure({ figures, rounds }: Stage, ledger: Ledger, strangers: Strangers): Promise<void> {
  const publicIds = async (count: number) =>
    (await makeAccounts(ledger, count)).map((id) => formatId('account', id));
  const moved = await publicIds(BATCH_ACCOUNTS);
  const payers = await publicIds(Math.max(...CALLERS));
  const batches = new Tally();
  const turns = async (): Promise<void> => {
    for (let round = 0; round < rounds; round += 1) {
      addTurn(figures, ALONE, await strangers.post());
      for (const callers of CALLERS) {
        const [turn, answers] = await during(
          (run) => keepPaying(ledger, { payers: payers.slice(0, callers), to: moved[0] ?? '' }, run),
          () => strangers.post(),
        );
        addTurn(figures, besideCallers(callers), turn, `${answers}; batches so far: ${batches}`);
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
      if (operations.length % MADE_AT_ONCE === 0) await setImmediate();
      operations.push(transfer(pick()));
    }
    batches.add((await ledger.postBatch('ATOMIC', operations)).code);
  }
}

/** Each payer pays one account, one transfer after another. Answers with the codes, and the longest that one waited. */
async function keepPaying(
  ledger: Ledger,
  { payers, to }: { readonly payers: readonly string[]; readonly to: string },
  run: Run,
): Promise<string> {
  const answers = new Tally();
  let longestMs = 0;
  const pay = async (from: string): Promise<void> => {
    while (!run.isOver) {
      const sentAt = performance.now();
      answers.add((await ledger.post(transfer({ from, to }))).code);
      longestMs = Math.max(longestMs, performance.now() - sentAt);
    }
  };
  await Promise.all(payers.map(pay));
  return `who wanted it: ${answers}, within ${Math.round(longestMs)} ms`;
}

function transfer({ from, to }: Pair): Command {
  return accepted(
    toTransfer({ fromAccountId: from, toAccountId: to, amount: '0.01', idempotencyKey: randomUUID() }),
  );
}
