import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MAX_COST } from '../../../src/graphql/protection/cost.ts';
import { DOCUMENT_LIMITS } from '../../../src/graphql/protection/document-limits.ts';
import { asOwner, createTestDatabase } from '../../support/database.ts';
import { expectSoundBooks, makeAccount, openLedger } from '../../support/ledger.ts';
import { asking, exchange, JSON_TYPE, type Sent } from './exchange.ts';
import { compare, comparisons, ORIGIN, serveAllWays } from './ways.ts';

const PRODUCTION = 'with the explorer off';

const database = await createTestDatabase();
const ledger = await openLedger(database);
const ways = await serveAllWays(ledger);
const closed = await serveAllWays(ledger, { explorer: false });

const names = ['rich', 'poor', 'frozen', 'shut', 'euro', 'small'] as const;
const ids = new Map<string, string>();
beforeAll(async () => {
  for (const name of names) {
    const currency = name === 'euro' ? 'EUR' : 'USD';
    const limits = name === 'small' ? { maxBalance: { amount: '5' } } : {};
    const funds = name === 'rich' ? { funds: '100' } : {};
    ids.set(
      name,
      await makeAccount(ledger, { externalId: name, owner: name, currency, ...limits, ...funds }),
    );
  }
  await ledger.changeAccount('ext:frozen', { kind: 'FREEZE', idempotencyKey: null });
  await ledger.changeAccount('ext:shut', { kind: 'CLOSE', idempotencyKey: null });
  await ledger.closePeriod({ before: 978_307_200_000_000n });
});
afterAll(async () => {
  expect(comparisons()).toBeGreaterThanOrEqual(200);
  await expectSoundBooks(database);
});

const READ =
  '{ account(id: "ext:rich") { id owner balance { amount currency } history { nodes { version } } } }';
const EVERY_FACT = `__typename ... on LedgerError { code message retryable replayed }
  ... on TransactionPosted { replayed transaction { id type amount { amount } entries { side amount { amount } } } }`;
const TRANSFER = `mutation ($input: TransferInput!) { transfer(input: $input) { ${EVERY_FACT} } }`;

const transfer = { fromAccountId: 'ext:rich', toAccountId: 'ext:poor', amount: '1' };

