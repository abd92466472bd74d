import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeBooks } from '../../../scripts/fuzz/books.ts';
import { compareOperations } from '../../../scripts/fuzz/comparison.ts';
import { ANYBODY } from '../../../src/core/access/viewer.ts';
import { RequestNotes } from '../../../src/graphql/execution/request-notes.ts';
import { createGraphQLHandler } from '../../../src/graphql/execution/yoga.ts';
import { AnswerBudget } from '../../../src/graphql/protection/answer-budget.ts';
import { FastPath } from '../../../src/server/http/fast-path.ts';
import {
  ManifestError,
  readTrustedDocuments,
  TrustedDocuments,
} from '../../../src/server/http/trusted-documents.ts';
import { asOwner, cloneDatabase, createTestDatabase } from '../../support/database.ts';
import { expectSoundBooks, makeAccount, openLedger } from '../../support/ledger.ts';
import { JSON_TYPE, type Sent } from './exchange.ts';
import { writeManifest } from './manifest.ts';
import { compare, serveAllWays } from './ways.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

const READ = 'query Read($id: ID!) { account(id: $id) { owner balance { amount } } }';
const NAME = '{ ledger { name } }';
const SEVERAL = 'query One { __typename } query Two { ledger { name } }';
const DEPOSIT = `mutation Pay($input: DepositInput!) { deposit(input: $input) { __typename ... on LedgerError { code } } }`;
const BATCH = `mutation Batch($input: PostBatchInput!) { postBatch(input: $input) { __typename ... on LedgerError { code } } }`;
const READ_ID = sha256(READ);
const manifest = new Map([
  ...[READ, NAME, DEPOSIT, BATCH].map((text): [string, string] => [sha256(text), text]),
  ['several', SEVERAL],
]);

const database = await createTestDatabase();
const ledger = await openLedger(database);
const ways = await serveAllWays(ledger, {
  explorer: false,
  trustedDocuments: new TrustedDocuments(manifest),
});
beforeAll(async () => {
  await makeAccount(ledger, { externalId: 'rich', owner: 'rich', currency: 'USD' });
});
afterAll(() => expectSoundBooks(database));

const persisted = (sha256Hash: unknown) => ({ persistedQuery: { version: 1, sha256Hash } });
const post = (members: object, accept = 'application/json'): Sent => ({
  headers: { ...JSON_TYPE, accept },
  body: JSON.stringify(members),
});
const variables = { id: 'ext:rich' };
const RICH = '{"data":{"account":{"owner":"rich","balance":{"amount":"0.00"}}}}';

describe('a document of the manifest is executed', () => {
  test.each<[string, object]>([
    ['documentId', { documentId: READ_ID }],
    ['documentId with the prefix sha256', { documentId: `sha256:${READ_ID}` }],
    ['extensions.persistedQuery', { extensions: persisted(READ_ID) }],
    ['its text', { query: READ }],
    ['all of them', { documentId: READ_ID, query: READ, extensions: persisted(READ_ID) }],
    ['documentId next to null and an empty text', { documentId: READ_ID, query: '', extensions: null }],
    ['persistedQuery next to null', { documentId: null, query: null, extensions: persisted(READ_ID) }],
  ])('that a POST names by %s', async (_, members) => {
    const { status, body } = await compare(ways, post({ ...members, variables }));
    expect([status, body]).toEqual([200, RICH]);
  });

  test.each([
    ['documentId', { documentId: READ_ID }],
    ['extensions.persistedQuery', { extensions: JSON.stringify(persisted(READ_ID)) }],
    ['its text', { query: READ }],
  ])('that a GET names by %s', async (_, given) => {
    const search = new URLSearchParams({ ...given, variables: JSON.stringify(variables) });
    const { status, body } = await compare(ways, { method: 'GET' }, `/graphql?${search}`);
    expect([status, body]).toEqual([200, RICH]);
  });

  test('by an id of any form, with the operation that the request chooses', async () => {
    const two = await compare(ways, post({ documentId: 'several', operationName: 'Two' }));
    expect(two.body).toBe('{"data":{"ledger":{"name":"main"}}}');
    const bySha = await compare(
      ways,
      post({ documentId: `sha256:${sha256(SEVERAL)}`, operationName: 'One' }),
    );
    expect(bySha.body).toBe('{"data":{"__typename":"Query"}}');
  });

  test('a mutation by POST, but not by GET', async () => {
    const input = { accountId: 'ext:rich', amount: '1', idempotencyKey: 'get' };
    const id = sha256(DEPOSIT);
    const search = new URLSearchParams({ documentId: id, variables: JSON.stringify({ input }) });
    expect((await compare(ways, { method: 'GET' }, `/graphql?${search}`)).status).toBe(405);
    expect(await asOwner(database, `select from transactions`)).toEqual([]);
    expect(
      (await compare(ways, post({ documentId: id, variables: { input: { ...input, amount: '0' } } }))).body,
    ).toContain('INVALID_AMOUNT');
  });
});

