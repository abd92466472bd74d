import { randomUUID } from 'node:crypto';
import { toAccountRequest } from '../../src/core/create-account.ts';
import { formatId, type Uuid } from '../../src/core/ids.ts';
import { toTransfer } from '../../src/core/request.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { pickPair, type Workload } from './workload.ts';

/** Makes accounts that may be overdrawn, so that every transfer is posted. */
export async function makeAccounts(ledger: Ledger, count: number): Promise<Uuid[]> {
  const ids: Uuid[] = [];
  while (ids.length < count) {
    const made = await Promise.all(
      Array.from({ length: Math.min(100, count - ids.length) }, () => makeAccount(ledger)),
    );
    ids.push(...made);
  }
  return ids;
}

/** Transfers one minor unit through the group commit, as a resolver would. */
export async function transferByEngine(
  ledger: Ledger,
  workload: Workload,
  accounts: readonly Uuid[],
): Promise<boolean> {
  const { from, to } = pickPair(workload, accounts);
  const command = toTransfer({
    fromAccountId: formatId('account', from),
    toAccountId: formatId('account', to),
    amount: '0.01',
    idempotencyKey: randomUUID(),
  });
  if (!('type' in command)) throw new TypeError(`the request is refused: ${command.code}`);
  return (await ledger.post(command)).code === 'POSTED';
}

async function makeAccount(ledger: Ledger): Promise<Uuid> {
  const request = toAccountRequest({
    owner: 'bench',
    currency: 'USD',
    normalSide: 'CREDIT',
    minBalance: { unlimited: true },
  });
  if ('code' in request) throw new TypeError(`the request is refused: ${request.code}`);
  const made = await ledger.createAccount(request);
  if (made.code !== 'CREATED') throw new TypeError(`the account is refused: ${made.code}`);
  return made.account.id;
}
