/**
 * The process that sends the load, so that nobody shares its event loop. It is forked, and told by messages: first whom to ask
 * and about which accounts, which it answers when it is ready; then one job after another, each of which it answers with what it
 * measured. A job that fails ends it.
 */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BatchMode } from '../../src/ledger/ledger.ts';
import { batchLoop } from './batch.ts';
import { closedLoop, type Load, openLoop } from './callers.ts';
import { Connection } from './connection.ts';
import { deposit, OverloadedError, postBatch, transfer } from './mutations.ts';
import type { Acknowledged, Timing } from './stage.ts';
import { type Usage, watchProcess } from './usage.ts';
import { createPicker, type Workload } from './workload.ts';

/** Whom to ask, and about what. */
export interface LoadTarget {
  readonly graphqlUrl: string;
  readonly servicePid: number;
  /** Public ids. */
  readonly accounts: readonly string[];
}

/** `closed`: each connection one request after another; `open`: at fixed instants; `batch`: postBatch by so many callers. */
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
  );

/** What a job measured, and what both processes took of the machine meanwhile. */
export interface LoadResult extends Load {
  readonly load: Usage;
  readonly service: Usage;
  /** The share of batches that were answered OVERLOADED, and sent again when the answer said. */
  readonly overloaded: number;
}

/** The open loop's, which take turns: a request waits for another's answer only where that one takes a whole turn. */
const OPEN_CONNECTIONS = 256;
/** What connects at once and finds the server's backlog full tries again only after a second. */
const CONNECT_AT_ONCE = 128;

process.once('disconnect', () => process.exit());
const [target] = (await once(process, 'message')) as [LoadTarget];
process.on('message', (job: LoadJob) => {
  void run(job, target).then((result) => process.send?.(result));
});
// A job that comes before it is listened for would be lost.
process.send?.('ready');

async function run(job: LoadJob, { graphqlUrl, servicePid, accounts }: LoadTarget): Promise<LoadResult> {
  const connections = await connect(graphqlUrl, connectionsOf(job));
  const [load, own, service] = await Promise.all([
    send(job, connections, accounts),
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
  }
}

async function connect(graphqlUrl: string, count: number): Promise<Connection[]> {
  const connections = Array.from({ length: count }, () => new Connection(graphqlUrl));
  for (let place = 0; place < count; place += CONNECT_AT_ONCE) {
    const next = connections.slice(place, place + CONNECT_AT_ONCE);
    await Promise.all(next.map((connection) => connection.open()));
  }
  return connections;
}

function send(
  job: LoadJob,
  connections: readonly Connection[],
  accounts: readonly string[],
): Promise<Load & Partial<Pick<LoadResult, 'overloaded'>>> {
  const inTurn = (number: number): Connection => {
    const connection = connections[number % connections.length];
    if (connection === undefined) throw new RangeError('a connection at least');
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
  }
}

/** Posts the next operation of a workload. */
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
      for (const answer of await postBatch(inTurn(caller), pairs, job.mode)) acknowledged.push(answer);
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
