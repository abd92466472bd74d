import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import {
  createLedgerClient,
  isPosted,
  isRefusal,
  LedgerRefusal,
  RequestRejected,
  type TypedDocument,
  Unreachable,
  unwrap,
} from '../../src/client/index.ts';
import { serve } from '../graphql/api.ts';
import { createTestDatabase } from '../support/database.ts';
import { expectSoundBooks, makeAccount, makeAccounts, openLedger } from '../support/ledger.ts';

const database = await createTestDatabase();
const books = await openLedger(database);
const { server } = await serve(books);
const url = `${server.url}/graphql`;
const ledger = createLedgerClient({ url });
afterAll(() => expectSoundBooks(database));

/** Returns the result as the member that the test expects. Fails for any other member. */
function as<Result extends { readonly __typename: string }, Name extends Result['__typename']>(
  name: Name,
  result: Result,
): Extract<Result, { readonly __typename: Name }> {
  expect(result.__typename, JSON.stringify(result)).toBe(name);
  return result as Extract<Result, { readonly __typename: Name }>;
}

async function collect<T>(list: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const each of list) all.push(each);
  return all;
}

describe('a mutation', () => {
  it('creates an account and returns its amounts as exact text', async () => {
    const created = as(
      'AccountCreated',
      await ledger.createAccount({ owner: 'alice', currency: 'USD', minBalance: { amount: '-5.5' } }),
    );
    expect(created.account).toMatchObject({
      owner: 'alice',
      balance: { amount: '0.00', currency: 'USD' },
      minBalance: { amount: '-5.50' },
      version: '0',
    });
  });

  it('moves money in, across and out', async () => {
    const [a = '', b = ''] = await makeAccounts(books, 2);
    as('TransactionPosted', await ledger.deposit({ accountId: a, amount: '10' }));
    const moved = as(
      'TransactionPosted',
      await ledger.transfer({ fromAccountId: a, toAccountId: b, amount: '4.25', metadata: { order: '7' } }),
    );
    as('TransactionPosted', await ledger.withdraw({ accountId: b, amount: '1.25' }));

    expect(moved.transaction).toMatchObject({
      type: 'TRANSFER',
      amount: { amount: '4.25' },
      metadata: { order: '7' },
    });
    expect(moved.transaction.entries.map(({ balanceAfter }) => balanceAfter.amount)).toEqual([
      '5.75',
      '4.25',
    ]);
    expect((await ledger.account(b))?.balance.amount).toBe('3.00');
  });

  it('posts journals and reverses them', async () => {
    const [a = '', b = ''] = await makeAccounts(books, 2, { funds: '10' });
    const { transaction } = as(
      'TransactionPosted',
      await ledger.postTransaction({
        keyAccountId: a,
        entries: [
          { accountId: a, side: 'DEBIT', amount: '2' },
          { accountId: b, side: 'CREDIT', amount: '2' },
        ],
      }),
    );
    const reversed = as(
      'TransactionPosted',
      await ledger.reverseTransaction({ transactionId: transaction.id }),
    );
    expect(reversed.transaction.reverses?.id).toBe(transaction.id);
  });

  it('places, captures and voids holds', async () => {
    const [a = '', b = ''] = await makeAccounts(books, 2, { funds: '10' });
    const place = async () =>
      as('HoldPlaced', await ledger.placeHold({ fromAccountId: a, toAccountId: b, amount: '3' })).hold;
    const [first, second] = [await place(), await place()];
    as('TransactionPosted', await ledger.captureHold({ holdId: first.id, amount: '1' }));
    as('TransactionPosted', await ledger.voidHold({ holdId: second.id }));
    expect(await ledger.hold(first.id)).toMatchObject({ status: 'CAPTURED', captured: { amount: '1.00' } });
    expect(await ledger.hold(second.id)).toMatchObject({ status: 'VOIDED' });
  });

  it('changes accounts', async () => {
    const id = await makeAccount(books);
    const limits = { accountId: id, maxBalance: { amount: '100' } };
    expect(as('AccountUpdated', await ledger.updateAccount(limits)).account.maxBalance?.amount).toBe(
      '100.00',
    );
    expect(as('AccountUpdated', await ledger.freezeAccount(id)).account.status).toBe('FROZEN');
    expect(as('AccountUpdated', await ledger.unfreezeAccount(id)).account.status).toBe('OPEN');
    expect(as('AccountUpdated', await ledger.closeAccount(id)).account.status).toBe('CLOSED');
  });

  it('registers a currency, and closes a period', async () => {
    const currency = { code: 'POINTS', exponent: 0 };
    expect(as('CurrencyRegistered', await ledger.createCurrency(currency)).registered).toEqual(currency);
    const closed = as('PeriodClosed', await ledger.closePeriod({ before: '2020-01-01T00:00:00Z' }));
    expect(closed.ledger.closedBefore).toBe('2020-01-01T00:00:00.000000Z');
    expect((await ledger.ledger()).currencies).toContainEqual(currency);
  });

  it('that is refused returns the refusal with its data', async () => {
    const [a = '', b = ''] = await makeAccounts(books, 2, { funds: '10', minBalance: { amount: '0' } });
    const refused = await ledger.transfer({ fromAccountId: a, toAccountId: b, amount: '11' });
    expect(isRefusal(refused)).toBe(true);
    expect(as('InsufficientFundsError', refused)).toMatchObject({
      code: 'INSUFFICIENT_FUNDS',
      retryable: false,
      account: { id: a },
      available: { amount: '10.00' },
      requested: { amount: '11.00' },
    });
    expect(isRefusal(await ledger.deposit({ accountId: a, amount: '1' }))).toBe(false);
  });

  it('with a key of the caller is replayed', async () => {
    const accountId = await makeAccount(books);
    const input = { accountId, amount: '1', idempotencyKey: randomUUID() };
    const first = as('TransactionPosted', await ledger.deposit(input));
    expect(as('TransactionPosted', await ledger.deposit(input))).toEqual({ ...first, replayed: true });
    const outcome = await ledger.outcomeByKey(accountId, input.idempotencyKey);
    expect(outcome).toEqual({ ...first, replayed: true });
    expect(await ledger.outcomeByKey(accountId, 'another')).toBeNull();
  });
});

