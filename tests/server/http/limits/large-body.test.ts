import fc from 'fast-check';
import { parse } from 'graphql';
import { describe, expect, test } from 'vitest';
import { isOnly } from '../../../../src/graphql/protection/document-limits.ts';
import { refuseBeginning, refuseLarge, scanBody } from '../../../../src/server/http/large-body.ts';
import {
  MAX_LARGE_ELEMENTS,
  MAX_LARGE_NAMES,
  MAX_LARGE_NESTING,
} from '../../../../src/server/http/limits.ts';

const scan = (text: string) => scanBody(Buffer.from(text));
/** The value that the scan found, as JSON.parse reads it. */
function read(text: string, member: 'query' | 'operationName'): unknown {
  const found = scan(text);
  if ('limit' in found) return expect.unreachable(found.limit[0]);
  const string = found[member];
  return string === undefined ? undefined : JSON.parse(string.toString());
}
const ifText = (value: unknown) => (typeof value === 'string' ? value : undefined);

/** A JSON string in which any letter may be escaped. */
const jsonString = (text: fc.Arbitrary<string>) =>
  fc.tuple(text, fc.infiniteStream(fc.nat(5))).map(([given, ways]) => {
    const letters = given.split('').map((letter) => {
      const code = letter.charCodeAt(0).toString(16).padStart(4, '0');
      const way = ways.next().value;
      if (way === 0) return `\\u${code}`;
      if (way === 1) return `\\u${code.toUpperCase()}`;
      return JSON.stringify(letter).slice(1, -1);
    });
    return `"${letters.join('')}"`;
  });
const member = fc.constantFrom('query', 'operationName', 'Query', 'quer', 'queryx', '', '__proto__', 'q\\"');
const space = fc.stringMatching(/^[ \t\r\n]{0,2}$/);
const nested = fc.oneof(
  fc.json(),
  fc.constantFrom('{"query":"inner"}', '[{"query":"inner"},"query"]', '"\\\\"', '"]}"'),
);
const quotes = fc.string({ unit: fc.constantFrom('"', '\\', 'x'), minLength: 50, maxLength: 300 });
const value = fc.oneof(jsonString(fc.string({ unit: 'binary' })), jsonString(quotes), nested);
const jsonObject = fc
  .tuple(fc.array(fc.tuple(space, jsonString(member), space, space, value, space), { maxLength: 6 }), space)
  .map(([members, around]) => {
    const inside = members.map(([a, name, b, c, given, d]) => `${a}${name}${b}:${c}${given}${d}`);
    return `${around}{${inside.join(',')}}${around}`;
  });

/** Prints the seed, also of a success. */
async function check(property: fc.IProperty<[string]> | fc.IAsyncProperty<[string]>): Promise<void> {
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`SEED=${seed}`);
  await fc.assert(property, { seed, numRuns: 2000 });
}

test('the scan finds the same members in an object as JSON.parse', async () => {
  await check(
    fc.property(jsonObject, (text) => {
      const parsed: Record<string, unknown> = JSON.parse(text);
      for (const name of ['query', 'operationName'] as const) {
        expect(read(text, name)).toBe(ifText(Object.hasOwn(parsed, name) ? parsed[name] : undefined));
      }
    }),
  );
});

test('the scan finds no members outside an object', async () => {
  await check(
    fc.property(fc.json(), (text) => {
      if (text.startsWith('{')) return;
      expect(read(text, 'query')).toBeUndefined();
    }),
  );
  expect(read('\uFEFF{"query":"a"}', 'query')).toBeUndefined();
  expect(read('"query":"a"', 'query')).toBeUndefined();
});

const BATCH = 'mutation ($input: PostBatchInput!) { postBatch(input: $input) { __typename } }';
const body = (members: object) => Buffer.from(JSON.stringify(members));

