import { afterAll, afterEach, expect, test } from 'vitest';
import { createTestDatabase } from '../../support/database.ts';
import { expectSoundBooks, makeAccount, openLedger } from '../../support/ledger.ts';
import { newKey, serve } from '../api.ts';
import { idsOf, readLists } from './lists.ts';

const database = await createTestDatabase();
const ledger = await openLedger(database);
const api = await serve(ledger);
const alice = await makeAccount(ledger, { funds: '1000', externalId: 'alice' });
const bob = await makeAccount(ledger, { funds: '1000' });
const carol = await makeAccount(ledger);
const lists = readLists(api, alice);

afterEach(() => expect(api.faults).toEqual([]));
afterAll(() => expectSoundBooks(database));

async function place(fromAccountId: string, toAccountId: string, expiresAt?: string): Promise<string> {
  const { hold } = await api.mutate(
    'placeHold',
    { fromAccountId, toAccountId, amount: '10', expiresAt, idempotencyKey: newKey() },
    '... on HoldPlaced { hold { id } }',
  );
  return Object(hold).id;
}
const capture = (holdId: string, more: object = {}) =>
  api.mutate(
    'captureHold',
    { holdId, idempotencyKey: newKey(), ...more },
    '... on TransactionPosted { transaction { id } }',
  );
const release = (holdId: string) =>
  api.mutate(
    'voidHold',
    { holdId, idempotencyKey: newKey() },
    '... on TransactionPosted { transaction { id } }',
  );

// Oldest first.
const toBob = await place(alice, bob, '2990-01-01T00:00:00Z');
const toCarol = await place(alice, carol);
const back = await place(bob, alice, '2991-01-01T00:00:00Z');
const captured = await place(alice, carol, '2990-06-01T00:00:00Z');
const others = await place(bob, carol, '2992-01-01T00:00:00Z');
await capture(captured);
await release(others);

test('holds are listed newest first, in pages from both ends', async () => {
  const all = [others, captured, back, toCarol, toBob];
  for (const size of [1, 2, 5, 100]) {
    expect(idsOf(await lists.readForwards('holds', null, size))).toEqual(all);
    expect(idsOf(await lists.readBackwards('holds', null, size))).toEqual(all);
  }
});

test.each<[object, string[]]>([
  [{ accountId: alice }, [captured, back, toCarol, toBob]],
  [{ accountId: 'ext:alice', status: 'OPEN' }, [back, toCarol, toBob]],
  [{ accountId: bob }, [others, back, toBob]],
  [{ accountId: carol, status: 'VOIDED' }, [others]],
  [{ accountId: carol, status: 'OPEN' }, [toCarol]],
  [{ status: 'CAPTURED' }, [captured]],
  [{ status: 'EXPIRED' }, []],
  [{ status: 'OPEN' }, [back, toCarol, toBob]],
  [{ expiresAt: {} }, [others, captured, back, toCarol, toBob]],
  [{ expiresAt: { from: '2990-06-01T00:00:00Z' } }, [others, captured, back]],
  [{ expiresAt: { from: '2990-01-01T00:00:00Z', to: '2991-01-01T00:00:00Z' } }, [captured, toBob]],
  [{ expiresAt: { to: '2999-01-01T00:00:00Z' }, status: 'OPEN' }, [back, toBob]],
  [{ expiresAt: { to: '2999-01-01T00:00:00Z' }, status: 'OPEN', accountId: bob }, [back, toBob]],
  [{ accountId: 'ext:unknown' }, []],
  [{ accountId: '' }, []],
])('the filter %j finds the matching holds, from both ends', async (filter, ids) => {
  for (const size of [1, 2, 100]) {
    expect(idsOf(await lists.readForwards('holds', { ...filter }, size))).toEqual(ids);
    expect(idsOf(await lists.readBackwards('holds', { ...filter }, size))).toEqual(ids);
  }
});

test('the error names a malformed time in the filter', async () => {
  const filter = { expiresAt: { from: 'tomorrow' } };
  expect(await lists.refusal('holds', { filter })).toMatch(/^filter\.expiresAt\.from must/);
});