describe('an outcome is the same on each path', () => {
  test.each([
    ['POSTED', {}],
    ['INVALID_INPUT', { externalId: '' }],
    ['INVALID_INPUT', { description: 'a\0b' }],
    ['INVALID_AMOUNT', { amount: '0' }],
    ['INVALID_AMOUNT', { amount: '1.001' }],
    ['INVALID_AMOUNT', { amount: 1.5 }],
    ['ACCOUNT_NOT_FOUND', { fromAccountId: 'ext:missing' }],
    ['ACCOUNT_NOT_FOUND', { toAccountId: 'acct_x' }],
    ['SAME_ACCOUNT', { toAccountId: 'ext:rich' }],
    ['CURRENCY_MISMATCH', { toAccountId: 'ext:euro' }],
    ['PERIOD_CLOSED', { effectiveAt: '2000-01-01T00:00:00Z' }],
    ['ACCOUNT_CLOSED', { toAccountId: 'ext:shut' }],
    ['ACCOUNT_FROZEN', { toAccountId: 'ext:frozen' }],
    ['INSUFFICIENT_FUNDS', { amount: '1000' }],
    ['BALANCE_LIMIT_EXCEEDED', { toAccountId: 'ext:small', amount: '6' }],
  ])('%s of %o', async (code, changes) => {
    const input = { ...transfer, idempotencyKey: JSON.stringify([code, changes]), ...changes };
    const sent = asking(TRANSFER, { variables: { input } });
    // The first request records the outcome.
    await exchange(`${ways.fast}/graphql`, sent);
    const { status, body } = await compare(ways, sent);
    expect(status).toBe(200);
    expect(body).toContain(code === 'POSTED' ? '"TransactionPosted"' : `"code":"${code}"`);
  });

  test('IDEMPOTENCY_CONFLICT, and EXTERNAL_ID_TAKEN', async () => {
    const input = { ...transfer, idempotencyKey: 'one', externalId: 'event' };
    await exchange(`${ways.fast}/graphql`, asking(TRANSFER, { variables: { input } }));
    const conflict = await compare(
      ways,
      asking(TRANSFER, { variables: { input: { ...input, amount: '2' } } }),
    );
    expect(conflict.body).toContain('IDEMPOTENCY_CONFLICT');
    const taken = await compare(
      ways,
      asking(TRANSFER, { variables: { input: { ...input, idempotencyKey: 'two' } } }),
    );
    expect(taken.body).toContain('EXTERNAL_ID_TAKEN');
  });

  test.each([
    ['UNKNOWN_CURRENCY', 'createAccount(input: { owner: "x", currency: "ABC" })'],
    ['EXTERNAL_ID_TAKEN', 'createAccount(input: { owner: "x", currency: "USD", externalId: "rich" })'],
    ['LIMIT_UNMET', 'createAccount(input: { owner: "x", currency: "USD", minBalance: { amount: "1" } })'],
    ['UNSUPPORTED_ACCOUNT', 'deposit(input: { accountId: "EXTERNAL", amount: 1, idempotencyKey: "k" })'],
    ['ACCOUNT_NOT_FOUND', 'withdraw(input: { accountId: "ext:none", amount: 1, idempotencyKey: "k" })'],
  ])('%s of %s', async (code, field) => {
    const [external] = await asOwner<{ id: string }>(
      database,
      `select id from accounts where kind = 'EXTERNAL' and currency = 'USD'`,
    );
    const { formatId } = await import('../../../src/core/values/ids.ts');
    const document = field.replace('EXTERNAL', formatId('account', external?.id ?? ''));
    const { body } = await compare(
      ways,
      asking(`mutation { ${document} { ... on LedgerError { code message } } }`),
    );
    expect(body).toContain(`"code":"${code}"`);
  });

  test('OVERLOADED', async () => {
    const full = await serveAllWays(await openLedger(database, { maxQueue: 0 }));
    const input = { ...transfer, idempotencyKey: 'full' };
    const { body } = await compare(full, asking(TRANSFER, { variables: { input } }));
    expect(body).toContain('OVERLOADED');
  });

  test('an internal error of a query, of a write, and below a write', async () => {
    const broken = await createTestDatabase();
    const its = await openLedger(broken);
    const [a, b] = [await makeAccount(its, { funds: '10' }), await makeAccount(its)];
    const brokenWays = await serveAllWays(its);
    const between = { fromAccountId: a, toAccountId: b, amount: '1' };
    // Variables as arguments make it compilable. Two fields fail below the first write, one of which is not nullable, and one below the second.
    const posted = asking(
      `mutation ($one: TransferInput!, $two: TransferInput!, $three: TransferInput!) {
        one: transfer(input: $one) { ...F ... on TransactionPosted { transaction { entries { account { owner } } } } }
        two: transfer(input: $two) { ...F __typename }
        three: transfer(input: $three) { __typename }
      }
      fragment F on TransactionPosted { transaction { keyAccount { owner } } }`,
      {
        variables: {
          one: { ...between, idempotencyKey: 'one' },
          two: { ...between, idempotencyKey: 'two' },
          three: { ...between, idempotencyKey: 'three' },
        },
      },
    );
    await exchange(`${brokenWays.fast}/graphql`, posted);
    await asOwner(broken, 'alter table accounts rename column owner to somebody');
    const below = await compare(brokenWays, posted);
    expect(JSON.parse(below.body)).toMatchObject({
      data: {
        one: null,
        two: { __typename: 'TransactionPosted', transaction: { keyAccount: null } },
        three: { __typename: 'TransactionPosted' },
      },
      errors: [
        { path: ['one', 'transaction', 'keyAccount'], extensions: { code: 'INTERNAL' } },
        { path: ['one', 'transaction', 'entries', 1, 'account'], extensions: { code: 'INTERNAL' } },
        { path: ['two', 'transaction', 'keyAccount'], extensions: { code: 'INTERNAL' } },
      ],
    });
    const twoReads = 'query ($a: ID!, $b: ID!) { b: account(id: $b) { owner } a: account(id: $a) { owner } }';
    await compare(brokenWays, asking(twoReads, { variables: { a, b } }));
    const read = await compare(
      brokenWays,
      asking('query ($a: ID!) { account(id: $a) { owner } }', { variables: { a } }),
    );
    expect(read.body).toContain('"code":"INTERNAL"');
    await asOwner(broken, 'alter table accounts rename column somebody to owner');
    await asOwner(broken, 'alter table transactions rename column facts to fact');
    const write = await compare(
      brokenWays,
      asking(TRANSFER, {
        variables: { input: { ...transfer, fromAccountId: a, toAccountId: b, idempotencyKey: 'four' } },
      }),
    );
    expect(write.body).toContain('InternalError');
    await asOwner(broken, 'alter table ledgers rename column closed_before to closed');
    const nothing = await compare(brokenWays, asking('{ ledger { name } }'));
    expect(JSON.parse(nothing.body)).toMatchObject({ data: null });
  });
});

