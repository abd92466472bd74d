import { expect, test } from 'vitest';
import { asOwner, createTestDatabase } from '../../support/database.ts';
import { makeAccount, makeAccounts, openLedger, transfer } from '../../support/ledger.ts';
import { statementsDuring } from '../../support/statements.ts';
import { newKey, serve } from '../api.ts';

const database = await createTestDatabase();
// Counts the statements of connections that are opened later.
await asOwner(database, `alter database ${database.name} set log_statement = 'all'`);
const ledger = await openLedger(database);
const api = await serve(ledger);

/** Without the statement that reads once a second whether an API key exists. */
const statementsOf = async (run: () => Promise<unknown>) =>
  (await statementsDuring(database, run)).filter((text) => !text.includes('from "access_state"'));

test('a page of history takes the same number of statements for any length', async () => {
  const wallet = await makeAccount(ledger, { funds: '1000' });
  // Each entry links to another account.
  for (const toAccountId of await makeAccounts(ledger, 110)) {
    await transfer(ledger, { fromAccountId: wallet, toAccountId, amount: '1' });
  }
  const read = (first: number) => async () => {
    const { data, errors } = await api.ask<{ account: { history: { nodes: object[] } } }>(
      `query ($id: ID!, $first: Int!) { account(id: $id) { history(first: $first) {
        nodes { account { id } transaction { keyAccount { id } reversals(first: 5) { nodes { id } } entries { account { owner } transaction { id } } } }
      } } }`,
      { id: wallet, first },
    );
    expect(errors).toBeUndefined();
    expect(data.account.history.nodes).toHaveLength(first);
  };
  const ten = await statementsOf(read(10));
  const hundred = await statementsOf(read(100));
  expect(hundred.length).toBe(ten.length);
  // The account, its entries, their transactions with all entries, the accounts of these, and the reversals.
  expect(ten.length).toBe(6);
});

test('a page of holds takes the same number of statements for any length', async () => {
  const wallet = await makeAccount(ledger, { funds: '1000' });
  // Each hold links to another account.
  const others = await makeAccounts(ledger, 110);
  await Promise.all(
    others.map((toAccountId) =>
      api.mutate('placeHold', { fromAccountId: wallet, toAccountId, amount: '1', idempotencyKey: newKey() }),
    ),
  );
  const count = async (query: string, first: number) => {
    const statements = await statementsOf(async () => {
      const { data, errors } = await api.ask(query, { id: wallet, first });
      expect(errors).toBeUndefined();
      expect(JSON.stringify(data).match(/hold_/g)?.length).toBe(first);
    });
    return statements.length;
  };
  const fields = 'nodes { id status amount { amount } from { owner } to { owner } }';
  for (const [query, expected] of [
    // The holds, and their accounts.
    [`query ($first: Int!) { holds(first: $first) { ${fields} } }`, 2],
    // With a filter: a snapshot, its settings, the search, its end, the holds, and their accounts.
    [`query ($first: Int!) { holds(first: $first, filter: { status: OPEN }) { ${fields} } }`, 6],
    [`query ($id: ID!, $first: Int!) { account(id: $id) { holds(first: $first) { ${fields} } } }`, 7],
    // The holds, and the parties of all.
    [
      'query ($first: Int!) { holds(first: $first) { nodes { id fromParty { owner } toParty { owner } } } }',
      2,
    ],
    // The transactions, their entries, and the parties of all.
    ['query ($first: Int!) { transactions(first: $first) { nodes { hold { id } parties { owner } } } }', 3],
    // The transactions, their entries, and their holds.
    ['query ($first: Int!) { transactions(first: $first) { nodes { hold { id status } } } }', 3],
    // Only the ids of the holds are selected: they are not read.
    ['query ($first: Int!) { transactions(first: $first) { nodes { hold { id } } } }', 2],
  ] as const) {
    expect(await count(query, 10)).toBe(expected);
    expect(await count(query, 100)).toBe(expected);
  }
});

test('nodes of one type are read with one statement', async () => {
  const ids = await makeAccounts(ledger, 30);
  const statements = await statementsOf(() =>
    api.ask('query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Account { owner } } }', { ids }),
  );
  expect(statements).toHaveLength(1);
});

test('a placed hold is returned without another statement', async () => {
  const [a = '', b = ''] = await makeAccounts(ledger, 2, { funds: '10' });
  const run = (selection: string) =>
    statementsOf(() =>
      api.mutate(
        'placeHold',
        { fromAccountId: a, toAccountId: b, amount: '1', idempotencyKey: newKey() },
        selection,
      ),
    );
  const bare = await run('');
  const full =
    await run(`... on HoldPlaced { replayed transaction { id amount { amount } entries { heldAfter { amount } } }
    hold { id status expiresAt createdAt amount { amount } captured { amount } remaining { amount } } }`);
  expect(bare.length).toBeGreaterThan(0);
  expect(full).toHaveLength(bare.length);
});

test('a posted transaction is returned without another statement', async () => {
  const [a = '', b = ''] = await makeAccounts(ledger, 2, { funds: '10' });
  const run = (selection: string) =>
    statementsOf(() =>
      api.mutate(
        'transfer',
        { fromAccountId: a, toAccountId: b, amount: '1', idempotencyKey: newKey() },
        selection,
      ),
    );
  const bare = await run('');
  const full = await run(`... on TransactionPosted { replayed transaction {
    id type idempotencyKey externalId description metadata effectiveAt createdAt amount { amount currency }
    entries {
      id side layer version description effectiveAt createdAt
      amount { amount } balanceAfter { amount } heldAfter { amount } transaction { id }
    }
  } }`);
  expect(bare.length).toBeGreaterThan(0);
  expect(full).toHaveLength(bare.length);
});
