import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseJson } from '../../src/core/values/json.ts';

const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
console.log(`SEED=${seed}`);
const runs = { seed, numRuns: 3000 };

// Names that V8 may return for other names after it has parsed them.
const FIRST = ['\\', '\\u', '\\u5', '\\u00', '\\n', '"', '\\"', 'name\\', 'name\\u'];

type Tree = string | number | boolean | null | readonly Tree[] | { readonly members: readonly Member[] };
type Member = readonly [name: string, value: Tree];

const NAMES = fc.oneof(
  fc.constantFrom(...FIRST, '年', 'order', 'a', '\n', '\t', '\0', '\u001f', '/', '', '0', '1', '01', '-1'),
  fc.constantFrom(
    '__proto__',
    'constructor',
    'toString',
    '\ud800',
    '\udc00x',
    '\ue000',
    '\ue0000',
    '\ue000"',
    '🙂',
  ),
  fc.string({ unit: 'binary', maxLength: 4 }),
);
const TEXTS = fc.oneof(NAMES, fc.string(), fc.constantFrom('":', '\\":', '","a":"', '{"a', '\\'));
const { tree: TREES } = fc.letrec<{ tree: Tree; list: Tree[]; object: { members: Member[] } }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    TEXTS,
    fc.constantFrom(0, -0, 1, 1.5, 1e300, -2e-9, 2 ** 60, true, false, null),
    tie('list'),
    tie('object'),
  ),
  list: fc.array(tie('tree'), { maxLength: 5 }),
  object: fc.record({ members: fc.array(fc.tuple(NAMES, tie('tree')), { maxLength: 6 }) }),
}));

const SHORT: Readonly<Record<string, string>> = {
  '\n': '\\n',
  '\t': '\\t',
  '"': '\\"',
  '\\': '\\\\',
  '/': '\\/',
};

/** Writes JSON in a random spelling; `roll` is the random source. */
function write(tree: Tree, roll: (sides: number) => number): string {
  const space = () => ['', '', '', ' ', '\n', '\t\r'][roll(6)] ?? '';
  const spell = (character: string): string => {
    const mayStand = character >= ' ' && character !== '"' && character !== '\\';
    const way = roll(4);
    if (mayStand && way > 0) return character;
    const code = character.charCodeAt(0).toString(16).padStart(4, '0');
    if (way < 3 && SHORT[character] !== undefined) return SHORT[character];
    return `\\u${way % 2 === 0 ? code : code.toUpperCase()}`;
  };
  const text = (value: string) =>
    `"${Array.from({ length: value.length }, (_, at) => spell(value[at] ?? '')).join('')}"`;
  const between = (parts: readonly string[]) => parts.map((part) => space() + part + space()).join(',');
  if (typeof tree === 'string') return text(tree);
  if (typeof tree !== 'object' || tree === null) return Object.is(tree, -0) ? '-0' : String(tree);
  if ('members' in tree) {
    return `{${between(tree.members.map(([name, value]) => `${text(name)}${space()}:${write(value, roll)}`))}}`;
  }
  return `[${between(tree.map((value) => write(value, roll)))}]`;
}

/** Returns the value that JSON.parse must return: objects with own properties in order, the last one of each name. */
function madeOf(tree: Tree): unknown {
  if (typeof tree !== 'object' || tree === null) return tree;
  if (!('members' in tree)) return tree.map(madeOf);
  return Object.fromEntries(tree.members.map(([name, value]) => [name, madeOf(value)]));
}

/** Describes a value completely, including details that `toEqual` ignores, such as the order of members and __proto__ members. */
function shown(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '-0' : value;
  const prototype = Object.getPrototypeOf(value) === Object.prototype ? [] : ['another prototype'];
  const members = Object.entries(Object.getOwnPropertyDescriptors(value));
  return [...prototype, ...members.map(([name, { value, ...rest }]) => [name, shown(value), rest])];
}

