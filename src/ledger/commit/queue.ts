/**
 * The queue of a ledger's units, in order of arrival, and the rule by which a lane takes a batch from it.
 *
 * - A unit that uses a busy name is parked (see parked.ts).
 * - A unit that shares an account with another lane's batch is passed over, because it would only wait for that lane's locks.
 *   After a few such batches it is taken all the same, so that it does not starve.
 * - If all units share accounts with other lanes' batches, and they are a fair share of the work, they are taken too: the lane
 *   waits in the database, and its batch continues the moment the other one commits.
 * - No unit joins the accounts of a slow batch, which may be waiting for a lock itself.
 */
import { refuse } from '../../core/errors.ts';
import type { BusyNames } from './busy-names.ts';
import type { ParkedUnits } from './parked.ts';
import { type QueuedUnit, sizeOf } from './queued-unit.ts';
import type { Tally } from './room.ts';

export interface QueueOptions {
  readonly busy: BusyNames;
  readonly parked: ParkedUnits;
  /** The most lanes that post batches of the ledger. */
  readonly lanes: number;
  /** The number of commands that a lane takes. A larger unit is taken alone. */
  readonly maxBatch: number;
  /** Counts the commands in the queues of all ledgers. */
  readonly total: Tally;
}

/** The batch of a busy lane. */
export interface LaneWork {
  readonly batch: readonly QueuedUnit[];
  /** The number of commands. */
  readonly size: number;
  readonly accounts: ReadonlySet<string>;
  readonly since: number;
}

/** A lane waits in the database only for this part of its share of the work, and for so many commands at least. */
const FAIR_SHARE = 0.8;
const WORTH_WAITING = 25;
/** A batch that takes longer is slow. */
const SLOW_MS = 100;

export class CommandQueue {
  readonly #options: QueueOptions;
  #units: QueuedUnit[] = [];
  #commands = 0;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  get commands(): number {
    return this.#commands;
  }

  get isEmpty(): boolean {
    return this.#units.length === 0;
  }

  add(queued: QueuedUnit): void {
    this.#count(queued.size);
    this.#units.push(queued);
  }

  /** Puts units at the head of the queue. */
  putBack(units: readonly QueuedUnit[]): void {
    if (units.length === 0) return;
    this.#count(sizeOf(units));
    this.#units = [...units, ...this.#units];
  }

  /**
   * Removes and returns the next batch. It is empty if the lane should stay idle. `lanes` are those with batches of the ledger.
   * `mayWait`: the batch may wait in the database for their locks.
   */
  take(lanes: readonly LaneWork[], mayWait = true): QueuedUnit[] {
    const { maxBatch } = this.#options;
    const free: QueuedUnit[] = [];
    /** Units that share accounts with other lanes' batches. */
    const contended: QueuedUnit[] = [];
    const later: QueuedUnit[] = [];
    const units = this.#units;
    this.#units = [];
    let place = 0;
    let size = 0;
    // The units that are passed over are bounded: a long queue must not cost each batch a walk through all of it.
    for (let passed = 0; size < maxBatch && passed < 4 * maxBatch; place += 1) {
      const next = units[place];
      if (next === undefined) break;
      const queued = this.#park(next);
      this.#count((queued?.size ?? 0) - next.size);
      if (queued === undefined) continue;
      const lane = lanes.find(({ accounts }) => shares(queued, accounts));
      const mustWait = !queued.mayBegin || (lane !== undefined && performance.now() - lane.since > SLOW_MS);
      if (mustWait || (lane !== undefined && !queued.isDueAfter(lane))) {
        (mustWait ? later : contended).push(queued);
        passed += queued.size;
      } else if (size > 0 && size + queued.size > maxBatch) {
        units[place] = queued;
        break;
      } else {
        free.push(queued);
        size += queued.size;
      }
    }
    const contendedSize = sizeOf(contended);
    const isEnough = mayWait && free.length === 0 && contendedSize >= this.#fairShare(lanes, contendedSize);
    const taken = isEnough ? firstOf(contended, maxBatch) : free;
    this.#units = [
      ...(isEnough ? contended.slice(taken.length) : contended),
      ...later,
      ...units.slice(place),
    ];
    this.#count(-sizeOf(taken));
    return taken;
  }

  /** Refuses the units that have waited since before an instant: the database does not answer. */
  refuseUnavailable(before: number): void {
    for (const queued of this.#units) if (queued.since <= before) queued.settle(refuse('unavailable', {}));
    this.#units = this.#units.filter(({ isAnswered }) => !isAnswered);
    this.#count(sizeOf(this.#units) - this.#commands);
  }

  #count(change: number): void {
    this.#commands += change;
    this.#options.total.commands += change;
  }

  /** Returns the part of the unit that stays in the queue. */
  #park(queued: QueuedUnit): QueuedUnit | undefined {
    const { busy, parked } = this.#options;
    if (queued.isAnswered) return undefined;
    return busy.isEmpty || !queued.mayBegin ? queued : parked.park(queued);
  }

  #fairShare(busyLanes: readonly LaneWork[], contended: number): number {
    const { lanes, maxBatch } = this.#options;
    const all = busyLanes.reduce((sum, { size }) => sum + size, contended);
    return Math.max(FAIR_SHARE * Math.min(all / lanes, maxBatch), WORTH_WAITING);
  }
}

function shares({ unit }: QueuedUnit, accounts: ReadonlySet<string>): boolean {
  return unit.commands.some((command) => command.accounts.some((account) => accounts.has(account)));
}

/** Returns the first units that together have at most so many commands; always at least one. */
function firstOf(units: readonly QueuedUnit[], commands: number): QueuedUnit[] {
  let size = 0;
  const end = units.findIndex((unit, place) => {
    size += unit.size;
    return place > 0 && size > commands;
  });
  return end < 0 ? [...units] : units.slice(0, end);
}
