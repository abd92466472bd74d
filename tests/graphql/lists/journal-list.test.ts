import { afterAll, describe, expect, test } from 'vitest';
import { formatJournalPlace, parseJournalPlace } from '../../../src/core/values/journal-place.ts';
import { Engine } from '../../../src/ledger/engine.ts';
import { cloneDatabase, createTestDatabase } from '../../support/database.ts';
import { deposit, expectPosted, expectSoundBooks, makeAccount, openLedger } from '../../support/ledger.ts';
import { type Answer, type Api, newKey, serve } from '../api.ts';

interface Journal {
  readonly nodes: readonly { readonly id: string }[];
  readonly edges: readonly { readonly cursor: string; readonly node: { readonly id: string } }[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string;
    readonly endCursor: string;
  };
}

const database = await createTestDatabase();
const ledger = await openLedger(database);
const api = await serve(ledger);
afterAll(async () => {
  expect(api.faults).toEqual([]);
  await expectSoundBooks(database);
});

function ask(
  from: Api,
  variables: { readonly first?: number; readonly after?: string | null },
): Promise<Answer<{ readonly journal: Journal } | null>> {
  return from.ask(
    `query ($first: Int, $after: String) { journal(first: $first, after: $after) {
      nodes { id } edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`,
    variables,
  );
}

async function read(variables: Parameters<typeof ask>[1], from = api): Promise<Journal> {
  const { data, errors } = await ask(from, variables);
  expect(errors).toBeUndefined();
  if (data === null) throw new TypeError('there is data where there is no error');
  expect(data.journal.edges.map(({ node }) => node)).toEqual(data.journal.nodes);
  return data.journal;
}

async function headCursor(from = api): Promise<string> {
  const { data } = await from.ask<{ readonly ledger: { readonly head: { readonly cursor: string } } }>(
    '{ ledger { head { cursor } } }',
  );
  return data.ledger.head.cursor;
}

const idsOf = ({ nodes }: Journal) => nodes.map(({ id }) => id);

/** Posts a batch. Returns the ids of the posted transactions, in order. */
async function postBatch(mode: string, operations: readonly object[]): Promise<string[]> {
  const { results } = (await api.mutate(
    'postBatch',
    { mode, operations },
    '... on BatchProcessed { results { ... on TransactionPosted { transaction { id } } } }',
  )) as { readonly results: readonly { readonly transaction?: { readonly id: string } }[] };
  return results.flatMap(({ transaction }) => (transaction === undefined ? [] : [transaction.id]));
}

/** A payment. It is declined if the account has too little. */
const pay = (fromAccountId: string, toAccountId: string, amount = '0.01') => ({
  transfer: { fromAccountId, toAccountId, amount, idempotencyKey: newKey() },
});
const times = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make);

test('the journal of an empty ledger has a cursor, after which all later transactions are read', async () => {
  const empty = await read({});
  expect(empty).toMatchObject({
    nodes: [],
    pageInfo: { hasNextPage: false, hasPreviousPage: false, endCursor: expect.any(String) },
  });
  const { endCursor } = empty.pageInfo;
  expect([await headCursor(), empty.pageInfo.startCursor]).toEqual([endCursor, endCursor]);
  expect((await read({ after: endCursor })).pageInfo).toEqual(empty.pageInfo);

  await makeAccount(ledger, { funds: '1.00' });
  const [fromCursor, fromBeginning] = [await read({ after: endCursor }), await read({})];
  expect(fromCursor.nodes).toHaveLength(1);
  expect(fromCursor).toEqual(fromBeginning);
});