describe('a result', () => {
  it('is returned by unwrap, or thrown as LedgerRefusal with its data', async () => {
    const [a = '', b = ''] = await makeAccounts(books, 2, { funds: '10', minBalance: { amount: '0' } });
    const pay = (amount: string) => ledger.transfer({ fromAccountId: a, toAccountId: b, amount });
    const paid = await pay('1');
    expect(unwrap(paid)).toBe(paid);
    const refused = await pay('100');
    const thrown = await Promise.resolve(refused)
      .then(unwrap)
      .catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(LedgerRefusal);
    expect(thrown).toMatchObject({
      refusal: refused,
      message: expect.stringMatching(/^INSUFFICIENT_FUNDS: /),
    });
    const placed = await ledger.placeHold({ fromAccountId: a, toAccountId: b, amount: '1' });
    const created = await ledger.createAccount({ owner: 'a', currency: 'USD' });
    expect([paid, placed, refused, created].map(isPosted)).toEqual([true, true, false, false]);
    expect(unwrap(created).account.owner).toBe('a');
  });
});

describe('a query', () => {
  it('returns the node, or null if there is none', async () => {
    const id = await makeAccount(books, { funds: '1' });
    const [entry] = await collect(ledger.history(id));
    const transactionId = entry?.transaction.id ?? '';
    expect(await ledger.transaction(transactionId)).toMatchObject({ id: transactionId, type: 'DEPOSIT' });
    expect(await ledger.node(id)).toEqual({ __typename: 'Account', id });
    expect(await ledger.nodes([id, 'acct_unknown'])).toEqual([{ __typename: 'Account', id }, null]);
    expect(await ledger.account('ext:missing')).toBeNull();
    expect(await ledger.hold('hold_unknown')).toBeNull();
  });

  it('sums the trial balance, of all accounts or of some', async () => {
    const owner = randomUUID();
    await makeAccount(books, { funds: '12.5', owner });
    const [line] = (await ledger.trialBalance()).filter(({ currency }) => currency === 'USD');
    expect(line?.debits).toEqual(line?.credits);
    expect(await ledger.trialBalance({ owner })).toEqual([
      {
        currency: 'USD',
        debits: { amount: '0.00', currency: 'USD' },
        credits: { amount: '12.50', currency: 'USD' },
        held: { amount: '0.00', currency: 'USD' },
        accounts: expect.anything(),
      },
    ]);
  });

  it('previews an operation', async () => {
    const [a = '', b = ''] = await makeAccounts(books, 2, { funds: '10' });
    const preview = as(
      'Preview',
      await ledger.preview({ transfer: { fromAccountId: a, toAccountId: b, amount: '3' } }),
    );
    expect(preview.entries.map(({ balanceAfter }) => balanceAfter.amount)).toEqual(['7.00', '13.00']);
    expect((await ledger.account(a))?.balance.amount).toBe('10.00');
  });

  it('of the caller runs with its types', async () => {
    const id = await makeAccount(books, { owner: 'carol' });
    const owner = 'query ($id: ID!) { account(id: $id) { owner } }' as TypedDocument<
      { readonly account: { readonly owner: string } | null },
      { readonly id: string }
    >;
    expect((await ledger.request(owner, { id })).account?.owner).toBe('carol');
    const wrong = 'query { nothing }' as TypedDocument<unknown, object>;
    await expect(ledger.request(wrong, {})).rejects.toThrow(RequestRejected);
  });

  it('throws Unreachable if there is no service', async () => {
    const lost = createLedgerClient({ url: 'http://127.0.0.1:1/graphql', deadlineMs: 300 });
    await expect(lost.account('acct_1')).rejects.toThrow(Unreachable);
  });
});

