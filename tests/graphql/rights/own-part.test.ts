// What a caller restricted to an owner sees of transactions and holds with others.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SCOPES } from '../../../src/core/access/viewer.ts';
import type { Command } from '../../../src/core/decide/command.ts';
import { toCapture, toHold, toJournal, toReversal, toTransfer } from '../../../src/core/decide/request.ts';
import type { Refusal } from '../../../src/core/errors.ts';
import { formatEntryId, formatId, parseId } from '../../../src/core/values/ids.ts';
import { schema } from '../../../src/graphql/schema.ts';
import { createKey } from '../../support/access.ts';
import { createTestDatabase } from '../../support/database.ts';
import { commandOf, expectPosted, expectSoundBooks, makeAccount, openLedger } from '../../support/ledger.ts';
import { compiled, executed, restrictedTo, viewerWith } from './execution.ts';
import { isForRestricted, selectionOf } from './selection.ts';

const database = await createTestDatabase();
const ledger = await openLedger(database);
afterAll(() => expectSoundBooks(database));
const alice = restrictedTo('alice');
const { apiKey } = await createKey(ledger.engine.access, ledger.id, { scopes: SCOPES, name: 'the shop' });
const shop = { ...viewerWith(), actor: apiKey.actor };

/** Values of others, which alice never sees. */
const SECRET = { metadata: 'bob knows', key: 'key of bob', balance: '98765.43', limit: '-4321.00' };
const accounts = {
  alice: await makeAccount(ledger, { owner: 'alice', funds: '1000', externalId: 'alice' }),
  savings: await makeAccount(ledger.as(shop), { owner: 'alice' }),
  bob: await makeAccount(ledger, {
    owner: 'bob',
    externalId: 'bob',
    minBalance: { amount: SECRET.limit },
    metadata: { note: SECRET.metadata },
  }),
  carol: await makeAccount(ledger, { owner: 'carol', funds: SECRET.balance }),
  /** The owner is compared by bytes. */
  Alice: await makeAccount(ledger, { owner: 'Alice' }),
};
const party = (name: 'alice' | 'savings' | 'bob' | 'carol') => ({
  accountId: accounts[name],
  externalId: name === 'alice' || name === 'bob' ? name : null,
  owner: name === 'savings' ? 'alice' : name,
  currency: 'USD',
  normalSide: 'CREDIT',
  kind: 'STANDARD',
});

/** Posts for an unrestricted caller and returns the id of the transaction. */
async function post(command: Command | Refusal): Promise<string> {
  const outcome = await ledger.as(shop).post(commandOf(command));
  expectPosted(outcome);
  return formatId('transaction', outcome.transaction.id);
}

const texts = {
  metadata: { note: SECRET.metadata },
  description: 'a note for both',
};
const holdOf = (transaction: string) => formatId('hold', parseId('transaction', transaction) ?? '');
const sent = await post(
  toTransfer({
    fromAccountId: accounts.alice,
    toAccountId: accounts.bob,
    amount: '10.00',
    idempotencyKey: 'key of the shop',
    externalId: 'sent',
    metadata: { order: '1' },
  }),
);
const received = await post(
  toTransfer({
    fromAccountId: accounts.bob,
    toAccountId: accounts.alice,
    amount: '20.00',
    idempotencyKey: SECRET.key,
    externalId: 'received',
    ...texts,
  }),
);
const journal = await post(
  toJournal({
    keyAccountId: accounts.bob,
    idempotencyKey: `${SECRET.key} 2`,
    entries: [
      { accountId: accounts.bob, side: 'DEBIT', amount: '30.00', description: SECRET.metadata },
      { accountId: accounts.alice, side: 'CREDIT', amount: '12.00' },
      { accountId: accounts.carol, side: 'CREDIT', amount: '21.00' },
      { accountId: accounts.alice, side: 'DEBIT', amount: '5.00' },
      { accountId: accounts.savings, side: 'CREDIT', amount: '2.00' },
    ],
  }),
);
const held = await post(
  toHold({
    fromAccountId: accounts.bob,
    toAccountId: accounts.alice,
    amount: '40.00',
    idempotencyKey: `${SECRET.key} 3`,
    externalId: 'held',
    ...texts,
  }),
);
const captured = await post(
  toCapture({ holdId: holdOf(held), amount: '15.00', final: false, idempotencyKey: `${SECRET.key} 4` }),
);
const reversed = await post(
  toReversal({ transactionId: received, amount: '7.00', idempotencyKey: `${SECRET.key} 5` }),
);
const foreign = await post(
  toTransfer({
    fromAccountId: accounts.bob,
    toAccountId: accounts.carol,
    amount: '1.00',
    idempotencyKey: `${SECRET.key} 6`,
    externalId: 'foreign',
  }),
);
const SHARED = { sent, received, journal, held, captured, reversed };

