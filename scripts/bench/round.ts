/**
 * One round: every stage measures on a database of its own, cloned from a template, so that each round starts with the same books.
 * The stages take turns for each workload, so that other load on the machine affects all of them alike. At the end the books of
 * every stage are checked.
 */
import { formatId, type Uuid } from '../../src/core/values/ids.ts';
import type { EmbeddedPostgres } from '../../src/db/embedded/embedded-postgres.ts';
import { Engine } from '../../src/ledger/engine.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import type { CallFunction, FunctionWorkload } from './baseline/function.ts';
import { runLimit } from './baseline/limit.ts';
import { checkBareTables, checkBooks } from './books.ts';
import { measureCommit, withCommitDelay, withDatabases, withName } from './databases.ts';
import { postByEngine } from './engine.ts';
import { closedLoop } from './load/callers.ts';
import { type HttpStage, openHttp } from './load/http.ts';
import type { LoadResult } from './load/process.ts';
import {
  CLIENT_CALLERS,
  DELAY_MS,
  DELAYED,
  HTTP,
  HTTP_CONNECTIONS,
  MANY_CONNECTIONS,
} from './report/comparisons.ts';
import type { Figures } from './report/figures.ts';
import type { Acknowledged, Timing } from './stage.ts';
import { createPicker, WORKLOADS, type Workload } from './workload.ts';

export const LEDGER_TEMPLATE = 'ledger_template';
export const BARE_TEMPLATE = 'bare_template';

const CLONES = [
  { name: 'bench_function', template: BARE_TEMPLATE },
  { name: 'bench_limit', template: BARE_TEMPLATE },
  { name: 'bench_engine', template: LEDGER_TEMPLATE },
  { name: 'bench_http', template: LEDGER_TEMPLATE },
];

const FUNCTION_WORKLOADS = ['uniform', 'hot'] as const;
const PER_SECOND = [500, 1000, 4000];
/** Two, so that the service reads one batch while it writes another one. */
const BATCH_CALLERS = 2;
const LIMIT_BACKENDS = [1, 2];

export interface Bench {
  readonly server: Pick<EmbeddedPostgres, 'ownerUrl' | 'serviceUrl'>;
  readonly figures: Figures;
  readonly callFunction: CallFunction;
  /** The accounts of the ledger's template, in the order in which the workloads use them. The bare tables have as many. */
  readonly accounts: readonly Uuid[];
  /** The function is measured with each of these numbers of connections; the best one counts. */
  readonly connections: readonly number[];
  /** The number of concurrent callers of the engine. */
  readonly callers: number;
  /** The numbers of operations per postBatch. */
  readonly batches: readonly number[];
  readonly timing: Timing;
}