describe('a list', () => {
  it('iterates over all pages', async () => {
    const owner = randomUUID();
    const made = as(
      'AccountsCreated',
      await ledger.createAccounts(Array.from({ length: 230 }, () => ({ owner, currency: 'USD' }))),
    );
    expect(made.results).toHaveLength(230);
    const listed = await collect(ledger.accounts({ owner }));
    expect(new Set(listed.map(({ id }) => id)).size).toBe(230);
  });

  it('can be read page by page', async () => {
    const owner = randomUUID();
    const accounts = Array.from({ length: 5 }, () => ({ owner, currency: 'USD' }));
    as('AccountsCreated', await ledger.createAccounts(accounts));
    const list = ledger.accounts({ owner });
    const all = await collect(list);
    const first = await list.page({ first: 2 });
    const second = await list.page({ first: 2, after: first.pageInfo.endCursor ?? null });
    const third = await list.page({ first: 2, after: second.pageInfo.endCursor ?? null });
    expect([first, second, third].map(({ pageInfo }) => pageInfo.hasNextPage)).toEqual([true, true, false]);
    expect([first, second, third].flatMap(({ nodes }) => nodes)).toEqual(all);
    expect((await list.page()).nodes).toEqual(all);
  });

  it('reads a page only when its nodes are needed', async () => {
    const counted: string[] = [];
    const counting = createLedgerClient({
      url,
      fetch: (to, init) => {
        counted.push(String(init.body));
        return fetch(to, init);
      },
    });
    for await (const account of counting.accounts()) {
      expect(account.id).toMatch(/^acct_/);
      break;
    }
    expect(counted).toHaveLength(1);
  });

  it('has transactions, holds and the entries of an account', async () => {
    const [a = '', b = ''] = await makeAccounts(books, 2, { funds: '10' });
    await ledger.placeHold({ fromAccountId: a, toAccountId: b, amount: '1' });
    await ledger.transfer({ fromAccountId: a, toAccountId: b, amount: '1' });
    const types = (await collect(ledger.transactions({ accountId: a }))).map(({ type }) => type);
    expect(types).toEqual(['TRANSFER', 'HOLD', 'DEPOSIT']);
    expect(await collect(ledger.holds({ accountId: a }))).toMatchObject([{ amount: { amount: '1.00' } }]);
    expect(await collect(ledger.history(a, { layer: 'POSTED' }))).toHaveLength(2);
    expect((await collect(ledger.history(a)))[1]).toMatchObject({
      layer: 'PENDING',
      description: null,
      effectiveAt: expect.stringMatching(/Z$/),
      transaction: { type: 'HOLD', description: null, externalId: null },
    });
    expect(await collect(ledger.history('acct_unknown'))).toEqual([]);
  });

  it('has the audit events of the ledger, and the changes of an account', async () => {
    const [a = ''] = await makeAccounts(books, 1);
    unwrap(await ledger.freezeAccount(a));
    unwrap(await ledger.unfreezeAccount(a));
    const changes = await collect(ledger.changes(a));
    expect(changes).toMatchObject([
      { action: 'unfreezeAccount', subjectId: a, actor: null },
      { action: 'freezeAccount', subjectId: a, actor: null },
    ]);
    expect(JSON.parse(changes[1]?.after ?? '')).toMatchObject({ status: 'FROZEN' });
    expect(await collect(ledger.auditEvents({ subjectId: a }))).toEqual(changes);
    const [newest] = (await ledger.auditEvents().page({ first: 1 })).nodes;
    expect(newest).toEqual(changes[0]);
    expect(await collect(ledger.changes('acct_unknown'))).toEqual([]);
  });

  it('of the journal has pages with cursors, from which it continues', async () => {
    const [a = '', b = ''] = await makeAccounts(books, 2, { funds: '10' });
    const { cursor: start } = await ledger.head();
    const pay = (amount: string) => ({ transfer: { fromAccountId: a, toAccountId: b, amount } });
    const operations = Array.from({ length: 230 }, () => pay('0.01'));
    as('BatchProcessed', await ledger.postBatch(operations, { mode: 'ATOMIC' }));

    const pages = await collect(ledger.journal(start));
    expect(pages.map(({ transactions }) => transactions.length)).toEqual([100, 100, 30]);
    const posted = (await collect(ledger.transactions({ accountId: a }))).slice(0, 230).reverse();
    expect(pages.flatMap(({ transactions }) => transactions)).toEqual(posted);
    expect(await collect(ledger.journal(pages[0]?.cursor))).toEqual(pages.slice(1));
    const end = pages.at(-1)?.cursor ?? '';
    expect((await ledger.head()).cursor).toBe(end);
    expect(await collect(ledger.journal(end))).toEqual([{ transactions: [], cursor: end }]);
    expect((await collect(ledger.journal())).at(-1)?.cursor).toBe(end);
  });

  it('is rejected if its cursor belongs to other books or is invalid', async () => {
    const cursorOf = (text: string) => Buffer.from(text).toString('base64url');
    for (const [cursor, code] of [
      [cursorOf('journal 1 1 0123456789abcdef'), 'JOURNAL_REWOUND'],
      ['x', 'INVALID_INPUT'],
    ] as const) {
      const rejected = await collect(ledger.journal(cursor)).catch((error: unknown) => error);
      expect(rejected).toBeInstanceOf(RequestRejected);
      expect(rejected).toMatchObject({ errors: [{ extensions: { code } }] });
    }
  });
});

