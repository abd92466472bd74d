import {
  buildSchema,
  type DocumentNode,
  type GraphQLSchema,
  getOperationAST,
  getVariableValues,
  type OperationDefinitionNode,
  parse,
} from 'graphql';
import { describe, expect, test } from 'vitest';
import { coerceLongLists, coercionOf } from '../../../src/graphql/execution/coercion.ts';
import { schema } from '../../../src/graphql/schema.ts';

const COUNT = 1100;
const BATCH = 'mutation ($input: PostBatchInput!) { postBatch(input: $input) { __typename } }';
const small = buildSchema(`
  input Item @oneOf { number: Int, text: String }
  input Page { size: Int = 20, after: String, items: [Item!] = [], more: [[Int!]!] }
  type Query { list(page: Page, items: [Item]): Int }`);
const LIST = 'query ($page: Page, $items: [Item]) { list(page: $page, items: $items) }';

type Variables = Record<string, unknown>;

function operationOf(document: DocumentNode): OperationDefinitionNode {
  const operation = getOperationAST(document);
  if (operation == null) throw new TypeError('the document has one operation');
  return operation;
}

/** Returns the variables that graphql-js coerces. Undefined: one is invalid. */
function coercedByGraphql(of: GraphQLSchema, operation: OperationDefinitionNode, variables: Variables) {
  return getVariableValues(of, operation.variableDefinitions ?? [], variables).variableValues?.coerced;
}

function operations(change: (operation: Variables, place: number) => Variables = (each) => each): Variables {
  const all = Array.from({ length: COUNT }, (_, place) => {
    const transfer = {
      fromAccountId: 'ext:a',
      toAccountId: place,
      amount: place % 2 === 0 ? '1.00' : place,
      idempotencyKey: `k${place}`,
      effectiveAt: '2026-01-31T12:00:00Z',
      metadata: { order: `${place}` },
    };
    return { transfer: change(transfer, place) };
  });
  return { input: { operations: all } };
}

const items = (length: number, at = -1, item: unknown = {}): unknown[] =>
  Array.from({ length }, (_, place) => (place === at ? item : { number: place }));

const CASES: readonly [name: string, of: GraphQLSchema, query: string, variables: Variables][] = [
  ['a batch', schema, BATCH, operations()],
  ['a batch with a mode', schema, BATCH, { input: { mode: 'ATOMIC', ...(operations()['input'] as object) } }],
  [
    'a batch that lacks a field at its end',
    schema,
    BATCH,
    operations(({ amount, ...rest }, place) => (place === COUNT - 1 ? rest : { ...rest, amount })),
  ],
  [
    'a batch with an unknown field',
    schema,
    BATCH,
    operations((each, n) => (n === 600 ? { ...each, x: 1 } : each)),
  ],
  [
    'a batch whose mode is wrong',
    schema,
    BATCH,
    { input: { mode: 'X', ...(operations()['input'] as object) } },
  ],
  ['a list as a variable', small, LIST, { items: items(COUNT) }],
  ['a list with null', small, LIST, { items: items(COUNT, 250, null) }],
  ['a list with null where it is not allowed', small, LIST, { page: { items: items(COUNT, 250, null) } }],
  [
    'a list with an element of two fields',
    small,
    LIST,
    { items: items(COUNT, 999, { number: 1, text: 'x' }) },
  ],
  ['a list with defaults next to it', small, LIST, { page: { after: null, items: items(COUNT) } }],
  ['a list with an invalid member next to it', small, LIST, { page: { after: 5, items: items(COUNT) } }],
  ['two lists', small, LIST, { page: { more: items(COUNT).map(() => [1, 2]), items: items(COUNT) } }],
  ['a list and another variable', small, LIST, { page: { size: null }, items: items(COUNT) }],
  ['a list where an object is expected', small, LIST, { page: items(COUNT) }],
  ['a short list', small, LIST, { page: { items: items(3) } }],
  ['one value where a list is expected', small, LIST, { items: { number: 1 } }],
  ['no variables', small, LIST, {}],
];

describe.each(CASES)('the variables of %s', (_, of, query, variables) => {
  const document = parse(query);
  const operation = operationOf(document);
  const expected = coercedByGraphql(of, operation, variables);

  test('are coerced as by graphql-js', async () => {
    const coerced = await coercionOf(of, operation)(variables);
    expect(coerced).toEqual(expected && { ...expected });
    // The order of members decides which problem is reported.
    expect(JSON.stringify(coerced, withNumbers)).toBe(JSON.stringify(expected, withNumbers));
  });

  test('with long lists are coerced, and the others are not', async () => {
    const given = coerceLongLists(of, document, operation, variables);
    const isLong = JSON.stringify(variables).length > 5000 && !Array.isArray(variables['page']);
    expect(given !== undefined).toBe(isLong);
    const { variableValues } = (await given) ?? {};
    if (expected === undefined || !isLong) return expect(variableValues).toBeUndefined();
    const long = Object.entries(variables).filter(([, value]) => JSON.stringify(value).length > 5000);
    for (const [name] of long) expect(variableValues?.[name]).toEqual(expected[name]);
    // The executor coerces the others.
    expect({ ...variableValues, ...Object.fromEntries(long) }).toEqual(variables);
  });
});

function withNumbers(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}n` : value;
}

test('other work runs while a long list is coerced', async () => {
  const document = parse(BATCH);
  let turns = 0;
  let isOver = false;
  const count = () => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  await coerceLongLists(schema, document, operationOf(document), operations());
  isOver = true;
  expect(turns).toBeGreaterThanOrEqual(Math.floor(COUNT / 250));
});
