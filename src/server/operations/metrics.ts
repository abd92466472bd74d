import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { HttpAnswer } from '../../graphql/execution/answer.ts';
import type { LedgerEngine } from '../../ledger/ledger.ts';
import type { AnsweredRequest } from './request-log.ts';

export interface Metrics {
  count(request: AnsweredRequest): void;
  /** Returns all metrics in the text format of Prometheus. */
  write(): Promise<HttpAnswer>;
}

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const COMMANDS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

const REJECTIONS: readonly number[] = [401, 403, 429];

export interface MetricsOptions {
  readonly engine: Pick<LedgerEngine, 'load' | 'observe'>;
  /** Bytes of bodies in memory whose requests are not answered yet. */
  readonly bufferedBytes: () => number;
}

/** Creates the metrics of an engine and its requests, in a registry of their own. */
export function createMetrics({ engine, bufferedBytes }: MetricsOptions): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });

  const outcomes = new Counter({
    name: 'ledger_outcomes_total',
    help: 'Codes that callers received: POSTED, CREATED, refusals, and top-level errors.',
    labelNames: ['code'],
    registers,
  });
  const requests = new Histogram({
    name: 'ledger_http_request_duration_seconds',
    help: 'Time from the head of a request to the end of its answer.',
    labelNames: ['route', 'status'],
    buckets: SECONDS,
    registers,
  });
  const rejections = new Counter({
    name: 'ledger_http_rejections_total',
    help: 'Requests without valid credentials (401), without permission (403), and above a rate limit (429).',
    labelNames: ['status'],
    registers,
  });
  for (const status of REJECTIONS) rejections.inc({ status }, 0);
  const sizes = new Histogram({
    name: 'ledger_batch_size',
    help: 'Commands in a batch.',
    buckets: COMMANDS,
    registers,
  });
  const durations = new Histogram({
    name: 'ledger_batch_duration_seconds',
    help: 'Time from the start of a batch to the last of its outcomes.',
    buckets: SECONDS,
    registers,
  });
  const retries = new Counter({
    name: 'ledger_batch_retries_total',
    help: 'Retries of batches after transient failures.',
    registers,
  });
  const splits = new Counter({
    name: 'ledger_batch_splits_total',
    help: 'Splits of batches to find the command that failed.',
    registers,
  });
  engine.observe((batch) => {
    sizes.observe(batch.size);
    durations.observe(batch.milliseconds / 1000);
    if (batch.retries > 0) retries.inc(batch.retries);
    if (batch.splits > 0) splits.inc(batch.splits);
  });
  addLoad(registry, engine);
  new Gauge({
    name: 'ledger_http_buffered_bytes',
    help: 'Bytes of the bodies of unanswered requests.',
    registers,
    collect() {
      this.set(bufferedBytes());
    },
  });

  return {
    count: ({ notes, route, status, milliseconds }) => {
      for (const [code, times] of notes.codes) outcomes.inc({ code }, times);
      requests.observe({ route, status }, milliseconds / 1000);
      if (REJECTIONS.includes(status)) rejections.inc({ status });
    },
    write: async () => ({
      status: 200,
      headers: { 'content-type': registry.contentType },
      body: await registry.metrics(),
    }),
  };
}

/** Adds gauges, which are read when the metrics are requested. */
function addLoad(registry: Registry, engine: Pick<LedgerEngine, 'load'>): void {
  const registers = [registry];
  new Gauge({
    name: 'ledger_queue_depth',
    help: 'Commands in the queue.',
    registers,
    collect() {
      this.set(engine.load.queued);
    },
  });
  new Gauge({
    name: 'ledger_queue_limit',
    help: 'Maximum of commands in the queue; further ones are rejected with OVERLOADED.',
    registers,
    collect() {
      this.set(engine.load.maxQueue);
    },
  });
  new Gauge({
    name: 'ledger_lanes_busy',
    help: 'Lanes that execute a batch.',
    registers,
    collect() {
      this.set(engine.load.busyLanes);
    },
  });
  new Gauge({
    name: 'ledger_database_connections',
    help: 'Database connections in use and idle, and requests that wait for one.',
    labelNames: ['pool', 'state'],
    registers,
    collect() {
      for (const [pool, { inUse, idle, waiting }] of Object.entries(engine.load.connections)) {
        this.set({ pool, state: 'in use' }, inUse);
        this.set({ pool, state: 'idle' }, idle);
        this.set({ pool, state: 'waiting' }, waiting);
      }
    },
  });
}
