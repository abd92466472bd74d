import { describe, expect, test } from 'vitest';
import { createTestDatabase } from '../../support/database.ts';
import { deposit, makeAccount, makeAccounts, openLedger, transfer } from '../../support/ledger.ts';
import { serve } from '../api.ts';

const database = await createTestDatabase();
const ledger = await openLedger(database);
const api = await serve(ledger);

/** Posts one deposit, then 45 transfers of 1, 2, 3 … dollars. */
const wallet = await makeAccount(ledger, { owner: 'walter', funds: '5000' });
const shop = await makeAccount(ledger, { owner: 'shop' });
for (let amount = 1; amount <= 45; amount += 1) {
  await transfer(ledger, { fromAccountId: wallet, toAccountId: shop, amount: `${amount}` });
}
const VERSIONS = Array.from({ length: 46 }, (_, place) => `${46 - place}`);

interface Page {
  readonly nodes: readonly { readonly id: string; readonly version: string }[];
  readonly edges: readonly { readonly cursor: string; readonly node: { readonly id: string } }[];
  readonly pageInfo: Readonly<Record<string, string | boolean | null>>;
}
const PAGE = 'edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }';

async function history(args: Readonly<Record<string, unknown>>, account = wallet): Promise<Page> {
  const { data, errors } = await api.ask<{ account: { history: Page } }>(
    `query ($account: ID!, $first: Int, $after: String, $last: Int, $before: String) {
      account(id: $account) {
        history(first: $first, after: $after, last: $last, before: $before) { nodes { id version } ${PAGE} }
      }
    }`,
    { account, ...args },
  );
  expect(errors).toBeUndefined();
  return data.account.history;
}

const versionsOf = ({ nodes }: Page) => nodes.map(({ version }) => version);

describe('history', () => {
  test('has 20 entries by default, newest first', async () => {
    const page = await history({});
    expect(versionsOf(page)).toEqual(VERSIONS.slice(0, 20));
    expect(page.edges.map(({ node }) => node.id)).toEqual(page.nodes.map(({ id }) => id));
    expect(page.pageInfo).toEqual({
      hasNextPage: true,
      hasPreviousPage: false,
      startCursor: page.edges.at(0)?.cursor,
      endCursor: page.edges.at(-1)?.cursor,
    });
    expect(versionsOf(await history({ first: 100 }))).toEqual(VERSIONS);
  });

  test('is read forwards page by page without a gap', async () => {
    const seen: string[] = [];
    let after: unknown = null;
    for (const more of [true, true, false]) {
      const page = await history({ first: 20, after });
      expect(page.pageInfo).toMatchObject({ hasNextPage: more, hasPreviousPage: after !== null });
      seen.push(...versionsOf(page));
      after = page.pageInfo['endCursor'];
    }
    expect(seen).toEqual(VERSIONS);
  });

  test('is read backwards page by page, each page in the order of the list', async () => {
    const seen: string[] = [];
    let before: unknown = null;
    for (const more of [true, true, false]) {
      const page = await history({ last: 20, before });
      expect(page.pageInfo).toMatchObject({ hasPreviousPage: more, hasNextPage: before !== null });
      seen.unshift(...versionsOf(page));
      before = page.pageInfo['startCursor'];
    }
    expect(seen).toEqual(VERSIONS);
  });

  test('is limited at both ends by two cursors', async () => {
    const { edges } = await history({ first: 10 });
    const [after, before] = [edges[2]?.cursor, edges[7]?.cursor];
    expect(versionsOf(await history({ after, before }))).toEqual(VERSIONS.slice(3, 7));
    expect(versionsOf(await history({ after, before, first: 2 }))).toEqual(VERSIONS.slice(3, 5));
    expect(versionsOf(await history({ after, before, last: 2 }))).toEqual(VERSIONS.slice(5, 7));
  });

  test('ends with empty pages that have no cursors', async () => {
    const { edges } = await history({ last: 1 });
    const none = { startCursor: null, endCursor: null };
    const end = await history({ after: edges[0]?.cursor });
    expect(end).toEqual({
      nodes: [],
      edges: [],
      pageInfo: { hasNextPage: false, hasPreviousPage: true, ...none },
    });
    expect(await history({ first: 0 })).toMatchObject({
      edges: [],
      pageInfo: { hasNextPage: true, ...none },
    });
    const [fresh] = await makeAccounts(ledger, 1);
    expect(await history({}, fresh)).toEqual({
      nodes: [],
      edges: [],
      pageInfo: { hasNextPage: false, hasPreviousPage: false, ...none },
    });
  });
});

