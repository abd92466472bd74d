/**
 * One round: every stage measures on a database of its own, cloned from the same template, so that each round begins with the same
 * books; workload by workload all stages take their turns, so that what else the machine does meets all alike. In the end each
 * stage's books are checked.
 */
import { formatId, type Uuid } from '../../src/core/values/ids.ts';
import type { EmbeddedPostgres } from '../../src/db/embedded/embedded-postgres.ts';
import { Ledger } from '../../src/ledger/ledger.ts';
import { bareAccount } from './bare.ts';
import { checkBareTables, checkBooks } from './books.ts';
import { closedLoop, openLoop } from './callers.ts';
import { withCommitDelay, withDatabases, withName } from './databases.ts';
import { postByEngine } from './engine.ts';
import type { CallFunction } from './function.ts';
import { type HttpStage, openHttp } from './http.ts';
import { runLimit } from './limit.ts';
import type { LoadResult } from './load.ts';
import { openPerRequest } from './per-request.ts';
import type { Figures } from './report.ts';
import type { Acknowledged, Timing } from './stage.ts';
import { COMPARED_CONNECTIONS, DELAYED, HTTP, MANY_CONNECTIONS } from './targets.ts';
import { createPicker, WORKLOADS, type Workload } from './workload.ts';

export const LEDGER_TEMPLATE = 'ledger_template';
export const BARE_TEMPLATE = 'bare_template';

const CLONES = [
  { name: 'bench_function', template: BARE_TEMPLATE },
  { name: 'bench_per_request', template: BARE_TEMPLATE },
  { name: 'bench_limit', template: BARE_TEMPLATE },
  { name: 'bench_engine', template: LEDGER_TEMPLATE },
  { name: 'bench_http', template: LEDGER_TEMPLATE },
];

const OTHER_CONNECTIONS = [1, 16, 64, MANY_CONNECTIONS];
const PER_SECOND = [500, 1000];
/** So that one batch is read while another one is written. */
const BATCH_CALLERS = 2;
const LIMIT_BACKENDS = [1, 2];
const DELAY_MS = 1;

export interface Bench {
  readonly server: Pick<EmbeddedPostgres, 'ownerUrl' | 'serviceUrl'>;
  readonly figures: Figures;
  readonly callFunction: CallFunction;
  /** Of the ledger's template, in whose order the workloads use them; the bare tables have as many. */
  readonly accounts: readonly Uuid[];
  /** Of the function and of one transaction a request, which are measured at their best of these numbers. */
  readonly connections: readonly number[];
  /** Of the engine. */
  readonly callers: number;
  /** How many operations each postBatch has. */
  readonly batches: readonly number[];
  readonly timing: Timing;
}

/** Answers one line for the books of each stage: what holds there. Throws where anything does not. */
export function runRound(bench: Bench): Promise<string[]> {
  return withDatabases(bench.server.ownerUrl, CLONES, async () => {
    const ledger = await Ledger.open({
      databaseUrl: withName(bench.server.serviceUrl, 'bench_engine'),
      onFault: (error) => console.error(error),
    });
    try {
      const http = await openHttp({
        databaseUrl: withName(bench.server.serviceUrl, 'bench_http'),
        accounts: bench.accounts,
      });
      try {
        const round = new Round(bench, ledger, http);
        await round.measure();
        return await round.check();
      } finally {
        await http.close();
      }
    } finally {
      await ledger.close();
    }
  });
}

class Round {
  readonly #bench: Bench;
  readonly #ledger: Ledger;
  readonly #http: HttpStage;
  readonly #publicIds: readonly string[];
  readonly #bareIds: readonly string[];
  /** What each stage is known to have posted. */
  #byFunction = 0;
  #byPerRequest = 0;
  #byLimit = 0;
  readonly #byEngine: Acknowledged[] = [];
  readonly #byHttp: Acknowledged[] = [];

  constructor(bench: Bench, ledger: Ledger, http: HttpStage) {
    this.#bench = bench;
    this.#ledger = ledger;
    this.#http = http;
    this.#publicIds = bench.accounts.map((id) => formatId('account', id));
    this.#bareIds = bench.accounts.map((_, place) => bareAccount(place));
  }

