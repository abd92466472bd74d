import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { formatId } from '../../../src/core/values/ids.ts';
import { formatInstant } from '../../../src/core/values/instant.ts';
import type { Metadata } from '../../../src/core/values/text.ts';
import { openDatabase } from '../../../src/db/postgres/database.ts';
import { createTestDatabase } from '../../support/database.ts';
import { openLedger } from '../../support/ledger.ts';
import { BEGIN, DAY, METADATA, OWNERS, writeRandomBooks } from '../../support/random-books.ts';
import { serve } from '../api.ts';
import { type FilterInput, idsOf, LISTS, type List, readLists } from './lists.ts';

const database = await createTestDatabase();
const ledger = await openLedger(database);
const api = await serve(ledger);
const db = openDatabase({
  allowUnsafeDurability: true,
  url: database.serviceUrl,
  maxConnections: 1,
  applicationName: 'finding',
});
afterAll(() => db.destroy());

/** The seed of the books. fast-check reports that of the filters. */
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000_000);
console.log(`books of seed ${seed}; again by SEED=${seed}`);
const [busiest = ''] = (await writeRandomBooks(db, seed)).map((id) => formatId('account', id));
const { read, readForwards, readBackwards } = readLists(api, busiest);

interface AccountNode {
  readonly id: string;
  readonly owner: string;
  readonly currency: string;
  readonly kind: string;
  readonly status: string;
  readonly externalId: string | null;
  readonly metadata: Metadata;
}
interface Times {
  readonly id: string;
  readonly createdAt: string;
  readonly effectiveAt: string;
}
interface TransactionNode extends Times {
  readonly type: string;
  readonly metadata: Metadata;
  readonly entries: readonly { readonly account: { readonly id: string } }[];
}
interface EntryNode extends Times {
  readonly side: string;
  readonly layer: string;
  readonly transaction: { readonly type: string };
}

// Each filtered list is compared with the unfiltered one.
async function readWhole<Node>(list: List): Promise<Node[]> {
  return (await readForwards<Node>(list, null, 100, LISTS[list])).nodes;
}
const accounts = await readWhole<AccountNode>('accounts');
const transactions = await readWhole<TransactionNode>('transactions');
const entries = await readWhole<EntryNode>('history');

/** Returns whether a node matches a filter, according to the contract. */
const has = (metadata: Metadata, wanted: Metadata) =>
  Object.entries(wanted).every(([key, text]) => metadata[key] === text);
const isIn = (instant: string, { from, to }: { from?: string | null; to?: string | null }) =>
  (from == null || instant >= from) && (to == null || instant < to);
type Asked = { readonly [condition: string]: never };
const ACCOUNT_CONDITIONS = {
  owner: (node, owner: string) => node.owner === owner,
  currency: (node, currency: string) => node.currency === currency,
  kind: (node, kind: string) => node.kind === kind,
  status: (node, status: string) => node.status === status,
  externalIdPrefix: (node, prefix: string) => node.externalId?.startsWith(prefix) ?? false,
  metadata: (node, metadata: Metadata) => has(node.metadata, metadata),
} satisfies Record<string, (node: AccountNode, asked: never) => boolean>;
const TIMES = {
  createdAt: (node: Times, range: never) => isIn(node.createdAt, range),
  effectiveAt: (node: Times, range: never) => isIn(node.effectiveAt, range),
};
const TRANSACTION_CONDITIONS = {
  ...TIMES,
  types: (node, types: readonly string[]) => types.includes(node.type),
  accountId: (node, given: string) => node.entries.some(({ account }) => account.id === idOf(given)),
  metadata: (node, metadata: Metadata) => has(node.metadata, metadata),
} satisfies Record<string, (node: TransactionNode, asked: never) => boolean>;
const HISTORY_CONDITIONS = {
  ...TIMES,
  types: (node, types: readonly string[]) => types.includes(node.transaction.type),
  side: (node, side: string) => node.side === side,
  layer: (node, layer: string) => node.layer === layer,
} satisfies Record<string, (node: EntryNode, asked: never) => boolean>;

