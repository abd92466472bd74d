import { randomUUID } from 'node:crypto';
import { parseId } from '../../src/core/ids.ts';
import type { Connection } from './connection.ts';
import type { Acknowledged } from './stage.ts';
import type { Pair } from './workload.ts';

const AMOUNT = '0.01';

const SELECTED =
  '{ __typename ... on TransactionPosted { replayed transaction { id } } ... on LedgerError { code message } }';
const TRANSFER = `mutation Transfer($input: TransferInput!) { transfer(input: $input) ${SELECTED} }`;
const DEPOSIT = `mutation Deposit($input: DepositInput!) { deposit(input: $input) ${SELECTED} }`;
const POST_BATCH = `mutation PostBatch($input: PostBatchInput!) { postBatch(input: $input) {
  __typename ... on BatchProcessed { results ${SELECTED} } ... on LedgerError { code message } } }`;

interface Answer {
  readonly __typename: string;
  readonly replayed?: boolean;
  readonly transaction?: { readonly id: string };
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

export async function postBatch(connection: Connection, pairs: readonly Pair[]): Promise<Acknowledged[]> {
  const transfers = pairs.map(transferInput);
  const answer = await connection.ask<{ readonly results?: readonly Answer[] }>('postBatch', POST_BATCH, {
    mode: 'INDEPENDENT',
    operations: transfers.map((input) => ({ transfer: input })),
  });
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