  async measure(): Promise<void> {
    const { server, figures } = this.#bench;
    // Code that was never run yet is slow, and nobody's figure: the service runs for days.
    console.log('warming up');
    await this.#postByEngine('uniform', this.#bench.callers);
    keepAll(
      this.#byHttp,
      (await this.#http.closed('uniform', COMPARED_CONNECTIONS, this.#bench.timing)).acknowledged,
    );
    for (const workload of WORKLOADS) {
      console.log(workload);
      await this.#function(workload);
      await this.#perRequest(workload);
      await this.#engine(workload);
      await this.#closed(HTTP, workload, COMPARED_CONNECTIONS);
    }
    console.log('over other numbers of connections');
    for (const connections of OTHER_CONNECTIONS) {
      const { service } = await this.#closed(
        `http, ${count(connections, 'connection')}`,
        'uniform',
        connections,
      );
      if (connections !== MANY_CONNECTIONS) continue;
      const name = `memory over ${MANY_CONNECTIONS} connections`;
      figures.add({ name, unit: 'MB', value: service.peakMb }, service.flat ? 'flat' : 'still growing');
      figures.addCheck(`${name} is flat`, service.flat);
    }
    console.log('a lone caller');
    await this.#lone();
    console.log('sent at fixed instants');
    for (const perSecond of PER_SECOND) await this.#open(perSecond);
    console.log('in batches');
    await this.#batches();
    console.log(`while each commit waits for ${DELAY_MS} ms`);
    await withCommitDelay(server.ownerUrl, DELAY_MS, async () => {
      await this.#function('hot', DELAYED);
      await this.#engine('hot', DELAYED);
      await this.#closed(HTTP, 'hot', COMPARED_CONNECTIONS, DELAYED);
      await this.#closed(HTTP, 'uniform', COMPARED_CONNECTIONS, DELAYED);
    });
  }

  /** Throws where the books of a stage are wrong. */
  async check(): Promise<string[]> {
    console.log('checking the books');
    const { ownerUrl } = this.#bench.server;
    const bare = (name: string, posted: number) => checkBareTables(withName(ownerUrl, name), posted);
    const books = (name: string, all: Acknowledged[]) => checkBooks(withName(ownerUrl, name), all);
    return [
      `books of function: ${await bare('bench_function', this.#byFunction)}`,
      `books of per request: ${await bare('bench_per_request', this.#byPerRequest)}`,
      `books of limit: ${await bare('bench_limit', this.#byLimit)}`,
      `books of engine: ${await books('bench_engine', this.#byEngine)}`,
      `books of http and batch: ${await books('bench_http', this.#byHttp)}`,
    ];
  }

