/**
 * Parked units of a ledger: they use a busy name (see busy-names.ts) and wait apart from the queue, so that they delay only units that use
 * the same name. Operations before the first one with a busy name can run; it and the later ones are parked, in order.
 * When a name is released, the units that waited for it return to the head of the queue. A unit is refused with OVERLOADED
 * after ten seconds, or at once if too many wait.
 */
import { refuse } from '../../core/errors.ts';
import { overloaded, RETRIES } from '../retries.ts';
import { type BusyNames, namesOf, type Wait } from './busy-names.ts';
import { type QueuedUnit, sizeOf } from './queued-unit.ts';
import { hasRoom, type Tally } from './room.ts';

interface Parked {
  readonly queued: QueuedUnit;
  readonly wait: Wait;
}

export class ParkedUnits {
  readonly #busy: BusyNames;
  readonly #maxCommands: number;
  readonly #total: Tally;
  #parked: Parked[] = [];
  #commands = 0;

  /** The ledgers share `maxCommands`; `total` counts the parked commands of all of them. */
  constructor(busy: BusyNames, maxCommands: number, total: Tally) {
    this.#busy = busy;
    this.#maxCommands = maxCommands;
    this.#total = total;
  }

  get isEmpty(): boolean {
    return this.#parked.length === 0;
  }

  /** Parks the operations that must wait. Returns the part that can run: all, the earlier operations, or undefined. */
  park(queued: QueuedUnit): QueuedUnit | undefined {
    const { commands, atomic } = queued.unit;
    const place = commands.findIndex((command) => namesOf(command).some((name) => this.#busy.has(name)));
    if (place < 0) return queued;
    const [free, rest] = place > 0 && atomic === undefined ? queued.cut(place) : [undefined, queued];
    const all = this.#total.commands;
    const isAllowed = all === 0 || hasRoom(this.#maxCommands, this.#commands, all, rest.size);
    const wait = isAllowed ? this.#busy.wait(rest.unit.commands.flatMap(namesOf)) : undefined;
    if (wait === undefined) {
      rest.refuse(overloaded());
    } else {
      rest.parkedSince ??= performance.now();
      this.#add({ queued: rest, wait });
    }
    return free;
  }

  /** Removes the units of which a name was released, and returns the parts of them that can run. */
  unpark(): QueuedUnit[] {
    const parked = this.#parked;
    // Names are released often, and thousands of commands may be parked.
    if (!parked.some(({ wait }) => wait.isOver)) return [];
    this.#parked = [];
    this.#count(-this.#commands);
    const free: QueuedUnit[] = [];
    for (const each of parked) {
      const { queued, wait } = each;
      if (!wait.isOver) {
        this.#add(each);
        continue;
      }
      wait.end();
      const part = queued.isAnswered ? undefined : this.park(queued);
      if (part !== undefined) free.push(part);
    }
    return free;
  }

  /** Refuses the units that have been parked for too long. */
  expire(): void {
    const oldest = performance.now() - RETRIES.accountLocked.forMs;
    for (const { queued } of this.#parked) {
      if ((queued.parkedSince ?? 0) < oldest) queued.refuse(overloaded());
    }
    this.#removeAnswered();
  }

  /** Refuses the units that have waited since before an instant, unless a recent probe shows that the database works. */
  refuseUnavailable(before: number): void {
    if (this.#busy.isInformed) return;
    for (const { queued } of this.#parked)
      if (queued.since <= before) queued.settle(refuse('unavailable', {}));
    this.#removeAnswered();
  }

  #add(parked: Parked): void {
    this.#parked.push(parked);
    this.#count(parked.queued.size);
  }

  #removeAnswered(): void {
    for (const { queued, wait } of this.#parked) if (queued.isAnswered) wait.end();
    this.#parked = this.#parked.filter(({ queued }) => !queued.isAnswered);
    this.#count(sizeOf(this.#parked.map(({ queued }) => queued)) - this.#commands);
  }

  #count(change: number): void {
    this.#commands += change;
    this.#total.commands += change;
  }
}
