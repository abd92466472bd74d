/**
 * The places of batches in the queues. They are reserved while a batch is read and planned, so that batches that arrive together
 * are counted before they are queued. A short batch gives its places back when it is queued; a large one keeps them until its
 * end. The ledgers share the limits: see commit/room.ts.
 */
import type { Refusal } from '../core/errors.ts';
import type { Uuid } from '../core/values/ids.ts';
import type { GroupCommit } from './commit/group-commit.ts';
import { SharedLimit } from './commit/room.ts';
import { overloaded } from './retries.ts';

export interface BatchPlacesOptions {
  /** The group commit of single commands and short batches. */
  readonly short: GroupCommit;
  readonly large: GroupCommit;
  /** Limits of the operations of large batches that are posted, and of those that wait. */
  readonly maxBusy: number;
  readonly maxWaiting: number;
}

/** The reserved places of one batch. */
export class Places {
  readonly lanes: GroupCommit;
  readonly #isShort: boolean;
  readonly #giveBack: (operations: number) => void;
  readonly #onRelease: () => void;
  #left: number;
  #isReleased = false;

  constructor(
    operations: number,
    { lanes, isShort }: { readonly lanes: GroupCommit; readonly isShort: boolean },
    on: { readonly giveBack: (operations: number) => void; readonly release: () => void },
  ) {
    this.lanes = lanes;
    this.#isShort = isShort;
    this.#left = operations;
    this.#giveBack = on.giveBack;
    this.#onRelease = on.release;
  }

  /** Gives back the places of operations of a short batch that are about to be queued. */
  use(operations: number): void {
    if (this.#isShort) this.#return(operations);
  }

  /** Gives back all places that are left. Further calls have no effect. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#return(this.#left);
    this.#onRelease();
  }

  #return(operations: number): void {
    this.#left -= operations;
    this.#giveBack(operations);
  }
}

/** Counts the places of all batches of a process. */
export class BatchPlaces {
  readonly #options: BatchPlacesOptions;
  /** Operations of short batches that are not queued yet. */
  readonly #short: SharedLimit;
  /** Operations of large batches. */
  readonly #large: SharedLimit;
  #batches = 0;
  #closed = false;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(options: BatchPlacesOptions) {
    const { maxBusy, maxWaiting } = options;
    this.#options = options;
    this.#short = new SharedLimit(maxWaiting);
    this.#large = new SharedLimit(maxBusy + maxWaiting);
  }

  /** Operations of large batches that wait. */
  get waiting(): number {
    return Math.max(0, this.#large.all - this.#options.maxBusy);
  }

  mayTake(ledgerId: Uuid, isShort: boolean, operations: number): boolean {
    if (this.#closed) return false;
    if (!isShort) return this.#large.hasRoomFor(ledgerId, operations);
    const reserved = { own: this.#short.of(ledgerId), all: this.#short.all };
    return this.#options.short.hasRoomFor(ledgerId, operations, reserved);
  }

  /** Reserves places for a batch. Returns a refusal if there is no room for it. */
  reserve(ledgerId: Uuid, isShort: boolean, operations: number): Places | Refusal {
    if (!this.mayTake(ledgerId, isShort, operations)) return overloaded();
    const limit = isShort ? this.#short : this.#large;
    limit.count(ledgerId, operations);
    this.#batches += 1;
    const lanes = isShort ? this.#options.short : this.#options.large;
    return new Places(
      operations,
      { lanes, isShort },
      {
        giveBack: (used) => limit.count(ledgerId, -used),
        release: () => {
          this.#batches -= 1;
          if (this.#batches === 0) this.#idle?.resolve();
        },
      },
    );
  }

  /** Rejects further batches. Resolves when all that were accepted are answered. */
  async drain(): Promise<void> {
    this.#closed = true;
    if (this.#batches === 0) return;
    this.#idle ??= Promise.withResolvers();
    await this.#idle.promise;
  }
}
