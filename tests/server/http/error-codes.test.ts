import { afterAll, describe, expect, test } from 'vitest';
import { asOwner, createTestDatabase } from '../../support/database.ts';
import { openLedger } from '../../support/ledger.ts';
import { startTcpProxy } from '../../support/tcp-proxy.ts';
import { asking, exchange, JSON_TYPE, type Sent } from './exchange.ts';
import { connectRaw, head } from './raw.ts';
import { serveAllWays } from './ways.ts';

interface Failed {
  readonly errors: readonly { readonly message: string; readonly extensions?: { readonly code?: unknown } }[];
}

const ledger = await openLedger(await createTestDatabase());
const urls = await serveAllWays(ledger);
const production = await serveAllWays(ledger, { explorer: false });

const broken = await createTestDatabase();
const brokenUrls = await serveAllWays(await openLedger(broken));

const proxied = await createTestDatabase();
const proxy = await startTcpProxy(proxied.serviceUrl);
const cutUrls = await serveAllWays(await openLedger({ serviceUrl: proxy.url }));
afterAll(() => proxy.admit());

const PAGES =
  'query ($n: Int!) { accounts(first: $n) { nodes { history(first: $n) { nodes { transaction { id } } } } } }';
const DEPOSIT = 'mutation ($input: DepositInput!) { deposit(input: $input) { __typename } }';
const BIG = 'x'.repeat(2 ** 20);

/** Requests that fail on each level, and the code of all their errors. */
const FAILURES: readonly [name: string, sent: Sent, code: string, search?: string][] = [
  ['a syntax error', asking('{'), 'GRAPHQL_PARSE_FAILED'],
  ['an invalid token', asking('{ ledger ? }'), 'GRAPHQL_PARSE_FAILED'],
  ['an empty document', asking(''), 'GRAPHQL_PARSE_FAILED'],
  ['an unknown field', asking('{ nothing }'), 'GRAPHQL_VALIDATION_FAILED'],
  [
    'more validation errors than are reported',
    asking(`{ ${Array.from({ length: 100 }, (_, i) => `n${i}`).join(' ')} }`),
    'GRAPHQL_VALIDATION_FAILED',
  ],
  ['a type definition', asking('type A { a: Int }'), 'OPERATION_RESOLUTION_FAILURE'],
  ['a subscription', asking('subscription { x }'), 'GRAPHQL_VALIDATION_FAILED'],
  [
    'an unknown operation name',
    asking('query A { ledger { name } }', { operationName: 'B' }),
    'OPERATION_RESOLUTION_FAILURE',
  ],
  [
    'no operation name among several operations',
    asking('query A { ledger { name } } query B { ledger { name } }'),
    'OPERATION_RESOLUTION_FAILURE',
  ],
  ['too much nesting', asking(`${'{ a '.repeat(60)}${'}'.repeat(60)}`), 'INVALID_INPUT'],
  ['too many repeats', asking(`{ ${'a '.repeat(60)} }`), 'INVALID_INPUT'],
  ['a fragment in a cycle', asking('{ ...A } fragment A on Query { ...A }'), 'INVALID_INPUT'],
  ['too much cost', asking(PAGES, { variables: { n: 100 } }), 'INVALID_INPUT'],
  ['a variable of a wrong type', asking(DEPOSIT, { variables: { input: 5 } }), 'INVALID_INPUT'],
  ['a missing variable', asking(DEPOSIT), 'INVALID_INPUT'],
  [
    'a variable with an unknown field',
    asking(DEPOSIT, { variables: { input: { more: 1 } } }),
    'INVALID_INPUT',
  ],
  [
    'a large variable with an unknown field',
    asking(DEPOSIT, { variables: { input: { more: 'x'.repeat(5000) } } }),
    'INVALID_INPUT',
  ],
  ['a missing variable that decides the cost', asking(PAGES), 'INVALID_INPUT'],
  [
    'a null variable for a required argument with a default',
    asking('query ($final: Boolean) { __type(name: "A") { fields(includeDeprecated: $final) { name } } }', {
      variables: { final: 'x' },
    }),
    'INVALID_INPUT',
  ],
  ['an invalid argument', asking('{ accounts(first: 101) { nodes { id } } }'), 'INVALID_INPUT'],
  [
    'an invalid instant',
    asking('{ holds(filter: { expiresAt: { from: "x" } }) { nodes { id } } }'),
    'INVALID_INPUT',
  ],
  ['an invalid cursor', asking('{ journal(after: "x") { nodes { id } } }'), 'INVALID_INPUT'],
  ['a body that is not JSON', { headers: JSON_TYPE, body: '{' }, 'BAD_REQUEST'],
  ['a body that is not an object', { headers: JSON_TYPE, body: '5' }, 'BAD_REQUEST'],
  ['several requests', { headers: JSON_TYPE, body: '[]' }, 'BAD_REQUEST'],
  ['a body that is not UTF-8', { headers: JSON_TYPE, body: Buffer.from([0x7b, 0xff]) }, 'INVALID_INPUT'],
  ['no query', asking(undefined), 'BAD_REQUEST'],
  ['variables that are not an object', asking('{ ledger { name } }', { variables: 'x' }), 'BAD_REQUEST'],
  ['an unknown member', asking('{ ledger { name } }', { id: 'x' }), 'BAD_REQUEST'],
  [
    'an operation name that is not a string',
    asking('{ ledger { name } }', { operationName: 5 }),
    'INVALID_INPUT',
  ],
  ['another content type', { headers: { 'content-type': 'text/plain' }, body: '{}' }, 'INVALID_INPUT'],
  ['a compressed body', { headers: { ...JSON_TYPE, 'content-encoding': 'gzip' }, body: '' }, 'INVALID_INPUT'],
  [
    'an unacceptable media type',
    asking('{ ledger { name } }', {}, { accept: 'text/plain' }),
    'INVALID_INPUT',
  ],
  ['another method', { method: 'PUT' }, 'INVALID_INPUT'],
  ['a body above 1 MiB', asking('{ ledger { name } }', { variables: { BIG } }), 'INVALID_INPUT'],
  ['a mutation by GET', { method: 'GET' }, 'BAD_REQUEST', '?query=mutation%7Bdeposit%7D'],
  [
    'invalid variables by GET',
    { method: 'GET' },
    'INVALID_INPUT',
    '?query=%7Bledger%7Bname%7D%7D&variables=%7B',
  ],
];