const WAYS = [
  ['executed', executed],
  ['compiled', compiled],
] as const;

interface Shown {
  readonly keyAccount: { readonly id: string } | null;
  readonly idempotencyKey: string | null;
  readonly metadata: object;
  readonly actor: object | null;
  readonly description: string | null;
  readonly amount: { readonly amount: string } | null;
  readonly entries: readonly { readonly side: string; readonly amount: { readonly amount: string } }[];
  readonly parties: readonly object[];
}

const FIELDS = `keyAccount { id } idempotencyKey externalId metadata actor { name } description amount { amount }
  entries { side layer amount { amount } account { id owner } }
  parties { accountId externalId owner currency normalSide kind }`;

describe.each(WAYS)('%s', (_, execute) => {
  const read = async <Data>(query: string, variables = {}, viewer = alice): Promise<Data> => {
    const answer = await execute(ledger, viewer, query, variables);
    if (answer === undefined || answer === 'again') throw new TypeError('the query is not compiled');
    expect(answer).not.toHaveProperty('errors');
    return answer.data as Data;
  };
  const readTransaction = async (id: string, viewer = alice) => {
    const query = `query ($id: ID!) { transaction(id: $id) { ${FIELDS} } }`;
    return (await read<{ transaction: Shown }>(query, { id }, viewer)).transaction;
  };

  test('a transaction of an own key account shows its key, its metadata and its actor', async () => {
    expect(await readTransaction(sent)).toMatchObject({
      keyAccount: { id: accounts.alice },
      idempotencyKey: 'key of the shop',
      externalId: 'sent',
      metadata: { order: '1' },
      actor: { name: 'the shop' },
      amount: { amount: '10.00' },
      entries: [{ side: 'DEBIT', account: { id: accounts.alice } }],
      parties: [party('alice'), party('bob')],
    });
    expect((await readTransaction(sent)).entries).toHaveLength(1);
  });

  test('of the transaction of another key account, it shows neither key, metadata nor actor', async () => {
    expect(await readTransaction(received)).toEqual({
      keyAccount: null,
      idempotencyKey: null,
      externalId: 'received',
      metadata: {},
      actor: null,
      description: 'a note for both',
      amount: { amount: '20.00' },
      entries: [
        {
          side: 'CREDIT',
          layer: 'POSTED',
          amount: { amount: '20.00' },
          account: { id: accounts.alice, owner: 'alice' },
        },
      ],
      parties: [party('bob'), party('alice')],
    });
    expect(await readTransaction(received, shop)).toMatchObject({
      keyAccount: { id: accounts.bob },
      idempotencyKey: SECRET.key,
      metadata: texts.metadata,
      actor: { name: 'the shop' },
      amount: { amount: '20.00' },
      parties: [party('bob'), party('alice')],
    });
  });

  test('a journal shows the own entries, the larger sum of their sides, and each party once', async () => {
    const shown = await readTransaction(journal);
    expect(shown.entries.map(({ side, amount }) => `${side} ${amount.amount}`)).toEqual([
      'CREDIT 12.00',
      'DEBIT 5.00',
      'CREDIT 2.00',
    ]);
    expect(shown.amount).toEqual({ amount: '14.00' });
    const parties = [party('bob'), party('alice'), party('carol'), party('savings')];
    expect(shown.parties).toEqual(parties);
    expect(await readTransaction(journal, shop)).toMatchObject({
      amount: { amount: '35.00' },
      parties,
    });
  });

  test('a hold shows both parties, and of its accounts the own one', async () => {
    const query = `query ($id: ID!) { hold(id: $id) { from { id } to { id } fromParty { accountId owner }
      toParty { accountId owner } remaining { amount } transactions(first: 5) { nodes { type amount { amount } } } } }`;
    expect(await read(query, { id: holdOf(held) })).toEqual({
      hold: {
        from: null,
        to: { id: accounts.alice },
        fromParty: { accountId: accounts.bob, owner: 'bob' },
        toParty: { accountId: accounts.alice, owner: 'alice' },
        remaining: { amount: '25.00' },
        transactions: {
          nodes: [
            { type: 'HOLD', amount: { amount: '40.00' } },
            { type: 'CAPTURE', amount: { amount: '15.00' } },
          ],
        },
      },
    });
  });

  test('the own accounts alone are listed, whatever the filter is', async () => {
    const query =
      'query ($filter: AccountFilter) { accounts(first: 100, filter: $filter) { nodes { id actor { id } } } }';
    const list = async (filter?: object) => {
      const { accounts: found } = await read<{ accounts: { nodes: { id: string; actor: object | null }[] } }>(
        query,
        { filter },
      );
      expect(found.nodes.every(({ actor }) => actor === null)).toBe(true);
      return found.nodes.map(({ id }) => id);
    };
    const own = [accounts.savings, accounts.alice];
    const made = 'query ($id: ID!) { account(id: $id) { actor { name } } }';
    const shown = { account: { actor: { name: 'the shop' } } };
    expect(await read(made, { id: accounts.savings }, shop)).toEqual(shown);
    expect(await read(made, { id: accounts.savings })).toEqual({ account: { actor: null } });
    expect(await list()).toEqual(own);
    expect(await list({ owner: 'alice' })).toEqual(own);
    expect(await list({ externalIdPrefix: 'a' })).toEqual([accounts.alice]);
    for (const filter of [
      { owner: 'bob' },
      { owner: 'Alice' },
      { kind: 'EXTERNAL' },
      { externalIdPrefix: 'b' },
      { metadata: { note: SECRET.metadata } },
    ]) {
      expect(await list(filter)).toEqual([]);
    }
  });

  test('the answer of an own transfer and of an own hold shows the own part, and both parties', async () => {
    const input = { fromAccountId: accounts.alice, toAccountId: accounts.bob, amount: '3.00' };
    const key = randomUUID();
    const posted = await read(
      `mutation ($input: TransferInput!) { answer: transfer(input: $input) { __typename ... on TransactionPosted {
         transaction { ${FIELDS} } } } }`,
      { input: { ...input, idempotencyKey: key, metadata: { order: '2' } } },
    );
    const shown = {
      keyAccount: { id: accounts.alice },
      idempotencyKey: key,
      metadata: { order: '2' },
      amount: { amount: '3.00' },
      entries: [{ side: 'DEBIT', account: { id: accounts.alice } }],
      parties: [party('alice'), party('bob')],
    };
    expect(posted).toMatchObject({ answer: { __typename: 'TransactionPosted', transaction: shown } });
    const holding = { ...input, expiresAt: new Date(Date.now() + 3_600_000).toISOString() };
    const placed = await read(
      `mutation ($input: PlaceHoldInput!) { answer: placeHold(input: $input) { __typename ... on HoldPlaced {
         hold { from { id } to { id } fromParty { accountId } toParty { accountId } } transaction { ${FIELDS} } } } }`,
      { input: { ...holding, idempotencyKey: `${key} 2`, metadata: { order: '2' } } },
    );
    expect(placed).toMatchObject({
      answer: {
        __typename: 'HoldPlaced',
        hold: {
          from: { id: accounts.alice },
          to: null,
          fromParty: { accountId: accounts.alice },
          toParty: { accountId: accounts.bob },
        },
        transaction: { ...shown, idempotencyKey: `${key} 2` },
      },
    });
  });
});