describe('a batch', () => {
  it('is cut into requests and has its results in order', async () => {
    const [a = '', b = ''] = await makeAccounts(books, 2, { funds: '1000', minBalance: { amount: '0' } });
    const pay = (amount: string) => ({ transfer: { fromAccountId: a, toAccountId: b, amount } });
    const operations = Array.from({ length: 2100 }, (_, place) => pay(place === 1500 ? '5000' : '0.10'));
    const { results } = as('BatchProcessed', await ledger.postBatch(operations));
    expect(results).toHaveLength(2100);
    expect(results.flatMap((result, place) => (isRefusal(result) ? place : []))).toEqual([1500]);
    expect((await ledger.account(b))?.balance.amount).toBe('1209.90');
  });

  it('that is ATOMIC is posted as a whole or not at all', async () => {
    const [a = '', b = ''] = await makeAccounts(books, 2, { funds: '10', minBalance: { amount: '0' } });
    const operations = ['4', '7'].map((amount) => ({
      transfer: { fromAccountId: a, toAccountId: b, amount },
    }));
    const aborted = as('BatchAbortedError', await ledger.postBatch(operations, { mode: 'ATOMIC' }));
    expect(aborted).toMatchObject({ index: 1, cause: { code: 'INSUFFICIENT_FUNDS' } });
    expect((await ledger.account(a))?.balance.amount).toBe('10.00');
  });

  it('without operations is refused by the service', async () => {
    as('InvalidInputError', await ledger.postBatch([]));
  });
});