/** A request of each kind of answer. */
const KINDS: readonly (readonly [name: string, query: unknown, members: object])[] = [
  ['data', READ, {}],
  ['an error next to null', '{ accounts(first: 101) { nodes { id } } }', {}],
  ['a syntax error', '{ account(', {}],
  ['a validation error', '{ nothing }', {}],
  ['an unknown operation', 'query A { ledger { name } }', { operationName: 'B' }],
  [
    'a wrong variable',
    'query ($first: Int!) { accounts(first: $first) { nodes { id } } }',
    { variables: { first: 'x' } },
  ],
  ['a refused document', `{ ${'a '.repeat(DOCUMENT_LIMITS.repeats + 1)} }`, {}],
  ['no query', undefined, {}],
];

const ACCEPTS = [
  undefined,
  '*/*',
  'application/*',
  'application/json',
  'APPLICATION/JSON',
  'application/graphql-response+json',
  'Application/GraphQL-Response+JSON; charset=UTF-8',
  'application/graphql-response+json, application/json;q=0.9',
  'application/json;q=0.2, application/graphql-response+json;q=0.4',
  'application/json;q=0, */*',
  'text/html, application/xhtml+xml, */*;q=0.8',
  'application/json; charset=latin1',
  'text/event-stream',
  'multipart/mixed',
  'text/plain;q=1, application/json;q=x',
  '',
];

describe.each(KINDS)('%s is the same on each path', (_, query, members) => {
  test.each(ACCEPTS)('for accept: %s', async (accept) => {
    const headers = accept === undefined ? {} : { accept };
    const { status, body } = await compare(ways, asking(query, members, headers));
    expect([200, 400, 406]).toContain(status);
    expect(() => JSON.parse(body)).not.toThrow();
  });
});

