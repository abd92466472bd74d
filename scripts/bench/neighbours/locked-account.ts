/** An account whose row somebody holds locked in an open session, and callers who want it. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { toTransfer } from '../../../src/core/decide/request.ts';
import { formatId, type Uuid } from '../../../src/core/values/ids.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { accepted, makeAccounts } from '../engine.ts';
import type { Timing } from '../stage.ts';
import { createPicker } from '../workload.ts';
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

const WANTERS = 6;
/** Who is refused tries again after this time. */
const PATIENCE_MS = 100;
const ALONE = 'strangers alone';
const BESIDE = 'strangers, an account locked';

export const lockedAccount: Scene = {
  name: 'locked',
  targets: [{ figure: BESIDE, over: ALONE, ...beside }],
  measure: (stage) => withStrangers(stage, (ledger, strangers) => measure(stage, ledger, strangers)),
};

async function measure(
  { ownerUrl, figures, rounds, timing }: Stage,
  ledger: Ledger,
  strangers: Strangers,
): Promise<void> {
  const [locked = ''] = await makeAccounts(ledger, 1);
  for (let round = 0; round < rounds; round += 1) {
    addTurn(figures, ALONE, await strangers.post());
    const [turn, answers] = await during(
      (run) => wantLocked({ ledger, ownerUrl, locked, strangers, timing }, run),
      () => strangers.post(),
    );
    addTurn(figures, BESIDE, turn, `who wanted it: ${answers}`);
  }
}

/** Locks the account from the end of the warm-up to the end of the turn, while callers pay from it to the strangers' accounts. */
async function wantLocked(
  {
    ledger,
    ownerUrl,
    locked,
    strangers,
    timing,
  }: {
    readonly ledger: Ledger;
    readonly ownerUrl: string;
    readonly locked: Uuid;
    readonly strangers: Strangers;
    readonly timing: Timing;
  },
  run: Run,
): Promise<Tally> {
  const pick = createPicker('uniform', strangers.accounts);
  const answers = new Tally();
  const keepPaying = async (): Promise<void> => {
    while (!run.isOver) {
      const attempt = { amount: '0.01', idempotencyKey: randomUUID() };
      const command = toTransfer({
        ...attempt,
        fromAccountId: formatId('account', locked),
        toAccountId: pick().to,
      });
      const { code } = await ledger.post(accepted(command));
      answers.add(code);
      if (code !== 'POSTED') await sleep(PATIENCE_MS);
    }
  };
  const session = new pg.Client({ connectionString: ownerUrl });
  await session.connect();
  try {
    await sleep(timing.warmUpMs);
    await session.query('begin');
    await session.query('select from accounts where id = $1 for update', [locked]);
    const callers = Array.from({ length: WANTERS }, keepPaying);
    await sleep(timing.durationMs);
    await session.query('commit');
    await Promise.all(callers);
    return answers;
  } finally {
    await session.end();
  }
}
