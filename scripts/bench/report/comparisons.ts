/** The rows of the report: figures, and ratios of figures of the same run, by section. */
import type { Figure } from '../stage.ts';

/** The number of connections of the HTTP stage. */
export const HTTP_CONNECTIONS = 256;
/** The number of connections that the service's memory is measured with. */
export const MANY_CONNECTIONS = 1024;
/** The numbers of concurrent callers of the client stage. */
export const CLIENT_CALLERS = [256, 1000] as const;
export const HTTP = `http, ${HTTP_CONNECTIONS} connections`;
export const LIMIT = 'limit, 1 backend';
/** The added commit time of the last section, in milliseconds. */
export const DELAY_MS = 1;
/** The suffix of figures that are measured with the added commit time. */
export const DELAYED = `, commit +${DELAY_MS} ms`;

export const SECTIONS = {
  limit: "against the server's own bulk limit",
  hot: 'hot against uniform',
  zipf: 'Zipf 1.0 over 100,000 accounts',
  latency: 'latency, alone and under open load',
  growth: 'growth, bytes, memory',
  commit: 'against a stored procedure, at two commit times',
  neighbours: 'with a neighbour against without it',
} as const;
export type Section = keyof typeof SECTIONS;

/** A row of the report: a figure, or its ratio to another figure. */
export interface Comparison {
  readonly section: Section;
  readonly figure: string;
  /** The figure is divided by this one. */
  readonly over?: string;
  readonly unit: Figure['unit'] | '×';
  readonly better: 'more' | 'less';
  /** The row fails below the floor (above it, where less is better). Rows without a floor never fail. */
  readonly floor?: number;
  readonly aim?: number;
}

type Ratio = Pick<Comparison, 'floor' | 'aim'>;
const ratio = (section: Section, figure: string, over: string, bounds: Ratio = {}): Comparison => ({
  section,
  figure,
  over,
  unit: '×',
  better: 'more',
  ...bounds,
});
const atMost = (section: Section, figure: string, unit: Figure['unit'], bounds: Ratio = {}): Comparison => ({
  section,
  figure,
  unit,
  better: 'less',
  ...bounds,
});

export const COMPARISONS: readonly Comparison[] = [
  ratio('limit', 'engine, uniform', LIMIT, { floor: 0.5, aim: 0.7 }),
  ratio('limit', 'postBatch of 100', LIMIT),
  ratio('limit', 'postBatch of 1000', LIMIT, { floor: 0.5, aim: 0.8 }),
  ratio('limit', 'postBatch of 10000', LIMIT),
  ...CLIENT_CALLERS.map((callers) => ratio('limit', `client, ${callers} callers`, LIMIT, { aim: 0.5 })),
  ratio('limit', `${HTTP}, uniform`, LIMIT, { floor: 0.25, aim: 0.35 }),
  ...CLIENT_CALLERS.map((callers) =>
    ratio('limit', `client, ${callers} callers`, `${HTTP}, uniform`, { floor: 1.5, aim: 2 }),
  ),

  ratio('hot', 'engine, hot', 'engine, uniform', { floor: 0.9, aim: 1 }),
  ratio('hot', `${HTTP}, hot`, `${HTTP}, uniform`, { floor: 0.9, aim: 1.2 }),
  ratio('hot', 'engine, deposits', 'engine, uniform', { floor: 0.9, aim: 1 }),
  ratio('hot', `${HTTP}, deposits`, `${HTTP}, uniform`, { floor: 0.9, aim: 1.2 }),

  ratio('zipf', 'engine, zipf', 'engine, uniform', { floor: 0.7, aim: 0.9 }),
  ratio('zipf', `${HTTP}, zipf`, `${HTTP}, uniform`, { floor: 0.7, aim: 0.9 }),

  atMost('latency', 'function, 1 connection, p50', 'ms'),
  atMost('latency', 'engine, 1 caller, p50', 'ms', { aim: 1 }),
  atMost('latency', 'http, 1 connection, uniform, p50', 'ms', { aim: 1.5 }),
  atMost('latency', 'http, 500 a second, p99', 'ms', { floor: 40, aim: 20 }),
  atMost('latency', 'http, 1000 a second, p99', 'ms', { floor: 40, aim: 20 }),
  atMost('latency', 'http, 4000 a second, p99', 'ms', { aim: 40 }),

  ratio('growth', 'growth, full ledger', 'growth, new ledger', { floor: 0.8, aim: 0.95 }),
  ratio('growth', 'growth, many accounts', 'growth, few accounts', { floor: 0.7, aim: 0.9 }),
  atMost('growth', 'growth, bytes per transfer', 'bytes', { floor: 1200, aim: 700 }),
  atMost('growth', `memory over ${MANY_CONNECTIONS} connections`, 'MB', { floor: 500, aim: 300 }),

  atMost('commit', 'commit', 'ms'),
  atMost('commit', `commit${DELAYED}`, 'ms'),
  ...['', DELAYED].flatMap((commit) =>
    ['uniform', 'hot'].flatMap((workload) => [
      ratio('commit', `engine, ${workload}${commit}`, `function, ${workload}${commit}`),
      ratio('commit', `${HTTP}, ${workload}${commit}`, `function, ${workload}${commit}`),
    ]),
  ),
];
