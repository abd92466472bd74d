/**
 * Random bytes that clients may send to the API over one connection: requests in many spellings, some malformed, pipelined and in
 * pieces. Their answers depend on no other request, except by idempotency keys.
 */
import fc from 'fast-check';

/** The bytes for one connection, piece by piece, and the number of requests in them. */
export interface Exchange {
  readonly pieces: readonly Buffer[];
  readonly requests: number;
}

export const ORIGIN = 'https://app.example';
/** The externalIds of the accounts in the requests. */
export const ACCOUNTS = ['rich', 'other'] as const;

type Members = readonly (readonly [name: string, value: unknown])[];

/** Mostly returns the first value. */
function usually<T>(first: T, weight: number, ...others: readonly fc.Arbitrary<T>[]): fc.Arbitrary<T> {
  return fc.oneof(
    { weight, arbitrary: fc.constant(first) },
    ...others.map((arbitrary) => ({ weight: 1, arbitrary })),
  );
}

const FACTS = `__typename ... on LedgerError { code message }
  ... on TransactionPosted { replayed transaction { id createdAt description metadata amount { amount } } }`;
const DOCUMENTS = [
  '{ ledger { name } }',
  '{ account(id: "ext:rich") { owner currency { code } } }',
  'query One { __typename } query Two { ledger { name } }',
  'query ($id: ID!) { account(id: $id) { owner } }',
  'query ($n: Int = 3, $f: Boolean!) { accounts(first: $n) { nodes { owner @include(if: $f) } } }',
  'query { account(id: "ext:ünï 🙂 \\" \\u00e9 \\\\") { owner } }',
  '{ accounts(first: 101) { nodes { id } } }',
  '{ acount(id: "x") { id } }',
  '{ account(',
  '"""" { ledger { name } }',
  '',
  ' # nothing\n',
  'subscription { transactionPosted { id } }',
  'fragment A on Ledger { name } { ledger { ...A ...B } }',
  '{ __schema { queryType { name } } }',
  `mutation One { deposit(input: { accountId: "ext:rich", amount: "1", idempotencyKey: "literal" }) { ${FACTS} } } query Two { __typename }`,
];
const TRANSFER = `mutation Pay($input: TransferInput!) { transfer(input: $input) { ${FACTS} } }`;
const BATCH = `mutation ($input: PostBatchInput!) { postBatch(input: $input) { __typename
  ... on BatchProcessed { results { ${FACTS} } } ... on LedgerError { code message } } }`;

/** The documents of a service that executes trusted documents only. */
export const MANIFEST: ReadonlyMap<string, string> = new Map([
  ...DOCUMENTS.slice(2, 5).map((text, place): [string, string] => [`document ${place}`, text]),
  ['transfer', TRANSFER],
  ['batch', BATCH],
]);
const DOCUMENT_ID = fc.constantFrom(...MANIFEST.keys(), 'none', '', 'sha256:x', '__proto__');
const NAMING = fc.oneof(
  DOCUMENT_ID.map((id) => [['documentId', id]] satisfies Members),
  DOCUMENT_ID.map(
    (id) => [['extensions', { persistedQuery: { version: 1, sha256Hash: id } }]] satisfies Members,
  ),
);

const TEXT = fc.oneof(
  fc.constantFrom(
    '',
    'a',
    '\\',
    '"',
    '\n',
    '年',
    '🙂',
    '\ud800',
    '\0',
    '__proto__',
    'toString',
    '":{',
    '\u2028',
  ),
  fc.string({ unit: 'binary', maxLength: 8 }),
);
const KEY = fc.nat(10_000).map((number) => `key ${number}`);
const KEPT_TEXT = TEXT.filter((text) => text.isWellFormed() && !text.includes('\0'));
const transferInput = fc.record(
  {
    fromAccountId: usually<unknown>('ext:rich', 20, fc.constantFrom('ext:missing', '', null, 5)),
    toAccountId: usually<unknown>('ext:other', 20, fc.constantFrom('ext:rich', 'acct_x')),
    amount: usually<unknown>(
      '1',
      10,
      fc.constantFrom('0', '1.001', 1, 1.5, true, '1e3', '-1', 2 ** 53, '0.10'),
    ),
    idempotencyKey: fc.oneof(
      { weight: 20, arbitrary: KEY as fc.Arbitrary<unknown> },
      { weight: 1, arbitrary: TEXT },
    ),
    description: fc.oneof({ weight: 9, arbitrary: KEPT_TEXT }, { weight: 1, arbitrary: TEXT }),
    metadata: fc.oneof(
      { weight: 9, arbitrary: fc.dictionary(KEPT_TEXT, KEPT_TEXT, { maxKeys: 3 }) as fc.Arbitrary<unknown> },
      { weight: 1, arbitrary: fc.constantFrom<unknown>(null, [], 'x', { a: 1 }, { '\0': 'x' }) },
    ),
    more: fc.constant(1),
  },
  { requiredKeys: ['fromAccountId', 'toAccountId', 'amount', 'idempotencyKey'] },
);
// An unknown member is rare, so that most inputs have none.
const INPUT = fc
  .tuple(transferInput, fc.nat(9))
  .map(([{ more, ...input }, dice]) => (dice === 0 && more ? { ...input, more } : input));
