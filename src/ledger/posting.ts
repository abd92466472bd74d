import { findLocked } from '../db/accounts.ts';
import type { Database, PoolUse } from '../db/postgres/database.ts';
import { postBatch } from './commit/batch.ts';
import { BusyNames } from './commit/busy-names.ts';
import { CachedStates, StateCache } from './commit/cached-states.ts';
import { type BatchObservation, GroupCommit, type GroupCommitOptions } from './commit/group-commit.ts';
import type { PostingLedger } from './commit/posting-ledger.ts';
import { Currencies, CurrencyCache } from './currencies.ts';
import { MAX_OPERATIONS, SLICE } from './operations.ts';
import { BatchPlaces } from './places.ts';
import { BATCH_LANES, type Pools, WRITE_DEADLINE_MS } from './pools.ts';
import type { OnFault } from './retries.ts';

export interface PostingOptions {
  readonly lanes: number;
  readonly lanesPerLedger: number;
  readonly maxBatch: number;
  readonly maxQueue: number;
  readonly optimistic: boolean;
  readonly onFault: OnFault;
}

/** The present load of a process: all of its ledgers together. */
export interface LedgerLoad {
  /** Commands that wait for a lane, including those of batches, and the limit for one ledger; all together have at most twice as many. */
  readonly queued: number;
  readonly maxQueue: number;
  /** Commands that wait for a locked account or a busy externalId. */
  readonly parked: number;
  /** Commands in lanes, and those of large batches that are next. */
  readonly underWay: number;
  readonly busyLanes: number;
  /** Further commands are rejected. */
  readonly draining: boolean;
  readonly connections: Readonly<Record<'reads' | 'writes' | 'batches', PoolUse>>;
}

/** The lanes, queues and caches of a process, which post the commands of all its ledgers. */
export class Posting {
  /** The group commit of single commands and short batches. */
  readonly short: GroupCommit;
  /** The group commit of large batches. */
  readonly large: GroupCommit;
  readonly places: BatchPlaces;
  readonly #pools: Pools;
  readonly #maxQueue: number;
  readonly #states: StateCache;
  readonly #currencies = new CurrencyCache();
  readonly #observers: ((batch: BatchObservation) => void)[] = [];

  constructor(pools: Pools, options: PostingOptions) {
    const { lanes, lanesPerLedger, maxBatch, maxQueue, optimistic, onFault } = options;
    this.#pools = pools;
    this.#maxQueue = maxQueue;
    this.#states = new StateCache(optimistic);
    const onBatch = (batch: BatchObservation) => {
      for (const observe of this.#observers) observe(batch);
    };
    const commitBy = (
      db: Database,
      size: Pick<GroupCommitOptions, 'lanes' | 'lanesPerLedger' | 'maxBatch' | 'silenceMs'>,
    ) => {
      const onAnswer = () => commits.noteAnswer();
      const commits: GroupCommit = new GroupCommit({
        post: ({ id: ledgerId, currencies, states }, units) =>
          postBatch({ ledgerId, currencies, states, db, onAnswer }, units),
        onFault,
        onBatch,
        maxQueue,
        ...size,
      });
      return commits;
    };
    this.short = commitBy(pools.writes, { lanes, lanesPerLedger, maxBatch });
    this.large = commitBy(pools.batches, {
      lanes: BATCH_LANES,
      lanesPerLedger: BATCH_LANES,
      maxBatch: SLICE,
      silenceMs: WRITE_DEADLINE_MS,
    });
    this.places = new BatchPlaces({
      short: this.short,
      large: this.large,
      maxBusy: BATCH_LANES * MAX_OPERATIONS,
      maxWaiting: maxQueue,
    });
  }

  /** Returns the parts of a ledger that its batches use. */
  ledgerOf(id: string): PostingLedger {
    const { reads } = this.#pools;
    return {
      id,
      currencies: new Currencies(reads, id, this.#currencies),
      states: new CachedStates(this.#states, id),
      busy: new BusyNames(
        (accounts) => findLocked(reads, id, accounts),
        () => {
          this.short.unpark(id);
          this.large.unpark(id);
        },
      ),
    };
  }

  /** Calls the observer after each further batch. It must be quick and never throw. */
  observe(observer: (batch: BatchObservation) => void): void {
    this.#observers.push(observer);
  }

  get load(): LedgerLoad {
    return {
      queued: this.short.queued + this.places.waiting,
      maxQueue: this.#maxQueue,
      parked: this.short.parked + this.large.parked,
      underWay: this.short.underWay + this.large.underWay + this.large.queued,
      busyLanes: this.short.busyLanes,
      draining: this.short.draining,
      connections: this.#pools.use,
    };
  }

  /** Rejects further commands, and answers those that were accepted. */
  async drain(): Promise<void> {
    // Accepted batches still have slices to post.
    await Promise.all([this.short.drain(), this.places.drain()]);
    await Promise.all([this.short.drain(), this.large.drain()]);
  }
}
