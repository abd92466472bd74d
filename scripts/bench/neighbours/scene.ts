import { formatId, type Uuid } from '../../../src/core/values/ids.ts';
import { Ledger } from '../../../src/ledger/ledger.ts';
import { checkBooks } from '../books.ts';
import { closedLoop } from '../callers.ts';
import { makeAccounts, postByEngine } from '../engine.ts';
import type { Figures } from '../report.ts';
import type { Acknowledged, Timing } from '../stage.ts';
import type { Target } from '../targets.ts';
import { createPicker } from '../workload.ts';

/** One kind of neighbour, and what it may cost the others. */
export interface Scene {
  /** The argument that chooses it. */
  readonly name: string;
  readonly targets: readonly Target[];
  /** Takes its turns, as many rounds of them as the stage says, and checks the books in the end. */
  readonly measure: (stage: Stage) => Promise<void>;
}

/** Where a scene takes place: databases of its own. */
export interface Stage {
  /** The ledger's database, for the service's login and for the owner's. */
  readonly serviceUrl: string;
  readonly ownerUrl: string;
  /** The database of bare tables, which has BARE_ACCOUNTS accounts. */
  readonly bareUrl: string;
  readonly figures: Figures;
  readonly rounds: number;
  readonly timing: Timing;
}

export const BARE_ACCOUNTS = 10_000;

const CALLERS = 64;
const ACCOUNTS = 1000;

/** Throughput of the same callers with and without a neighbour. */
export const beside = { unit: '×', better: 'more', floor: 0.8, aim: 0.95 } as const;

/** What strangers posted in a turn. */
export interface Turn {
  readonly perSecond: number;
  /** The longest time in which none of them was answered, the warm-up included. */
  readonly longestPauseMs: number;
}

/** Callers who post transfers between accounts of their own by `ledger.post`. */
export class Strangers {
  /** Their accounts, public ids. */
  readonly accounts: readonly string[];
  readonly acknowledged: Acknowledged[] = [];
  readonly #ledger: Ledger;
  readonly #timing: Timing;

  private constructor(ledger: Ledger, accounts: readonly Uuid[], timing: Timing) {
    this.accounts = accounts.map((id) => formatId('account', id));
    this.#ledger = ledger;
    this.#timing = timing;
  }

  /** Makes their accounts, and lets them post for one turn that is not counted: code that was never run yet is slow. */
  static async open(ledger: Ledger, timing: Timing): Promise<Strangers> {
    const strangers = new Strangers(ledger, await makeAccounts(ledger, ACCOUNTS), timing);
    await strangers.post();
    return strangers;
  }

  /** They post for one turn. Throws where a transfer is not posted. */
  async post(): Promise<Turn> {
    const pick = createPicker('uniform', this.accounts);
    let answeredAt = performance.now();
    let longestPauseMs = 0;
    const transfer = async (): Promise<Acknowledged> => {
      const acknowledged = await postByEngine(this.#ledger, 'uniform', pick());
      const now = performance.now();
      longestPauseMs = Math.max(longestPauseMs, now - answeredAt);
      answeredAt = now;
      return acknowledged;
    };
    const { measured, acknowledged } = await closedLoop(transfer, { callers: CALLERS, ...this.#timing });
    for (const one of acknowledged) this.acknowledged.push(one);
    return { perSecond: measured.perSecond, longestPauseMs };
  }
}

/** Keeps what a turn measured, and prints it. */
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

/** Runs on the stage's ledger with its strangers, then checks that the books have all that they were told. */
export async function withStrangers(
  { serviceUrl, ownerUrl, timing }: Stage,
  run: (ledger: Ledger, strangers: Strangers) => Promise<void>,
): Promise<void> {
  const ledger = await Ledger.open({ databaseUrl: serviceUrl, onFault: (error) => console.error(error) });
  let acknowledged: readonly Acknowledged[] = [];
  try {
    const strangers = await Strangers.open(ledger, timing);
    await run(ledger, strangers);
    ({ acknowledged } = strangers);
  } finally {
    await ledger.close();
  }
  console.log(`  books: ${await checkBooks(ownerUrl, acknowledged)}`);
}

/** Tells neighbours when their turn is over. */
export interface Run {
  isOver: boolean;
}

/** Runs while a neighbour is busy. Answers what both returned, when both are done. */
export async function during<T, N>(
  neighbour: (run: Run) => Promise<N>,
  turn: () => Promise<T>,
): Promise<[T, N]> {
  const run = { isOver: false };
  const work = neighbour(run);
  // It is awaited at the end: without a handler, an earlier failure would end the process.
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

/** How often each code came: `POSTED 12, OVERLOADED 3`. */
export class Tally {
  readonly #counts = new Map<string, number>();

  add(code: string): void {
    this.#counts.set(code, (this.#counts.get(code) ?? 0) + 1);
  }

  /** Whether that code came, and no other. */
  isOnly(code: string): boolean {
    return this.#counts.size === 1 && this.#counts.has(code);
  }

  toString(): string {
    return [...this.#counts].map(([code, count]) => `${code} ${count}`).join(', ') || 'nothing';
  }
}
