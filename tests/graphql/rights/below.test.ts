import { afterAll, describe, expect, test } from 'vitest';
import { SCOPES, type Scope } from '../../../src/core/access/viewer.ts';
import { RIGHTS_BELOW } from '../../../src/graphql/rights/table.ts';
import { createTestDatabase } from '../../support/database.ts';
import { expectSoundBooks, openLedger } from '../../support/ledger.ts';
import { compiled, digestOfTables, executed, viewerWith } from './execution.ts';
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

const BELOW = Object.entries(RIGHTS_BELOW).flatMap(([type, fields]) =>
  Object.entries(fields).map(([field, { scope }]) => [`${type}.${field}`, type, field, scope] as const),
);

function variables() {
  const idempotencyKey = 'below';
  return {
    freeze: { accountId: accounts[0] },
    deposit: { accountId: accounts[1], amount: '1.00', idempotencyKey },
    void: { holdId: ids.hold, idempotencyKey },
  };
}

describe.each(BELOW)('%s', (_, type, field, needed) => {
  const route = ROUTES[type];
  if (route === undefined || needed === null) throw new TypeError(`no route to ${type}: add it to ROUTES`);
  const document = route.document(field);
  const forbidden = expect.stringContaining(`needs the scope ${needed}`);

  test(`is FORBIDDEN without ${needed}, before anything is done`, async () => {
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
    const viewer = viewerWith([needed, ...(route.scope === null ? [] : [route.scope])]);
    const answer = await executed(ledger, viewer, document, variables());
    expect(answer).not.toHaveProperty('errors');
    expect(JSON.stringify(answer)).toContain('"below":');
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
