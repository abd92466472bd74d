import { randomUUID } from 'node:crypto';
import { parseId } from '../../src/core/values/ids.ts';
import type { BatchMode } from '../../src/ledger/ledger.ts';
import type { Connection } from './connection.ts';
import type { Acknowledged } from './stage.ts';
import type { Pair } from './workload.ts';

const AMOUNT = '0.01';

const SELECTED =
  '{ __typename ... on TransactionPosted { replayed transaction { id } } ... on LedgerError { code message } }';
const TRANSFER = `mutation Transfer($input: TransferInput!) { transfer(input: $input) ${SELECTED} }`;
const DEPOSIT = `mutation Deposit($input: DepositInput!) { deposit(input: $input) ${SELECTED} }`;
const POST_BATCH = `mutation PostBatch($input: PostBatchInput!) { postBatch(input: $input) {
  __typename ... on BatchProcessed { results ${SELECTED} } ... on LedgerError { code message }
  ... on OverloadedError { retryAfterMs } } }`;

interface BatchAnswer {
  readonly results?: readonly Answer[];
  readonly retryAfterMs?: number;
}
interface Answer {
  readonly __typename: string;
  readonly replayed?: boolean;
  readonly transaction?: { readonly id: string };
}

/** Nothing of a batch was done; it may be sent again after this time. */
export class OverloadedError extends Error {
  override readonly name = 'OverloadedError';
  readonly retryAfterMs: number;

  constructor(retryAfterMs: number) {
    super('the service is overloaded');
    this.retryAfterMs = retryAfterMs;
  }
}

/** These throw, with what was answered, where the ledger did not post, and only now, what it was asked. */
export async function transfer(connection: Connection, pair: Pair): Promise<Acknowledged> {
  const input = transferInput(pair);
  return posted(input.idempotencyKey, await connection.ask<Answer>('transfer', TRANSFER, input));
}

export async function deposit(connection: Connection, accountId: string): Promise<Acknowledged> {
  const input = { accountId, amount: AMOUNT, idempotencyKey: randomUUID() };
  return posted(input.idempotencyKey, await connection.ask<Answer>('deposit', DEPOSIT, input));
}

export async function postBatch(
  connection: Connection,
  pairs: readonly Pair[],
  mode: BatchMode = 'INDEPENDENT',
): Promise<Acknowledged[]> {
  const transfers = pairs.map(transferInput);
  const answer = await connection.ask<BatchAnswer>('postBatch', POST_BATCH, {
    mode,
    operations: transfers.map((input) => ({ transfer: input })),
  });
  if (answer.retryAfterMs !== undefined) throw new OverloadedError(answer.retryAfterMs);
  if (answer.results?.length !== pairs.length) {
    throw new Error(`a batch of ${pairs.length} was answered ${JSON.stringify(answer)}`);
  }
  return answer.results.map((result, place) => posted(transfers[place]?.idempotencyKey, result));
}

function transferInput({ from, to }: Pair) {
  return { fromAccountId: from, toAccountId: to, amount: AMOUNT, idempotencyKey: randomUUID() };
}

function posted(key: string | undefined, answer: Answer): Acknowledged {
  const id = parseId('transaction', answer.transaction?.id ?? '');
  if (
    answer.__typename !== 'TransactionPosted' ||
    answer.replayed !== false ||
    id === undefined ||
    key === undefined
  ) {
    throw new Error(`an operation was answered ${JSON.stringify(answer)}`);
  }
  return { key, id };
}