describe('a body is answered the same on each path', () => {
  const BATCH = 'mutation A { postBatch { id } }';
  const PADDING = 'x'.repeat(2 ** 20);
  const plain = JSON.stringify({ query: READ });
  const several =
    'query A { ledger { name } } query B { ledger { id } } mutation C { withdraw(input: { accountId: "", amount: 0, idempotencyKey: "" }) { __typename } }';
  const bodies: readonly (readonly [name: string, body: string | Buffer])[] = [
    ['nothing', ''],
    ['spaces', '  '],
    ['cut off', plain.slice(0, -1)],
    ['followed by more', `${plain}x`],
    ['a byte order mark', `\uFEFF${plain}`],
    [
      'bytes that are no UTF-8',
      Buffer.concat([Buffer.from(plain.slice(0, -2)), Buffer.from([0xff]), Buffer.from('"}')]),
    ],
    ['null', 'null'],
    ['a number', '5'],
    ['a string', '"{ ledger { name } }"'],
    ['true', 'true'],
    ['an empty array', '[]'],
    ['an array of requests', `[${plain},${plain}]`],
    ['an empty object', '{}'],
    ['a query twice', `{"query":"{ nothing }","query":${JSON.stringify(READ)}}`],
    ['a prototype', `{"query":"{ ledger { name } }","__proto__":{"x":1}}`],
    ['an inherited name', `{"query":"{ ledger { name } }","toString":1}`],
    ...[undefined, null, '', ' ', 5, true, [], {}, ['{ ledger { name } }']].map(
      (query) => [`the query ${JSON.stringify(query)}`, JSON.stringify({ query })] as const,
    ),
    ...[null, '', 'A', 'B', 'C', 'D', 5, [], {}, false].map(
      (operationName) =>
        [
          `the operationName ${JSON.stringify(operationName)}`,
          JSON.stringify({ query: several, operationName }),
        ] as const,
    ),
    ['several operations without a name', JSON.stringify({ query: several })],
    ...[null, {}, [], 'x', 5, false, { first: 2 }, { first: '2' }, { first: null }, { other: 1 }].map(
      (variables) =>
        [
          `the variables ${JSON.stringify(variables)}`,
          JSON.stringify({
            query: 'query ($first: Int) { accounts(first: $first) { nodes { owner } } }',
            variables,
          }),
        ] as const,
    ),
    ...[null, {}, { persistedQuery: { version: 1, sha256Hash: 'x' } }, [], 'x', 1].map(
      (extensions) =>
        [
          `the extensions ${JSON.stringify(extensions)}`,
          JSON.stringify({ query: READ, extensions }),
        ] as const,
    ),
    ...['id', 'documentId', 'x', 'Query'].map(
      (member) => [`the member ${member}`, JSON.stringify({ query: READ, [member]: 'x' })] as const,
    ),
    ['a body of 2 MiB', JSON.stringify({ query: READ, variables: { x: 'x'.repeat(2 ** 21) } })],
    ['a body of 20 MB', JSON.stringify({ query: READ, variables: { x: 'x'.repeat(20_000_000) } })],
    ...Object.entries({
      'no batch, which says postBatch': JSON.stringify({ query: READ, variables: { postBatch: PADDING } }),
      'a batch': JSON.stringify({ query: BATCH, variables: { x: PADDING } }),
      'a batch with another operationName': JSON.stringify({ query: BATCH, operationName: 'B', x: PADDING }),
      'a batch with an operationName that is none': JSON.stringify({
        query: BATCH,
        operationName: 5,
        x: PADDING,
      }),
      'a batch with another member': JSON.stringify({ query: BATCH, id: PADDING }),
      'a batch cut off': JSON.stringify({ query: BATCH, variables: { x: PADDING } }).slice(0, -1),
      'a batch among requests': JSON.stringify([{ query: BATCH, variables: { x: PADDING } }]),
      'a batch with a syntax error': JSON.stringify({ query: `${BATCH}}`, variables: { x: PADDING } }),
      'a batch of many fields': JSON.stringify({ query: `${BATCH} ${'{a}'.repeat(60)}`, x: PADDING }),
      'a batch with too many elements': `{"query":${JSON.stringify(BATCH)},"x":[${'[],'.repeat(2 ** 19)}1]}`,
    }).map(([name, body]) => [`above 1 MiB, ${name}`, body] as const),
    ['a document of 1 MB', JSON.stringify({ query: `# ${'x'.repeat(1_000_000)}\n${READ}` })],
  ];
  test.each(bodies)('%s', async (_, body) => {
    for (const accept of ['application/json', 'application/graphql-response+json']) {
      const { status } = await compare(ways, { headers: { ...JSON_TYPE, accept }, body });
      expect([200, 400, 413]).toContain(status);
    }
  });

  test('sent in chunks', async () => {
    const { status } = await compare(ways, {
      headers: { ...JSON_TYPE, 'transfer-encoding': 'chunked' },
      body: plain,
    });
    expect(status).toBe(200);
  });
});