  async #function(workload: Workload, conditions = ''): Promise<void> {
    const name = `function, ${workload}${conditions}`;
    await this.#atBest(name, async (connections) => {
      const { measured } = await this.#callFunction(workload, connections);
      this.#bench.figures.addMeasured(`${name}, ${connections} connections`, measured);
      return measured.perSecond;
    });
  }

  async #callFunction(workload: Workload, connections: number) {
    const { server, accounts, callFunction, timing } = this.#bench;
    const url = withName(server.ownerUrl, 'bench_function');
    const called = await callFunction(url, { workload, accounts: accounts.length, connections, ...timing });
    this.#byFunction += called.posted;
    return called;
  }

  async #perRequest(workload: Workload): Promise<void> {
    const { figures, timing } = this.#bench;
    const name = `per request, ${workload}`;
    await this.#atBest(name, async (connections) => {
      const measured = await this.#transferPerRequest(workload, connections, (transfer) =>
        closedLoop(transfer, { callers: connections, ...timing }),
      );
      figures.addMeasured(`${name}, ${connections} connections`, measured);
      return measured.perSecond;
    });
  }

  async #transferPerRequest(
    workload: Workload,
    connections: number,
    loop: (transfer: () => Promise<Acknowledged>) => ReturnType<typeof closedLoop>,
  ) {
    const pick = createPicker(workload, this.#bareIds);
    const url = withName(this.#bench.server.ownerUrl, 'bench_per_request');
    const perRequest = openPerRequest(url, connections);
    try {
      const { measured, acknowledged } = await loop(() => perRequest.transfer(pick()));
      this.#byPerRequest += acknowledged.length;
      return measured;
    } finally {
      await perRequest.close();
    }
  }

  /** The most of all numbers of connections is the figure that counts. */
  async #atBest(name: string, measure: (connections: number) => Promise<number>): Promise<void> {
    let best = 0;
    for (const connections of this.#bench.connections) best = Math.max(best, await measure(connections));
    this.#bench.figures.add({ name, unit: 'transfers/s', value: best }, 'the best of these');
  }

  async #engine(workload: Workload, conditions = ''): Promise<void> {
    const { callers, figures } = this.#bench;
    figures.addMeasured(`engine, ${workload}${conditions}`, await this.#postByEngine(workload, callers));
  }

  async #postByEngine(workload: Workload, callers: number) {
    const pick = createPicker(workload, this.#publicIds);
    const { measured, acknowledged } = await closedLoop(() => postByEngine(this.#ledger, workload, pick()), {
      callers,
      ...this.#bench.timing,
    });
    keepAll(this.#byEngine, acknowledged);
    return measured;
  }

  async #closed(name: string, workload: Workload, connections: number, conditions = ''): Promise<LoadResult> {
    const result = await this.#http.closed(workload, connections, this.#bench.timing);
    this.#addLoad(`${name}, ${workload}${conditions}`, result);
    return result;
  }

  #addLoad(name: string, { measured, acknowledged, load, service }: LoadResult): void {
    const { figures } = this.#bench;
    const [ofLoad, ofService] = [load.cpu, service.cpu].map((cpu) => cpu ?? Number.NaN);
    const shares = `CPU: service ${ofService?.toFixed(0)} %, load ${ofLoad?.toFixed(0)} %`;
    figures.addMeasured(name, measured, shares);
    for (const [who, { cpu }] of Object.entries({ load, service })) {
      if (cpu !== null) figures.keep({ name: `${name}, ${who}`, unit: '% CPU', value: cpu });
    }
    keepAll(this.#byHttp, acknowledged);
  }

  async #lone(): Promise<void> {
    const { figures } = this.#bench;
    const { measured } = await this.#callFunction('uniform', 1);
    figures.addMeasured('function, 1 connection', measured);
    figures.addMeasured('engine, 1 caller', await this.#postByEngine('uniform', 1));
  }

  async #open(perSecond: number): Promise<void> {
    const { figures, timing } = this.#bench;
    const measured = await this.#transferPerRequest('uniform', this.#bestPerRequest(), (transfer) =>
      openLoop(transfer, { perSecond, ...timing }),
    );
    figures.addMeasured(`per request, ${perSecond} a second`, measured);
    this.#addLoad(`http, ${perSecond} a second`, await this.#http.open(perSecond, timing));
  }

  /** The number of connections with which it was fastest in this round. */
  #bestPerRequest(): number {
    const { connections, figures } = this.#bench;
    const perSecond = (n: number) =>
      figures.of(`per request, uniform, ${n} connections`).at(-1) ?? Number.NaN;
    return connections.toSorted((a, b) => perSecond(b) - perSecond(a))[0] ?? 1;
  }

  async #batches(): Promise<void> {
    const { server, figures, accounts, batches, timing } = this.#bench;
    for (const size of batches) {
      const result = await this.#http.batch('INDEPENDENT', size, BATCH_CALLERS, timing);
      this.#addLoad(`batch of ${size}`, result);
    }
    for (const backends of LIMIT_BACKENDS) {
      const url = withName(server.ownerUrl, 'bench_limit');
      const { measured, posted } = await runLimit(url, { accounts: accounts.length, backends, ...timing });
      figures.addMeasured(`limit, ${count(backends, 'backend')}`, measured);
      this.#byLimit += posted;
    }
  }
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** Not by push(...): there can be more than a call takes. */
function keepAll(kept: Acknowledged[], more: readonly Acknowledged[]): void {
  for (const one of more) kept.push(one);
}