/** Runs a round. Returns one line per stage with the result of checking its books. Throws if any books are wrong. */
export function runRound(bench: Bench): Promise<string[]> {
  return withDatabases(bench.server.ownerUrl, CLONES, async () => {
    const ledger = await Engine.openMain({
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
  /** The transfers that each stage posted. */
  #byFunction = 0;
  #byLimit = 0;
  readonly #byEngine: Acknowledged[] = [];
  readonly #byHttp: Acknowledged[] = [];

  constructor(bench: Bench, ledger: Ledger, http: HttpStage) {
    this.#bench = bench;
    this.#ledger = ledger;
    this.#http = http;
    this.#publicIds = bench.accounts.map((id) => formatId('account', id));
  }

  async measure(): Promise<void> {
    const { server, timing } = this.#bench;
    // The first calls run before the JIT compiler has optimized the code.
    console.log('warming up');
    await this.#postByEngine('uniform', this.#bench.callers);
    keepAll(this.#byHttp, (await this.#http.closed('uniform', HTTP_CONNECTIONS, timing)).acknowledged);

    for (const workload of WORKLOADS) {
      console.log(workload);
      await this.#engine(workload);
      await this.#addClosed(HTTP, workload, HTTP_CONNECTIONS);
      if (workload === 'uniform') await this.#clientsAndLimit();
    }
    console.log('latency');
    await this.#lone();
    for (const perSecond of PER_SECOND) {
      this.#addLoad(`http, ${perSecond} a second`, await this.#http.open(perSecond, timing));
    }
    console.log('memory');
    await this.#memory();
    console.log('stored procedure');
    await this.#commits('');
    console.log(`each commit takes ${DELAY_MS} ms longer`);
    await withCommitDelay(server.ownerUrl, DELAY_MS, async () => {
      await this.#commits(DELAYED);
      for (const workload of FUNCTION_WORKLOADS) {
        await this.#engine(workload, DELAYED);
        await this.#addClosed(HTTP, workload, HTTP_CONNECTIONS, DELAYED);
      }
    });
  }

  /** Throws if the books of a stage are wrong. */
  async check(): Promise<string[]> {
    console.log('checking the books');
    const { ownerUrl } = this.#bench.server;
    const bare = (name: string, posted: number) => checkBareTables(withName(ownerUrl, name), posted);
    const books = (name: string, all: Acknowledged[]) => checkBooks(withName(ownerUrl, name), all);
    return [
      `books of function: ${await bare('bench_function', this.#byFunction)}`,
      `books of limit: ${await bare('bench_limit', this.#byLimit)}`,
      `books of engine: ${await books('bench_engine', this.#byEngine)}`,
      `books of http, client and postBatch: ${await books('bench_http', this.#byHttp)}`,
    ];
  }

  async #engine(workload: Workload, suffix = ''): Promise<void> {
    const { callers, figures } = this.#bench;
    figures.addMeasured(`engine, ${workload}${suffix}`, await this.#postByEngine(workload, callers));
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

  async #addClosed(name: string, workload: Workload, connections: number, suffix = ''): Promise<LoadResult> {
    const result = await this.#http.closed(workload, connections, this.#bench.timing);
    this.#addLoad(`${name}, ${workload}${suffix}`, result);
    return result;
  }

  #addLoad(name: string, { measured, acknowledged, load, service }: LoadResult): void {
    const { figures } = this.#bench;
    const percent = (cpu: number | null) => (cpu === null ? 'unknown' : `${cpu.toFixed(0)} %`);
    figures.addMeasured(name, measured, `CPU: service ${percent(service.cpu)}, load ${percent(load.cpu)}`);
    for (const [side, { cpu }] of Object.entries({ load, service })) {
      if (cpu !== null) figures.keep({ name: `${name}, ${side}`, unit: '% CPU', value: cpu });
    }
    keepAll(this.#byHttp, acknowledged);
  }

  async #clientsAndLimit(): Promise<void> {
    const { server, figures, accounts, batches, timing } = this.#bench;
    for (const callers of CLIENT_CALLERS) {
      this.#addLoad(`client, ${callers} callers`, await this.#http.client(callers, timing));
    }
    for (const size of batches) {
      const result = await this.#http.batch('INDEPENDENT', size, BATCH_CALLERS, timing);
      this.#addLoad(`postBatch of ${size}`, result);
    }
    for (const backends of LIMIT_BACKENDS) {
      const url = withName(server.ownerUrl, 'bench_limit');
      const { measured, posted } = await runLimit(url, { accounts: accounts.length, backends, ...timing });
      figures.addMeasured(`limit, ${backends} ${backends === 1 ? 'backend' : 'backends'}`, measured);
      this.#byLimit += posted;
    }
  }

  async #lone(): Promise<void> {
    const { figures } = this.#bench;
    figures.addMeasured('function, 1 connection', await this.#callFunction('uniform', 1));
    figures.addMeasured('engine, 1 caller', await this.#postByEngine('uniform', 1));
    await this.#addClosed('http, 1 connection', 'uniform', 1);
  }

  async #memory(): Promise<void> {
    const { figures } = this.#bench;
    const many = `http, ${MANY_CONNECTIONS} connections`;
    const { service } = await this.#addClosed(many, 'uniform', MANY_CONNECTIONS);
    const name = `memory over ${MANY_CONNECTIONS} connections`;
    figures.add({ name, unit: 'MB', value: service.peakMb }, service.flat ? 'flat' : 'growing');
    figures.addCheck(`${name} is flat`, service.flat);
  }

  /** Measures the function, and the time of a commit, under the server's present commit time. */
  async #commits(suffix: string): Promise<void> {
    const { server, figures, connections } = this.#bench;
    const commitMs = await measureCommit(withName(server.ownerUrl, 'bench_function'));
    figures.add({ name: `commit${suffix}`, unit: 'ms', value: commitMs });
    for (const workload of FUNCTION_WORKLOADS) {
      const name = `function, ${workload}${suffix}`;
      let best = 0;
      for (const count of connections) {
        const measured = await this.#callFunction(workload, count);
        figures.addMeasured(`${name}, ${count} connections`, measured);
        best = Math.max(best, measured.perSecond);
      }
      figures.add({ name, unit: 'transfers/s', value: best }, 'the best of these');
    }
  }

  async #callFunction(workload: FunctionWorkload, connections: number) {
    const { server, accounts, callFunction, timing } = this.#bench;
    const url = withName(server.ownerUrl, 'bench_function');
    const options = { workload, accounts: accounts.length, connections, ...timing };
    const { measured, posted } = await callFunction(url, options);
    this.#byFunction += posted;
    return measured;
  }
}

/** Appends one by one: push(...more) fails for very many arguments. */
function keepAll(kept: Acknowledged[], more: readonly Acknowledged[]): void {
  for (const one of more) kept.push(one);
}