test('a cursor is only accepted by its list and filter', async () => {
  const page = await lists.read('holds', { first: 1, filter: { status: 'OPEN' } });
  const after = page.pageInfo.endCursor;
  expect(await lists.refusal('holds', { after })).toContain('another filter');
  const { errors } = await api.ask(
    'query ($id: ID!, $after: String) { account(id: $id) { holds(after: $after) { nodes { id } } } }',
    { id: alice, after },
  );
  expect(errors).toMatchObject([{ extensions: { code: 'INVALID_INPUT' } }]);
});

test('an account lists the holds from and to it, and those with a status', async () => {
  const { data } = await api.ask(
    `query ($alice: ID!, $carol: ID!, $before: String) {
      alice: account(id: $alice) {
        holds(first: 3) { nodes { id from { id } to { id } } pageInfo { hasNextPage } }
        open: holds(status: OPEN) { edges { node { id } } }
        last: holds(last: 1, status: OPEN, before: $before) { nodes { id } }
      }
      carol: account(id: $carol) { holds(status: OPEN) { nodes { id } } none: holds(status: EXPIRED) { nodes { id } } }
    }`,
    { alice, carol },
  );
  expect(data).toEqual({
    alice: {
      holds: {
        nodes: [
          { id: captured, from: { id: alice }, to: { id: carol } },
          { id: back, from: { id: bob }, to: { id: alice } },
          { id: toCarol, from: { id: alice }, to: { id: carol } },
        ],
        pageInfo: { hasNextPage: true },
      },
      open: { edges: [{ node: { id: back } }, { node: { id: toCarol } }, { node: { id: toBob } }] },
      last: { nodes: [{ id: toBob }] },
    },
    carol: { holds: { nodes: [{ id: toCarol }] }, none: { nodes: [] } },
  });
});

test('a hold lists the transactions that placed, captured and released it, oldest first', async () => {
  const { hold, transaction } = await api.mutate(
    'placeHold',
    { fromAccountId: alice, toAccountId: bob, amount: '10', idempotencyKey: newKey() },
    '... on HoldPlaced { hold { id } transaction { id } }',
  );
  const id: string = Object(hold).id;
  const ids: string[] = [Object(transaction).id];
  for (const amount of ['1', '2', '3']) {
    ids.push(Object((await capture(id, { amount, final: false }))['transaction']).id);
    expect(await capture(id, { amount: '100' })).toMatchObject({ code: 'HOLD_AMOUNT_EXCEEDED' });
  }
  ids.push(Object((await release(id))['transaction']).id);
  expect(await capture(id)).toMatchObject({ code: 'HOLD_NOT_OPEN' });

  const page = async (args: object) => {
    const { data, errors } = await api.ask<{ hold: { transactions: Page } }>(
      `query ($id: ID!, $first: Int, $after: String, $last: Int, $before: String) { hold(id: $id) {
        transactions(first: $first, after: $after, last: $last, before: $before) {
          nodes { id type } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }`,
      { id, ...args },
    );
    expect(errors).toBeUndefined();
    return data.hold.transactions;
  };
  const whole = await page({});
  expect(idsOf(whole)).toEqual(ids);
  expect(whole.nodes.map(({ type }) => type)).toEqual(['HOLD', 'CAPTURE', 'CAPTURE', 'CAPTURE', 'RELEASE']);
  expect(whole.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: false });

  const forwards: string[] = [];
  let after: string | null = null;
  do {
    const { pageInfo, ...read }: Page = await page({ first: 2, after });
    forwards.push(...idsOf(read));
    after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
  } while (after !== null);
  expect(forwards).toEqual(ids);

  const backwards: string[] = [];
  let before: string | null = null;
  do {
    const { pageInfo, ...read }: Page = await page({ last: 2, before });
    backwards.unshift(...idsOf(read));
    before = pageInfo.hasPreviousPage ? pageInfo.startCursor : null;
  } while (before !== null);
  expect(backwards).toEqual(ids);
});

interface Page {
  readonly nodes: readonly { readonly id: string; readonly type: string }[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
}