const BATCH_INPUT = fc
  .tuple(fc.array(INPUT, { minLength: 1, maxLength: 3 }), fc.constantFrom('INDEPENDENT', 'ATOMIC'))
  .map(([inputs, mode]) => ({ mode, operations: inputs.map((transfer) => ({ transfer })) }));

const VALUE: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(null, true, 0, -0, 1.5, 1e21, 'x', '', [], {}, ['x'], { id: 'ext:rich' }),
  fc.jsonValue({ maxDepth: 3 }),
);
const VARIABLES: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(
    { id: 'ext:rich' },
    { id: 5 },
    { f: true },
    { n: 1, f: false },
    { n: '1', f: 0 },
    { n: null, f: true },
  ),
  fc.dictionary(TEXT, VALUE, { maxKeys: 3 }),
  VALUE,
);
const EXTENSIONS = fc.constantFrom<unknown>(
  null,
  {},
  {
    persistedQuery: {
      version: 1,
      sha256Hash: 'ecf4edb46db40b5132295c0291d62fb65d6759a9eedfa4d5d612dd5ec54a6b38',
    },
  },
  [],
  'x',
  1,
  { code: 'x', __proto__: null },
);
const OPERATION_NAME = fc.constantFrom<unknown>(null, '', 'One', 'Two', 'Pay', 'Three', 5, [], {}, false);

const asked = fc
  .tuple(
    fc.oneof(
      {
        weight: 8,
        arbitrary: INPUT.map(
          (input): Members => [
            ['query', TRANSFER],
            ['variables', { input }],
          ],
        ),
      },
      {
        weight: 1,
        arbitrary: BATCH_INPUT.map(
          (input): Members => [
            ['query', BATCH],
            ['variables', { input }],
          ],
        ),
      },
      { weight: 3, arbitrary: fc.constantFrom(...DOCUMENTS).map((query): Members => [['query', query]]) },
      {
        weight: 3,
        arbitrary: fc.tuple(fc.constantFrom(...DOCUMENTS), VARIABLES).map(
          ([query, variables]): Members => [
            ['query', query],
            ['variables', variables],
          ],
        ),
      },
      {
        weight: 3,
        arbitrary: fc
          .tuple(INPUT, BATCH_INPUT, fc.constantFrom('documentId', 'hash'), fc.boolean())
          .map(([input, batch, name, isBatch]): Members => {
            const id = isBatch ? 'batch' : 'transfer';
            return [
              name === 'hash'
                ? ['extensions', { persistedQuery: { version: 1, sha256Hash: id } }]
                : ['documentId', id],
              ['variables', { input: isBatch ? batch : input }],
            ];
          }),
      },
      { weight: 2, arbitrary: NAMING },
      { weight: 1, arbitrary: VALUE.map((query): Members => [['query', query]]) },
      { weight: 1, arbitrary: fc.constant<Members>([]) },
    ),
    usually<Members>(
      [],
      6,
      OPERATION_NAME.map((name) => [['operationName', name]]),
      EXTENSIONS.map((extensions) => [['extensions', extensions]]),
      fc.constantFrom<Members>(
        [['query', '{ __typename }']],
        [['variables', null]],
        [['variables', { id: 'ext:other' }]],
      ),
      fc
        .tuple(
          fc.constantFrom('id', 'documentId', 'Query', '__proto__', 'toString', 'constructor', ''),
          VALUE,
        )
        .map((member) => [member]),
    ),
    fc.boolean(),
  )
  .map(([first, second, isSwapped]) => (isSwapped ? [...second, ...first] : [...first, ...second]));

