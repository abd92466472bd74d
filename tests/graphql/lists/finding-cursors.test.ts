import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, test } from 'vitest';
import { formatId } from '../../../src/core/values/ids.ts';
import { formatInstant } from '../../../src/core/values/instant.ts';
import { openDatabase } from '../../../src/db/postgres/database.ts';
import { asOwner, createTestDatabase } from '../../support/database.ts';
import { openLedger } from '../../support/ledger.ts';
import { BEGIN, DAY, writeRandomBooks } from '../../support/random-books.ts';
import { serve } from '../api.ts';
import { type FilterInput, idsOf, type List, readLists } from './lists.ts';

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
const [busiest = '', other = ''] = (await writeRandomBooks(db, 1)).map((id) => formatId('account', id));
const { read, refusal, readForwards, readBackwards } = readLists(api, busiest);

test('a value that no row can have matches nothing', async () => {
  const long = 'x'.repeat(256);
  const [transaction] = idsOf(await read('transactions', { first: 1 }));
  for (const text of ['', '\0', 'a\0b', '\ud800', 'x\udc00', long, 'unknown']) {
    for (const filter of [{ owner: text }, { currency: text }, { metadata: { a: text } }]) {
      expect((await read('accounts', { filter })).nodes).toEqual([]);
    }
    if (text !== '')
      expect((await read('accounts', { filter: { externalIdPrefix: text } })).nodes).toEqual([]);
    for (const accountId of [text, `ext:${text}`, formatId('account', randomUUID()), transaction]) {
      expect((await read('transactions', { filter: { accountId } })).nodes).toEqual([]);
    }
    expect((await read('transactions', { filter: { metadata: { [text]: 'x' } } })).nodes).toEqual([]);
    const balance = await api.ask(
      'query ($filter: AccountFilter) { ledger { trialBalance(filter: $filter) { currency } } }',
      { filter: { owner: text } },
    );
    expect(balance).toEqual({ data: { ledger: { trialBalance: [] } } });
  }
  const many = Object.fromEntries(Array.from({ length: 51 }, (_, place) => [`key ${place}`, '']));
  expect((await read('accounts', { filter: { metadata: many } })).nodes).toEqual([]);
});

test.each<[List, FilterInput, string]>([
  ['transactions', { createdAt: { from: 'yesterday' } }, 'filter.createdAt.from must be an RFC 3339 instant'],
  [
    'transactions',
    { createdAt: { to: '2026-02-30T00:00:00Z' } },
    'filter.createdAt.to must be an existing date',
  ],
  ['transactions', { effectiveAt: { from: 5 } }, 'filter.effectiveAt.from must be an RFC 3339 instant'],
  ['transactions', { metadata: { a: 1 } }, 'filter.metadata must be a JSON object whose values are strings'],
  ['history', { createdAt: { from: '' } }, 'filter.createdAt.from must be an RFC 3339 instant'],
  ['history', { effectiveAt: { to: '2026-01-01' } }, 'filter.effectiveAt.to must be an RFC 3339 instant'],
  ['accounts', { metadata: 'a' }, 'filter.metadata must be a JSON object whose values are strings'],
])('in %s, the malformed %j is an error that names its path', async (list, filter, message) => {
  expect(await refusal(list, { filter })).toContain(message);
});

test('a malformed value in the document, or in the trial balance, is named too', async () => {
  for (const query of [
    '{ transactions(filter: { createdAt: { from: "x" } }) { nodes { id } } }',
    '{ accounts(filter: { metadata: { a: 1 } }) { nodes { id } } }',
    '{ ledger { trialBalance(filter: { metadata: [] }) { currency } } }',
  ]) {
    const { errors } = await api.ask(query);
    expect(errors).toMatchObject([
      {
        message: expect.stringMatching(/^filter\.(createdAt\.from|metadata) must be/),
        extensions: { code: 'INVALID_INPUT' },
      },
    ]);
  }
});

