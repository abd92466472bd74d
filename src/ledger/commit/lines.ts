/**
 * The units of all ledgers in a group commit. A ledger has a line while it has units. The lines take turns: the ledger whose batch
 * was taken goes to the end, so that a busy ledger delays the others by one batch at a time.
 */
import type { Uuid } from '../../core/values/ids.ts';
import { ParkedUnits } from './parked.ts';
import type { PostingLedger } from './posting-ledger.ts';
import { CommandQueue, type LaneWork } from './queue.ts';
import type { QueuedUnit } from './queued-unit.ts';
import { hasRoom, type Tally } from './room.ts';

export interface LinesOptions {
  /** The most lanes that post batches of one ledger at the same time. */
  readonly lanesPerLedger: number;
  /** The number of commands that a lane takes. A larger unit is taken alone. */
  readonly maxBatch: number;
  /** Limits the commands that are queued, and those that are parked. The ledgers share it: see room.ts. */
  readonly maxQueue: number;
}

/** The units of one ledger: those that wait, and those in lanes. */
export interface Line {
  readonly ledger: PostingLedger;
  readonly queue: CommandQueue;
  readonly parked: ParkedUnits;
  readonly lanes: Set<LaneWork>;
}

export class Lines {
  readonly #options: LinesOptions;
  readonly #lines = new Map<Uuid, Line>();
  readonly #queued: Tally = { commands: 0 };
  readonly #parked: Tally = { commands: 0 };

  constructor(options: LinesOptions) {
    this.#options = options;
  }

  /** Commands that wait for a lane, without the parked ones. */
  get queued(): number {
    return this.#queued.commands;
  }

  /** Commands that wait for a busy name. */
  get parked(): number {
    return this.#parked.commands;
  }

  get isEmpty(): boolean {
    return this.#lines.size === 0;
  }

  get all(): Iterable<Line> {
    return this.#lines.values();
  }

  queuedOf(ledgerId: Uuid): number {
    return this.#lines.get(ledgerId)?.queue.commands ?? 0;
  }

  /** Whether a ledger may queue so many more commands. `own` and `all` are places that are reserved already. */
  hasRoomFor(ledgerId: Uuid, commands: number, { own = 0, all = 0 } = {}): boolean {
    return hasRoom(this.#options.maxQueue, this.queuedOf(ledgerId) + own, this.queued + all, commands);
  }

  /** Returns the line of a ledger, which stays until it is empty. */
  of(ledger: PostingLedger): Line {
    const known = this.#lines.get(ledger.id);
    if (known !== undefined) return known;
    const { lanesPerLedger, maxBatch, maxQueue } = this.#options;
    const { busy } = ledger;
    const parked = new ParkedUnits(busy, maxQueue, this.#parked);
    const queue = new CommandQueue({ busy, parked, lanes: lanesPerLedger, maxBatch, total: this.#queued });
    const line = { ledger, queue, parked, lanes: new Set<LaneWork>() };
    this.#lines.set(ledger.id, line);
    return line;
  }

  /** Queues the parked units of a ledger for which a name was released. */
  unpark(ledgerId: Uuid): void {
    const line = this.#lines.get(ledgerId);
    line?.queue.putBack(line.parked.unpark());
  }

  /** Removes and returns the next batch; undefined if no ledger has one. */
  take(): { readonly line: Line; readonly batch: readonly QueuedUnit[] } | undefined {
    // A batch that would wait for another lane's locks is taken only if no other ledger has work.
    for (const mayWait of this.#lines.size > 1 ? [false, true] : [true]) {
      for (const [id, line] of this.#lines) {
        const { queue, lanes } = line;
        const isFull = lanes.size >= this.#options.lanesPerLedger;
        const batch = queue.isEmpty || isFull ? [] : queue.take([...lanes], mayWait);
        if (batch.length > 0) {
          this.#lines.delete(id);
          this.#lines.set(id, line);
          return { line, batch };
        }
        this.dropIfEmpty(line);
      }
    }
    return undefined;
  }

  dropIfEmpty({ ledger, queue, parked, lanes }: Line): void {
    if (queue.isEmpty && parked.isEmpty && lanes.size === 0) this.#lines.delete(ledger.id);
  }
}