/** Returns JSON in a spelling that `dice` choose. */
function spell(value: unknown, dice: readonly number[]): string {
  let thrown = 0;
  const roll = (sides: number) => (dice[thrown++ % dice.length] ?? 0) % sides;
  const space = () => (roll(8) === 0 ? ([' ', '\n', '\t', '\r\n', '  '][roll(5)] ?? '') : '');
  const text = (given: string) =>
    JSON.stringify(given).replace(/[a-z/\u0080-\uffff]/gi, (character, at: number, all: string) =>
      // Letters of escapes are kept.
      all[at - 1] === '\\' || all.slice(Math.max(0, at - 5), at).includes('\\u') || roll(16) > 0
        ? character
        : character === '/'
          ? '\\/'
          : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
  const around = (part: string) => space() + part + space();
  const each = (part: unknown): string => {
    if (Array.isArray(part)) return `[${part.map((item) => around(each(item))).join(',')}]`;
    if (typeof part === 'object' && part !== null) {
      return `{${Object.entries(part)
        .map(([name, member]) => `${around(text(name))}:${around(each(member))}`)
        .join(',')}}`;
    }
    return typeof part === 'string' ? text(part) : JSON.stringify(part);
  };
  return each(value);
}

function spellMembers(members: Members, dice: readonly number[]): string {
  return `{${members.map(([name, value]) => `${spell(name, dice)}:${spell(value, dice)}`).join(',')}}`;
}

/** Numbers that are used in turn. */
const DICE = fc.array(fc.nat(1000), { minLength: 7, maxLength: 50 });
/** A change of a body. */
const MISHAP = usually<(body: Buffer) => Buffer>(
  (body) => body,
  12,
  fc.constantFrom<(body: Buffer) => Buffer>(
    (body) => Buffer.concat([Buffer.from('\ufeff'), body]),
    (body) => Buffer.concat([body, Buffer.from(' \r\n')]),
    (body) => Buffer.concat([body, Buffer.from('}')]),
    (body) => Buffer.concat([body, Buffer.from([0])]),
    (body) => Buffer.concat([Buffer.from('['), body, Buffer.from(']')]),
    (body) => body.subarray(0, -1),
    () => Buffer.from(''),
    (body) => Buffer.from(body.toString('latin1'), 'utf16le'),
  ),
  fc
    .tuple(fc.nat(), fc.constantFrom(0xff, 0xc0, 0x80, 0x00, 0x0a, 0x22, 0x5c, 0x7b, 0x2c))
    .map(([place, byte]) => (body) => {
      const changed = Buffer.from(body);
      if (changed.length > 0) changed[place % changed.length] = byte;
      return changed;
    }),
);
const BODY = fc
  .tuple(asked, DICE, MISHAP)
  .map(([members, dice, mishap]) => mishap(Buffer.from(spellMembers(members, dice))));
/** Values that make a body large: a text, a list, nested brackets, spaces, repeated members. */
const FILLING = fc.constantFrom<(size: number) => string>(
  (size) => `"${'x'.repeat(size)}"`,
  (size) => `[${'"a",'.repeat(size / 4)}1]`,
  (size) => '['.repeat(size / 2) + ']'.repeat(size / 2),
  (size) => `${'{"a":'.repeat(size / 6)}1${'}'.repeat(size / 6)}`,
  (size) => `${' '.repeat(size)}null`,
  (size) => `{${'"\\n":"x",'.repeat(size / 9)}"a":"x"}`,
);
/** Sizes below and above the limit of most bodies. */
const BIG_BODY = fc
  .tuple(
    asked,
    DICE,
    fc.constantFrom(70_000, 2 ** 20 - 2000, 2 ** 20 + 5000),
    FILLING,
    fc.constantFrom('variables', 'extensions', 'x'),
  )
  .map(([members, dice, size, fill, name]) =>
    Buffer.from(
      `{"${name}":${fill(size)}${members.length > 0 ? ',' : ''}${spellMembers(members, dice).slice(1)}`,
    ),
  );

const TARGET = usually(
  '/graphql',
  20,
  fc.constantFrom(
    '/graphql?',
    '/graphql?query=%7Bledger%7Bname%7D%7D',
    '/graphql?query=%7Bledger%7Bname%7D%7D&variables=%7B%22a%22%3A%22%5Cu00e9%22%7D&operationName=',
    '/graphql?query=mutation%7Bdeposit%7D',
    '/graphql?variables=%7B&query=%7B__typename%7D',
    '/graphql?query=%7Bledger%7Bname%7D%7D&extensions=%5B%5D',
    '/graphql?query=%',
    '/graphql/',
    '//graphql',
    '/graphql#x',
    '/Graphql',
    '/%67raphql',
    'http://localhost/graphql',
    '*',
    '/',
    '/livez',
  ),
);
const METHOD = usually(
  'POST',
  30,
  fc.constantFrom('GET', 'GET', 'GET', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'post', 'Post', 'PATCH', 'QUERY'),
);
const VERSION = usually(
  'HTTP/1.1',
  40,
  fc.constantFrom('HTTP/1.0', 'HTTP/1.2', 'http/1.1', 'HTTP/2.0', 'HTTP/1.1 '),
);

const NAME_SPELLING = fc.constantFrom<(name: string) => string>(
  (name) => name,
  (name) => name.toUpperCase(),
  (name) => name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase()),
);
const PADDING = usually(' ', 12, fc.constantFrom('', '\t', '   ', ' \t '));
const AFTER = usually('', 12, fc.constantFrom(' ', '\t'));

