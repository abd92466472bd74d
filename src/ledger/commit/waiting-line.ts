/**
 * Where units wait for a lane.
 *
 * In line, in order of arrival. A unit that names an account of another lane's batch is passed over, since it would only wait
 * for that lane's locks. When MAX_PASSES batches had its accounts before it, it is taken all the same; so are all of them where
 * nothing else waits and they are a lane's fair share of the work: then the lane waits in the database, and its work begins in
 * the moment in which the other's ends. But nobody joins a batch that is slow: it may be waiting for a lock itself.
 *
 * Aside, in the same order, is what names something that is held (see held-names.ts). Nobody waits behind it who does not name
 * the same: of operations in order, those before the first one that names it go on, and the others wait. When a name is free
 * again, what waited for it goes back to the head of the line.
 */
import type { PlannedCommand } from '../../core/decide/command.ts';
import { refuse } from '../../core/errors.ts';
import type { HeldNames, Wait } from './held-names.ts';
import { RETRY_AFTER_MS, type Waiting } from './waiting.ts';

export interface LineOptions {
  readonly held: HeldNames;
  readonly lanes: number;
  /** Commands that a lane takes at most; a larger unit is taken alone. */
  readonly maxBatch: number;
  /** Commands that wait aside at most. */
  readonly maxAside: number;
}

/** What a lane works on. */
export interface LaneWork {
  readonly batch: readonly Waiting[];
  /** Commands. */
  readonly size: number;
  readonly accounts: ReadonlySet<string>;
  /** When it began. */
  readonly since: number;
}

/** What of its share of the work makes a lane wait in the database, and how many commands at least. */
const FAIR_SHARE = 0.8;
const WORTH_WAITING = 25;
/** A batch that takes longer is slow. */
const SLOW_MS = 100;
/** How long a unit is aside at most. */
const MAX_ASIDE_MS = 10_000;

export class WaitingLine {
  readonly #options: LineOptions;
  #line: Waiting[] = [];
  #aside: { readonly waiting: Waiting; readonly wait: Wait }[] = [];
  #inLine = 0;
  #asideCommands = 0;

  constructor(options: LineOptions) {
    this.#options = options;
  }

  /** Commands in line. */
  get commands(): number {
    return this.#inLine;
  }

  /** Commands aside. */
  get asideCommands(): number {
    return this.#asideCommands;
  }

  get isEmpty(): boolean {
    return this.#line.length + this.#aside.length === 0;
  }

  add(waiting: Waiting): void {
    this.#inLine += waiting.size;
    this.#line.push(waiting);
  }

  /** What a lane works on next; nothing where it is better to wait. */
  take(lanes: readonly LaneWork[]): Waiting[] {
    const { maxBatch, held } = this.#options;
    const free: Waiting[] = [];
    const contended: Waiting[] = [];
    const later: Waiting[] = [];
    const rest = this.#line;
    this.#line = [];
    let place = 0;
    let size = 0;
    // What is passed over is bounded too, so that a long line does not cost every batch a walk through all of it.
    for (let passed = 0; size < maxBatch && passed < 4 * maxBatch; place += 1) {
      const next = rest[place];
      if (next === undefined) break;
      const mayStay = held.isEmpty || !next.mayBegin;
      const waiting = next.isAnswered ? undefined : mayStay ? next : this.putAside(next);
      this.#inLine -= next.size - (waiting?.size ?? 0);
      if (waiting === undefined) continue;
      const lane = waiting.mayBegin ? lanes.find(({ accounts }) => names(waiting, accounts)) : undefined;
      if (!waiting.mayBegin || (lane !== undefined && performance.now() - lane.since > SLOW_MS)) {
        later.push(waiting);
        passed += waiting.size;
      } else if (lane !== undefined && !waiting.isDueAfter(lane)) {
        contended.push(waiting);
        passed += waiting.size;
      } else if (size > 0 && size + waiting.size > maxBatch) {
        rest[place] = waiting;
        break;
      } else {
        free.push(waiting);
        size += waiting.size;
      }
    }
    const contendedSize = sizeOf(contended);
    const isEnough = free.length === 0 && contendedSize >= this.#fairShare(lanes, contendedSize);
    const taken = isEnough ? firstOf(contended, maxBatch) : free;
    this.#line = [...(isEnough ? contended.slice(taken.length) : contended), ...later, ...rest.slice(place)];
    this.#inLine -= sizeOf(taken);
    return taken;
  }

