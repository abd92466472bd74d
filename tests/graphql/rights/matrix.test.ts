import { type ExecutionResult, isNonNullType } from 'graphql';
import { afterAll, describe, expect, test } from 'vitest';
import { SCOPES, type Scope } from '../../../src/core/access/viewer.ts';
import { RIGHTS, type Right } from '../../../src/graphql/rights/table.ts';
import { createTestDatabase } from '../../support/database.ts';
import { expectSoundBooks, openLedger } from '../../support/ledger.ts';
import { argumentsOf, declarationsOf, type Field, type Path, rootFields, variantsOf } from './arguments.ts';
import { compiled, digestOfTables, executed, restrictedTo, type Variables, viewerWith } from './execution.ts';
import { makeObjects } from './objects.ts';

const database = await createTestDatabase();
const ledger = await openLedger(database);
afterAll(() => expectSoundBooks(database));

const SETS: readonly (readonly Scope[])[] = [[], ...SCOPES.map((scope) => [scope]), SCOPES];
const FIELDS = rootFields().flatMap(([type, field]) =>
  variantsOf(field).map(
    (variant) => [[field.name, ...variant.slice(1)].join('.'), type, field, variant] as const,
  ),
);
/** The cost of this field depends on its variable. */
const NOT_COMPILED = ['nodes'];

/** The owner of the accounts of the arguments. */
const OWNER = 'somebody';
const RESTRICTED_SETS: readonly (readonly Scope[])[] = [[], ['READ'], ['POST'], ['READ', 'POST']];
/** The operations that a restricted caller may send: of `placeHold` only those that expire soon. */
const OPERATIONS: Readonly<Record<string, string>> = {
  'preview.transfer': 'Preview',
  'preview.placeHold': 'Preview',
  transfer: 'TransactionPosted',
  placeHold: 'HoldPlaced',
};

function rightOf(type: 'Query' | 'Mutation', field: Field): Right {
  const rights: Readonly<Record<string, Right>> = RIGHTS[type];
  const right = rights[field.name];
  if (right === undefined) throw new TypeError(`${field.name} has no row`);
  return right;
}

/** Returns the arguments, in which a hold expires soon. */
function expiringSoon(name: string, args: Variables): Variables {
  const holds = name === 'placeHold' ? 'input' : 'placeHold';
  const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
  return JSON.parse(JSON.stringify(args), (key, value) => (key === holds ? { ...value, expiresAt } : value));
}

function operationOf(type: 'Query' | 'Mutation', field: Field, variables: Variables): string {
  const { declared, passed } = declarationsOf(field, variables);
  const message = type === 'Mutation' ? '... on LedgerError { code message }' : '';
  return `${type.toLowerCase()} ${declared} { field: ${field.name}${passed} { __typename ${message} } }`;
}

/** Executes a field as this set of scopes in both ways. The objects of its arguments must be new for each allowed mutation. */
async function ask(type: 'Query' | 'Mutation', field: Field, scopes: readonly Scope[], variables: Variables) {
  const query = operationOf(type, field, variables);
  const viewer = viewerWith(scopes);
  return {
    executed: (given: Variables = variables) => executed(ledger, viewer, query, given),
    compiled: (given: Variables = variables) => compiled(ledger, viewer, query, given),
  };
}

async function newArguments(field: Field, variant: Path): Promise<Variables> {
  return argumentsOf(field, await makeObjects(ledger), variant);
}

const refusedBy = (scope: Scope | null, scopes: readonly Scope[]) =>
  scope !== null && !scopes.includes(scope);

function expectForbidden(
  { data, errors }: ExecutionResult,
  type: string,
  field: Field,
  scope: Scope,
  scopes: readonly Scope[],
) {
  const message = expect.stringMatching(
    new RegExp(
      `needs the scope ${scope}. The caller has ${scopes.length === 0 ? 'no scopes' : `the scopes ${scopes.join(', ')}`}`,
    ),
  );
  if (type === 'Mutation') {
    expect(errors).toBeUndefined();
    expect(data).toEqual({ field: { __typename: 'ForbiddenError', code: 'FORBIDDEN', message } });
  } else {
    expect(data).toEqual(isNonNullType(field.type) ? null : { field: null });
    expect(errors?.map((error) => [error.message, error.extensions['code'], error.path])).toEqual([
      [message, 'FORBIDDEN', ['field']],
    ]);
  }
}