const CONTENT_TYPE = usually(
  'application/json',
  20,
  fc.constantFrom(
    'application/json;charset=utf-8',
    'application/json; charset="UTF-8"',
    'Application/JSON',
    'application/json; charset=latin1',
    'application/json, text/plain',
    'application/graphql+json',
    'application/graphql',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'text/plain',
    '',
  ),
);
const ACCEPT = fc.constantFrom(
  '*/*',
  'application/json',
  'application/graphql-response+json',
  'Application/GraphQL-Response+JSON; charset=UTF-8',
  'application/graphql-response+json, application/json;q=0.9',
  'application/json;q=0, */*',
  'text/html, */*;q=0.8',
  'text/event-stream',
  'multipart/mixed',
  'text/plain;q=1, application/json;q=x',
  '',
);
type Field = readonly [name: string, value: string];
const FIELD: fc.Arbitrary<Field> = fc.oneof(
  { weight: 6, arbitrary: ACCEPT.map((accept): Field => ['accept', accept]) },
  {
    weight: 6,
    arbitrary: fc.constantFrom<Field>(
      ['connection', 'keep-alive'],
      ['connection', 'Keep-Alive'],
      ['user-agent', 'python-requests/2.32 "x" (é)'],
      ['cookie', 'a=1; b=2'],
      ['x-empty', ''],
      ['apollographql-client-name', 'web'],
      ['accept-encoding', 'gzip, deflate, br'],
    ),
  },
  {
    weight: 4,
    arbitrary: fc.constantFrom<Field>(
      ['connection', 'close'],
      ['connection', 'keep-alive, close'],
      ['connection', 'keep-alive, te'],
      ['connection', ''],
      ['connection', 'upgrade'],
      ['upgrade', 'h2c'],
      ['te', 'trailers'],
      ['trailer', 'x'],
      ['expect', '100-continue'],
      ['expect', 'more'],
      ['content-encoding', 'gzip'],
      ['content-encoding', 'identity'],
      ['content-encoding', 'IDENTITY'],
      ['content-type', 'text/plain'],
      ['host', 'evil.example'],
      ['origin', ORIGIN],
      ['origin', 'https://elsewhere.example'],
      ['origin', 'null'],
      ['proxy-connection', 'close'],
      ['keep-alive', 'timeout=1'],
      ['x-http-method-override', 'GET'],
      ['x-tab', 'a\tb'],
      ['x-latin', 'é\xff'],
      ['x-control', 'a\x01b'],
      ['x fold', 'a'],
      ['x-fold', 'a\r\n b'],
      ['x-return', 'a\rb'],
      ['x-feed', 'a\nb: c'],
      ['content-length', '5'],
      ['transfer-encoding', 'identity'],
      ['transfer-encoding', 'chunked'],
      ['__proto__', 'x'],
      ['x-long', 'x'.repeat(9000)],
      ['x-longer', 'x'.repeat(17_000)],
    ),
  },
);

/** Ways to declare the length of a body. */
type Framing = (body: Buffer) => { readonly fields: readonly Field[]; readonly body: Buffer };
const length =
  (write: (length: number) => string): Framing =>
  (body) => ({
    fields: [['content-length', write(body.length)]],
    body,
  });
const inChunks =
  (size: number, extension: string, end: string): Framing =>
  (body) => {
    const chunks: Buffer[] = [];
    for (let at = 0; at < body.length; at += size) {
      const chunk = body.subarray(at, at + size);
      chunks.push(Buffer.from(`${chunk.length.toString(16)}${extension}\r\n`), chunk, Buffer.from('\r\n'));
    }
    return { fields: [['transfer-encoding', 'chunked']], body: Buffer.concat([...chunks, Buffer.from(end)]) };
  };
