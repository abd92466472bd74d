import { randomUUID } from 'node:crypto';
import { toAccountRequest } from '../../src/core/create-account.ts';
import type { Command } from '../../src/core/decide/command.ts';
import { toDeposit, toTransfer } from '../../src/core/decide/request.ts';
import type { Refusal } from '../../src/core/errors.ts';
import type { Uuid } from '../../src/core/values/ids.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import type { Acknowledged } from './stage.ts';
import type { Pair, Workload } from './workload.ts';

const CHUNK = 1000;

/** Creates accounts without a lower limit, so that every transfer is posted. */
export async function makeAccounts(ledger: Ledger, count: number): Promise<Uuid[]> {
  const request = toAccountRequest({
    owner: 'bench',
    currency: 'USD',
    normalSide: 'CREDIT',
    minBalance: { unlimited: true },
  });
  const ids: Uuid[] = [];
  while (ids.length < count) {
    const size = Math.min(CHUNK, count - ids.length);
    const made = await ledger.createAccounts(Array.from({ length: size }, () => request));
    if (made.code !== 'ACCOUNTS_CREATED') throw new Error(`createAccounts was refused: ${made.code}`);
    for (const result of made.results) {
      if (result.code !== 'CREATED') throw new Error(`an account was refused: ${result.code}`);
      ids.push(result.account.id);
    }
  }
  return ids;
}

/** Posts one minor unit through the group commit, as a resolver does. The accounts have public ids. */
export async function postByEngine(ledger: Ledger, workload: Workload, pair: Pair): Promise<Acknowledged> {
  const key = randomUUID();
  const outcome = await ledger.post(accepted(toCommand(workload, pair, key)));
  if (outcome.code !== 'POSTED' || outcome.replayed) throw new Error(`not posted: ${outcome.code}`);
  return { key, id: outcome.transaction.id };
}

function toCommand(workload: Workload, { from, to }: Pair, idempotencyKey: string): Command | Refusal {
  const attempt = { amount: '0.01', idempotencyKey };
  return workload === 'deposits'
    ? toDeposit({ ...attempt, accountId: to })
    : toTransfer({ ...attempt, fromAccountId: from, toAccountId: to });
}

/** Returns the command of a well-formed request; throws for a refusal. */
export function accepted(command: Command | Refusal): Command {
  if ('code' in command) throw new TypeError(`the request was refused: ${command.code}`);
  return command;
}
