/**
 * Random single commands and batches for two ledgers on one database. Most operations succeed, so that ATOMIC batches of a hundred
 * are posted too. The others repeat keys, compete for externalIds, overdraw, or name a wrong target.
 */
import fc from 'fast-check';
import { type Account, outsideOf, type Posting, targetOf } from './reference-model.ts';

export type Kind = 'SINGLE' | 'INDEPENDENT' | 'ATOMIC';

/** One request of a client. */
export interface Sending {
  readonly kind: Kind;
  readonly requests: readonly Posting[];
}

/** The outcomes so far, by the model's names. */
export interface Known {
  readonly holds: readonly string[];
  readonly posted: readonly string[];
}

const standard: Account = {
  status: 'OPEN',
  balance: 0n,
  held: 0n,
  incoming: 0n,
  version: 0n,
  isOutside: false,
  currency: 'USD',
  side: 'CREDIT',
  min: 0n,
  max: null,
};
const places = (count: number) => Array.from({ length: count }, (_, place) => place);
/** Accounts without limits. */
const FREE = places(20).map((place) => `free ${place}`);
/** Accounts that start with 50.00. Half of them have a maximum of 150.00. */
const LIMITED = places(16).map((place) => `limited ${place}`);
const ALL = [...FREE, ...LIMITED];
export const ACCOUNTS: ReadonlyMap<string, Account> = new Map<string, Account>([
  ...FREE.map((name) => [name, { ...standard, min: null }] as const),
  ...LIMITED.map((name, place) => [name, { ...standard, max: place % 2 === 0 ? null : 15_000n }] as const),
  [outsideOf('USD'), { ...standard, isOutside: true, side: 'DEBIT', min: null }],
]);

export const OPENING: Sending = {
  kind: 'INDEPENDENT',
  requests: LIMITED.map((accountId) => ({
    kind: 'DEPOSIT',
    key: `opening ${accountId}`,
    externalId: null,
    effectiveAt: null,
    description: null,
    accountId,
    amount: 5000n,
  })),
};

/** The number of clients of each kind per ledger, and of requests that each sends in a wave. */
const CLIENTS: readonly { readonly kind: Kind; readonly clients: number; readonly times: number }[] = [
  { kind: 'SINGLE', clients: 6, times: 16 },
  { kind: 'INDEPENDENT', clients: 3, times: 2 },
  { kind: 'ATOMIC', clients: 4, times: 3 },
];
const MOST: Readonly<Record<Kind, number>> = { SINGLE: 1, INDEPENDENT: 600, ATOMIC: 150 };

/** Random numbers; the same seed gives the same numbers. */
class Chance {
  readonly #seed: number;
  #numbers: number[] = [];
  #drawn = 0;

  constructor(seed: number) {
    this.#seed = seed;
  }

  below(count: number): number {
    if (this.#numbers.length === 0) {
      this.#numbers = fc.sample(fc.noBias(fc.nat()), { seed: this.#seed + this.#drawn, numRuns: 5000 });
      this.#drawn += 1;
    }
    return (this.#numbers.pop() ?? 0) % count;
  }

  /** Returns true in this percentage of calls. */
  percent(share: number): boolean {
    return this.below(100) < share;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }
}

export class Requests {
  readonly #chance: Chance;
  readonly #sendings: Sending[] = [];
  /** Requests that another one may repeat. An `ext:` name inside a batch has another meaning elsewhere. */
  readonly #asked: Posting[] = [];
  #count = 0;

  constructor(seed: number) {
    this.#chance = new Chance(seed);
  }

