// A caller restricted to an owner cannot tell what belongs to others from what does not exist.

import { randomUUID } from 'node:crypto';
import { getNamedType } from 'graphql';
import { afterAll, describe, expect, test } from 'vitest';
import type { IdKind } from '../../../src/core/values/ids.ts';
import { RIGHTS, type Right } from '../../../src/graphql/rights/table.ts';
import { asOwner, createTestDatabase } from '../../support/database.ts';
import { expectSoundBooks, openLedger } from '../../support/ledger.ts';
import { statementsDuring } from '../../support/statements.ts';
import { argumentsOf, declarationsOf, type IdSite, idSitesOf, replaceAt, rootFields } from './arguments.ts';
import { executed, restrictedTo, type Variables, viewerWith } from './execution.ts';
import { makeObjects, missingId, type Objects } from './objects.ts';
import { isForRestricted, selectionOf } from './selection.ts';

const database = await createTestDatabase();
// Counts the statements of connections that are opened later.
await asOwner(database, `alter database ${database.name} set log_statement = 'all'`);
const ledger = await openLedger(database);
const own = await makeObjects(ledger, 'alice');
const foreign = await makeObjects(ledger, 'bob');
afterAll(() => expectSoundBooks(database));
const alice = restrictedTo('alice');

type Site = readonly [name: string, type: string, site: IdSite, kind: IdKind];

/** All places of an id in the arguments that a restricted caller may send, except those that may name the account of another owner. */
const SITES = rootFields().flatMap(([type, field]): Site[] => {
  const rights: Readonly<Record<string, Right>> = RIGHTS[type];
  if (rights[field.name]?.restricted !== true) return [];
  return idSitesOf(field)
    .filter(({ path }) => path.at(-1) !== 'toAccountId')
    .flatMap((site) =>
      site.kinds
        .filter((kind) => kind !== 'ledger')
        .map((kind): Site => [`${field.name} ${site.path.join('.')} (${kind})`, type, site, kind]),
    );
});

function requestOf(type: string, { field, path }: IdSite, given: string) {
  // A hold must expire, so that it is not refused before its accounts are read.
  const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
  const holds = field.name === 'placeHold' ? 'input' : 'placeHold';
  const args = replaceAt(argumentsOf(field, own, path), path, given);
  const variables: Variables = JSON.parse(JSON.stringify(args), (key, value) =>
    key === holds ? { ...value, expiresAt } : value,
  );
  const { declared, passed } = declarationsOf(field, variables);
  const selection = selectionOf(getNamedType(field.type), 2, isForRestricted);
  return { query: `${type.toLowerCase()} ${declared} { ${field.name}${passed} ${selection} }`, variables };
}

/** Returns the answer without the given id, and the statements without their values. */
async function answerTo(type: string, site: IdSite, given: string, viewer = alice) {
  const { query, variables } = requestOf(type, site, given);
  let answer = '';
  const statements = await statementsDuring(database, async () => {
    answer = JSON.stringify(await executed(ledger, viewer, query, variables)).replaceAll(given, '<id>');
  });
  return { answer, statements: textsOf(statements) };
}

/** Statements that the service sends in addition, once a second and on each new connection. */
const OTHERS = ['"access_state"', 'pg_is_in_recovery()'];

function textsOf(statements: readonly string[]): string[] {
  return statements
    .map((statement) => statement.replace(/^.*?(statement|execute [^:]+): /s, ''))
    .filter((text) => !OTHERS.some((other) => text.includes(other)));
}

test('ids are taken in many places', () => {
  expect(SITES.length).toBeGreaterThan(30);
});

describe.each(SITES)('%s', (_, type, site, kind) => {
  test('an id of another owner has the same answer, by the same statements, as one that does not exist', async () => {
    const answer = await answerTo(type, site, foreign.ids[kind]);
    expect(answer).toEqual(await answerTo(type, site, missingId(kind)));
    expect(answer.answer).not.toContain('bob');
    if (!site.takesNames) return;
    const name = foreign.names[kind as keyof Objects['names']];
    // An unrestricted caller has read the name: it is cached.
    await answerTo(type, site, name, viewerWith());
    const named = await answerTo(type, site, name);
    expect(named).toEqual(await answerTo(type, site, `ext:${kind}-${randomUUID()}`));
    expect(named.answer).not.toContain('bob');
  });
});

test.each([
  ['account', 'account(id: $id) { id }'],
  ['transaction', 'transaction(id: $id) { id }'],
  ['hold', 'hold(id: $id) { id }'],
  ['entry', 'node(id: $id) { id }'],
] as const)(
  'an own %s is found by the same statement, and without the owner by another one',
  async (kind, field) => {
    const find = async (viewer: typeof alice, id: string) => {
      let found: unknown;
      const statements = await statementsDuring(database, async () => {
        found = (await executed(ledger, viewer, `query ($id: ID!) { found: ${field} }`, { id })).data;
      });
      return { found, statements: textsOf(statements) };
    };
    const missing = await find(alice, missingId(kind));
    expect(missing.found).toEqual({ found: null });
    expect(missing.statements).toHaveLength(1);
    const mine = await find(alice, own.ids[kind]);
    expect(mine.found).toEqual({ found: { id: own.ids[kind] } });
    expect(mine.statements[0]).toBe(missing.statements[0]);

    const all = await find(viewerWith(), foreign.ids[kind]);
    expect(all.found).toEqual({ found: { id: foreign.ids[kind] } });
    expect(missing.statements[0]).toMatch(/\bowner"? = \$/);
    expect(all.statements.join()).not.toMatch(/\bowner"? = \$/);
  },
);
