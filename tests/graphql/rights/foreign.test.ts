import { randomUUID } from 'node:crypto';
import { getNamedType } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ANYBODY, SCOPES } from '../../../src/core/access/viewer.ts';
import type { IdKind } from '../../../src/core/values/ids.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { createTestDatabase } from '../../support/database.ts';
import { deposit, expectPosted, expectSoundBooks, openLedger } from '../../support/ledger.ts';
import { argumentsOf, declarationsOf, type IdSite, idSitesOf, replaceAt, rootFields } from './arguments.ts';
import { digestOfTables, executed, type Variables, viewerWith } from './execution.ts';
import { makeObjects, missingId, type Objects } from './objects.ts';
import { type List, listsOf, selectionOf } from './selection.ts';

const database = await createTestDatabase();
const ours = await openLedger(database);
const theirs = await otherLedger();
const foreign = await makeObjects(theirs);
/** Requests with ids that are not found leave them as they are. */
const mine = await makeObjects(ours);
afterAll(() => expectSoundBooks(database));

async function otherLedger(): Promise<Ledger> {
  const { access } = ours.engine;
  expect(await access.createLedger(ANYBODY, 'theirs', randomUUID())).toMatchObject({
    code: 'LEDGER_CREATED',
  });
  const ledger = await ours.engine.ledger('theirs');
  if (ledger === undefined) throw new TypeError('the ledger exists');
  return ledger;
}

let digest: Readonly<Record<string, string>>;
beforeAll(async () => {
  digest = await digestOfTables(database, theirs);
});
/** Nothing in this file changes the other ledger. */
async function expectUntouched(): Promise<void> {
  expect(await digestOfTables(database, theirs)).toEqual(digest);
}

const VIEWERS = [
  ['a key of one ledger', viewerWith(SCOPES, false)],
  ['a key of all ledgers', viewerWith(SCOPES, true)],
] as const;

const SITES = rootFields().flatMap(([type, field]) =>
  idSitesOf(field).flatMap((site) =>
    site.kinds.map((kind) => [nameOf(site, kind), type, site, kind] as const),
  ),
);