describe('a document is answered the same on each path', () => {
  const deep = (levels: number) => `${'{ node(id: "") '.repeat(levels)}{ id }${' }'.repeat(levels)}`;
  test.each([
    ['a mutation', 'mutation { createAccount(input: { owner: "", currency: "USD" }) { __typename } }'],
    ['fragments', 'query { ...A } fragment A on Query { ledger { ...B } } fragment B on Ledger { name }'],
    ['an unused fragment', '{ ledger { name } } fragment A on Query { ledger { name } }'],
    ['an unknown fragment', '{ ...A }'],
    ['a fragment that spreads itself', '{ ...A } fragment A on Query { ledger { name } ...A }'],
    ['@include and @skip', '{ ledger @include(if: false) { name } account(id: "") @skip(if: true) { id } }'],
    ['an unknown directive', '{ ledger @x { name } }'],
    ['a subscription', 'subscription { x }'],
    ['a type definition', 'type A { a: Int } { ledger { name } }'],
    ['only a fragment', 'fragment A on Query { ledger { name } }'],
    ['an unused variable', 'query ($a: Int) { ledger { name } }'],
    ['an unknown argument', '{ account(name: "x") { id } }'],
    ['a missing argument', '{ account { id } }'],
    ['a misspelt field', '{ acount(id: "") { id } }'],
    ['a field without its selection', '{ ledger }'],
    ['a selection without a field', '{ ledger { } }'],
    ['introspection', '{ __schema { queryType { name } } __type(name: "Money") { name } __typename }'],
    ['too many levels', deep(51)],
    ['too many selections', `{ ${Array.from({ length: 1501 }, (_, i) => `a${i} `).join('')} }`],
    ['too many tokens', `{ ${'a '.repeat(6000)} }`],
    [
      'too much cost',
      '{ accounts(first: 100) { nodes { history(first: 100) { nodes { transaction { id } } } } } }',
    ],
    ['a cursor of another list', '{ accounts(after: "eA") { nodes { id } } }'],
    ['an enum of another name', '{ accounts(filter: { status: ALIVE }) { nodes { id } } }'],
    ['names that objects have', '{ __proto__ constructor toString }'],
  ])('%s', async (_, query) => {
    for (const each of [ways, closed]) {
      for (const accept of ['application/json', 'application/graphql-response+json']) {
        await compare(each, asking(query, {}, { accept }));
      }
    }
  });

  test('variables that cost too much', async () => {
    const query = `query ($n: Int!) { accounts(first: $n) { nodes { history(first: $n) { nodes { transaction { id } } } } } }`;
    const { body } = await compare(ways, asking(query, { variables: { n: 100 } }));
    expect(JSON.parse(body)).toMatchObject({
      errors: [{ extensions: { limit: 'cost', allowed: MAX_COST } }],
    });
    expect((await compare(ways, asking(query, { variables: { n: 10 } }))).status).toBe(200);
  });

  const BATCH = `mutation ($input: PostBatchInput!) { postBatch(input: $input) {
    __typename ... on BatchProcessed { results { ${EVERY_FACT} } } ... on LedgerError { code message } } }`;
  const operation = { transfer: { ...transfer, idempotencyKey: 'batch', externalId: null } };
  const hold = { fromAccountId: 'ext:rich', toAccountId: 'ext:poor', amount: '1', idempotencyKey: 'batch' };
  test.each<[string, unknown, RegExp]>([
    ['a batch', { operations: [operation] }, /TransactionPosted/],
    ['two operations in one', { operations: [{ ...operation, placeHold: hold }] }, /exactly one field/],
    ['null next to an operation', { operations: [{ ...operation, placeHold: null }] }, /exactly one field/],
    ['no operation in one', { operations: [{}] }, /exactly one field/],
    ['an operation that is null', { operations: [{ transfer: null }] }, /exactly one field/],
    ['an operation that is a list', { operations: [[]] }, /to be an object/],
    ['one operation that is in no list', { operations: operation }, /TransactionPosted/],
    ['a mode that is none', { mode: 'SOME', operations: [operation] }, /SOME/],
    ['a field too many', { operations: [operation], more: 1 }, /more/],
    ['a key that is no text', { operations: [{ transfer: { ...transfer, idempotencyKey: 5 } }] }, /string/],
    ['a key that is null', { operations: [{ transfer: { ...transfer, idempotencyKey: null } }] }, /null/],
    ['no key', { operations: [{ transfer }] }, /idempotencyKey/],
    ['null', null, /null/],
    ['a list', [], /./],
  ])('variables of a postBatch: %s', async (_, input, expected) => {
    const given = typeof input === 'object' && input !== null && !Array.isArray(input);
    const whole = given ? { mode: 'INDEPENDENT', ...input } : input;
    for (const padding of ['', ' '.repeat(5000)]) {
      const sent = asking(BATCH + padding, { variables: { input: whole } });
      // The first request records the outcome.
      await exchange(`${ways.fast}/graphql`, sent);
      expect((await compare(ways, sent)).body).toMatch(expected);
    }
  });

  test('variables of a large postBatch', async () => {
    const operations = Array.from({ length: 600 }, (_, place) => ({
      transfer: { ...transfer, amount: '0.01', idempotencyKey: `large ${place}` },
    }));
    const sent = asking(BATCH, { variables: { input: { mode: 'INDEPENDENT', operations } } });
    await exchange(`${ways.fast}/graphql`, sent);
    const { body } = await compare(ways, sent);
    expect(body.match(/"replayed":true/g)).toHaveLength(600);
  });

  test(`errors have suggestions, but not ${PRODUCTION}`, async () => {
    const misspelt = asking('query ($i: DepositInput!) { acount(id: "") { id } }', {
      variables: { i: { amont: 1 } },
    });
    const wrong = asking('mutation ($i: DepositInput!) { deposit(input: $i) { __typename } }', {
      variables: { i: { amont: 1, accountId: '', idempotencyKey: '' } },
    });
    for (const sent of [misspelt, wrong]) {
      expect((await compare(ways, sent)).body).toContain('Did you mean');
      expect((await compare(closed, sent)).body).not.toContain('Did you mean');
    }
  });

  test(`introspection is executed, but not ${PRODUCTION}`, async () => {
    const sent = asking('{ __schema { queryType { name } } }');
    expect(JSON.parse((await compare(ways, sent)).body)).toEqual({
      data: { __schema: { queryType: { name: 'Query' } } },
    });
    expect((await compare(closed, sent)).body).toContain('introspection');
  });
});