/** Sends a request twice, the second time perhaps to a compiled operation. Returns the codes of both answers' errors. */
async function codesOf(url: string, sent: Sent, path = ''): Promise<unknown[]> {
  const answers: Failed[] = [];
  for (let time = 0; time < 2; time += 1) {
    answers.push(JSON.parse((await exchange(`${url}/graphql${path}`, sent)).body));
  }
  for (const { errors } of answers) expect(errors.length).toBeGreaterThan(0);
  return answers.flatMap(({ errors }) => errors.map(({ extensions }) => extensions?.code));
}

describe.each(Object.entries(urls))('on the %s path', (name, url) => {
  test.each(FAILURES.map(([kind, sent, code, search = '']) => ({ kind, sent, code, search })))(
    'every error of $kind has its code',
    async ({ sent, code, search }) => {
      expect(new Set(await codesOf(url, sent, search))).toEqual(new Set([code]));
    },
  );

  test('introspection without the explorer has its code', async () => {
    const paths = new Map(Object.entries(production));
    const codes = await codesOf(paths.get(name) ?? '', asking('{ __schema { queryType { name } } }'));
    expect(new Set(codes)).toEqual(new Set(['GRAPHQL_VALIDATION_FAILED']));
  });
});

test('faults and unreachable databases have their codes', async () => {
  await asOwner(broken, 'alter table ledgers rename column closed_before to closed');
  proxy.refuse();
  for (const url of Object.values(brokenUrls)) {
    expect(new Set(await codesOf(url, asking('{ ledger { name } }')))).toEqual(new Set(['INTERNAL']));
  }
  // Each request waits for the database for seconds.
  const cut = await Promise.all(
    Object.values(cutUrls).map((url) => codesOf(url, asking('{ ledger { name } }'))),
  );
  for (const codes of cut) expect(new Set(codes)).toEqual(new Set(['UNAVAILABLE']));
});

test('requests that HTTP cannot read have a code', async () => {
  for (const bytes of ['hello\r\n\r\n', head(`x: ${'x'.repeat(20_000)}`)]) {
    const { socket, ended } = await connectRaw(`${urls.fast}/graphql`);
    socket.write(bytes);
    expect(await ended).toContain('"code":"INVALID_INPUT"');
  }
});