describe('any other request is refused', () => {
  const other = sha256('{ __typename }');
  test.each<[string, object, RegExp]>([
    ['an unknown documentId', { documentId: other }, new RegExp(`no document "${other}", the documentId`)],
    ['an unknown hash', { extensions: persisted(other) }, /sha256Hash/],
    ['a long documentId', { documentId: 'x'.repeat(5000) }, /"x{100}…"/],
    ['the prefix of another hash', { documentId: `md5:${READ_ID}` }, /no document/],
    ['a text that is not in the manifest', { query: '{ __typename }' }, /text of query/],
    ['a text that differs by a space', { query: `${NAME} ` }, /text of query/],
    ['introspection', { query: '{ __schema { queryType { name } } }' }, /text of query/],
    ['another text under a known id', { documentId: READ_ID, query: '{ __typename }' }, /text of query/],
    ['two documents', { documentId: READ_ID, query: NAME }, /two different documents/],
    ['two ids', { documentId: READ_ID, extensions: persisted(sha256(NAME)) }, /two different documents/],
    ['no document', { variables }, /names no document/],
    ['no member', {}, /names no document/],
    ['a name of Object.prototype', { documentId: 'constructor' }, /no document "constructor"/],
    ['a hash that is not text', { extensions: persisted(5) }, /names no document/],
  ])('%s', async (_, members, message) => {
    const { status, body } = await compare(ways, post(members));
    expect(status).toBe(200);
    const expected = {
      errors: [{ message: expect.stringMatching(message), extensions: { code: 'FORBIDDEN' } }],
    };
    expect(JSON.parse(body)).toEqual(expected);
    expect(body).toContain('add the document to the manifest and restart');
    expect((await compare(ways, post(members, 'application/graphql-response+json'))).status).toBe(400);
  });

  test.each<[string, unknown]>([
    ['a documentId that is not text', { documentId: 5 }],
    ['a member that no request has', { documentId: READ_ID, id: 'x' }],
    ['variables that are a list', { documentId: READ_ID, variables: [] }],
    ['a query that is not text', { query: 5 }],
    ['a list of requests', [{ documentId: READ_ID }]],
    ['null', null],
  ])('%s', async (_, members) => {
    const { body } = await compare(ways, { headers: JSON_TYPE, body: JSON.stringify(members) });
    expect(JSON.parse(body)).toEqual({ errors: [expect.anything()] });
  });

  test.each(['?query=%7B__typename%7D', `?documentId=${'0'.repeat(64)}`, '?x=1', '?documentId=', ''])(
    'GET %s',
    async (search) => {
      const { body } = await compare(ways, { method: 'GET' }, `/graphql${search}`);
      expect(JSON.parse(body)).toEqual({
        errors: [{ message: expect.any(String), extensions: { code: 'FORBIDDEN' } }],
      });
    },
  );
});

describe('a body above 1 MiB', () => {
  const padding = 'x'.repeat(2 ** 20);
  const input = { mode: 'INDEPENDENT', operations: [] };

  test.each<[string, object]>([
    ['documentId', { documentId: sha256(BATCH) }],
    ['extensions.persistedQuery', { extensions: persisted(sha256(BATCH)) }],
    ['its text', { query: BATCH }],
  ])('is executed if it names a postBatch by %s', async (_, members) => {
    const { status, body } = await compare(ways, post({ ...members, variables: { input, padding } }));
    expect([status, body]).toEqual([200, expect.stringContaining('"postBatch":{')]);
  });

  test.each<[string, object, number]>([
    ['names another document', { documentId: READ_ID }, 413],
    ['names no document of the manifest', { documentId: 'x' }, 200],
    ['has the text of a batch that is not in the manifest', { query: `${BATCH} ` }, 200],
    ['has too many elements', { documentId: sha256(BATCH), x: Array(600_000).fill(0) }, 413],
  ])('is refused if it %s', async (_, members, expected) => {
    const { status, body } = await compare(ways, post({ ...members, variables: { padding } }));
    expect(JSON.parse(body).data).toBeUndefined();
    expect(status).toBe(expected);
  });
});

