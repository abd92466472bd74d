import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, expect, test } from 'vitest';
import { parseJson } from '../../../src/core/values/json.ts';
import { openDatabase } from '../../../src/db/postgres/database.ts';
import { startHttpServer } from '../../../src/server/http/http.ts';
import { createTestDatabase } from '../../support/database.ts';
import { expectSoundBooks, makeAccounts, openLedger } from '../../support/ledger.ts';
import { exchange, JSON_TYPE } from './exchange.ts';

// V8 may read a name with escapes as another name that was read before. The service must read each name as it was sent.

const database = await createTestDatabase();
const ledger = await openLedger(database);
afterAll(() => expectSoundBooks(database));

const [fast, compiled, yoga] = await Promise.all(
  [{}, { compileAfter: 1 }, { fastPath: false }].map(async (options) => {
    const server = await startHttpServer({
      engine: ledger.engine,
      host: '127.0.0.1',
      port: 0,
      log: { error: (fault: unknown) => expect.unreachable(JSON.stringify(fault)) },
      ...options,
    });
    afterAll(() => server.close());
    return `${server.url}/graphql`;
  }),
);

/** JSON with ASCII characters only, as Python's json.dumps writes it. */
function dumps(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

interface Posted {
  readonly replayed: boolean;
  readonly transaction: { readonly id: string; readonly metadata: object };
}
interface Data {
  readonly answer: Posted;
  readonly outcomeByKey: Posted;
  readonly transaction: { readonly metadata: object };
  readonly transactions: { readonly nodes: readonly { readonly id: string; readonly metadata: object }[] };
}

async function ask(url: string, query: string, variables: object): Promise<Data> {
  const { body } = await exchange(url, { headers: JSON_TYPE, body: dumps({ query, variables }) });
  // V8 would read names of the answer wrong too.
  const { data, errors } = parseJson(body) as { readonly data: Data; readonly errors?: unknown };
  expect(errors).toBeUndefined();
  return data;
}

const POSTED =
  '__typename ... on TransactionPosted { replayed transaction { id metadata } } ... on LedgerError { message }';
const TRANSFER = `mutation ($input: TransferInput!) { answer: transfer(input: $input) { ${POSTED} } }`;
const READ = `query ($id: ID!, $account: ID!, $key: String!, $metadata: Metadata!) {
  transaction(id: $id) { metadata }
  outcomeByKey(accountId: $account, idempotencyKey: $key) { ${POSTED} }
  transactions(filter: { accountId: $account, metadata: $metadata }) { nodes { id metadata } }
}`;

/** Names that need escapes in JSON. They are rejected, but afterwards V8 reads other names as these. */
const ESCAPED = ['\\', '\\u', '\\u5', '\\u00', '\\n', '"', '\n', '\t'];

const NAMES = fc.oneof(
  fc.constantFrom('年', '年月', '年月日', 'über', '\u007f', '__proto__', '🙂', 'plain'),
  fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 3 })
    .filter((name) => JSON.stringify(name).length === name.length + 2),
);
/** The names before them: in the order of a caller, and in that of the database, which sorts by length. */
const BEFORE = fc.constantFrom('order', '');
const METADATA = fc
  .tuple(BEFORE, fc.array(fc.tuple(NAMES, fc.string({ unit: 'grapheme' })), { minLength: 1, maxLength: 3 }))
  .map(([before, members]) => Object.fromEntries([[before, '42'], ...members]) as Record<string, string>)
  .filter((metadata) => Object.values(metadata).every((text) => !text.includes('\0')));

/** The members in sorted order, because the database has an order of its own. */
const sorted = (metadata: unknown) =>
  Object.entries(metadata as object).toSorted(([a], [b]) => (a < b ? -1 : 1));

test.each(ESCAPED)('the name %j is rejected in every escaped form', async (name) => {
  const [from = '', to = ''] = await makeAccounts(ledger, 2, { minBalance: { unlimited: true } });
  for (const url of [fast, compiled, yoga]) {
    // V8 expects it after each of these.
    for (const before of ['order', '', 'get']) {
      const metadata = { [before]: '42', [name]: name };
      const input = { fromAccountId: from, toAccountId: to, amount: '1', idempotencyKey: 'k', metadata };
      expect(await ask(url ?? '', TRANSFER, { input })).toMatchObject({
        answer: { __typename: 'InvalidInputError', message: expect.stringContaining('metadata') },
      });
    }
  }
});

test('a name in the database is read correctly after a name that V8 expects another after', async () => {
  const db = openDatabase({
    allowUnsafeDurability: true,
    url: database.serviceUrl,
    maxConnections: 1,
    applicationName: 'names',
  });
  for (const name of ['\\', '"', '\\\\', '\t']) {
    const { rows } = await sql<{ value: unknown }>`
      select ${JSON.stringify({ '!': '42', [name]: name })}::jsonb as value`.execute(db);
    expect(rows).toEqual([{ value: { '!': '42', [name]: name } }]);
  }
  await db.destroy();
});

test('metadata is recorded, returned, replayed, read and found by the names that were sent', {
  timeout: 120_000,
}, async () => {
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`SEED=${seed}`);
  let attempt = 0;
  await fc.assert(
    fc.asyncProperty(METADATA, fc.nat(2), async (metadata, way) => {
      attempt += 1;
      const [from = '', to = ''] = await makeAccounts(ledger, 2, { minBalance: { unlimited: true } });
      const url = [fast, compiled, yoga][way] ?? '';
      const key = `key ${attempt}`;
      const input = { fromAccountId: from, toAccountId: to, amount: '1', idempotencyKey: key, metadata };
      const answers: Posted[] = [];
      for (const each of [url, fast, compiled, yoga]) {
        const { answer } = await ask(each ?? '', TRANSFER, { input });
        answers.push(answer);
      }
      const [first] = answers;
      const id = first?.transaction.id ?? '';
      expect(answers.map((answer) => [answer.replayed, sorted(answer.transaction.metadata)])).toEqual(
        [false, true, true, true].map((replayed) => [replayed, sorted(metadata)]),
      );
      const read = await ask(url, READ, { id, account: from, key, metadata });
      const found = { id, metadata: sorted(metadata) };
      expect(sorted(read.transaction.metadata)).toEqual(found.metadata);
      expect(sorted(read.outcomeByKey.transaction.metadata)).toEqual(found.metadata);
      const { nodes } = read.transactions;
      expect(nodes.map(({ id, metadata }) => ({ id, metadata: sorted(metadata) }))).toEqual([found]);
    }),
    { seed, numRuns: 120 },
  );
});

test('variables in a query string are read by the names that were sent', async () => {
  const query =
    'query ($metadata: Metadata!) { transactions(filter: { metadata: $metadata }) { nodes { metadata } } }';
  const [from = '', to = ''] = await makeAccounts(ledger, 2, { minBalance: { unlimited: true } });
  for (const name of ['年', 'ü', '年月']) {
    const metadata = { get: '42', [name]: name };
    const input = { fromAccountId: from, toAccountId: to, amount: '1', idempotencyKey: name, metadata };
    await ask(yoga ?? '', TRANSFER, { input });
    const search = new URLSearchParams({ query, variables: dumps({ metadata }) });
    const { body } = await exchange(`${fast}?${search}`, { method: 'GET' });
    expect(parseJson(body)).toEqual({ data: { transactions: { nodes: [{ metadata }] } } });
  }
});
