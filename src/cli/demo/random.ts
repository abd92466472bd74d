/**
 * A seeded generator of whole numbers (mulberry32): the same seed always gives the same numbers. It makes data that look natural.
 * It is not fit for secrets.
 */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Returns a whole number from 0 to `end` - 1. `end` is at most 2^32. */
  below(end: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let bits = this.#state;
    bits = Math.imul(bits ^ (bits >>> 15), bits | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) % end;
  }

  /** Returns an amount from `low` to `high`, a multiple of `step` above `low`. All are in minor units. */
  amount(low: bigint, high: bigint, step = 1n): bigint {
    return low + step * BigInt(this.below(Number((high - low) / step) + 1));
  }

  /** Returns true in `percent` of 100 cases. */
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  /** Returns one of the items. Throws if there is none. */
  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new RangeError('there is no item to pick');
    return item;
  }
}
