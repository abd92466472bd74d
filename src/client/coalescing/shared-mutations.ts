/** Mutations that share a request: operations by `postBatch`, and new accounts by `createAccounts`. */

import { NoAnswer } from '../failures.ts';
import { CreateAccountsDocument, type OperationInput, PostOperationsDocument } from '../generated.ts';
import { resultOf, type Transport, type TypedDocument } from '../transport.ts';
import { Coalescer, RequestNotShared, type Sender, type Settled, type Size } from './coalescer.ts';

/** A mutation's result, or null where the response has none. */
export type AnyResult = { readonly __typename: string } | null | undefined;

/** A mutation that is ready to be sent. Its input is JSON already: an input that has no JSON form then fails its own call only. */
interface Item {
  /** The mutation's field. */
  readonly field: string;
  readonly document: TypedDocument<object, never>;
  readonly json: string;
  readonly size: Size;
}

/** Where the operation of a mutation is in an OperationInput. */
const OPERATIONS: Readonly<Record<string, keyof OperationInput>> = {
  deposit: 'deposit',
  withdraw: 'withdraw',
  transfer: 'transfer',
  postTransaction: 'post',
  reverseTransaction: 'reverse',
  placeHold: 'placeHold',
  captureHold: 'captureHold',
  voidHold: 'voidHold',
};
const CREATE_ACCOUNT = 'createAccount';

/** The service reads at most 1 MiB of `createAccounts`. The rest is for the document. */
const MAX_BYTES = 1_000_000;
/** The service's limit for the cost of one request. */
const MAX_COST = 300_000;
/** The cost of one result of PostOperationsDocument, without the entries of its transaction. */
const RESULT_COST = 350;
/** The cost of one entry of such a result. */
const ENTRY_COST = 24;
/** The service counts no cost for a condition. With this one, MAX_COST also keeps a batch within its size limit of 20,000. */
const CONDITION_COST = 15;
/** A larger batch would not share database transactions with single mutations. */
const MAX_OPERATIONS = 500;
/** The most accounts of one `createAccounts`. */
const MAX_ACCOUNTS = 1000;
/** The numbers of entries that the service assumes: 100 is the maximum of a transaction, 4 the number of a capture. */
const REVERSAL_ENTRIES = 100;
const OTHER_ENTRIES = 4;

/** Sends single mutations. Those that are called in one turn of the event loop share a request. */
export class SharedMutations {
  readonly #operations: Coalescer<Item, AnyResult>;
  readonly #accounts: Coalescer<Item, AnyResult>;

  constructor(transport: Transport) {
    this.#operations = new Coalescer(
      senderOf(transport, { count: MAX_OPERATIONS, bytes: MAX_BYTES, cost: MAX_COST }, postOperations),
    );
    this.#accounts = new Coalescer(
      senderOf(transport, { count: MAX_ACCOUNTS, bytes: MAX_BYTES, cost: MAX_COST }, createAccounts),
    );
  }

  /** Returns a function that sends the mutation once; undefined where the mutation cannot share a request. */
  prepare(
    field: string,
    document: TypedDocument<object, never>,
    input: object,
  ): ((signal: AbortSignal) => Promise<AnyResult>) | undefined {
    const operation = OPERATIONS[field];
    if (operation === undefined && field !== CREATE_ACCOUNT) return undefined;
    const json = JSON.stringify(input);
    const bytes = new TextEncoder().encode(json).byteLength + field.length + 8;
    const cost = operation === undefined ? 0 : costOf(operation, input);
    const item = { field, document, json, size: { count: 1, bytes, cost } };
    const coalescer = operation === undefined ? this.#accounts : this.#operations;
    let isAlone = false;
    return async (signal) => {
      try {
        return await coalescer.send(item, signal, isAlone);
      } catch (error) {
        // A call that causes a fault each time must not keep the others from their results.
        isAlone ||= error instanceof NoAnswer && error.isFault;
        throw error;
      }
    };
  }
}

function costOf(operation: keyof OperationInput, input: object): number {
  const { entries, conditions } = input as { readonly entries?: unknown; readonly conditions?: unknown };
  const entryCount = Array.isArray(entries)
    ? entries.length
    : operation === 'reverse'
      ? REVERSAL_ENTRIES
      : OTHER_ENTRIES;
  const conditionCount = Array.isArray(conditions) ? conditions.length : 0;
  return RESULT_COST + ENTRY_COST * entryCount + CONDITION_COST * conditionCount;
}

function senderOf(
  transport: Transport,
  limits: Size,
  sendMany: (
    transport: Transport,
    items: readonly Item[],
    signal: AbortSignal,
  ) => Promise<Settled<AnyResult>[]>,
): Sender<Item, AnyResult> {
  return {
    limits,
    sizeOf: ({ size }) => size,
    sendOne: async ({ document, json }, signal) =>
      resultOf(
        await transport.sendJson<object>(document.toString(), `{"input":${json}}`, signal),
      ) as AnyResult,
    sendMany: (items, signal) => sendMany(transport, items, signal),
  };
}

async function postOperations(
  transport: Transport,
  items: readonly Item[],
  signal: AbortSignal,
): Promise<Settled<AnyResult>[]> {
  const operations = items.map(({ field, json }) => `{"${OPERATIONS[field]}":${json}}`);
  const variables = `{"input":{"mode":"INDEPENDENT","operations":[${operations}]}}`;
  const data = await transport.sendJson(PostOperationsDocument, variables, signal);
  return answersOf(items, data.postBatch, (index, { field }) => `operations[${index}].${OPERATIONS[field]}.`);
}

async function createAccounts(
  transport: Transport,
  items: readonly Item[],
  signal: AbortSignal,
): Promise<Settled<AnyResult>[]> {
  const variables = `{"input":{"accounts":[${items.map(({ json }) => json)}]}}`;
  const data = await transport.sendJson(CreateAccountsDocument, variables, signal);
  return answersOf(items, data.createAccounts, (index) => `accounts[${index}].`);
}

type BatchResult =
  | { readonly __typename: string; readonly results: readonly object[] }
  | { readonly __typename: string; readonly retryable: boolean; readonly message: string };

/**
 * Returns the result of each call. A retryable refusal of the whole request is the result of each call. Throws RequestNotShared for
 * any other one.
 */
function answersOf(
  items: readonly Item[],
  result: BatchResult | null | undefined,
  pathOf: (index: number, item: Item) => string,
): Settled<AnyResult>[] {
  if (result == null) throw new NoAnswer('The response has no result.');
  if ('results' in result) {
    return items.map((item, index) => ({
      answer: withoutPath(result.results[index] as AnyResult, pathOf(index, item)),
    }));
  }
  if (!result.retryable) throw new RequestNotShared(result.message);
  return items.map(() => ({ answer: result }));
}

/** Returns the result as the single mutation returns it: `field` and `message` of a refusal name the field of that mutation's input. */
function withoutPath(result: AnyResult, path: string): AnyResult {
  const { field, message } = Object(result) as { readonly field?: unknown; readonly message?: unknown };
  if (result == null || typeof field !== 'string' || !field.startsWith(path)) return result;
  return Object.assign(result, {
    field: field.slice(path.length),
    message: String(message).replace(path, ''),
  });
}
