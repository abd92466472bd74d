import { randomUUID } from 'node:crypto';
import { parseId } from '../../../src/core/values/ids.ts';
import type { BatchMode } from '../../../src/ledger/ledger.ts';
import type { Acknowledged } from '../stage.ts';
import type { Pair } from '../workload.ts';
import type { Connection } from './connection.ts';

const AMOUNT = '0.01';

const SELECTED =
  '{ __typename ... on TransactionPosted { replayed transaction { id } } ... on LedgerError { code message } }';
const TRANSFER = `mutation Transfer($input: TransferInput!) { transfer(input: $input) ${SELECTED} }`;
const DEPOSIT = `mutation Deposit($input: DepositInput!) { deposit(input: $input) ${SELECTED} }`;
const POST_BATCH = `mutation PostBatch($input: PostBatchInput!) { postBatch(input: $input) {
  __typename ... on BatchProcessed { results ${SELECTED} } ... on LedgerError { code message }
  ... on OverloadedError { retryAfterMs } } }`;

interface BatchResult {
  readonly results?: readonly Result[];
  readonly retryAfterMs?: number;
}
interface Result {
  readonly __typename: string;
  readonly replayed?: boolean;
  readonly transaction?: { readonly id: string };
}

/** A batch was rejected with OVERLOADED. It can be sent again after `retryAfterMs`. */
export class OverloadedError extends Error {
  override readonly name = 'OverloadedError';
  readonly retryAfterMs: number;

  constructor(retryAfterMs: number) {
    super('the service is overloaded');
    this.retryAfterMs = retryAfterMs;
  }
}

/** Posts a transfer. Throws with the response unless it was posted by this request, as `deposit` and `postBatch` do. */
export async function transfer(connection: Connection, pair: Pair): Promise<Acknowledged> {
  const input = transferInput(pair);
  return posted(input.idempotencyKey, await connection.request<Result>('transfer', TRANSFER, input));
}

export async function deposit(connection: Connection, accountId: string): Promise<Acknowledged> {
  const input = { accountId, amount: AMOUNT, idempotencyKey: randomUUID() };
  return posted(input.idempotencyKey, await connection.request<Result>('deposit', DEPOSIT, input));
}

export async function postBatch(
  connection: Connection,
  pairs: readonly Pair[],
  mode: BatchMode = 'INDEPENDENT',
): Promise<Acknowledged[]> {
  const transfers = pairs.map(transferInput);
  const batch = await connection.request<BatchResult>('postBatch', POST_BATCH, {
    mode,
    operations: transfers.map((input) => ({ transfer: input })),
  });
  if (batch.retryAfterMs !== undefined) throw new OverloadedError(batch.retryAfterMs);
  if (batch.results?.length !== pairs.length) {
    throw new Error(`unexpected result of a batch of ${pairs.length}: ${JSON.stringify(batch)}`);
  }
  return batch.results.map((result, place) => posted(transfers[place]?.idempotencyKey, result));
}

function transferInput({ from, to }: Pair) {
  return { fromAccountId: from, toAccountId: to, amount: AMOUNT, idempotencyKey: randomUUID() };
}

function posted(key: string | undefined, result: Result): Acknowledged {
  const id = parseId('transaction', result.transaction?.id ?? '');
  if (
    result.__typename !== 'TransactionPosted' ||
    result.replayed !== false ||
    id === undefined ||
    key === undefined
  ) {
    throw new Error(`not posted: ${JSON.stringify(result)}`);
  }
  return { key, id };
}
