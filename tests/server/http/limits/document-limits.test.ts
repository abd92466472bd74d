import { type DocumentNode, GraphQLError, getIntrospectionQuery, parse, validate } from 'graphql';
import { describe, expect, test } from 'vitest';
import {
  checkDocument,
  checkText,
  DOCUMENT_LIMITS,
  isOnly,
} from '../../../../src/graphql/protection/document-limits.ts';
import { schema } from '../../../../src/graphql/schema.ts';

/** Returns the extensions and message of a document's error. Undefined: it is within all limits. */
function refusalOf(text: string): Record<string, unknown> | undefined {
  try {
    checkText(text);
    checkDocument(parse(text));
    return undefined;
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    const { http: _, ...facts } = error.extensions;
    return { message: error.message, ...facts };
  }
}

const times = (count: number, write: (place: number) => string) =>
  Array.from({ length: count }, (_, i) => write(i)).join(' ');
const doubling = (count: number, last: string) =>
  `{ ...F0 } ${times(count, (i) => `fragment F${i} on Query { ...F${i + 1} ...F${i + 1} }`)} fragment F${count} on Query { ${last} }`;

describe('a document has at most', () => {
  test.each([
    ['characters', 100_000, (n: number) => `{a}#${'x'.repeat(n - 4)}`],
    ['tokens', 5000, (n: number) => `{ a(x: [${'1 '.repeat(n - 9)}]) }`],
    ['nesting', 50, (n: number) => `{ a(x: ${'['.repeat(n - 2)}${']'.repeat(n - 2)}) }`],
    ['nesting', 50, (n: number) => `${'{ a '.repeat(n)}${'}'.repeat(n)}`],
    [
      'nesting',
      50,
      (n: number) =>
        `${'{ a '.repeat(10)} ${'{ ...A }'} ${'}'.repeat(10)} fragment A on Query ${'{ a '.repeat(n - 10)}${'}'.repeat(n - 10)}`,
    ],
    ['definitions', 50, (n: number) => times(n, (i) => `query Q${i} { a }`)],
    ['selections', 1500, (n: number) => `{ ${times(n, (i) => `a${i}`)} }`],
    [
      'selections',
      1500,
      (n: number) =>
        `query A { ${times(700, (i) => `a${i}`)} } query B { ${times(n - 700, (i) => `a${i}`)} }`,
    ],
    [
      'selections',
      1500,
      // The fragment counts once by itself and once for each spread.
      (n: number) =>
        `{ ...A ...A ${times(n - 302, (i) => `b${i}`)} } fragment A on Query { ${times(100, (i) => `a${i}`)} }`,
    ],
    ['repeats', 40, (n: number) => `{ ${'a '.repeat(n)} }`],
    ['repeats', 40, (n: number) => `{ ${times(n, (i) => `... on T${i} { a }`)} }`],
    ['repeats', 40, (n: number) => `{ ${times(n, () => 'a { b { c } }')} }`],
    ['mutationFields', 10, (n: number) => `mutation { ${times(n, (i) => `a${i} @include(if: false)`)} }`],
    [
      'mutationFields',
      10,
      (n: number) => `mutation { x: a ...A } fragment A on M { ... { ${times(n - 1, (i) => `y${i}: a`)} } }`,
    ],
  ] as const)('%s: %i', (limit, allowed, write) => {
    expect(DOCUMENT_LIMITS[limit]).toBe(allowed);
    const refusal = refusalOf(write(allowed + 1));
    expect(refusal).toMatchObject({ code: 'INVALID_INPUT', limit, given: allowed + 1, allowed });
    expect(refusal?.['message']).toMatch(new RegExp(`${allowed.toLocaleString('en')} are allowed`));
    expect(refusalOf(write(allowed))).toBeUndefined();
  });

  test('spreads that double at each step are counted without expanding them', () => {
    expect(refusalOf(doubling(20, 'a'))).toMatchObject({ limit: 'selections', given: 3 * 2 ** 20 - 1 });
    expect(refusalOf(doubling(48, 'a'))).toMatchObject({ limit: 'selections' });
  });

  test('a fragment that spreads itself is rejected', () => {
    for (const text of [
      '{ ...A } fragment A on Query { ...A }',
      '{ a } fragment A on Query { a { ...B } } fragment B on Query { ... { ...C } } fragment C on Query { ...A }',
    ]) {
      expect(refusalOf(text)).toEqual({ code: 'INVALID_INPUT', message: expect.stringContaining('itself') });
    }
  });
});

test('the introspection of GraphiQL and a union of all refusals are within the limits', () => {
  expect(
    refusalOf(getIntrospectionQuery({ inputValueDeprecation: true, specifiedByUrl: true })),
  ).toBeUndefined();
  const members = schema.getMutationType()?.getFields()['transfer']?.type;
  const types = members === undefined ? [] : schema.getPossibleTypes(members as never);
  expect(types.length).toBeGreaterThan(10);
  const each = times(types.length, (i) => `... on ${types[i]} { ${i === 0 ? 'replayed' : 'code message'} }`);
  const text = `mutation($input: TransferInput!) { ${times(8, (i) => `t${i}: transfer(input: $input) { ${each} }`)} }`;
  expect(refusalOf(text)).toBeUndefined();
});

test('validation of the largest allowed documents is quick', () => {
  const worst: DocumentNode[] = [
    `{ ${times(24, (i) => `a${i}: ledger { ${'name '.repeat(40)} }`)} }`,
    `{ ${times(700, (i) => `a${i}: ledger { name }`)} }`,
    `{ ${times(40, () => 'ledger { name head { number hash createdAt } currencies { code exponent } }')} }`,
    `{ ${times(48, (i) => `...F${i}`)} } ${times(48, (i) => `fragment F${i} on Query { ${times(10, (j) => `f${i}_${j} `)} }`)}`,
    `{ ledger { name ${times(600, () => '@skip(if: false)')} } }`,
    `{ ${times(1400, (i) => `nothing${i}`)} }`,
  ].map((text) => {
    expect(refusalOf(text)).toBeUndefined();
    return parse(text);
  });
  for (const document of worst) {
    const since = performance.now();
    validate(schema, document, undefined, { maxErrors: 20 });
    expect(performance.now() - since).toBeLessThan(1000);
  }
});

test('isOnly finds the fields of a mutation inside fragments', () => {
  const only = (text: string, name?: string) => isOnly('postBatch', parse(text), name);
  expect(
    only('mutation { postBatch { a } b: postBatch { a } ...A } fragment A on M { ... { postBatch } }'),
  ).toBe(true);
  expect(only('mutation { postBatch { a } transfer }')).toBe(false);
  expect(only('mutation { ...A } fragment A on M { postBatch transfer }')).toBe(false);
  expect(only('{ postBatch }')).toBe(false);
  expect(only('mutation A { postBatch } mutation B { transfer }', 'A')).toBe(true);
  expect(only('mutation A { postBatch } mutation B { transfer }', 'B')).toBe(false);
  expect(only('mutation A { postBatch } mutation B { transfer }')).toBe(false);
});