function matching<Node extends { readonly id: string }>(
  nodes: readonly Node[],
  conditions: Readonly<Record<string, (node: Node, asked: never) => boolean>>,
  filter: FilterInput,
): string[] {
  const asked = Object.entries(filter as Asked).filter(([, value]) => value !== null);
  return nodes
    .filter((node) => asked.every(([name, value]) => conditions[name]?.(node, value)))
    .map(({ id }) => id);
}
function idOf(given: string): string {
  const [, name] = given.split('ext:');
  return name === undefined ? given : (accounts.find(({ externalId }) => externalId === name)?.id ?? '');
}

const instants = fc.oneof(
  fc.constantFrom(
    ...[...transactions, ...entries].flatMap(({ createdAt, effectiveAt }) => [createdAt, effectiveAt]),
  ),
  fc.bigInt({ min: -5n, max: 5n }).map((days) => formatInstant(BEGIN + days * DAY)),
  fc.constantFrom(
    '0001-01-01T00:00:00.000000Z',
    '1970-01-01T00:00:00.000000Z',
    '9999-12-31T23:59:59.999999Z',
  ),
);
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { freq: 2 });
const ranges = fc.record({ from: fc.option(instants), to: fc.option(instants) }, { requiredKeys: [] });
const types = fc.array(
  fc.constantFrom('TRANSFER', 'DEPOSIT', 'JOURNAL', 'HOLD', 'RELEASE', 'CAPTURE', 'REVERSAL'),
  { maxLength: 3 },
);
const metadata = fc.constantFrom(...METADATA, { b: '2' }, { b: '3' });

const FILTERS: Record<Exclude<List, 'holds'>, fc.Arbitrary<FilterInput>> = {
  accounts: fc.record({
    owner: fc.option(fc.constantFrom(...OWNERS, 'external', 'unknown'), { freq: 1 }),
    currency: fc.option(fc.constantFrom('USD', 'EUR', 'JPY'), { freq: 1 }),
    kind: fc.option(fc.constantFrom('STANDARD', 'EXTERNAL'), { freq: 1 }),
    status: fc.option(fc.constantFrom('OPEN', 'FROZEN', 'CLOSED'), { freq: 1 }),
    externalIdPrefix: fc.option(fc.constantFrom('', 'users:1', 'users:10', 'u', 'U', 'ü', 'x'), { freq: 1 }),
    metadata: fc.option(metadata, { freq: 1 }),
  }),
  transactions: fc.record({
    createdAt: optional(ranges),
    effectiveAt: optional(ranges),
    types: fc.option(types, { freq: 1 }),
    accountId: optional(
      fc.constantFrom(
        ...accounts.flatMap(({ id, externalId }) => [id, externalId === null ? id : `ext:${externalId}`]),
      ),
    ),
    metadata: optional(metadata),
  }),
  history: fc.record({
    createdAt: optional(ranges),
    effectiveAt: optional(ranges),
    types: fc.option(types, { freq: 1 }),
    side: optional(fc.constantFrom('DEBIT', 'CREDIT')),
    layer: optional(fc.constantFrom('POSTED', 'PENDING')),
  }),
};

const EXPECTED = {
  accounts: (filter: FilterInput) => matching(accounts, ACCOUNT_CONDITIONS, filter),
  transactions: (filter: FilterInput) => matching(transactions, TRANSACTION_CONDITIONS, filter),
  history: (filter: FilterInput) => matching(entries, HISTORY_CONDITIONS, filter),
};