describe('a cursor', () => {
  const UNDER_ANOTHER =
    'after is a cursor of this list with another filter, of another ledger or of another caller. Repeat the filter of the page that returned the cursor';
  const OF_ANOTHER =
    'after must be a cursor of the same list. Repeat the filter of the page that returned the cursor';

  test('is accepted with the same filter, however it is written', async () => {
    const noon = '2026-01-01T12:00:00Z';
    const same: readonly [List, FilterInput, FilterInput][] = [
      [
        'transactions',
        { types: ['TRANSFER', 'DEPOSIT'], effectiveAt: { from: noon } },
        {
          effectiveAt: { to: null, from: '2026-01-01T13:00:00.000+01:00' },
          types: ['DEPOSIT', 'TRANSFER', 'DEPOSIT'],
          metadata: {},
        },
      ],
      ['transactions', { accountId: busiest }, { accountId: 'ext:busiest', createdAt: null }],
      [
        'accounts',
        { metadata: { a: '1', b: '2' }, currency: 'USD' },
        { currency: 'USD', owner: null, metadata: { b: '2', a: '1' } },
      ],
      [
        'history',
        { side: 'DEBIT', types: ['JOURNAL', 'HOLD'] },
        { types: ['HOLD', 'JOURNAL'], side: 'DEBIT', createdAt: {} },
      ],
    ];
    for (const [list, one, another] of same) {
      const { pageInfo, nodes } = await read(list, { first: 1, filter: one });
      expect(nodes).toHaveLength(1);
      const next = await read(list, { first: 1, after: pageInfo.endCursor, filter: another });
      expect(next.nodes).toEqual((await read(list, { first: 2, filter: one })).nodes.slice(1));
    }
  });

  test('is rejected with another filter', async () => {
    const pairs: readonly [List, FilterInput | null, FilterInput | null][] = [
      ['transactions', null, { types: ['TRANSFER'] }],
      ['transactions', { types: ['TRANSFER'] }, null],
      ['transactions', { types: ['TRANSFER'] }, { types: ['TRANSFER', 'DEPOSIT'] }],
      [
        'transactions',
        { createdAt: { from: formatInstant(BEGIN - DAY) } },
        { effectiveAt: { from: formatInstant(BEGIN - DAY) } },
      ],
      [
        'transactions',
        { createdAt: { from: formatInstant(BEGIN - DAY) } },
        { createdAt: { to: formatInstant(BEGIN - DAY) } },
      ],
      ['transactions', { accountId: busiest }, { accountId: other }],
      ['transactions', { accountId: busiest }, { accountId: 'ext:unknown' }],
      ['accounts', { metadata: { a: '1' } }, { metadata: { a: '2' } }],
      ['accounts', { currency: 'USD' }, { owner: 'USD' }],
      ['history', { side: 'DEBIT' }, { side: 'CREDIT' }],
      ['history', { layer: 'POSTED' }, { layer: 'PENDING' }],
    ];
    for (const [list, given, filter] of pairs) {
      const { pageInfo, nodes } = await read(list, { first: 1, filter: given });
      expect(nodes).toHaveLength(1);
      expect(await refusal(list, { after: pageInfo.endCursor, filter })).toContain(UNDER_ANOTHER);
      expect(await refusal(list, { last: 1, before: pageInfo.startCursor, filter })).toContain(
        'before is a cursor of this',
      );
    }
  });

  test('is rejected by another list and by another account', async () => {
    const { pageInfo } = await read('transactions', { first: 1 });
    expect(await refusal('accounts', { after: pageInfo.endCursor })).toContain(OF_ANOTHER);
    const ofHistory = await read('history', { first: 1, filter: { side: 'DEBIT' } });
    const after = ofHistory.pageInfo.endCursor;
    expect(await refusal('history', { after, filter: { side: 'DEBIT' } }, other)).toContain(OF_ANOTHER);
  });
});

test('a search returns its results after 10,000 rows, and the next page continues there', async () => {
  const account = await writeHistory(25_000, [3, 12_345]);
  const filter = { types: ['WITHDRAWAL'] };
  const entryIds = [12_345, 3].map((version) => `${account.replace('acct', 'ent')}_${version}`);

  const empty = await read('history', { first: 20, filter }, 'id', account);
  expect(empty).toMatchObject({
    nodes: [],
    edges: [],
    pageInfo: { hasNextPage: true, hasPreviousPage: false },
  });
  expect(empty.pageInfo.endCursor).not.toBeNull();
  for (const size of [1, 20]) {
    const forwards = await readForwards('history', filter, size, { account });
    const backwards = await readBackwards('history', filter, size, { account });
    expect([idsOf(forwards), idsOf(backwards)]).toEqual([entryIds, entryIds]);
    expect([forwards.pages, backwards.pages]).toEqual([3, 3]);
  }

  // Reading backwards from the position of the stop finds all elements before it.
  const back = await read('history', { last: 20, before: empty.pageInfo.endCursor, filter }, 'id', account);
  expect(back).toMatchObject({ nodes: [], pageInfo: { hasPreviousPage: false, hasNextPage: true } });
  const second = await read('history', { first: 20, after: empty.pageInfo.endCursor, filter }, 'id', account);
  expect(idsOf(second)).toEqual(entryIds.slice(0, 1));
  expect(second.pageInfo).toMatchObject({ hasNextPage: true, startCursor: second.edges[0]?.cursor });
  expect(second.pageInfo.endCursor).not.toBe(second.edges[0]?.cursor);
  const past = await read('history', { last: 20, before: second.pageInfo.endCursor, filter }, 'id', account);
  expect(idsOf(past)).toEqual(entryIds.slice(0, 1));
});

test('no request caused a fault', () => expect(api.faults).toEqual([]));

/** Inserts an account with a history of deposits, and withdrawals at these versions: posting them would take too long. */
async function writeHistory(length: number, withdrawals: readonly number[]): Promise<string> {
  const account = randomUUID();
  await asOwner(
    database,
    'set session_replication_role = replica',
    `insert into accounts (id, ledger_id, owner, currency, side) select '${account}', id, 'history', 'USD', 1 from ledgers`,
    `insert into entries (account_id, version, ledger_id, transaction_id, line, type, currency, layer, amount, posted_after,
        pending_debits_after, pending_credits_after, total_debits_after, created_at)
      select '${account}', n, l.id, md5('${account}' || n)::uuid, 1, case when n in (${withdrawals}) then 'WITHDRAWAL' else 'DEPOSIT' end,
        'USD', 'POSTED', 1, n, 0, 0, 0, now()
      from generate_series(1, ${length}) as n, ledgers l`,
  );
  return formatId('account', account);
}