  /** Returns the requests of each client of a ledger, in order. */
  clients(known: Known): Sending[][] {
    return CLIENTS.flatMap(({ kind, clients, times }) =>
      places(clients).map(() => places(times).map(() => this.#sending(kind, known))),
    );
  }

  #sending(kind: Kind, known: Known): Sending {
    const earlier = this.#sendings.filter((sending) => sending.kind === kind);
    if (kind !== 'SINGLE' && earlier.length > 0 && this.#chance.percent(15))
      return this.#chance.pick(earlier);
    const most = this.#chance.percent(kind === 'ATOMIC' ? 50 : 20) ? MOST[kind] : Math.min(MOST[kind], 30);
    const size = 1 + this.#chance.below(most);
    // The percentage of operations that may fail.
    const risk = kind === 'ATOMIC' ? this.#chance.pick([0, 0, 5, 20]) : 30;
    const batch: Posting[] = [];
    while (batch.length < size) batch.push(this.#request(batch, known, risk));
    const sending = { kind, requests: batch };
    this.#sendings.push(sending);
    this.#asked.push(...batch.filter((request) => !(targetOf(request) ?? '').startsWith('ext:')));
    return sending;
  }

  #request(batch: readonly Posting[], known: Known, risk: number): Posting {
    if (this.#chance.percent(risk)) return this.#risky(known);
    return (this.#chance.percent(15) ? this.#later(batch) : undefined) ?? this.#safe();
  }

  /** Operations that refer to an earlier operation of the batch by its externalId. */
  #later(batch: readonly Posting[]): Posting | undefined {
    const named = batch.filter((request) => 'externalId' in request && request.externalId !== null);
    const earlier = named.at(-1 - this.#chance.below(3));
    if (earlier === undefined || !('externalId' in earlier)) return undefined;
    const target = `ext:${earlier.externalId}`;
    const amount = 100n;
    if (earlier.kind !== 'HOLD')
      return { kind: 'REVERSAL', ...this.#attempt(), transactionId: target, amount };
    // A hold has enough money for ten captures.
    return { kind: 'CAPTURE', ...this.#attempt(), holdId: target, amount, final: false };
  }

  #safe(): Posting {
    const [from, to] = this.#pair(FREE);
    const externalId = this.#chance.percent(25) ? `own ${this.#count}` : null;
    const attempt = { ...this.#attempt(), externalId };
    const amount = 1000n + this.#amount();
    const between = { ...attempt, fromAccountId: from, toAccountId: to, amount, conditions: [] };
    switch (this.#chance.below(6)) {
      case 0:
        return { kind: 'DEPOSIT', ...attempt, accountId: to, amount };
      case 1:
      case 2:
        return { kind: 'HOLD', ...between, expiresAt: null };
      default:
        return { kind: 'TRANSFER', ...between };
    }
  }

  #risky(known: Known): Posting {
    const [from, to] = this.#pair(ALL);
    const attempt = { ...this.#attempt(), externalId: this.#sharedId(50) };
    const amount = this.#amount();
    const between = { ...attempt, fromAccountId: from, toAccountId: to, amount, conditions: [] };
    switch (this.#chance.below(12)) {
      case 0:
        return {
          kind: 'TRANSFER',
          ...between,
          fromAccountId: this.#other(LIMITED, to),
          amount: 40n * amount,
        };
      case 1:
      case 10: {
        const none = { balanceAtLeast: null, balanceAtMost: null, availableAtLeast: null };
        const expectedVersion = BigInt(this.#chance.below(40));
        return { kind: 'TRANSFER', ...between, conditions: [{ accountId: from, ...none, expectedVersion }] };
      }
      case 2:
        return { kind: 'HOLD', ...between, expiresAt: null };
      case 3: {
        const holdId = known.holds.at(-1 - this.#chance.below(60)) ?? 'nothing';
        return { kind: 'CAPTURE', ...attempt, holdId, amount: 5n * amount, final: this.#chance.percent(50) };
      }
      case 4: {
        const { key, description } = attempt;
        const holdId = known.holds.at(-1 - this.#chance.below(60)) ?? 'nothing';
        return { kind: 'VOID', key, description, holdId };
      }
      case 5: {
        const byId = known.posted.at(-1 - this.#chance.below(200)) ?? 'nothing';
        const transactionId = this.#chance.percent(40) ? `ext:${this.#sharedId(100)}` : byId;
        return { kind: 'REVERSAL', ...attempt, transactionId, amount: this.#chance.pick([null, amount]) };
      }
      case 6:
      case 7: {
        const earlier = this.#asked.at(-1 - this.#chance.below(Math.max(1, this.#asked.length)));
        if (earlier === undefined) break;
        return this.#chance.percent(25) && 'amount' in earlier
          ? ({ ...earlier, amount: (earlier.amount ?? 0n) + 100n } as Posting)
          : earlier;
      }
      case 8:
        return { kind: 'WITHDRAWAL', ...attempt, accountId: from, amount };
    }
    return { kind: 'TRANSFER', ...between };
  }

  #attempt() {
    this.#count += 1;
    return { key: `key ${this.#count}`, externalId: null, effectiveAt: null, description: null };
  }

  /** Returns, in this percentage of calls, one of a few externalIds that several requests compete for. */
  #sharedId(share: number): string | null {
    const recent = Math.floor(this.#count / 500) * 20;
    return this.#chance.percent(share) ? `shared ${recent + this.#chance.below(40)}` : null;
  }

  #amount(): bigint {
    return BigInt(1 + this.#chance.below(12)) * 100n;
  }

  #pair(names: readonly string[]): [from: string, to: string] {
    const to = this.#chance.pick(names);
    return [this.#other(names, to), to];
  }

  #other(names: readonly string[], than: string): string {
    return this.#chance.pick(names.filter((name) => name !== than));
  }
}
