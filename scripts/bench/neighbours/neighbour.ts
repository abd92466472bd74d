import { formatId, type Uuid } from '../../../src/core/values/ids.ts';
import { Engine } from '../../../src/ledger/engine.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { checkBooks } from '../books.ts';
import { makeAccounts, postByEngine } from '../engine.ts';
import { closedLoop } from '../load/callers.ts';
import type { Comparison } from '../report/comparisons.ts';
import type { Figures } from '../report/figures.ts';
import type { Acknowledged, Timing } from '../stage.ts';
import { createPicker } from '../workload.ts';

/** A kind of neighbour, and the comparisons that show its effect on other callers. */
export interface Neighbour {
  /** The command-line argument that selects it. */
  readonly name: string;
  readonly comparisons: readonly Comparison[];
  /** Measures all rounds and checks the books at the end. */
  readonly measure: (stage: Stage) => Promise<void>;
}

/** The databases and options of a measurement. */
export interface Stage {
  /** The ledger's database, for the service's login and for the owner's. */
  readonly serviceUrl: string;
  readonly ownerUrl: string;
  /** The database of bare tables, with BARE_ACCOUNTS accounts. */
  readonly bareUrl: string;
  readonly figures: Figures;
  readonly rounds: number;
  readonly timing: Timing;
}

export const BARE_ACCOUNTS = 10_000;

const CALLERS = 64;
const ACCOUNTS = 1000;

/** The bounds of the bystanders' throughput with the neighbour over that without it. */
export const nearlyUnaffected = {
  section: 'neighbours',
  unit: '×',
  better: 'more',
  floor: 0.8,
  aim: 0.95,
} as const;

/** The result of a turn of the bystanders. */
export interface Turn {
  readonly perSecond: number;
  /** The longest time without any response to a bystander, including the warm-up. */
  readonly longestPauseMs: number;
}

/** Callers that post transfers between accounts of their own with `ledger.post`. */
export class Bystanders {
  /** Public ids. */
  readonly accounts: readonly string[];
  readonly acknowledged: Acknowledged[] = [];
  readonly #ledger: Ledger;
  readonly #timing: Timing;

  private constructor(ledger: Ledger, accounts: readonly Uuid[], timing: Timing) {
    this.accounts = accounts.map((id) => formatId('account', id));
    this.#ledger = ledger;
    this.#timing = timing;
  }

  /** Creates the accounts, and posts for one turn that is not counted, until the JIT compiler has optimized the code. */
  static async open(ledger: Ledger, timing: Timing): Promise<Bystanders> {
    const bystanders = new Bystanders(ledger, await makeAccounts(ledger, ACCOUNTS), timing);
    await bystanders.post();
    return bystanders;
  }

  /** Posts for one turn. Throws if a transfer is not posted. */
  async post(): Promise<Turn> {
    const pick = createPicker('uniform', this.accounts);
    let respondedAt = performance.now();
    let longestPauseMs = 0;
    const transfer = async (): Promise<Acknowledged> => {
      const acknowledged = await postByEngine(this.#ledger, 'uniform', pick());
      const now = performance.now();
      longestPauseMs = Math.max(longestPauseMs, now - respondedAt);
      respondedAt = now;
      return acknowledged;
    };
    const { measured, acknowledged } = await closedLoop(transfer, { callers: CALLERS, ...this.#timing });
    for (const one of acknowledged) this.acknowledged.push(one);
    return { perSecond: measured.perSecond, longestPauseMs };
  }
}

/** Keeps and prints the result of a turn. */
export function addTurn(
  figures: Figures,
  name: string,
  { perSecond, longestPauseMs }: Turn,
  remark?: string,
): void {
  const pause = `longest pause ${Math.round(longestPauseMs)} ms`;
  const remarks = [pause, ...(remark === undefined ? [] : [remark])];
  figures.add({ name, unit: 'transfers/s', value: perSecond }, remarks.join('; '));
  figures.keep({ name: `${name}, longest pause`, unit: 'ms', value: longestPauseMs });
}

/** Runs with a ledger and its bystanders, then checks the books. */
export async function withBystanders(
  { serviceUrl, ownerUrl, timing }: Stage,
  run: (ledger: Ledger, bystanders: Bystanders) => Promise<void>,
): Promise<void> {
  const ledger = await Engine.openMain({ databaseUrl: serviceUrl, onFault: (error) => console.error(error) });
  let acknowledged: readonly Acknowledged[] = [];
  try {
    const bystanders = await Bystanders.open(ledger, timing);
    await run(ledger, bystanders);
    ({ acknowledged } = bystanders);
  } finally {
    await ledger.close();
  }
  console.log(`  books: ${await checkBooks(ownerUrl, acknowledged)}`);
}

/** Signals a neighbour that its turn is over. */
export interface Run {
  isOver: boolean;
}

/** Runs a turn while a neighbour is busy. Returns the results of both after both have ended. */
export async function during<T, N>(
  neighbour: (run: Run) => Promise<N>,
  turn: () => Promise<T>,
): Promise<[T, N]> {
  const run = { isOver: false };
  const work = neighbour(run);
  // It is awaited at the end. Without a handler an earlier failure would end the process.
  work.catch(() => {});
  try {
    const result = await turn();
    run.isOver = true;
    return [result, await work];
  } finally {
    run.isOver = true;
    await work;
  }
}

/** Counts codes: `POSTED 12, OVERLOADED 3`. */
export class Tally {
  readonly #counts = new Map<string, number>();

  add(code: string): void {
    this.#counts.set(code, (this.#counts.get(code) ?? 0) + 1);
  }

  /** Whether this code occurred, and no other code. */
  isOnly(code: string): boolean {
    return this.#counts.size === 1 && this.#counts.has(code);
  }

  toString(): string {
    return [...this.#counts].map(([code, count]) => `${code} ${count}`).join(', ') || 'nothing';
  }
}