describe('everything that leads to a shared transaction', () => {
  const SELECTION = selectionOf(schema.getType('Node') as never, 4, isForRestricted);
  const entryOf = (id: string) => formatEntryId(parseId('account', id) ?? '', 1n);
  const ROOTS: Readonly<Record<string, string>> = {
    ...SHARED,
    hold: holdOf(held),
    account: accounts.alice,
    savings: accounts.savings,
    entry: entryOf(accounts.alice),
  };
  let secrets: string[];
  beforeAll(async () => {
    const { data } = await executed(
      ledger,
      shop,
      'query ($id: ID!) { account(id: $id) { balance { amount } available { amount } } }',
      { id: accounts.bob },
    );
    const { balance, available } = (data as { account: Record<string, { amount: string }> }).account;
    secrets = [
      ...Object.values(SECRET),
      balance?.amount ?? '',
      available?.amount ?? '',
      foreign,
      ...[accounts.bob, accounts.carol].map((id) => entryOf(id).slice(0, -2)),
    ];
    expect(secrets).not.toContain('');
  });

  test.each(Object.keys(ROOTS))('shows nothing of the others: %s', async (name) => {
    const query = `query ($id: ID!) { node(id: $id) ${SELECTION} }`;
    const answer = await executed(ledger, alice, query, { id: ROOTS[name] });
    expect(answer).not.toHaveProperty('errors');
    const text = JSON.stringify(answer);
    expect(text).toContain(ROOTS[name]);
    for (const secret of secrets) expect(text).not.toContain(secret);
    expectPartiesOnly(answer);
    // The same query shows them to an unrestricted caller.
    if (name in SHARED) {
      const all = JSON.stringify(await executed(ledger, shop, query, { id: ROOTS[name] }));
      expect(secrets.some((secret) => all.includes(secret))).toBe(true);
    }
  });

  /** The ids and owners of others appear in parties only. */
  function expectPartiesOnly(value: unknown): void {
    if (Array.isArray(value)) for (const each of value) expectPartiesOnly(each);
    else if (typeof value === 'object' && value !== null) {
      if (Reflect.get(value, '__typename') !== 'Party')
        for (const each of Object.values(value)) expectPartiesOnly(each);
    } else expect([accounts.bob, accounts.carol, 'bob', 'carol']).not.toContain(value);
  }
});