function nameOf({ field, path }: IdSite, kind: IdKind): string {
  const place = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`)).join('');
  return `${field.name}${place} (${kind})`;
}

/** Executes the field on our ledger and returns the answer as text, without the given id. */
async function answerTo(
  type: string,
  { field }: IdSite,
  variables: Variables,
  given: string,
  viewer = VIEWERS[0][1],
) {
  const { declared, passed } = declarationsOf(field, variables);
  const selection = selectionOf(getNamedType(field.type), 2);
  const answer = await executed(
    ours,
    viewer,
    `${type.toLowerCase()} ${declared} { ${field.name}${passed} ${selection} }`,
    variables,
  );
  return JSON.stringify(answer).replaceAll(given, '<id>');
}

/** Returns the variables with this id at the site, in each mode of a batch. */
function requestsOf({ field, path }: IdSite, objects: Objects, given: string): Variables[] {
  const variables = replaceAt(argumentsOf(field, objects, path), path, given) as Variables;
  if (field.name !== 'postBatch') return [variables];
  return ['INDEPENDENT', 'ATOMIC'].map((mode) => replaceAt(variables, ['input', 'mode'], mode) as Variables);
}

describe.each(SITES)('%s', (_, type, site, kind) => {
  for (const [name, viewer] of VIEWERS) {
    // A key of all ledgers sees the keys of all ledgers, and their actors.
    if (viewer.allLedgers && (kind === 'apiKey' || kind === 'actor')) continue;

    test(`with an id of another ledger, ${name} gets the same answer as with a missing one`, async () => {
      const keys = new Map<unknown, string>();
      const asked = async (given: string) => {
        const answers: string[] = [];
        for (const request of requestsOf(site, mine, given)) {
          // The same request twice, with the same key.
          answers.push(await answerTo(type, site, withKeys(request, keys), given, viewer));
        }
        return answers;
      };
      const answers = await asked(foreign.ids[kind]);
      expect(answers).toEqual(await asked(missingId(kind)));
      expect(answers.join()).not.toContain('replayed":true');
      if (site.takesNames) {
        const names = await asked(foreign.names[kind as keyof Objects['names']]);
        expect(names).toEqual(await asked(`ext:${kind}-${randomUUID()}`));
      }
      await expectUntouched();
    });
  }

  test('an id of the ledger itself gets another answer', async () => {
    const objects = await makeObjects(ours);
    const own = idOf(objects, site, kind);
    const [request] = requestsOf(site, objects, own);
    const [missing] = requestsOf(site, objects, missingId(kind));
    const answer = await answerTo(type, site, request ?? {}, own);
    expect(answer).not.toContain('NOT_FOUND');
    expect(answer).not.toBe(await answerTo(type, site, missing ?? {}, missingId(kind)));
  });
});

/** Returns the id that the arguments have at the site; of nodes, one of the kind. */
function idOf(objects: Objects, { field, path }: IdSite, kind: IdKind): string {
  if (field.name === 'node' || field.name === 'nodes') return objects.ids[kind];
  let value: unknown = argumentsOf(field, objects, path);
  for (const key of path) value = Reflect.get(value as object, key);
  return String(value);
}

/** Returns the request with the idempotency keys of the first request. */
function withKeys(value: unknown, keys: Map<unknown, string>, place = ''): Variables {
  const walk = (each: unknown, at: string): unknown => {
    if (Array.isArray(each)) return each.map((item, index) => walk(item, `${at}/${index}`));
    if (typeof each !== 'object' || each === null) {
      if (!at.endsWith('/idempotencyKey')) return each;
      const key = keys.get(at) ?? String(each);
      keys.set(at, key);
      return key;
    }
    return Object.fromEntries(
      Object.entries(each).map(([name, item]) => [name, walk(item, `${at}/${name}`)]),
    );
  };
  return walk(value, place) as Variables;
}

const LISTS = listsOf().flatMap((list) =>
  list.cursors.map((argument) => [`${list.type}.${list.field}(${argument}:)`, list, argument] as const),
);

const OBJECTS: Readonly<Record<string, IdKind>> = {
  Account: 'account',
  Transaction: 'transaction',
  Hold: 'hold',
};

/** Reads the list of the ledger; of an object, that of this id. */
async function readList(
  ledger: Ledger,
  { type, field }: List,
  objects: Objects,
  args: string,
  cursor?: string,
) {
  const viewer = viewerWith(SCOPES, false);
  const declared = cursor === undefined ? '' : '$cursor: String';
  const list = `${field}${args} { edges { cursor } pageInfo { endCursor } }`;
  if (type === 'Query') {
    return executed(ledger, viewer, `query ${declared && `(${declared})`} { list: ${list} }`, { cursor });
  }
  const kind = OBJECTS[type];
  if (kind === undefined) throw new TypeError(`no object has the list ${type}.${field}: add it to OBJECTS`);
  const query = `query ($id: ID!, ${declared}) { node(id: $id) { ... on ${type} { list: ${list} } } }`;
  return executed(ledger, viewer, query, { id: objects.ids[kind], cursor });
}

/** Returns a cursor that differs from this one only in the ids and digests. */
function otherCursor(cursor: string): string {
  const plain = Buffer.from(cursor, 'base64url').toString();
  const isList = plain.includes(' ');
  const other = (isList ? plain : cursor)
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, () => randomUUID())
    .replace(/ \S{16} /, ' 0123456789abcdef ');
  return isList
    ? Buffer.from(other).toString('base64url')
    : other.replace(/[0-9a-f]{8,}$/, (mark) => '0'.repeat(mark.length));
}

test.each(LISTS)(
  '%s rejects a cursor of another ledger, as a cursor of no list',
  async (_, list, argument) => {
    const size = argument === 'after' ? 'first: 1' : 'last: 1';
    const cursorIn = (answer: unknown): string =>
      /"cursor":"([^"]+)"/.exec(JSON.stringify(answer))?.[1] ?? '';
    const cursor = cursorIn(await readList(theirs, list, foreign, '(first: 1)'));
    const own = cursorIn(await readList(ours, list, mine, '(first: 1)'));
    expect([cursor, own]).not.toContain('');

    const args = `(${size}, ${argument}: $cursor)`;
    const rejected = await readList(ours, list, mine, args, cursor);
    expect(rejected.errors).toHaveLength(1);
    expect(JSON.stringify(rejected)).toBe(
      JSON.stringify(await readList(ours, list, mine, args, otherCursor(cursor))),
    );
    expect(JSON.stringify(rejected)).not.toContain(cursor);
    expect(await readList(ours, list, mine, args, own)).not.toHaveProperty('errors');
    await expectUntouched();
  },
);

test('keys and externalIds of another ledger are free, and its refusals name nothing of it', async () => {
  const objects = await makeObjects(ours);
  const externalId = foreign.names.transaction.slice('ext:'.length);
  const input = {
    accountId: objects.accounts[0],
    amount: '1.00',
    idempotencyKey: foreign.idempotencyKey,
    externalId,
  };
  const posted = await deposit(ours, input);
  expectPosted(posted);
  expect(posted.replayed).toBe(false);
  expect(await deposit(ours, { ...input, idempotencyKey: randomUUID() })).toMatchObject({
    code: 'EXTERNAL_ID_TAKEN',
    facts: { takenBy: { id: posted.transaction.id } },
  });
  const account = foreign.names.account.slice('ext:'.length);
  const update = `mutation ($input: UpdateAccountInput!) { updateAccount(input: $input) { __typename } }`;
  expect(
    await executed(ours, ANYBODY, update, { input: { accountId: objects.accounts[0], externalId: account } }),
  ).toEqual({
    data: { updateAccount: { __typename: 'AccountUpdated' } },
  });
  await expectUntouched();
});

test('a key of one ledger lists this ledger alone, and the keys of this ledger alone', async () => {
  await makeObjects(ours);
  const query = '{ ledgers { nodes { id name } } apiKeys(first: 100) { nodes { id ledger { name } } } }';
  for (const [ledger, name] of [
    [ours, 'main'],
    [theirs, 'theirs'],
  ] as const) {
    const answer = await executed(ledger, viewerWith(SCOPES, false), query);
    const names = [...JSON.stringify(answer).matchAll(/"name":"(\w+)"/g)].map(([, found]) => found);
    expect(names.length).toBeGreaterThan(1);
    expect(new Set(names)).toEqual(new Set([name]));
  }
  const answer = await executed(ours, viewerWith(SCOPES, true), query);
  expect(JSON.stringify(answer)).toContain('"name":"theirs"');
});

test('a ledger of the list of ledgers shows its own currencies and balances', async () => {
  const query =
    '{ ledgers { nodes { name head { number } currencies { code } trialBalance { accounts debits { amount } } } } }';
  const { data } = await executed(ours, viewerWith(SCOPES, true), query);
  const { data: own } = await executed(theirs, viewerWith(SCOPES, false), query);
  const of = (list: unknown) => (list as { ledgers: { nodes: { name: string }[] } }).ledgers.nodes;
  expect(of(own)).toHaveLength(1);
  expect(of(data).find(({ name }) => name === 'theirs')).toEqual(of(own)[0]);
  expect(of(data).find(({ name }) => name === 'main')).not.toMatchObject({
    trialBalance: Reflect.get(of(own)[0] ?? {}, 'trialBalance'),
  });
});
