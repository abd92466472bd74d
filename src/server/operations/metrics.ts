import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { HttpAnswer } from '../../graphql/execution/answer.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { AnsweredRequest } from './request-log.ts';

export interface Metrics {
  count(request: AnsweredRequest): void;
  /** Answers all of it in the text format of Prometheus. */
  write(): Promise<HttpAnswer>;
}

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const COMMANDS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

export interface MetricsOptions {
  readonly ledger: Pick<Ledger, 'load' | 'observe'>;
  /** Bytes of bodies in memory whose requests are not answered yet. */
  readonly bufferedBytes: () => number;
}

/** What is measured of a ledger and of the requests to it, in a registry of its own. */
export function createMetrics({ ledger, bufferedBytes }: MetricsOptions): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });

  const outcomes = new Counter({
    name: 'ledger_outcomes_total',
    help: 'Codes that were answered: POSTED, CREATED, refusals, and errors beside the data.',
    labelNames: ['code'],
    registers,
  });
  const requests = new Histogram({
    name: 'ledger_http_request_duration_seconds',
    help: 'From a request’s head to the end of its answer.',
    labelNames: ['route', 'status'],
    buckets: SECONDS,
    registers,
  });
  const sizes = new Histogram({
    name: 'ledger_batch_size',
    help: 'Commands that a lane took at once.',
    buckets: COMMANDS,
    registers,
  });
  const durations = new Histogram({
    name: 'ledger_batch_duration_seconds',
    help: 'From a batch’s being taken by a lane to the last of its answers.',
    buckets: SECONDS,
    registers,
  });
  const retries = new Counter({
    name: 'ledger_batch_retries_total',
    help: 'How often a batch was run again after a failure that passes.',
    registers,
  });
  const splits = new Counter({
    name: 'ledger_batch_splits_total',
    help: 'How often a batch was cut in two to find the command at fault.',
    registers,
  });
  ledger.observe((batch) => {
    sizes.observe(batch.size);
    durations.observe(batch.milliseconds / 1000);
    if (batch.retries > 0) retries.inc(batch.retries);
    if (batch.splits > 0) splits.inc(batch.splits);
  });
  addLoad(registry, ledger);
  new Gauge({
    name: 'ledger_http_buffered_bytes',
    help: 'Bytes of request bodies in memory that are not answered yet.',
    registers,
    collect() {
      this.set(bufferedBytes());
    },
  });

  return {
    count: ({ notes, route, status, milliseconds }) => {
      for (const [code, times] of notes.codes) outcomes.inc({ code }, times);
      requests.observe({ route, status }, milliseconds / 1000);
    },
    write: async () => ({
      status: 200,
      headers: { 'content-type': registry.contentType },
      body: await registry.metrics(),
    }),
  };
}

/** What is read only when somebody asks. */
function addLoad(registry: Registry, ledger: Pick<Ledger, 'load'>): void {
  const registers = [registry];
  new Gauge({
    name: 'ledger_queue_depth',
    help: 'Commands that wait for a lane.',
    registers,
    collect() {
      this.set(ledger.load.queued);
    },
  });
  new Gauge({
    name: 'ledger_queue_limit',
    help: 'Commands that may wait; what comes then is OVERLOADED.',
    registers,
    collect() {
      this.set(ledger.load.maxQueue);
    },
  });
  new Gauge({
    name: 'ledger_lanes_busy',
    help: 'Lanes that work on a batch.',
    registers,
    collect() {
      this.set(ledger.load.busyLanes);
    },
  });
  new Gauge({
    name: 'ledger_database_connections',
    help: 'Connections to the database that are in use or idle, and callers that wait for one.',
    labelNames: ['pool', 'state'],
    registers,
    collect() {
      for (const [pool, { inUse, idle, waiting }] of Object.entries(ledger.load.connections)) {
        this.set({ pool, state: 'in use' }, inUse);
        this.set({ pool, state: 'idle' }, idle);
        this.set({ pool, state: 'waiting' }, waiting);
      }
    },
  });
}