test('a page can begin after any transaction of a block', async () => {
  const from = await makeAccount(ledger, { funds: '100.00' });
  const to = await makeAccount(ledger);
  const start = await headCursor();
  const posted = await postBatch(
    'ATOMIC',
    times(250, () => pay(from, to)),
  );
  posted.push(...(await postBatch('INDEPENDENT', [pay(from, to)])));

  const pages: Journal[] = [];
  for (let after = start, more = true; more; ) {
    const page = await read({ first: 100, after });
    pages.push(page);
    ({ endCursor: after, hasNextPage: more } = page.pageInfo);
  }
  expect(pages.map(({ nodes }) => nodes.length)).toEqual([100, 100, 51]);
  expect(pages.flatMap(idsOf)).toEqual(posted);
  expect(pages.every(({ pageInfo }) => pageInfo.hasPreviousPage)).toBe(true);
  expect(pages.at(-1)?.pageInfo.endCursor).toBe(await headCursor());

  const cursors = pages.flatMap(({ edges }) => edges.map(({ cursor }) => cursor));
  expect(new Set(cursors).size).toBe(251);
  for (const place of [0, 36, 248, 249]) {
    const after = cursors[place] ?? '';
    expect(idsOf(await read({ first: 2, after }))).toEqual(posted.slice(place + 1, place + 3));
  }
  const none = await read({ first: 0, after: start });
  expect(none).toMatchObject({ nodes: [], pageInfo: { hasNextPage: true, endCursor: start } });
});

test('a page has 20 transactions by default, and 100 at most', async () => {
  expect((await read({})).nodes).toHaveLength(20);
  expect((await read({ first: 100 })).nodes).toHaveLength(100);
  for (const first of [-1, 101]) {
    expect((await ask(api, { first })).errors).toMatchObject([
      {
        message: `first must be 0 to 100, but is ${first}.`,
        extensions: { code: 'INVALID_INPUT' },
      },
    ]);
  }
});

test('a page costs as much as that of other lists', async () => {
  const query = (list: string) =>
    `{ ${times(15, () => '')
      .map(
        (_, n) =>
          `a${n}: ${list}(first: 100) { nodes { entries { account { id owner } balanceAfter { amount } } } }`,
      )
      .join(' ')} }`;
  const [journal, transactions] = [await api.ask(query('journal')), await api.ask(query('transactions'))];
  expect(journal.errors).toMatchObject([{ extensions: { limit: 'cost' } }]);
  expect(journal.errors).toEqual(transactions.errors);
});

describe('declined outcomes', () => {
  test('are not listed, and the cursor moves past them', async () => {
    const [from, to] = [await makeAccount(ledger, { funds: '1.00' }), await makeAccount(ledger)];
    const start = await headCursor();
    const posted = await postBatch('INDEPENDENT', [
      pay(from, to, '2.00'),
      pay(from, to, '0.50'),
      pay(from, to, '2.00'),
      pay(from, to, '0.50'),
      pay(from, to, '2.00'),
    ]);
    expect(posted).toHaveLength(2);
    const first = await read({ first: 1, after: start });
    const second = await read({ first: 1, after: first.pageInfo.endCursor });
    expect([...idsOf(first), ...idsOf(second)]).toEqual(posted);
    expect(first.pageInfo.hasNextPage).toBe(true);
    expect(second.pageInfo).toMatchObject({ hasNextPage: false, endCursor: await headCursor() });

    await postBatch(
      'INDEPENDENT',
      times(3, () => pay(from, to, '2.00')),
    );
    const after = second.pageInfo.endCursor;
    const empty = await read({ after });
    expect(empty).toMatchObject({ nodes: [], edges: [] });
    expect(empty.pageInfo).toEqual({
      hasNextPage: false,
      hasPreviousPage: true,
      startCursor: await headCursor(),
      endCursor: await headCursor(),
    });
    expect(empty.pageInfo.endCursor).not.toBe(after);
  });

  test('end a page after 10,000 outcomes, and the next page continues there', async () => {
    const [from, to] = [await makeAccount(ledger, { funds: '1.00' }), await makeAccount(ledger)];
    const start = await headCursor();
    for (const count of [9990, 200]) {
      await postBatch(
        'INDEPENDENT',
        times(count, () => pay(from, to, '2.00')),
      );
    }
    const [posted] = await postBatch('INDEPENDENT', [pay(from, to)]);
    const first = await read({ first: 100, after: start });
    expect(first).toMatchObject({ nodes: [], pageInfo: { hasNextPage: true } });
    const after = first.pageInfo.endCursor;
    expect(after).not.toBe(start);
    // The page ends within a block: 190 of 10,190 declined outcomes are left.
    expect(parseJournalPlace(after)?.outcomes).toBe(10);
    const second = await read({ first: 100, after });
    expect(second).toMatchObject({ nodes: [{ id: posted }], pageInfo: { hasNextPage: false } });
  }, 30_000);
});