describe('a head is answered the same on each path', () => {
  const body = JSON.stringify({ query: READ });
  test.each([
    ...['GET', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE', 'PROPFIND'].map(
      (method) => [`the method ${method}`, { method }] as const,
    ),
    ...[
      undefined,
      '',
      'application/json;charset=utf-8',
      'application/json; charset="UTF-8"',
      'Application/JSON',
      'application/json; charset=latin1',
      'application/json; charset=utf-16',
      'application/json; odata=verbose',
      'application/json, text/plain',
      'application/graphql+json',
      'application/graphql',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'text/plain',
      'text/plain; application/json',
      'application/jsonp',
    ].map(
      (type) =>
        [
          `the content-type ${type}`,
          { headers: type === undefined ? {} : { 'content-type': type }, body },
        ] as const,
    ),
    ...['gzip', 'br', 'identity', 'GZIP'].map(
      (encoding) =>
        [
          `the content-encoding ${encoding}`,
          {
            headers: { ...JSON_TYPE, 'content-encoding': encoding },
            body: encoding === 'identity' ? body : gzipSync(body),
          },
        ] as const,
    ),
    ...[ORIGIN, 'https://elsewhere.example', 'null'].flatMap((origin) => [
      [`the origin ${origin}`, { headers: { ...JSON_TYPE, origin }, body }] as const,
      [
        `a preflight of ${origin}`,
        { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } },
      ] as const,
    ]),
  ])('%s', async (_, sent: Sent) => {
    const { headers } = await compare(ways, sent);
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      vary: 'Origin',
      'x-content-type-options': 'nosniff',
    });
  });

  test.each([
    '?query=%7Bledger%7Bname%7D%7D',
    '?query=mutation%7Bdeposit%7D',
    '?query=mutation{deposit(input:{accountId:"",amount:1,idempotencyKey:"k"}){__typename}}',
    '?query=query(%24n:Int){accounts(first:%24n){nodes{owner}}}&variables=%7B%22n%22:1%7D',
    '?query=%7Bledger%7Bname%7D%7D&variables=%7B',
    '?query=%7Bledger%7Bname%7D%7D&extensions=x',
    '?query=query%20A%7Bledger%7Bname%7D%7D&operationName=A',
    '?query=query%20A%7Bledger%7Bname%7D%7D&operationName=B',
    '?query=%E0%A4%A',
    '?query=',
    '?x=1',
    '?',
    '/',
  ])('GET %s', async (search) => {
    const { status } = await compare(ways, { method: 'GET' }, `/graphql${search}`);
    expect([200, 400, 404, 405]).toContain(status);
  });
});