test('a document of the manifest is compiled when it is repeated', async () => {
  const onFault = () => 'id';
  const yoga = createGraphQLHandler(onFault);
  let interpreted = 0;
  const getEnveloped: typeof yoga.getEnveloped = Object.assign((context: never) => {
    interpreted += 1;
    return yoga.getEnveloped(context);
  }, yoga.getEnveloped);
  const trustedDocuments = new TrustedDocuments(manifest);
  const path = new FastPath({ getEnveloped }, { onFault, compileAfter: 2, trustedDocuments });
  const answers = [];
  for (const members of [
    { documentId: READ_ID },
    { extensions: persisted(READ_ID) },
    { documentId: `sha256:${READ_ID}` },
    { query: READ },
  ]) {
    const facts = {
      ledger,
      viewer: ANYBODY,
      bodyBytes: 100,
      notes: new RequestNotes(),
      budget: new AnswerBudget(),
    };
    answers.push(JSON.stringify(await path.answer({ ...members, variables }, facts)));
  }
  expect(answers).toEqual(Array(4).fill(RICH));
  expect(interpreted).toBe(2);
});

describe('a manifest is refused', () => {
  test.each([
    ['a field that the schema lacks', '{ nothing }', /Cannot query field "nothing"/],
    ['a syntax error', '{ ledger {', /Syntax Error/],
    ['introspection', '{ __schema { queryType { name } } }', /introspection/],
    ['a document above a limit', `{ ${'a '.repeat(6000)} }`, /6,000|5,001 tokens/],
    ['no operation', 'fragment A on Ledger { name }', /A/],
  ])('for %s', (_, text, reason) => {
    const refuse = () => new TrustedDocuments(new Map([...manifest, ['abc123', text]]), 'manifest.json');
    expect(refuse).toThrow(ManifestError);
    expect(refuse).toThrow(reason);
    expect(refuse).toThrow(/^manifest\.json: the document "abc123" is invalid: [^\n]+$/);
  });
});

describe('a manifest file is refused in one line', () => {
  test.each([
    ['is not JSON', '{', /, which is not JSON: ./],
    ['is a list', '[]', /, which must be a JSON object that maps hashes to the texts of documents/],
    ['maps a hash to an object', '{"abc123":{}}', /: the value of "abc123" must be text\.$/],
    ['is empty', '{}', /, which has no documents/],
    ['has an invalid document', '{"abc123":"{ nothing }"}', /: the document "abc123" is invalid: Cannot/],
  ])('that %s', async (_, text, problem) => {
    const path = await writeManifest(text);
    const reading = readTrustedDocuments(path);
    await expect(reading).rejects.toThrow(ManifestError);
    await expect(reading).rejects.toThrow(problem);
    await expect(reading).rejects.toThrow(/^TRUSTED_DOCUMENTS is "[^"\n]+persisted-documents\.json"[^\n]+$/);
  });

  test('that does not exist', async () => {
    await expect(readTrustedDocuments('/nowhere/manifest.json')).rejects.toThrow(
      /^TRUSTED_DOCUMENTS is "\/nowhere\/manifest\.json", which cannot be read: ENOENT[^\n]+$/,
    );
  });

  test('unless all of its documents are valid', async () => {
    const documents = await readTrustedDocuments(await writeManifest(JSON.stringify({ read: READ })));
    expect(documents.find({ documentId: 'read' })).toBe(READ);
  });
});

test('random requests receive and record the same with trusted documents and without', {
  timeout: 120_000,
}, async () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000_000);
  console.log(`documents of seed ${seed}; repeat with SEED=${seed}`);
  const plain = await createTestDatabase();
  const names = await writeBooks(plain.serviceUrl);
  const compiled = await cloneDatabase(plain);
  const counts = await compareOperations({ seed, documents: 60, plain, compiled, names, trusted: true });
  // Otherwise little would be compared.
  expect(counts.documents).toBeGreaterThan(30);
  expect(counts.compiled).toBeGreaterThan(8);
  expect(counts.compiledWriting).toBeGreaterThan(0);
  await Promise.all([plain, compiled].map(expectSoundBooks));
});