  #fairShare(busy: readonly LaneWork[], waiting: number): number {
    const { lanes, maxBatch } = this.#options;
    const all = busy.reduce((sum, { size }) => sum + size, waiting);
    return Math.max(FAIR_SHARE * Math.min(all / lanes, maxBatch), WORTH_WAITING);
  }

  /**
   * Puts aside a unit that must wait for something held. Answers what of it may go on: all, the operations before the first that
   * must wait, or nothing.
   */
  putAside(waiting: Waiting): Waiting | undefined {
    const { held, maxAside } = this.#options;
    const { commands, steps } = waiting.unit;
    const place = commands.findIndex((command) => namesOf(command).some((name) => held.has(name)));
    if (place < 0) return waiting;
    const [free, rest] = place > 0 && steps === undefined ? waiting.cut(place) : [undefined, waiting];
    const hasRoom = this.#aside.length === 0 || this.#asideCommands + rest.size <= maxAside;
    const wait = hasRoom ? held.wait(rest.unit.commands.flatMap(namesOf)) : undefined;
    if (wait === undefined) {
      giveUp(rest);
    } else {
      rest.asideSince ??= performance.now();
      this.#aside.push({ waiting: rest, wait });
      this.#asideCommands += rest.size;
    }
    return free;
  }

  /** Puts what a lane has taken back to the head of the line. */
  putBack(units: readonly Waiting[]): void {
    this.#inLine += sizeOf(units);
    this.#line = [...units, ...this.#line];
  }

  /** Has what is aside go on, as far as nothing that it names is held any more. */
  goOn(): void {
    const aside = this.#aside;
    // Names are given back all the time, and what waits aside may be thousands of commands.
    if (!aside.some(({ wait }) => wait.isOver)) return;
    this.#aside = [];
    this.#asideCommands = 0;
    const back: Waiting[] = [];
    for (const each of aside) {
      const { waiting, wait } = each;
      if (!wait.isOver) {
        this.#aside.push(each);
        this.#asideCommands += waiting.size;
        continue;
      }
      wait.end();
      const free = waiting.isAnswered ? undefined : this.putAside(waiting);
      if (free !== undefined) back.push(free);
    }
    if (back.length > 0) this.putBack(back);
  }

  /** Answers what has been aside for too long. */
  expire(): void {
    const oldest = performance.now() - MAX_ASIDE_MS;
    const isLate = ({ waiting: { asideSince = 0 } }: { readonly waiting: Waiting }) => asideSince < oldest;
    for (const { waiting } of this.#aside.filter(isLate)) giveUp(waiting);
    this.#dropAnswered();
  }

  /** Answers UNAVAILABLE to who has waited since before an instant, but not to who waits for an account that is known to be locked. */
  answerUnavailable(before: number): void {
    const aside = this.#options.held.isInformed ? [] : this.#aside.map(({ waiting }) => waiting);
    for (const waiting of [...this.#line, ...aside]) {
      if (!waiting.isAnswered && waiting.since <= before) waiting.settle(refuse('unavailable', {}));
    }
    this.#dropAnswered();
  }

  #dropAnswered(): void {
    this.#line = this.#line.filter(({ isAnswered }) => !isAnswered);
    for (const { waiting, wait } of this.#aside) if (waiting.isAnswered) wait.end();
    this.#aside = this.#aside.filter(({ waiting }) => !waiting.isAnswered);
    this.#inLine = sizeOf(this.#line);
    this.#asideCommands = sizeOf(this.#aside.map(({ waiting }) => waiting));
  }
}

/** What a command names that can be held. */
function namesOf({ accounts, externalId }: PlannedCommand): readonly string[] {
  return externalId === null ? accounts : [...accounts, externalIdName(externalId)];
}

export function externalIdName(externalId: string): string {
  return `ext:${externalId}`;
}

/** Certainly not done, unless a COMMIT was sent before. */
function giveUp(waiting: Waiting): void {
  waiting.settle(
    waiting.isUnknown ? refuse('unavailable', {}) : refuse('overloaded', { retryAfterMs: RETRY_AFTER_MS }),
  );
}

function names({ unit }: Waiting, accounts: ReadonlySet<string>): boolean {
  return unit.commands.some((command) => command.accounts.some((account) => accounts.has(account)));
}

function sizeOf(units: readonly Waiting[]): number {
  return units.reduce((sum, { size }) => sum + size, 0);
}

/** The first units, at least one, that together have at most so many commands. */
function firstOf(units: readonly Waiting[], commands: number): Waiting[] {
  let size = 0;
  const end = units.findIndex((unit, place) => {
    size += unit.size;
    return place > 0 && size > commands;
  });
  return end < 0 ? [...units] : units.slice(0, end);
}
