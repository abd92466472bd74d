import type { Uuid } from '../../src/core/ids.ts';

/** Who pays whom: `uniform`, any two accounts; `hot`, everybody pays the same one. */
export type Workload = 'uniform' | 'hot';

/** Picks the two different accounts of a transfer. */
export function pickPair(
  workload: Workload,
  accounts: readonly Uuid[],
): { readonly from: Uuid; readonly to: Uuid } {
  const to = workload === 'hot' ? 0 : Math.floor(Math.random() * accounts.length);
  const from = (to + 1 + Math.floor(Math.random() * (accounts.length - 1))) % accounts.length;
  const pair = { from: accounts[from], to: accounts[to] };
  if (pair.from === undefined || pair.to === undefined) throw new RangeError('two accounts at least');
  return { from: pair.from, to: pair.to };
}