test.each(['accounts', 'transactions'])('%s are read in both directions, newest first', async (list) => {
  await makeAccounts(ledger, 5);
  const read = async (args: string) => {
    const { data, errors } = await api.ask<Record<string, Page>>(
      `{ ${list}${args} { nodes { id } ${PAGE} } }`,
    );
    expect(errors).toBeUndefined();
    return data[list] ?? { nodes: [], edges: [], pageInfo: {} };
  };
  const ids = ({ nodes }: Page) => nodes.map(({ id }) => id);
  const all = ids(await read('(first: 100)'));
  expect(all).toEqual([...all].sort().reverse());
  expect(all.length).toBeGreaterThan(7);

  const one = await read('(first: 3)');
  const two = await read(`(first: 4, after: "${one.pageInfo['endCursor']}")`);
  expect([...ids(one), ...ids(two)]).toEqual(all.slice(0, 7));
  const back = await read(`(last: 100, before: "${two.pageInfo['startCursor']}")`);
  expect(ids(back)).toEqual(ids(one));
  expect(back.pageInfo).toMatchObject({ hasPreviousPage: false, hasNextPage: true });
  expect(ids(await read('(last: 2)'))).toEqual(all.slice(-2));
});

describe('an invalid page is an error that names the remedy', () => {
  const OF_THIS_LIST =
    'must be a cursor of the same list. Repeat the filter of the page that returned the cursor, or omit the cursor.';
  const ask = async (args: string, list = 'accounts') => {
    const { data, errors } = await api.ask(`{ ${list}${args} { nodes { id } } }`);
    expect(data).toBeNull();
    expect(errors).toHaveLength(1);
    expect(errors?.[0]?.extensions).toEqual({ code: 'INVALID_INPUT' });
    return errors?.[0]?.message;
  };

  test.each([
    ['(first: 101)', 'first must be 0 to 100, but is 101.'],
    ['(last: 1000)', 'last must be 0 to 100, but is 1000.'],
    ['(first: -1)', 'first must be 0 to 100, but is -1.'],
    ['(last: -5)', 'last must be 0 to 100, but is -5.'],
    ['(first: 1, last: 1)', 'first and last must not be used together.'],
    ['(after: "")', `after ${OF_THIS_LIST}`],
    ['(before: "nonsense")', `before ${OF_THIS_LIST}`],
    ['(after: "\' or true --")', `after ${OF_THIS_LIST}`],
  ])('%s', async (args, message) => {
    expect(await ask(args)).toBe(message);
  });

  test('with a cursor of another list', async () => {
    const cursor = (await history({ first: 1 })).pageInfo['endCursor'];
    expect(await ask(`(after: "${cursor}")`, 'transactions')).toBe(`after ${OF_THIS_LIST}`);
    const { errors } = await api.ask(
      `query ($shop: ID!) { account(id: $shop) { history(after: "${cursor}") { nodes { id } } } }`,
      { shop },
    );
    expect(errors).toMatchObject([{ path: ['account', 'history'], extensions: { code: 'INVALID_INPUT' } }]);
  });

  test('with a forged cursor', async () => {
    for (const text of ['accounts x y', "accounts - ' or true", 'accounts', 'accounts - 1', '']) {
      const cursor = Buffer.from(text).toString('base64url');
      expect(await ask(`(after: "${cursor}")`)).toBe(`after ${OF_THIS_LIST}`);
    }
  });
});

