import { setTimeout as sleep } from 'node:timers/promises';
import type { PlannedCommand } from '../../core/decide/command.ts';
import type { Uuid } from '../../core/values/ids.ts';

/** The number of units that can wait for one name. */
const MAX_WAITING = 1000;
const PROBE_EVERY_MS = 100;
/** A probe that is not older shows that the database works. */
const PROBE_IS_RECENT_MS = 1000;

interface Busy {
  /** Batches of this process that reserve the name. */
  batches: number;
  /** Another session has locked the account. */
  isLocked: boolean;
  /** Units that wait for the name. */
  waiting: number;
  /** The name was released. If it is busy again, that is another object. */
  isReleased: boolean;
}

/** A unit's wait for names. */
export interface Wait {
  /** One of the names was released. */
  readonly isOver: boolean;
  end(): void;
}

/**
 * The names of a ledger that no further batch may use at the moment. Units that use one are parked, so that they delay no others:
 * accounts of a large batch, externalIds that a batch is about to take, and accounts that another session keeps locked. Both
 * group commits share it. Each ledger has its own: the same name in another ledger means something else.
 */
export class BusyNames {
  readonly #findLocked: (accounts: readonly Uuid[]) => Promise<ReadonlySet<Uuid>>;
  readonly #busy = new Map<string, Busy>();
  readonly #onRelease: () => void;
  #isProbing = false;
  #probedAt = Number.NEGATIVE_INFINITY;

  /** `findLocked` returns those accounts that other sessions have locked. `onRelease` is called when a name is released. */
  constructor(findLocked: (accounts: readonly Uuid[]) => Promise<ReadonlySet<Uuid>>, onRelease: () => void) {
    this.#findLocked = findLocked;
    this.#onRelease = onRelease;
  }

  get isEmpty(): boolean {
    return this.#busy.size === 0;
  }

  /** Whether the database answered a probe for locks in the last second. */
  get isInformed(): boolean {
    return performance.now() - this.#probedAt < PROBE_IS_RECENT_MS;
  }

  has(name: string): boolean {
    return this.#busy.has(name);
  }

  /** Reserves names for a batch. Each call needs its `release`. */
  reserve(names: Iterable<string>): void {
    for (const name of names) this.#of(name).batches += 1;
  }

  release(names: Iterable<string>): void {
    this.#change(names, (busy) => {
      busy.batches -= 1;
    });
  }

  /** Starts a wait for those of the names that are busy. Returns undefined if too many units wait for one of them. */
  wait(names: Iterable<string>): Wait | undefined {
    const busy = [...new Set(names)].flatMap((name) => this.#busy.get(name) ?? []);
    if (busy.some(({ waiting }) => waiting >= MAX_WAITING)) return undefined;
    for (const each of busy) each.waiting += 1;
    return {
      get isOver() {
        return busy.some(({ isReleased }) => isReleased);
      },
      end() {
        for (const each of busy) each.waiting -= 1;
      },
    };
  }

  /** Finds which of the accounts other sessions have locked. These are busy until a later probe finds them unlocked. */
  async probe(accounts: readonly Uuid[]): Promise<void> {
    const locked = await this.#probe(accounts);
    for (const account of locked) this.#of(account).isLocked = true;
    if (locked.size > 0) void this.#probeAgain();
  }

  async #probe(accounts: readonly Uuid[]): Promise<ReadonlySet<Uuid>> {
    const locked = await this.#findLocked(accounts);
    this.#probedAt = performance.now();
    return locked;
  }

  #of(name: string): Busy {
    const known = this.#busy.get(name);
    if (known !== undefined) return known;
    const busy = { batches: 0, isLocked: false, waiting: 0, isReleased: false };
    this.#busy.set(name, busy);
    return busy;
  }

  #change(names: Iterable<string>, change: (busy: Busy) => void): void {
    let isReleased = false;
    for (const name of names) {
      const busy = this.#busy.get(name);
      if (busy === undefined) continue;
      change(busy);
      if (busy.batches > 0 || busy.isLocked) continue;
      this.#busy.delete(name);
      busy.isReleased = true;
      isReleased = true;
    }
    if (isReleased) this.#onRelease();
  }

  /** Probes periodically as long as units wait. An account without a waiting unit is released; a later batch probes it anew. */
  async #probeAgain(): Promise<void> {
    if (this.#isProbing) return;
    this.#isProbing = true;
    for (;;) {
      await sleep(PROBE_EVERY_MS);
      const locked = [...this.#busy].flatMap(([name, { isLocked }]) => (isLocked ? name : []));
      if (locked.length === 0) break;
      const waitedFor = locked.filter((name) => (this.#busy.get(name)?.waiting ?? 0) > 0);
      // If the probe fails, it says nothing about the locks.
      const still = await this.#probe(waitedFor).catch(() => new Set(waitedFor));
      this.#change(
        locked.filter((name) => !still.has(name)),
        (busy) => {
          busy.isLocked = false;
        },
      );
    }
    this.#isProbing = false;
  }
}

/** Returns the names in a command that can be busy. */
export function namesOf({ accounts, externalId }: PlannedCommand): readonly string[] {
  return externalId === null ? accounts : [...accounts, externalIdName(externalId)];
}

/** Returns the names that no other batch may use while these commands are in flight: all accounts only of a large batch. */
export function namesToReserve(commands: readonly PlannedCommand[], isLarge: boolean): string[] {
  const names: string[] = [];
  for (const { accounts, externalId } of commands) {
    if (isLarge) names.push(...accounts);
    if (externalId !== null) names.push(externalIdName(externalId));
  }
  return names;
}

function externalIdName(externalId: string): string {
  return `ext:${externalId}`;
}