describe.each(['accounts', 'transactions', 'history'] as const)('%s', (list) => {
  test('have exactly the matching elements in their pages, in both directions', async () => {
    await fc.assert(
      fc.asyncProperty(FILTERS[list], fc.integer({ min: 1, max: 30 }), async (filter, size) => {
        const expected = EXPECTED[list](filter);
        expect(idsOf(await readForwards(list, filter, size))).toEqual(expected);
        expect(idsOf(await readBackwards(list, filter, size))).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  }, 60_000);

  test('are found by each single field of the filter', async () => {
    for (const condition of Object.keys(fc.sample(FILTERS[list], 1)[0] ?? {})) {
      const values = fc.sample(FILTERS[list], 12).map((filter) => filter[condition] ?? null);
      for (const value of values) {
        const ids = idsOf(await readForwards(list, { [condition]: value }, 100));
        expect(ids, `${condition} ${JSON.stringify(value)}`).toEqual(EXPECTED[list]({ [condition]: value }));
      }
    }
  });

  test('are complete if all fields of the filter are null or empty', async () => {
    const nothing = [
      {},
      { metadata: {} },
      { createdAt: {}, effectiveAt: { from: null } },
      { types: null, owner: null },
    ];
    const known = new Set(Object.keys(fc.sample(FILTERS[list], 1)[0] ?? {}));
    for (const filter of nothing) {
      const own = Object.fromEntries(Object.entries(filter).filter(([condition]) => known.has(condition)));
      expect(idsOf(await readForwards(list, own, 100))).toEqual(EXPECTED[list]({}));
      // Cursors are accepted, because the filters are equal.
      const { pageInfo } = await read(list, { first: 2 });
      await read(list, { first: 2, after: pageInfo.endCursor, filter: own });
    }
  });
});

test('the trial balance sums the accounts that match', async () => {
  await fc.assert(
    fc.asyncProperty(FILTERS.accounts, async (filter) => {
      const balances = Map.groupBy(await balancesOf(EXPECTED.accounts(filter)), ({ currency }) => currency);
      const lines = await trialBalance(filter);
      expect(lines.map(({ currency }) => currency)).toEqual([...balances.keys()].sort());
      for (const { currency, accounts: count, debits, credits } of lines) {
        const own = (balances.get(currency) ?? []).map(({ posted }) => posted);
        const sum = (some: readonly bigint[]) => some.reduce((total, posted) => total + posted, 0n);
        expect(count).toBe(own.length);
        expect(minorOf(credits)).toBe(sum(own.filter((posted) => posted > 0n)));
        expect(-minorOf(debits)).toBe(sum(own.filter((posted) => posted < 0n)));
      }
    }),
    { numRuns: 40 },
  );
});

type Lines = readonly {
  readonly currency: string;
  readonly accounts: number;
  readonly debits: Money;
  readonly credits: Money;
}[];
interface Money {
  readonly amount: string;
  readonly currency: string;
}
async function trialBalance(filter: FilterInput | null): Promise<Lines> {
  const { data, errors } = await api.ask<{ ledger: { trialBalance: Lines } }>(
    `query ($filter: AccountFilter) { ledger { trialBalance(filter: $filter) {
      currency accounts debits { amount currency } credits { amount currency } } } }`,
    { filter },
  );
  expect(errors).toBeUndefined();
  return data.ledger.trialBalance;
}
/** Returns the signed amount in minor units, credits positive. */
async function balancesOf(ids: readonly string[]) {
  const { data } = await api.ask<{
    nodes: readonly { readonly normalSide: string; readonly balance: Money }[];
  }>(
    'query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Account { normalSide balance { amount currency } } } }',
    { ids },
  );
  return data.nodes.map(({ normalSide, balance }) => ({
    currency: balance.currency,
    posted: minorOf(balance) * (normalSide === 'CREDIT' ? 1n : -1n),
  }));
}
/** Returns an amount as text. All currencies of these books have two decimals. */
function minorOf({ amount }: Money): bigint {
  return BigInt(amount.replace('.', ''));
}

test('no request caused a fault', () => expect(api.faults).toEqual([]));