describe('node', () => {
  test('finds every type by its id', async () => {
    const { data } = await api.ask<{
      ledger: { id: string };
      account: { id: string; history: { nodes: { id: string; transaction: { id: string } }[] } };
    }>(
      'query ($id: ID!) { ledger { id } account(id: $id) { id history(first: 1) { nodes { id transaction { id } } } } }',
      {
        id: wallet,
      },
    );
    const [entry] = data.account.history.nodes;
    const ids = [data.ledger.id, data.account.id, entry?.transaction.id, entry?.id];
    const found = [
      { __typename: 'Ledger', id: ids[0], name: 'main' },
      { __typename: 'Account', id: ids[1], owner: 'walter' },
      { __typename: 'Transaction', id: ids[2], type: 'TRANSFER' },
      { __typename: 'Entry', id: ids[3], version: '46' },
    ];
    const FIELDS = `__typename id ... on Ledger { name } ... on Account { owner }
      ... on Transaction { type } ... on Entry { version }`;
    const unknown = ['acct_00000000000000000000000000', 'ext:x', 'hold_00000000000000000000000000'];
    const nodes = await api.ask(`query ($ids: [ID!]!) { nodes(ids: $ids) { ${FIELDS} } }`, {
      ids: [...ids, ...unknown, ids[1], `${ids[3]}0`],
    });
    expect(nodes.data).toEqual({ nodes: [...found, null, null, null, found[1], null] });
    for (const [place, id] of ids.entries()) {
      const one = await api.ask(`query ($id: ID!) { node(id: $id) { ${FIELDS} } }`, { id });
      expect(one.data).toEqual({ node: found[place] });
    }
  });

  test('accepts at most a hundred ids', async () => {
    const ask = (count: number) =>
      api.ask('query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', { ids: Array(count).fill(wallet) });
    expect((await ask(100)).data).toEqual({ nodes: Array(100).fill({ id: wallet }) });
    const { data, errors } = await ask(101);
    expect(data).toBeNull();
    expect(errors).toMatchObject([
      { message: 'ids must have at most 100 elements, but has 101.', extensions: { code: 'INVALID_INPUT' } },
    ]);
  });
});

test('the trial balance has one line for each currency, and debits equal credits', async () => {
  const ledgerOfIts = await createTestDatabase();
  const own = await openLedger(ledgerOfIts);
  const { ask } = await serve(own);
  const query = `{ ledger {
    name closedBefore createdAt currencies { code exponent } head { number hash createdAt }
    trialBalance { currency accounts debits { amount currency } credits { amount currency } held { amount } }
  } }`;
  const empty = await ask<{ ledger: { createdAt: string } }>(query);
  const { createdAt } = empty.data.ledger;
  expect(empty.data.ledger).toEqual({
    name: 'main',
    closedBefore: null,
    createdAt,
    currencies: [],
    head: { number: '0', hash: '', createdAt },
    trialBalance: [],
  });

  const dollars = await makeAccount(own, { funds: '10' });
  const overdrawn = await makeAccount(own, { minBalance: { unlimited: true } });
  await transfer(own, { fromAccountId: overdrawn, toAccountId: dollars, amount: '3.50' });
  await deposit(own, { accountId: await makeAccount(own, { currency: 'JPY' }), amount: '7' });
  const money = (amount: string, currency: string) => ({ amount, currency });
  expect((await ask(query)).data['ledger']).toEqual({
    name: 'main',
    closedBefore: null,
    createdAt,
    currencies: [
      { code: 'JPY', exponent: 0 },
      { code: 'USD', exponent: 2 },
    ],
    head: { number: '3', hash: expect.stringMatching(/^[0-9a-f]{64}$/), createdAt: expect.any(String) },
    trialBalance: [
      {
        currency: 'JPY',
        accounts: 2,
        debits: money('7', 'JPY'),
        credits: money('7', 'JPY'),
        held: { amount: '0' },
      },
      {
        currency: 'USD',
        accounts: 3,
        debits: money('13.50', 'USD'),
        credits: money('13.50', 'USD'),
        held: { amount: '0.00' },
      },
    ],
  });
});

test('no request caused a fault', () => expect(api.faults).toEqual([]));
