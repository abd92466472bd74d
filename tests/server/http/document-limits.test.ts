import { type DocumentNode, GraphQLError, getIntrospectionQuery, parse, validate } from 'graphql';
import { describe, expect, test } from 'vitest';
import {
  checkDocument,
  checkText,
  DOCUMENT_LIMITS,
  isOnly,
} from '../../../src/graphql/protection/document-limits.ts';
import { schema } from '../../../src/graphql/schema.ts';

/** What is refused of a document, as the service finds it: nothing of a text that is too long is parsed. */
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
const chain = (count: number, last: string) =>
  `{ ...F0 } ${times(count, (i) => `fragment F${i} on Query { ...F${i + 1} ...F${i + 1} }`)} fragment F${count} on Query { ${last} }`;
const deep = (levels: number) => `${'{ a '.repeat(levels)}${'}'.repeat(levels)}`;

describe('a document has at most', () => {
  test.each([
    ['characters', 100_000, (n: number) => `{a}#${'x'.repeat(n - 4)}`],
    ['tokens', 5000, (n: number) => `{ a(x: [${'1 '.repeat(n - 9)}]) }`],
    ['nesting', 50, (n: number) => `{ a(x: ${'['.repeat(n - 2)}${']'.repeat(n - 2)}) }`],
    ['definitions', 50, (n: number) => times(n, (i) => `query Q${i} { a }`)],
    ['aliases', 100, (n: number) => `{ ${times(n, (i) => `a${i}: a`)} }`],
    ['directives', 50, (n: number) => `{ ${times(n, (i) => `a${i} @skip(if: true)`)} }`],
    [
      'spreads',
      500,
      (n: number) =>
        `{ ${'...A '.repeat(n / 2)} ...B } fragment A on Query { a } fragment B on Query { ${'...A '.repeat(Math.ceil(n / 2) - 1)} }`,
    ],
    ['depth', 15, deep],
    ['fields', 1000, (n: number) => `{ ${times(n, (i) => `a${i}`)} }`],
    [
      'fields',
      1000,
      (n: number) => `{ ...A ...A a } fragment A on Query { ${times((n - 1) / 2, (i) => `a${i}`)} }`,
    ],
    ['repeats', 40, (n: number) => `{ ${'a '.repeat(n)} }`],
    ['repeats', 40, (n: number) => `{ ${times(n, (i) => `... on T${i} { a }`)} }`],
    ['repeats', 40, (n: number) => `{ ${times(n, (i) => `a { b { b${i}: c } }`.replace(`b${i}: c`, 'c'))} }`],
    ['members', 100, (n: number) => `{ a(x: { ${times(n, (i) => `f${i}: 1`)} }) }`],
    ['mutationFields', 10, (n: number) => `mutation { ${times(n, (i) => `a${i} @include(if: false)`)} }`],
    [
      'mutationFields',
      10,
      (n: number) => `mutation { x: a ...A } fragment A on M { ... { ${times(n - 1, (i) => `y${i}: a`)} } }`,
    ],
  ] as const)('%s: %i', (limit, allowed, write) => {
    expect(DOCUMENT_LIMITS[limit]).toBe(allowed);
    const odd = allowed % 2 === 0 && write(allowed) === write(allowed + 1) ? 2 : 1;
    const refusal = refusalOf(write(allowed + odd));
    expect(refusal).toMatchObject({ code: 'INVALID_INPUT', limit, allowed });
    expect(refusal?.['given']).toBeGreaterThan(allowed);
    expect(refusal?.['message']).toMatch(new RegExp(`${allowed.toLocaleString('en')} are allowed`));
    expect(refusalOf(write(allowed))).toBeUndefined();
  });

  test('no spreads that double at each step: they are counted, and not followed', () => {
    expect(refusalOf(chain(20, 'a'))).toMatchObject({ limit: 'spreads', given: 2 ** 21 - 1 });
    expect(refusalOf(chain(48, 'a'))).toMatchObject({ limit: 'spreads' });
  });

  test('no fragment in a circle', () => {
    for (const text of [
      '{ ...A } fragment A on Query { ...A }',
      '{ a } fragment A on Query { a { ...B } } fragment B on Query { ... { ...C } } fragment C on Query { ...A }',
    ]) {
      expect(refusalOf(text)).toEqual({ code: 'INVALID_INPUT', message: expect.stringContaining('itself') });
    }
  });
});

test('what a document is not refused for: introspection as GraphiQL asks it, and a union of all refusals', () => {
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

test('the largest documents that pass are no burden to validation', () => {
  const worst: DocumentNode[] = [
    `{ ${times(24, (i) => `a${i}: ledger { ${'name '.repeat(40)} }`)} }`,
    `{ ${times(40, () => `ledger { ${'name '.repeat(1)} head { number hash createdAt } currencies { code exponent } }`)} }`,
    `{ ${times(48, (i) => `...F${i}`)} } ${times(48, (i) => `fragment F${i} on Query { ${times(15, (j) => `f${i}_${j} `)} }`)}`,
    `{ ${times(900, (i) => `nothing${i}`)} }`,
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

test('a mutation is only of one field, wherever that stands', () => {
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