test('every value is read from every spelling', () => {
  fc.assert(
    fc.property(TREES, fc.infiniteStream(fc.nat(1000)), (tree, rolls) => {
      const text = write(tree, (sides) => (rolls.next().value ?? 0) % sides);
      expect(shown(parseJson(text))).toEqual(shown(madeOf(tree)));
    }),
    runs,
  );
});

test('invalid JSON throws the error of JSON.parse', () => {
  const reads = (read: (text: string) => unknown, text: string) => {
    try {
      read(text);
      return 'read';
    } catch (error) {
      return String(error);
    }
  };
  const counts = { read: 0, thrown: 0 };
  fc.assert(
    fc.property(
      TREES,
      fc.infiniteStream(fc.nat(1000)),
      fc.nat(),
      fc.constantFrom('"', '\\', ':', ',', '{', '}', '\\u', '\\x', '\n', '1', '\ue000', '', '\ufeff'),
      (tree, rolls, place, piece) => {
        const text = write(tree, (sides) => (rolls.next().value ?? 0) % sides);
        const at = place % (text.length + 1);
        const broken = text.slice(0, at) + piece + text.slice(piece === '' ? at + 1 : at);
        const expected = reads(JSON.parse, broken);
        counts[expected === 'read' ? 'read' : 'thrown'] += 1;
        expect(reads(parseJson, broken)).toBe(expected);
      },
    ),
    runs,
  );
  expect(Math.min(counts.read, counts.thrown)).toBeGreaterThan(100);
});

describe('a name is read correctly whatever name was read before', () => {
  const pairs = ['\\', '"', '\n', '\u0001'].flatMap((first) =>
    ['年', '\n', '"', '\\\\', 'é'].map((name) => [name, first]),
  );
  test.each(pairs)('%j after %j', (name, first) => {
    // Each pair follows a unique member: V8 predicts the next name from the previous one.
    const before = `order ${JSON.stringify([name, first])}`;
    JSON.parse(JSON.stringify({ [before]: '42', [first]: 1 }));
    const text = JSON.stringify({ [before]: '42', [name]: 'x' }).replace(
      /[\u0080-\uffff]/g,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
    expect(Object.keys(parseJson(text) as object)).toEqual([before, name]);
  });
});

test('a duplicate name is one member with its first position and last value, in every spelling', () => {
  expect(JSON.stringify(parseJson('{"a":1,"\\n":2,"\\u0061":3,"\\u000A":4,"b":5,"\\u0062":[]}'))).toBe(
    '{"a":3,"\\n":4,"b":[]}',
  );
});

test('__proto__ is an ordinary member', () => {
  const read = parseJson('{"\\u005f_proto__":{"\\n":1},"x":{"__proto__":{"\\t":null},"\\n":2}}') as object;
  expect(Object.keys(read)).toEqual(['__proto__', 'x']);
  expect(JSON.stringify(read)).toBe('{"__proto__":{"\\n":1},"x":{"__proto__":{"\\t":null},"\\n":2}}');
});

test('JSON may be nested as deeply as JSON.parse reads it', () => {
  const depth = 200_000;
  let read = parseJson(`${'{"\\n":['.repeat(depth)}"\\n"${']}'.repeat(depth)}`);
  for (let level = 0; level < depth; level += 1) read = (read as Record<string, unknown[]>)['\n']?.[0];
  expect(read).toBe('\n');
});

test.each<[string, string]>([
  ['one long text', JSON.stringify({ '\n': 'x'.repeat(2 ** 24) })],
  ['one text of escapes', JSON.stringify({ x: '\\'.repeat(2 ** 23) })],
  ['one name of escapes', JSON.stringify({ ['\\'.repeat(2 ** 23)]: 1 })],
  ['one name of quotes', JSON.stringify({ ['"'.repeat(2 ** 23)]: 1 })],
  ['texts of one escape', JSON.stringify(Array.from({ length: 2 ** 20 }, () => '\n'))],
])('16 MiB of %s are read in time that grows with the text', (_, text) => {
  const since = performance.now();
  parseJson(text);
  // Quadratic time would take a hundred times longer than a slow machine needs.
  expect(performance.now() - since).toBeLessThan(5000);
});
