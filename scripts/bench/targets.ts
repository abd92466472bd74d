import type { Figure } from './stage.ts';

/** How many connections the service is compared over. */
export const COMPARED_CONNECTIONS = 256;
/** How many keep the service's memory busy. */
export const MANY_CONNECTIONS = 1024;
export const HTTP = `http, ${COMPARED_CONNECTIONS} connections`;
/** Behind the names of what is measured while each commit waits. */
export const DELAYED = ', commit_delay 1 ms';

/** What a run is to reach: a figure, or what it is in shares of another one of the same round. */
export interface Target {
  readonly figure: string;
  readonly over?: string;
  readonly unit: Figure['unit'] | '×';
  readonly better: 'more' | 'less';
  /** What it must reach; a target without one is looked at only. */
  readonly floor?: number;
  readonly aim: number;
}

const times = { unit: '×', better: 'more' } as const;
const ofLatency = { unit: '×', better: 'less' } as const;

/** What growth is to reach: throughputs of two ledgers in turns. */
export const GROWTH_TARGETS = {
  fullToNew: { name: 'growth, full ledger / new one', ...times, floor: 0.8, aim: 0.95 },
  manyToFew: { name: 'growth, many accounts / few', ...times, floor: 0.7, aim: 0.9 },
} as const;

export const TARGETS: readonly Target[] = [
  { figure: 'engine, uniform', over: 'function, uniform', ...times, floor: 5, aim: 8 },
  { figure: 'engine, hot', over: 'function, hot', ...times, floor: 10, aim: 18 },
  { figure: `${HTTP}, uniform`, over: 'function, uniform', ...times, floor: 1.3, aim: 2.2 },
  { figure: `${HTTP}, hot`, over: 'function, hot', ...times, floor: 4, aim: 7 },
  { figure: `${HTTP}, hot`, over: `${HTTP}, uniform`, ...times, floor: 0.9, aim: 1.2 },
  { figure: `${HTTP}, deposits`, over: `${HTTP}, uniform`, ...times, floor: 0.9, aim: 1.2 },
  { figure: 'batch of 1000', over: 'limit, 1 backend', ...times, floor: 0.5, aim: 0.8 },
  { figure: `engine, hot${DELAYED}`, over: `function, hot${DELAYED}`, ...times, aim: 30 },
  { figure: `${HTTP}, hot${DELAYED}`, over: `function, hot${DELAYED}`, ...times, aim: 12 },
  { figure: `${HTTP}, hot${DELAYED}`, over: `${HTTP}, uniform${DELAYED}`, ...times, aim: 1.2 },
  {
    figure: 'engine, 1 caller, p50',
    over: 'function, 1 connection, p50',
    ...ofLatency,
    floor: 2.8,
    aim: 1.5,
  },
  {
    figure: 'http, 500 a second, p99',
    over: 'per request, 500 a second, p99',
    ...ofLatency,
    floor: 1.5,
    aim: 1,
  },
  {
    figure: 'http, 1000 a second, p99',
    over: 'per request, 1000 a second, p99',
    ...ofLatency,
    floor: 1.5,
    aim: 1,
  },
  { figure: 'http, 64 connections, uniform, p99', unit: 'ms', better: 'less', floor: 40, aim: 20 },
  { figure: `memory over ${MANY_CONNECTIONS} connections`, unit: 'MB', better: 'less', floor: 500, aim: 300 },
  { figure: 'growth, bytes a transfer', unit: 'bytes', better: 'less', floor: 1000, aim: 700 },
];
