/** Neighbours that need an account whose row another session has locked. */
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
  type Bystanders,
  during,
  type Neighbour,
  nearlyUnaffected,
  type Run,
  type Stage,
  Tally,
  withBystanders,
} from './neighbour.ts';

const CALLERS = 6;
/** A refused caller repeats its request after this time. */
const RETRY_AFTER_MS = 100;
const ALONE = 'bystanders alone';
const WITH_LOCK = 'bystanders, an account locked';

export const lockedAccount: Neighbour = {
  name: 'locked',
  comparisons: [{ figure: WITH_LOCK, over: ALONE, ...nearlyUnaffected }],
  measure: (stage) => withBystanders(stage, (ledger, bystanders) => measure(stage, ledger, bystanders)),
};

async function measure(
  { ownerUrl, figures, rounds, timing }: Stage,
  ledger: Ledger,
  bystanders: Bystanders,
): Promise<void> {
  const [locked = ''] = await makeAccounts(ledger, 1);
  for (let round = 0; round < rounds; round += 1) {
    addTurn(figures, ALONE, await bystanders.post());
    const [turn, codes] = await during(
      (run) => payFromLocked({ ledger, ownerUrl, locked, bystanders, timing }, run),
      () => bystanders.post(),
    );
    addTurn(figures, WITH_LOCK, turn, `callers of the locked account: ${codes}`);
  }
}

/** Locks the account from the end of the warm-up to the end of the turn, while callers pay from it to the bystanders' accounts. Returns their codes. */
async function payFromLocked(
  {
    ledger,
    ownerUrl,
    locked,
    bystanders,
    timing,
  }: {
    readonly ledger: Ledger;
    readonly ownerUrl: string;
    readonly locked: Uuid;
    readonly bystanders: Bystanders;
    readonly timing: Timing;
  },
  run: Run,
): Promise<Tally> {
  const pick = createPicker('uniform', bystanders.accounts);
  const codes = new Tally();
  const keepPaying = async (): Promise<void> => {
    while (!run.isOver) {
      const attempt = { amount: '0.01', idempotencyKey: randomUUID() };
      const command = toTransfer({
        ...attempt,
        fromAccountId: formatId('account', locked),
        toAccountId: pick().to,
      });
      const { code } = await ledger.post(accepted(command));
      codes.add(code);
      if (code !== 'POSTED') await sleep(RETRY_AFTER_MS);
    }
  };
  const session = new pg.Client({ connectionString: ownerUrl });
  await session.connect();
  try {
    await sleep(timing.warmUpMs);
    await session.query('begin');
    await session.query('select from accounts where id = $1 for update', [locked]);
    const callers = Array.from({ length: CALLERS }, keepPaying);
    await sleep(timing.durationMs);
    await session.query('commit');
    await Promise.all(callers);
    return codes;
  } finally {
    await session.end();
  }
}
