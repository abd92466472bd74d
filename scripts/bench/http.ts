import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { formatId, type Uuid } from '../../src/core/values/ids.ts';
import type { BatchMode } from '../../src/ledger/ledger.ts';
import { startServiceProcess } from '../service-process.ts';
import type { LoadJob, LoadResult, LoadTarget } from './load.ts';
import type { Timing } from './stage.ts';
import type { Workload } from './workload.ts';

/** Whatever the bench's own environment says: a variable that is set to nothing counts as absent. */
const DEFAULTS = { DATABASE_MIGRATION_URL: '', HOST: '', LOG_LEVEL: '', NODE_ENV: '', API_EXPLORER: '' };

/** The service in a process of its own, as its users run it, and the process that sends its load. */
export interface HttpStage {
  /** Where the service answers others, too. */
  readonly graphqlUrl: string;
  /** One mutation a request, each connection one after another. */
  closed(workload: Workload, connections: number, timing: Timing): Promise<LoadResult>;
  /** Uniform transfers at fixed instants. */
  open(perSecond: number, timing: Timing): Promise<LoadResult>;
  /** postBatch of `size` uniform transfers, by so many callers; counts operations. */
  batch(mode: BatchMode, size: number, callers: number, timing: Timing): Promise<LoadResult>;
  close(): Promise<void>;
}

/** Starts both. The login of `databaseUrl` is the service's. */
export async function openHttp({
  databaseUrl,
  accounts,
}: {
  readonly databaseUrl: string;
  readonly accounts: readonly Uuid[];
}): Promise<HttpStage> {
  const service = await startServiceProcess({ ...DEFAULTS, DATABASE_URL: databaseUrl });
  // Its log has a line a request: it is read, so that the service does not wait, and not kept.
  service.child.stdout?.removeAllListeners('data').resume();
  const load = fork(join(import.meta.dirname, 'load.ts'));
  const loadEnded = once(load, 'exit');
  const ask = async (message: LoadTarget | LoadJob): Promise<unknown> => {
    load.send(message);
    const answered = await Promise.race([once(load, 'message'), loadEnded.then(() => null)]);
    if (answered !== null) return answered[0];
    throw new Error(`the load ended, and printed why; the service printed:\n${service.output.join('\n')}`);
  };
  const run = async (job: LoadJob) => (await ask(job)) as LoadResult;
  const close = async () => {
    if (load.connected) load.disconnect();
    await loadEnded;
    await service.stop();
  };
  await ask({
    graphqlUrl: service.graphqlUrl,
    servicePid: service.child.pid ?? 0,
    accounts: accounts.map((id) => formatId('account', id)),
  }).catch(async (error: unknown) => {
    await close();
    throw error;
  });
  return {
    graphqlUrl: service.graphqlUrl,
    closed: (workload, connections, timing) => run({ kind: 'closed', workload, connections, ...timing }),
    open: (perSecond, timing) => run({ kind: 'open', workload: 'uniform', perSecond, ...timing }),
    batch: (mode, size, callers, timing) => run({ kind: 'batch', mode, size, callers, ...timing }),
    close,
  };
}