describe('a cursor', () => {
  const LISTS = [
    ['accounts', (args: string) => `{ list: accounts${args} { edges { cursor node { id } } } }`],
    [
      'history',
      (args: string) =>
        `{ of: account(id: "${accounts.alice}") { list: history${args} { edges { cursor node { id } } } } }`,
    ],
    [
      'holds',
      (args: string) =>
        `{ of: account(id: "${accounts.alice}") { list: holds${args} { edges { cursor node { id } } } } }`,
    ],
    [
      'reversals',
      (args: string) =>
        `{ of: transaction(id: "${received}") { list: reversals${args} { edges { cursor node { id } } } } }`,
    ],
    [
      'transactions',
      (args: string) =>
        `{ of: hold(id: "${holdOf(held)}") { list: transactions${args} { edges { cursor node { id } } } } }`,
    ],
  ] as const;
  const cursorIn = (answer: unknown) => /"cursor":"([^"]+)"/.exec(JSON.stringify(answer))?.[1] ?? '';

  test.each(LISTS)('of a caller without an owner is rejected in the list %s', async (_, query) => {
    const theirs = cursorIn(await executed(ledger, shop, query('(first: 1)')));
    const mine = cursorIn(await executed(ledger, alice, query('(first: 1)')));
    expect([theirs, mine]).not.toContain('');
    const next = (cursor: string) => executed(ledger, alice, query(`(first: 1, after: "${cursor}")`));
    expect((await next(theirs)).errors?.[0]).toMatchObject({ extensions: { code: 'INVALID_INPUT' } });
    expect(await next(mine)).not.toHaveProperty('errors');
  });

  test('with the id of an account of another owner lists own accounts only', async () => {
    const query = LISTS[0][1];
    const mine = Buffer.from(
      cursorIn(await executed(ledger, alice, query('(first: 1)'))),
      'base64url',
    ).toString();
    // Bob's account was created after both of Alice's.
    for (const [argument, expected] of [
      ['after', [accounts.savings, accounts.alice]],
      ['before', []],
    ] as const) {
      const guessed = mine.replace(/\S+$/, parseId('account', accounts.bob) ?? '');
      const cursor = Buffer.from(guessed).toString('base64url');
      const answer = await executed(ledger, alice, query(`(first: 100, ${argument}: "${cursor}")`));
      expect(answer).not.toHaveProperty('errors');
      expect(JSON.stringify(answer).match(/acct_\w+/g) ?? []).toEqual(expected);
    }
  });
});

test('a restricted caller cannot list what belongs to the whole ledger, on the level of the ledger either', async () => {
  const restricted = ledger.as(alice);
  const page = { limit: 1, inverted: false };
  await expect(restricted.listTransactions({}, page)).rejects.toThrow('restricted to an owner');
  await expect(restricted.listJournal(undefined, 1)).rejects.toThrow('restricted to an owner');
  await expect(restricted.trialBalance({})).rejects.toThrow('restricted to an owner');
  await expect(restricted.listHolds({}, page)).rejects.toThrow('by account');
  const bob = parseId('account', accounts.bob) ?? '';
  expect((await restricted.listEntries(bob, {}, page)).rows).toEqual([]);
  expect((await restricted.listEntries(bob, { side: 'DEBIT' }, page)).rows).toEqual([]);
  expect((await ledger.listEntries(bob, { side: 'DEBIT' }, page)).rows).toHaveLength(1);
});
