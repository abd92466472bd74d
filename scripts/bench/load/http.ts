import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { formatId, type Uuid } from '../../../src/core/values/ids.ts';
import type { BatchMode } from '../../../src/ledger/ledger.ts';
import { startServiceProcess } from '../../service-process.ts';
import type { Timing } from '../stage.ts';
import type { Workload } from '../workload.ts';
import type { LoadJob, LoadResult, LoadTarget } from './process.ts';

/** Hides the bench's own environment from the service: an empty variable counts as absent. */
const DEFAULTS = { DATABASE_MIGRATION_URL: '', HOST: '', LOG_LEVEL: '', NODE_ENV: '', API_EXPLORER: '' };

/** The service in a process of its own, started like `npm start`, and the process that sends the load. */
export interface HttpStage {
  /** Sends one mutation per request, and one request at a time on each connection. */
  closed(workload: Workload, connections: number, timing: Timing): Promise<LoadResult>;
  /** Sends uniform transfers at a fixed rate. */
  open(perSecond: number, timing: Timing): Promise<LoadResult>;
  /** Sends postBatch with `size` uniform transfers; counts operations. */
  batch(mode: BatchMode, size: number, callers: number, timing: Timing): Promise<LoadResult>;
  /** Sends uniform transfers with the SDK: one client, and one call at a time for each caller. */
  client(callers: number, timing: Timing): Promise<LoadResult>;
  close(): Promise<void>;
}

/** Starts both processes. The service connects to `databaseUrl`. */
export async function openHttp({
  databaseUrl,
  accounts,
  apiKey,
}: {
  readonly databaseUrl: string;
  readonly accounts: readonly Uuid[];
  /** Where the database requires one. */
  readonly apiKey?: string;
}): Promise<HttpStage> {
  const service = await startServiceProcess({ ...DEFAULTS, DATABASE_URL: databaseUrl });
  // The log has a line per request. It is read so that the service never waits for the pipe, and discarded.
  service.child.stdout?.removeAllListeners('data').resume();
  const load = fork(join(import.meta.dirname, 'process.ts'));
  const loadEnded = once(load, 'exit');
  const send = async (message: LoadTarget | LoadJob): Promise<unknown> => {
    load.send(message);
    const reply = await Promise.race([once(load, 'message'), loadEnded.then(() => null)]);
    if (reply !== null) return reply[0];
    throw new Error(`the load process failed, see above; the service printed:\n${service.output.join('\n')}`);
  };
  const run = async (job: LoadJob) => (await send(job)) as LoadResult;
  const close = async () => {
    if (load.connected) load.disconnect();
    await loadEnded;
    await service.stop();
  };
  await send({
    graphqlUrl: service.graphqlUrl,
    servicePid: service.child.pid ?? 0,
    accounts: accounts.map((id) => formatId('account', id)),
    apiKey,
  }).catch(async (error: unknown) => {
    await close();
    throw error;
  });
  return {
    closed: (workload, connections, timing) => run({ kind: 'closed', workload, connections, ...timing }),
    open: (perSecond, timing) => run({ kind: 'open', workload: 'uniform', perSecond, ...timing }),
    batch: (mode, size, callers, timing) => run({ kind: 'batch', mode, size, callers, ...timing }),
    client: (callers, timing) => run({ kind: 'client', callers, ...timing }),
    close,
  };
}
