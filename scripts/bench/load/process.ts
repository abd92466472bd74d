/**
 * The process that sends the load: it has an event loop of its own. Its parent sends it messages: first the target, to which it
 * replies when it is ready; then one job after another, to each of which it replies with the result. A failed job ends it.
 */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BatchMode } from '../../../src/ledger/ledger.ts';
import type { Acknowledged, Timing } from '../stage.ts';
import { createPicker, type Workload } from '../workload.ts';
import { batchLoop } from './batch-loop.ts';
import { closedLoop, type Load, openLoop } from './callers.ts';
import { createClientTransfer } from './client.ts';
import { Connection } from './connection.ts';
import { deposit, OverloadedError, postBatch, transfer } from './mutations.ts';
import { type Usage, watchProcess } from './usage.ts';

/** The service and its accounts. */
export interface LoadTarget {
  readonly graphqlUrl: string;
  readonly servicePid: number;
  /** Public ids. */
  readonly accounts: readonly string[];
  /** Sent with every request of the kinds `closed`, `open` and `batch`. */
  readonly apiKey?: string | undefined;
}

/** `closed`: one request at a time on each connection; `open`: at a fixed rate; `batch`: postBatch; `client`: the SDK. */
export type LoadJob = Timing &
  (
    | { readonly kind: 'closed'; readonly workload: Workload; readonly connections: number }
    | { readonly kind: 'open'; readonly workload: Workload; readonly perSecond: number }
    | {
        readonly kind: 'batch';
        readonly mode: BatchMode;
        readonly size: number;
        readonly callers: number;
      }
    | { readonly kind: 'client'; readonly callers: number }
  );

/** The result of a job, and the resources of both processes. */
export interface LoadResult extends Load {
  readonly load: Usage;
  readonly service: Usage;
  /** The share of batches that were rejected with OVERLOADED and sent again. */
  readonly overloaded: number;
}

/** The open loop uses them in turn, so that a request waits for an earlier one only if that one is very late. */
const OPEN_CONNECTIONS = 256;
/** A connection attempt that finds the server's backlog full is repeated only after a second. */
const CONNECT_AT_ONCE = 128;

process.once('disconnect', () => process.exit());
const [target] = (await once(process, 'message')) as [LoadTarget];
process.on('message', (job: LoadJob) => {
  void run(job, target).then((result) => process.send?.(result));
});
// Sent only after the listener is set: an earlier job would be lost.
process.send?.('ready');

async function run(
  job: LoadJob,
  { graphqlUrl, servicePid, accounts, apiKey }: LoadTarget,
): Promise<LoadResult> {
  const connections = await connect(connectionsOf(job), () => new Connection(graphqlUrl, apiKey));
  const [load, own, service] = await Promise.all([
    send(job, connections, { graphqlUrl, accounts }),
    watchProcess(process.pid, job),
    watchProcess(servicePid, job),
  ]);
  await Promise.all(connections.map((connection) => connection.close()));
  return { overloaded: 0, ...load, load: own, service };
}

function connectionsOf(job: LoadJob): number {
  switch (job.kind) {
    case 'closed':
      return job.connections;
    case 'open':
      return OPEN_CONNECTIONS;
    case 'batch':
      return job.callers;
    case 'client':
      return 0;
  }
}

async function connect(count: number, create: () => Connection): Promise<Connection[]> {
  const connections = Array.from({ length: count }, create);
  for (let place = 0; place < count; place += CONNECT_AT_ONCE) {
    const next = connections.slice(place, place + CONNECT_AT_ONCE);
    await Promise.all(next.map((connection) => connection.open()));
  }
  return connections;
}

function send(
  job: LoadJob,
  connections: readonly Connection[],
  { graphqlUrl, accounts }: Pick<LoadTarget, 'graphqlUrl' | 'accounts'>,
): Promise<Load & Partial<Pick<LoadResult, 'overloaded'>>> {
  const inTurn = (number: number): Connection => {
    const connection = connections[number % connections.length];
    if (connection === undefined) throw new RangeError('a load needs at least one connection');
    return connection;
  };
  switch (job.kind) {
    case 'closed': {
      const post = createPost(job.workload, accounts);
      return closedLoop((caller) => post(inTurn(caller)), { ...job, callers: job.connections });
    }
    case 'open': {
      const post = createPost(job.workload, accounts);
      return openLoop((number) => post(inTurn(number)), job);
    }
    case 'batch':
      return sendBatches(job, inTurn, createPicker('uniform', accounts));
    case 'client':
      return closedLoop(createClientTransfer(graphqlUrl, createPicker('uniform', accounts)), job);
  }
}

/** Returns a function that posts the next operation of a workload. */
function createPost(
  workload: Workload,
  accounts: readonly string[],
): (connection: Connection) => Promise<Acknowledged> {
  const pick = createPicker(workload, accounts);
  return workload === 'deposits'
    ? (connection) => deposit(connection, pick().to)
    : (connection) => transfer(connection, pick());
}

async function sendBatches(
  job: LoadJob & { readonly kind: 'batch' },
  inTurn: (caller: number) => Connection,
  pick: ReturnType<typeof createPicker>,
): Promise<Load & Pick<LoadResult, 'overloaded'>> {
  const acknowledged: Acknowledged[] = [];
  let [sent, refused] = [0, 0];
  const postOne = async (caller: number): Promise<void> => {
    const pairs = Array.from({ length: job.size }, pick);
    sent += 1;
    try {
      for (const one of await postBatch(inTurn(caller), pairs, job.mode)) acknowledged.push(one);
    } catch (error) {
      if (!(error instanceof OverloadedError)) throw error;
      refused += 1;
      await sleep(error.retryAfterMs);
      await postOne(caller);
    }
  };
  const measured = await batchLoop(postOne, job);
  return { measured, acknowledged, overloaded: refused / sent };
}
