import { afterEach, expect, test } from 'vitest';
import type { AccountState } from '../../../src/core/account.ts';
import { CachedStates, StateCache } from '../../../src/ledger/commit/cached-states.ts';
import type { Findings } from '../../../src/ledger/commit/deciding.ts';

const USD = { code: 'USD', exponent: 2 };
const stateOf = (id: string): AccountState => ({
  id,
  kind: 'STANDARD',
  currency: USD,
  normalSide: 'CREDIT',
  status: 'OPEN',
  minBalance: 0n,
  maxBalance: null,
  posted: 0n,
  pendingDebits: 0n,
  pendingCredits: 0n,
  totalDebits: 0n,
  version: 1n,
  lastAt: 0n,
});
const found = (closedBefore: bigint | null): Findings => ({
  accounts: new Map(),
  holds: new Map(),
  originals: new Map(),
  recorded: new Map(),
  externalIds: new Map(),
  closedBefore,
  clock: 1000n,
});
const left = (...ids: string[]) => new Map(ids.map((id) => [id, stateOf(id)]));

let cache = new StateCache(true);
let [here, there] = [new CachedStates(cache, 'here'), new CachedStates(cache, 'there')];
afterEach(() => {
  cache = new StateCache(true);
  [here, there] = [new CachedStates(cache, 'here'), new CachedStates(cache, 'there')];
});

test('a state is found only under its ledger', () => {
  here.learn(found(null), left('a', 'b'));
  there.learn(found(5n), left('c'));
  expect(here.predict(['a', 'b'])?.accounts).toEqual(left('a', 'b'));
  expect(there.predict(['c'])?.accounts).toEqual(left('c'));
  expect(there.predict(['a'])).toBeUndefined();
  expect(here.predict(['a', 'c'])).toBeUndefined();
  expect(here.currencyOf('a')).toBe('USD');
  expect(there.currencyOf('a')).toBeUndefined();
});

test('the closed period is that of the ledger, and nothing is predicted before it is known', () => {
  here.learn(found(7n), left('a'));
  there.cache(left('b'));
  expect(here.predict(['a'])?.closedBefore).toBe(7n);
  expect(there.predict(['b'])).toBeUndefined();
  there.learn(found(null), left('b'));
  expect(there.predict(['b'])?.closedBefore).toBeNull();
  expect(here.predict(['a'])?.closedBefore).toBe(7n);
});

test('a ledger drops only its own states, and pauses only itself', async () => {
  here.learn(found(null), left('a'));
  there.learn(found(null), left('b'));
  there.noteMiss(['a', 'b']);
  expect(here.predict(['a'])).toBeDefined();
  expect(there.predict(['b'])).toBeUndefined();
  expect(await here.areReady(['a'])).toBe(true);
  expect(await there.areReady(['b'])).toBe(false);
});

test('a batch does not wait for the decision of another ledger’s batch on accounts with the same ids', async () => {
  const end = there.announce(['a']);
  const since = performance.now();
  expect(await here.areReady(['a'])).toBe(true);
  expect(performance.now() - since).toBeLessThan(50);
  // In its own ledger it waits, and gives up.
  expect(await there.areReady(['a'])).toBe(false);
  end();
});

test('all ledgers together cache at most 100,000 states, and the oldest are dropped', () => {
  const many = (ledger: string) => Array.from({ length: 60_000 }, (_, place) => `${ledger} ${place}`);
  here.learn(found(null), left(...many('here')));
  there.learn(found(null), left(...many('there')));
  expect(here.predict(['here 19999'])).toBeUndefined();
  expect(here.predict(['here 20000'])).toBeDefined();
  expect(there.predict(many('there'))).toBeDefined();
});