test('malformed JSON is rejected by the scan or by JSON.parse', async () => {
  const whole = fc.oneof(
    jsonObject,
    fc.constant(JSON.stringify({ operationName: null, query: BATCH, variables: [{}] })),
  );
  const broken = fc
    .tuple(whole, fc.nat(), fc.nat(3), fc.string({ maxLength: 3 }))
    .map(([text, place, length, put]) => {
      const at = place % (text.length + 1);
      return text.slice(0, at) + put + text.slice(at + length);
    });
  const noise = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[{}[\]",:\\query]*$/));
  await check(
    fc.asyncProperty(fc.oneof(broken, noise), async (text) => {
      if ((await refuseLarge(Buffer.from(text))) !== undefined) return;
      let request: { query: string; operationName?: string };
      try {
        request = JSON.parse(text);
      } catch {
        return;
      }
      expect(isOnly('postBatch', parse(request.query), request.operationName)).toBe(true);
    }),
  );
});

test('no beginning of a body that may be parsed is rejected', async () => {
  const operations = fc.array(fc.record({ idempotencyKey: fc.string(), amount: fc.json() }), {
    maxLength: 5,
  });
  const batches = fc
    .tuple(
      operations,
      fc.constantFrom(BATCH, `query A { a } ${BATCH.replace('(', ' B (')}`),
      fc.boolean(),
      space,
    )
    .map(([input, query, isFirst, around]) => {
      const name = query === BATCH ? {} : { operationName: 'B' };
      const members = isFirst
        ? { query, ...name, variables: { input } }
        : { variables: { input }, ...name, query };
      return `${around}${JSON.stringify(members)}`;
    });
  await check(
    fc.asyncProperty(batches, async (text) => {
      const bytes = Buffer.from(text);
      expect(await refuseLarge(bytes)).toBeUndefined();
      for (let end = 0; end <= bytes.length; end += 7) {
        expect(refuseBeginning(bytes.subarray(0, end), bytes.length)).toBeUndefined();
      }
    }),
  );
});

/** The body of a batch with these variables, as JSON text. */
const withVariables = (text: string) =>
  Buffer.from(`{"query":${JSON.stringify(BATCH)},"variables":{"input":${text}}}`);
/** The number of elements outside the variables. */
const outside = 6;

describe('a body', () => {
  test.each([
    ['a batch', { query: BATCH }],
    ['a batch by its name', { query: `query A { a } ${BATCH.replace('(', 'B (')}`, operationName: 'B' }],
    ['a batch whose operationName is null', { query: BATCH, operationName: null }],
  ])('that is %s may be parsed', async (_, members) => {
    expect(await refuseLarge(body(members))).toBeUndefined();
  });

  test('may have escapes in its document', async () => {
    const escaped = JSON.stringify({ query: BATCH })
      .replace('query', '\\u0071uer\\u0079')
      .replace('postB', 'post\\u0042');
    expect(await refuseLarge(Buffer.from(escaped))).toBeUndefined();
  });

  test.each<[string, object, RegExp]>([
    ['is another mutation', { query: 'mutation { transfer }', postBatch: 'postBatch' }, /at most 1,048,576/],
    ['is a batch and another mutation', { query: 'mutation { postBatch transfer }' }, /at most 1,048,576/],
    ['is a query', { query: '{ postBatch }' }, /at most 1,048,576/],
    ['names another operation', { query: BATCH, operationName: 'B' }, /at most 1,048,576/],
    ['has no document', { variables: { query: BATCH } }, /at most 1,048,576/],
    ['has a document that is not text', { query: [BATCH] }, /at most 1,048,576/],
    ['is several requests', [{ query: BATCH }], /at most 1,048,576/],
    ['has a malformed document', { query: `${BATCH}}` }, /Syntax Error/],
    ['has far too long a document', { query: `${BATCH} ${'#'.repeat(700_000)}` }, /at most 1,048,576/],
    ['has a document that is too long', { query: `${BATCH} ${'#'.repeat(100_000)}` }, /100,000 are allowed/],
    ['has too many aliases', { query: `mutation { ${'a: postBatch '.repeat(101)} }` }, /\d are allowed/],
  ])('that %s is rejected', async (_, members, message) => {
    expect((await refuseLarge(body(members)))?.message).toMatch(message);
  });

  test('may have elements up to the limit, but not one more', async () => {
    const elements = (count: number) => withVariables(`[${'1,'.repeat(count - outside - 1)}1]`);
    expect(await refuseLarge(elements(MAX_LARGE_ELEMENTS))).toBeUndefined();
    expect((await refuseLarge(elements(MAX_LARGE_ELEMENTS + 1)))?.message).toContain(
      'at most 500,000 commas, colons and opening brackets',
    );
  });

  test('may have nested brackets up to the limit, but not one more', async () => {
    const nesting = (depth: number) => withVariables('['.repeat(depth - 2) + ']'.repeat(depth - 2));
    expect(await refuseLarge(nesting(MAX_LARGE_NESTING))).toBeUndefined();
    expect((await refuseLarge(nesting(MAX_LARGE_NESTING + 1)))?.message).toContain(
      'at most 20 nested brackets',
    );
  });

  test('may have names up to the limit, but not one more, and its strings do not count', async () => {
    const names = (count: number) => {
      const members = Array.from({ length: count - 3 }, (_, place) => `"${place}":"{[,:]}\\"${place}"`);
      return withVariables(`[{${members}},{${members}}]`);
    };
    expect(await refuseLarge(names(MAX_LARGE_NAMES))).toBeUndefined();
    expect((await refuseLarge(names(MAX_LARGE_NAMES + 1)))?.message).toContain(
      'at most 1,000 different names',
    );
  });

  test('with 10,000 operations with all their fields is within every limit', async () => {
    const entry = { accountId: 'acct_a', side: 'DEBIT', amount: '1', description: 'x' };
    const attempt = {
      idempotencyKey: 'k',
      externalId: 'x',
      description: 'x',
      metadata: {},
      effectiveAt: 'x',
    };
    const post = { keyAccountId: 'acct_a', entries: [entry, entry], conditions: [], ...attempt };
    const operations = Array.from({ length: 10_000 }, () => ({ post }));
    expect(await refuseLarge(withVariables(JSON.stringify({ mode: 'ATOMIC', operations })))).toBeUndefined();
  });
});
