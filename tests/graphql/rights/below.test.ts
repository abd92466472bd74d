import { afterAll, describe, expect, test } from 'vitest';
import { SCOPES, type Scope } from '../../../src/core/access/viewer.ts';
import { RIGHTS_BELOW } from '../../../src/graphql/rights/table.ts';
import { createTestDatabase } from '../../support/database.ts';
import { expectSoundBooks, openLedger } from '../../support/ledger.ts';
import { compiled, digestOfTables, executed, restrictedTo, viewerWith } from './execution.ts';
import { makeObjects } from './objects.ts';

const database = await createTestDatabase();
const ledger = await openLedger(database);
const { accounts, ids } = await makeObjects(ledger);
afterAll(() => expectSoundBooks(database));

/** A root field that leads to an object of a type without READ, and its scope. */
const ROUTES: Readonly<Record<string, { scope: Scope | null; document: (field: string) => string }>> = {
  Ledger: { scope: null, document: (field) => `query { viewer { ledger { ...F } } } ${on('Ledger', field)}` },
  Account: {
    scope: 'MANAGE',
    document: (field) => `mutation ($freeze: FreezeAccountInput!) { changed: freezeAccount(input: $freeze) {
      __typename ... on AccountUpdated { account { ...F } } } } ${on('Account', field)}`,
  },
  Transaction: {
    scope: 'POST',
    document: (field) => `mutation ($deposit: DepositInput!) { changed: deposit(input: $deposit) {
      __typename ... on TransactionPosted { transaction { ... { ...F } } } } } ${on('Transaction', field)}`,
  },
  Hold: {
    scope: 'POST',
    document: (field) => `mutation ($void: VoidHoldInput!) { changed: voidHold(input: $void) {
      __typename ... on TransactionPosted { transaction { hold { ...F } } } } } ${on('Hold', field)}`,
  },
};

function on(type: string, field: string): string {
  return `fragment F on ${type} { ...G } fragment G on ${type} { below: ${field} { __typename } }`;
}

/** Removes the selection below a field without fields. */
function withoutBelow(document: string): string {
  return document.replaceAll(/(below: \w+) \{ __typename \}/g, '$1');
}

const BELOW = Object.entries(RIGHTS_BELOW).flatMap(([type, fields]) =>
  Object.entries(fields).map(([field, right]) => [`${type}.${field}`, type, field, right] as const),
);
/** A query that leads a restricted caller to its own object of a type. */
const QUERIES: Readonly<Record<string, string>> = {
  Ledger: 'query { object: ledger { ...F } }',
  Account: 'query ($account: ID!) { object: account(id: $account) { ...F } }',
  Transaction: 'query ($transaction: ID!) { object: node(id: $transaction) { ...F } }',
  Hold: 'query ($hold: ID!) { object: hold(id: $hold) { ...F } }',
};

function variables() {
  const idempotencyKey = 'below';
  return {
    freeze: { accountId: accounts[0] },
    deposit: { accountId: accounts[1], amount: '1.00', idempotencyKey },
    void: { holdId: ids.hold, idempotencyKey },
  };
}

describe.each(BELOW)('%s', (name, type, field, { scope: needed, restricted }) => {
  const [route, query] = [ROUTES[type], QUERIES[type]];
  if (route === undefined || query === undefined) {
    throw new TypeError(`no route to ${type}: add it to ROUTES and QUERIES`);
  }
  const isLeaf = needed === null;
  const document = isLeaf ? withoutBelow(route.document(field)) : route.document(field);
  const forbidden = expect.stringContaining(`needs the scope ${needed}`);

  test.skipIf(isLeaf)(`is FORBIDDEN without ${needed}, before anything is done`, async () => {
    const viewer = viewerWith(SCOPES.filter((scope) => scope !== needed));
    const before = await digestOfTables(database);
    for (const execute of [executed, compiled]) {
      const answer = await execute(ledger, viewer, document, variables());
      if (route.scope !== null) {
        expect(answer).toEqual({ data: { changed: { __typename: 'ForbiddenError' } } });
      } else if (execute === executed) {
        expect(answer).toMatchObject({
          data: null,
          errors: [{ message: forbidden, extensions: { code: 'FORBIDDEN' } }],
        });
      } else expect(answer).toBe('again');
    }
    expect(await digestOfTables(database)).toEqual(before);
  });

  test(`can be read with ${needed} and the scope of the root field`, async () => {
    const viewer = viewerWith([needed, route.scope].filter((scope) => scope !== null));
    const answer = await executed(ledger, viewer, document, variables());
    expect(answer).not.toHaveProperty('errors');
    expect(JSON.stringify(answer)).toContain('"below":');
  });

  test(`${restricted ? 'can be read' : 'is FORBIDDEN'} for a caller restricted to an owner`, async () => {
    const fragments = isLeaf ? withoutBelow(on(type, field)) : on(type, field);
    for (const execute of [executed, compiled]) {
      const answer = await execute(ledger, restrictedTo('somebody'), `${query} ${fragments}`, ids);
      if (restricted) {
        expect(answer).toMatchObject({ data: { object: { below: expect.anything() } } });
      } else if (answer !== 'again') {
        const message = expect.stringContaining(`${name} is not for callers restricted to an owner`);
        expect(answer).toEqual({
          data: type === 'Ledger' ? null : { object: null },
          errors: [expect.objectContaining({ message, extensions: { code: 'FORBIDDEN' } })],
        });
      } else expect(execute).toBe(compiled);
    }
  });
});

test('a result of a mutation can be read without READ, with the objects that it links to', async () => {
  const input = { accountId: accounts[1], amount: '1.00', idempotencyKey: 'plain' };
  const answer = await executed(
    ledger,
    viewerWith(['POST']),
    `mutation ($input: DepositInput!) { deposit(input: $input) { ... on TransactionPosted {
       transaction { entries { account { balance { currency } } } } } } }`,
    { input },
  );
  expect(answer).not.toHaveProperty('errors');
  expect(JSON.stringify(answer)).toContain('"currency":"USD"');
});

test('a field below that @skip excludes still needs its scope, because all executions need the same scopes', async () => {
  const query = 'query ($skip: Boolean!) { viewer { ledger { id head @skip(if: $skip) { number } } } }';
  const answer = await executed(ledger, viewerWith(['POST']), query, { skip: true });
  expect(answer.errors?.[0]?.extensions['code']).toBe('FORBIDDEN');
});
