/**
 * Which accounts pay which. `uniform`: any two accounts; `hot`: every account pays the first one; `zipf`: payers and payees are
 * drawn by Zipf's law; `deposits`: the external account pays any account.
 */
export const WORKLOADS = ['uniform', 'hot', 'zipf', 'deposits'] as const;
export type Workload = (typeof WORKLOADS)[number];

/** The number of accounts that a workload uses. */
const SPREAD: Readonly<Record<Workload, number>> = {
  uniform: 10_000,
  hot: 10_000,
  zipf: 100_000,
  deposits: 10_000,
};
export const MOST_ACCOUNTS = Math.max(...Object.values(SPREAD));

/** Zipf's law with exponent 1: the n-th account is drawn n times less often than the first one. */
const ZIPF_EXPONENT = 1;

/** Returns how many of `accounts` accounts a workload uses: always the first ones. */
export function spreadOf(workload: Workload, accounts: number): number {
  return Math.min(SPREAD[workload], accounts);
}

/** The two different accounts of a transfer. */
export interface Pair {
  readonly from: string;
  readonly to: string;
}

/** Returns a function that draws pairs of the first `spreadOf` accounts. The payer of a deposit is not used: the ledger has an external account. */
export function createPicker(workload: Workload, accounts: readonly string[]): () => Pair {
  const count = spreadOf(workload, accounts.length);
  if (count < 2) throw new RangeError(`a workload needs at least 2 accounts, but has ${count}`);
  const pair = (from: number, to: number): Pair => ({ from: get(accounts, from), to: get(accounts, to) });
  const other = (than: number) => (than + 1 + randomBelow(count - 1)) % count;
  switch (workload) {
    case 'hot':
      return () => pair(other(0), 0);
    case 'zipf': {
      const draw = createZipf(count);
      return () => {
        const [from, to] = [draw(), draw()];
        return pair(from === to ? (from + 1) % count : from, to);
      };
    }
    case 'uniform':
    case 'deposits':
      return () => {
        const to = randomBelow(count);
        return pair(other(to), to);
      };
  }
}

/** Draws positions below `count`. */
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
