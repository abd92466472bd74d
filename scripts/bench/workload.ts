/**
 * Who pays whom. `uniform`: any two accounts; `hot`: everybody pays the first one; `zipf`: few accounts pay and are paid most,
 * by Zipf's law; `deposits`: money comes in to any account, always from the same external one.
 */
export const WORKLOADS = ['uniform', 'hot', 'zipf', 'deposits'] as const;
export type Workload = (typeof WORKLOADS)[number];

/** How many accounts a workload spreads over. */
const SPREAD: Readonly<Record<Workload, number>> = {
  uniform: 10_000,
  hot: 10_000,
  zipf: 100_000,
  deposits: 10_000,
};
export const MOST_ACCOUNTS = Math.max(...Object.values(SPREAD));

/** Zipf's law with exponent 1, as near as pgbench can draw it. */
export const ZIPF_EXPONENT = 1.001;

/** How many of that many accounts a workload uses: always the first ones. */
export function spreadOf(workload: Workload, accounts: number): number {
  return Math.min(SPREAD[workload], accounts);
}

/** The two different accounts of a transfer. */
export interface Pair {
  readonly from: string;
  readonly to: string;
}

/**
 * Draws pairs of these accounts, of the first `spreadOf` them. The last account of all is the external one: `from` of each
 * of the deposits, where the ledger has one of its own instead, and the payer of nothing else unless it is within the spread.
 */
export function createPicker(workload: Workload, accounts: readonly string[]): () => Pair {
  const count = spreadOf(workload, accounts.length);
  if (count < 2) throw new RangeError('two accounts at least');
  const pair = (from: number, to: number): Pair => ({ from: get(accounts, from), to: get(accounts, to) });
  const other = (than: number) => (than + 1 + randomBelow(count - 1)) % count;
  switch (workload) {
    case 'uniform':
      return () => {
        const to = randomBelow(count);
        return pair(other(to), to);
      };
    case 'hot':
      return () => pair(other(0), 0);
    case 'zipf': {
      const draw = createZipf(count);
      return () => {
        const [from, to] = [draw(), draw()];
        return pair(from === to ? (from + 1) % count : from, to);
      };
    }
    case 'deposits': {
      const external = accounts.length - 1;
      return () => pair(external, randomBelow(Math.min(count, external)));
    }
  }
}

/** Draws places below `count`, the n-th with a chance of n to the power of minus the exponent. */
function createZipf(count: number): () => number {
  const upTo = new Float64Array(count);
  let sum = 0;
  for (let place = 0; place < count; place += 1) {
    sum += (place + 1) ** -ZIPF_EXPONENT;
    upTo[place] = sum;
  }
  return () => {
    const drawn = Math.random() * sum;
    let [low, high] = [0, count - 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((upTo[middle] ?? sum) > drawn) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}

function randomBelow(count: number): number {
  return Math.floor(Math.random() * count);
}

function get(accounts: readonly string[], place: number): string {
  const account = accounts[place];
  if (account === undefined) throw new RangeError(`there is no account ${place}`);
  return account;
}