describe.each(FIELDS)('%s', (name, type, field, variant) => {
  const { scope, restricted } = rightOf(type, field);

  test('succeeds in both ways with each set of scopes that contains its scope', async () => {
    for (const scopes of SETS.filter((set) => !refusedBy(scope, set))) {
      const first = await newArguments(field, variant);
      const asked = await ask(type, field, scopes, first);
      const answers = [await asked.executed(), await asked.compiled(await newArguments(field, variant))];
      for (const answer of answers) {
        if (answer === undefined) {
          expect(NOT_COMPILED).toContain(field.name);
          continue;
        }
        expect(answer).not.toHaveProperty('errors');
        expect(answer).toMatchObject({
          data: { field: expect.not.objectContaining({ __typename: expect.stringMatching(/Error$/) }) },
        });
        expect(JSON.stringify(answer)).not.toContain('"field":null');
      }
    }
  });

  test('is FORBIDDEN in both ways with each other set of scopes, and changes nothing', async () => {
    const refused = SETS.filter((set) => refusedBy(scope, set));
    // All callers may use a field without a scope.
    expect(refused).toHaveLength(scope === null ? 0 : SCOPES.length);
    if (scope === null) return;
    const variables = await newArguments(field, variant);
    const before = await digestOfTables(database);
    for (const scopes of refused) {
      const asked = await ask(type, field, scopes, variables);
      expectForbidden(await asked.executed(), type, field, scope, scopes);
      const answer = await asked.compiled();
      if (answer === undefined) expect(NOT_COMPILED).toContain(field.name);
      // If all data is null, graphql-js executes the query again.
      else if (answer === 'again') expect(isNonNullType(field.type)).toBe(true);
      else expectForbidden(answer, type, field, scope, scopes);
    }
    expect(await digestOfTables(database)).toEqual(before);
  });

  test(`for a caller restricted to an owner, ${restricted ? 'needs its scope alone' : 'is FORBIDDEN with any scopes'}`, async () => {
    const objects = await makeObjects(ledger);
    const before = restricted ? undefined : await digestOfTables(database);
    for (const scopes of RESTRICTED_SETS) {
      const isRefused = refusedBy(scope, scopes);
      for (const execute of [executed, compiled]) {
        const variables = expiringSoon(name, argumentsOf(field, objects, variant));
        const query = operationOf(type, field, variables);
        const answer = await execute(ledger, restrictedTo(OWNER, scopes), query, variables);
        if (answer === undefined) expect(NOT_COMPILED).toContain(field.name);
        else if (answer === 'again')
          expect([isRefused || !restricted, isNonNullType(field.type)]).toEqual([true, true]);
        else if (isRefused) expectForbidden(answer, type, field, scope ?? 'READ', scopes);
        else if (!restricted) expectNotForOwners(answer, type, field);
        else expectOwn(answer, name);
      }
    }
    if (before !== undefined) expect(await digestOfTables(database)).toEqual(before);
  });
});

function expectNotForOwners({ data, errors }: ExecutionResult, type: 'Query' | 'Mutation', field: Field) {
  const message = expect.stringContaining(`${type}.${field.name} is not for callers restricted to an owner`);
  if (type === 'Mutation') {
    expect(errors).toBeUndefined();
    expect(data).toEqual({ field: { __typename: 'ForbiddenError', code: 'FORBIDDEN', message } });
  } else {
    expect(data).toEqual(isNonNullType(field.type) ? null : { field: null });
    expect(errors?.map((error) => [error.message, error.extensions['code']])).toEqual([
      [message, 'FORBIDDEN'],
    ]);
  }
}

/** A restricted caller reads its own objects, and posts some operations. */
function expectOwn(answer: ExecutionResult, name: string) {
  expect(answer).not.toHaveProperty('errors');
  // The key of the arguments is that of an unrestricted caller.
  if (name === 'outcomeByKey') return expect(answer.data).toEqual({ field: null });
  const isOperation = name.startsWith('preview.') || name in OPERATIONS;
  const typeName = isOperation ? (OPERATIONS[name] ?? 'ForbiddenError') : expect.not.stringMatching(/Error$/);
  const shown = expect.objectContaining({ __typename: typeName });
  expect(answer.data).toEqual({ field: name === 'nodes' ? [shown] : shown });
}