const FRAMING = usually<Framing>(
  length(String),
  25,
  fc.constantFrom(
    length((bytes) => `0${bytes}`),
    length((bytes) => `+${bytes}`),
    length((bytes) => `${bytes}, ${bytes}`),
    length((bytes) => `${bytes}.0`),
    length((bytes) => `${bytes + 1}`),
    length((bytes) => `${Math.max(bytes - 1, 0)}`),
    length(() => '0'),
    length(() => '99999999999999999999'),
    length(() => '17000000'),
    length(() => '-1'),
    (body: Buffer) => ({ fields: [], body }),
    (body: Buffer) => ({
      fields: [
        ['content-length', `${body.length}`],
        ['content-length', `${body.length}`],
      ] as const,
      body,
    }),
    inChunks(7, '', '0\r\n\r\n'),
    inChunks(1000, ';a=b', '0\r\nx: y\r\n\r\n'),
    inChunks(1000, '', '0\r\n'),
    inChunks(1000, ' ', 'x\r\n\r\n'),
  ),
);
const LINE_END = usually('\r\n', 40, fc.constant('\n'));

const REQUEST = fc
  .record({
    line: fc.tuple(METHOD, TARGET, VERSION),
    host: usually<readonly Field[]>(
      [['host', 'localhost']],
      40,
      fc.constantFrom<readonly Field[]>(
        [],
        [['host', '']],
        [
          ['host', 'localhost'],
          ['host', 'localhost'],
        ],
        [['host', '[::1]:80']],
      ),
    ),
    type: fc.oneof(
      { weight: 30, arbitrary: CONTENT_TYPE.map((type): readonly Field[] => [['content-type', type]]) },
      { weight: 1, arbitrary: fc.constant<readonly Field[]>([]) },
    ),
    fields: fc.oneof(
      { weight: 40, arbitrary: fc.constant<Field[]>([]) },
      { weight: 60, arbitrary: fc.array(FIELD, { maxLength: 2 }) },
      { weight: 1, arbitrary: fc.constant(Array.from({ length: 60 }, (_, n): Field => [`x-${n}`, 'x'])) },
    ),
    body: fc.oneof({ weight: 60, arbitrary: BODY }, { weight: 1, arbitrary: BIG_BODY }),
    framing: FRAMING,
    spellings: fc.array(fc.tuple(NAME_SPELLING, PADDING, AFTER), { minLength: 3, maxLength: 3 }),
    order: fc.nat(5),
    lineEnd: LINE_END,
  })
  .map(({ line, host, type, fields, body, framing, spellings, order, lineEnd }): Buffer => {
    const framed = framing(body);
    const all = [...host, ...type, ...framed.fields];
    all.splice(order % (all.length + 1), 0, ...fields);
    const lines = all.map(([name, value], place) => {
      const [write, before, after] = spellings[place % spellings.length] ?? [String, ' ', ''];
      return `${write(name)}:${before}${value}${after}`;
    });
    const head = [line.join(' '), ...lines, '', ''].join(lineEnd);
    return Buffer.concat([Buffer.from(head, 'latin1'), framed.body]);
  });

const GARBAGE = usually(
  '',
  20,
  fc.constantFrom('\r\n', '\r\n\r\n', 'hello\r\n\r\n', '\0', 'POST /graphql HTTP/1.1\r\n: x\r\n\r\n', 'GET'),
);

/** Cuts bytes at places given as fractions. */
function cut(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [
    0,
    ...cuts.map((part) => Math.floor(part * bytes.length)).toSorted((a, b) => a - b),
    bytes.length,
  ];
  return places
    .slice(1)
    .map((place, before) => bytes.subarray(places[before], place))
    .filter(({ length }) => length > 0);
}

const FRACTION = fc.double({ min: 0, max: 1, noNaN: true });
export const EXCHANGE: fc.Arbitrary<Exchange> = fc
  .record({
    requests: fc.oneof(
      { weight: 3, arbitrary: fc.array(REQUEST, { minLength: 1, maxLength: 1 }) },
      { weight: 2, arbitrary: fc.array(REQUEST, { minLength: 2, maxLength: 4 }) },
    ),
    garbage: GARBAGE,
    /** Pipelined and cut anywhere, or one after another and mostly whole. */
    isPipelined: fc.boolean(),
    cuts: usually<readonly number[]>([], 3, fc.array(FRACTION, { maxLength: 3 })),
  })
  .map(({ requests, garbage, isPipelined, cuts }) => {
    const parts = [...requests, Buffer.from(garbage)];
    const pieces = isPipelined
      ? cut(Buffer.concat(parts), cuts)
      : parts.flatMap((part, place) => (place === 0 ? cut(part, cuts) : [part]));
    return {
      pieces: pieces.filter(({ length }) => length > 0),
      requests: requests.length,
      // The report of a difference has the bytes.
      [fc.toStringMethod]: () => '(see below)',
    };
  });
