/** A number of commands, which several objects count together. */
export interface Tally {
  commands: number;
}

/**
 * Divides a limit among ledgers: each may have as many commands as are free of twice the limit. One ledger alone reaches the
 * limit, n busy ledgers reach 2 / (n + 1) of it each, and all together stay below twice the limit. However much one ledger has,
 * another one finds room.
 */
export function hasRoom(limit: number, own: number, all: number, commands: number): boolean {
  return own + commands <= 2 * limit - (all + commands);
}

/** Counts the commands of each ledger against a limit that all ledgers share. */
export class SharedLimit {
  readonly #limit: number;
  readonly #own = new Map<string, number>();
  #all = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get all(): number {
    return this.#all;
  }

  of(ledgerId: string): number {
    return this.#own.get(ledgerId) ?? 0;
  }

  hasRoomFor(ledgerId: string, commands: number): boolean {
    return hasRoom(this.#limit, this.of(ledgerId), this.#all, commands);
  }

  /** Adds commands, or removes a negative number of them. */
  count(ledgerId: string, change: number): void {
    const own = this.of(ledgerId) + change;
    this.#all += change;
    if (own === 0) this.#own.delete(ledgerId);
    else this.#own.set(ledgerId, own);
  }
}