test('a text that is not a cursor of the journal is INVALID_INPUT', async () => {
  const { data } = await api.ask<{ readonly transactions: Journal }>(
    '{ transactions(first: 1) { pageInfo { endCursor } } }',
  );
  const texts = [
    '',
    'x',
    '0',
    data.transactions.pageInfo.endCursor,
    ...['journal', 'journal 1 1', 'journal 01 1 0123456789abcdef', 'journal -1 1 0123456789abcdef'].map(
      (text) => Buffer.from(text).toString('base64url'),
    ),
    formatJournalPlace({ block: 1n, outcomes: 1, mark: '0123456789ABCDEF' }),
    formatJournalPlace({ block: 10n ** 18n, outcomes: 1, mark: '0123456789abcdef' }),
    formatJournalPlace({ block: 1n, outcomes: 10_000_000, mark: '0123456789abcdef' }),
  ];
  for (const after of texts) {
    expect((await ask(api, { after })).errors, after).toMatchObject([
      {
        message: expect.stringMatching(/^after must be a cursor of the journal\. Pass/),
        extensions: { code: 'INVALID_INPUT' },
      },
    ]);
  }
});

describe('a cursor is JOURNAL_REWOUND', () => {
  const expectRewound = async (after: string, from: Api) => {
    const { data, errors } = await ask(from, { after });
    expect(data).toBeNull();
    expect(errors).toMatchObject([
      {
        message: expect.stringMatching(/^The block of the cursor `after` does not exist in this ledger\./),
        path: ['journal'],
        extensions: { code: 'JOURNAL_REWOUND' },
      },
    ]);
  };

  test('in a database that was restored to an earlier state', async () => {
    const original = await createTestDatabase();
    const early = await Engine.openMain({ allowUnsafeDurability: true, databaseUrl: original.serviceUrl });
    const accountId = await makeAccount(early, { funds: '1.00' });
    await early.close();
    const backup = await cloneDatabase(original);

    const lost = await serve(await openLedger(original));
    const kept = await headCursor(lost);
    const later: string[] = [];
    for (const amount of ['2.00', '3.00']) {
      await lost.mutate('deposit', { accountId, amount, idempotencyKey: newKey() });
      later.push(await headCursor(lost));
    }
    const [fourth = '', fifth = ''] = later;
    expect((await read({ after: kept }, lost)).nodes).toHaveLength(2);

    const ledgerAfter = await openLedger(backup);
    const restored = await serve(ledgerAfter);
    expect((await read({ after: kept }, restored)).nodes).toEqual([]);
    for (const after of [fourth, fifth]) await expectRewound(after, restored);
    expectPosted(await deposit(ledgerAfter, { accountId, amount: '4.00' }));
    expect((await read({ after: kept }, restored)).nodes).toHaveLength(1);
    // The block with this number is a different one, and the next one is beyond the head.
    for (const after of [fourth, fifth]) await expectRewound(after, restored);
    await Promise.all([original, backup].map(expectSoundBooks));
  });

  test('in another database', async () => {
    const another = await createTestDatabase();
    const elsewhere = await openLedger(another);
    await makeAccount(elsewhere, { funds: '1.00' });
    const foreign = await headCursor(await serve(elsewhere));
    expect(parseJournalPlace(foreign)?.block).toBe(1n);
    await expectRewound(foreign, api);
    const mark = '0123456789abcdef';
    await expectRewound(formatJournalPlace({ block: 0n, outcomes: 0, mark }), api);
  });

  test('if its block has fewer outcomes than its position', async () => {
    const [edge] = (await read({ first: 1 })).edges;
    const place = parseJournalPlace(edge?.cursor ?? '');
    if (place === undefined) throw new TypeError('a cursor is one');
    for (const outcomes of [2, 9_999_999]) {
      await expectRewound(formatJournalPlace({ ...place, outcomes }), api);
    }
  });
});
