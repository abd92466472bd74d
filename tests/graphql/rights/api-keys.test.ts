import { afterAll, expect, test } from 'vitest';
import { ANYBODY } from '../../../src/core/access/viewer.ts';
import { createTestDatabase } from '../../support/database.ts';
import { expectSoundBooks, openLedger } from '../../support/ledger.ts';
import { executed, viewerWith } from './execution.ts';

const database = await createTestDatabase();
const ledger = await openLedger(database);
afterAll(() => expectSoundBooks(database));

const KEY = `id name prefix scopes owner requestsPerSecond expiresAt lastUsedAt revokedAt
  ledger { name } actor { __typename id kind name }`;
const CREATE = `mutation ($input: CreateApiKeyInput!) { answer: createApiKey(input: $input) { __typename
  ... on LedgerError { code message } ... on InvalidInputError { field } ... on ApiKeyCreated { secret apiKey { ${KEY} } } } }`;
const REVOKE = `mutation ($input: RevokeApiKeyInput!) { answer: revokeApiKey(input: $input) { __typename
  ... on LedgerError { code } ... on ApiKeyNotFoundError { apiKeyId } ... on ApiKeyRevoked { apiKey { ${KEY} } } } }`;
const VIEWER = '{ viewer { actor { id } scopes owner ledger { name } } }';

interface Key {
  readonly id: string;
  readonly revokedAt: string | null;
  readonly actor: { readonly id: string };
}
interface Answer {
  readonly secret: string;
  readonly apiKey: Key;
}

async function mutate(query: string, input: object, viewer = viewerWith()): Promise<Answer> {
  const { data, errors } = await executed(ledger, viewer, query, { input });
  expect(errors).toBeUndefined();
  return (data as { readonly answer: Answer }).answer;
}

test('without any key, the viewer has no actor, all scopes and all ledgers', async () => {
  expect(await executed(ledger, ANYBODY, VIEWER)).toEqual({
    data: {
      viewer: {
        actor: null,
        scopes: ['READ', 'POST', 'MANAGE', 'ADMIN'],
        owner: null,
        ledger: { name: 'main' },
      },
    },
  });
});

test('a created key shows its secret once, and its bearer is the viewer', async () => {
  const scopes = ['POST', 'READ'];
  const { secret, apiKey } = await mutate(CREATE, { name: 'shop', scopes, requestsPerSecond: 7 });
  expect(apiKey).toMatchObject({
    name: 'shop',
    scopes: ['READ', 'POST'],
    owner: null,
    requestsPerSecond: 7,
    expiresAt: null,
    lastUsedAt: null,
    revokedAt: null,
    ledger: { name: 'main' },
    actor: { __typename: 'Actor', kind: 'API_KEY', name: 'shop' },
  });
  const found = await executed(
    ledger,
    viewerWith(),
    `query ($id: ID!) { node(id: $id) { ... on ApiKey { ${KEY} } } apiKeys { nodes { ${KEY} } } }`,
    { id: apiKey.id },
  );
  expect(found.data).toMatchObject({ node: apiKey, apiKeys: { nodes: expect.arrayContaining([apiKey]) } });
  expect(JSON.stringify(found)).not.toContain(secret.slice(-20));

  const credential = await ledger.engine.access.authenticate(secret);
  if (typeof credential === 'string') throw new TypeError(`the key is ${credential}`);
  expect(await executed(ledger, credential.viewer, VIEWER)).toEqual({
    data: {
      viewer: {
        actor: { id: apiKey.actor.id },
        scopes: ['READ', 'POST'],
        owner: null,
        ledger: { name: 'main' },
      },
    },
  });
});

test('a key is revoked for good; revoking it again returns the same answer', async () => {
  const { apiKey } = await mutate(CREATE, { name: 'old', scopes: ['READ'], allLedgers: true });
  expect(apiKey).toMatchObject({ ledger: null });
  const revoked = await mutate(REVOKE, { apiKeyId: apiKey.id });
  expect(revoked).toMatchObject({ __typename: 'ApiKeyRevoked', apiKey: { id: apiKey.id } });
  expect(revoked.apiKey.revokedAt).toEqual(expect.any(String));
  expect(await mutate(REVOKE, { apiKeyId: apiKey.id })).toEqual(revoked);
  expect(await mutate(REVOKE, { apiKeyId: 'key_x' })).toEqual({
    __typename: 'ApiKeyNotFoundError',
    code: 'API_KEY_NOT_FOUND',
    apiKeyId: 'key_x',
  });
});

test.each([
  [
    'a scope',
    viewerWith(['ADMIN', 'READ']),
    { scopes: ['READ', 'POST'] },
    'the scope POST, which the new key would have',
  ],
  [
    'all ledgers',
    viewerWith(['ADMIN'], false),
    { scopes: ['ADMIN'], allLedgers: true },
    'a credential for all ledgers',
  ],
])('no caller grants %s that it lacks', async (_, viewer, input, lacked) => {
  expect(await mutate(CREATE, { name: 'more', ...input }, viewer)).toEqual({
    __typename: 'ForbiddenError',
    code: 'FORBIDDEN',
    message: expect.stringContaining(`it needs ${lacked}`),
  });
});

test.each([
  ['owner', { owner: 'external', scopes: ['READ'] }],
  ['owner', { owner: 'users:1', scopes: ['READ', 'MANAGE'] }],
  ['expiresAt', { expiresAt: 'tomorrow', scopes: ['READ'] }],
  ['requestsPerSecond', { requestsPerSecond: 0, scopes: ['READ'] }],
  ['scopes', { scopes: [] }],
])('an invalid %s is INVALID_INPUT', async (field, input) => {
  expect(await mutate(CREATE, { name: 'bad', ...input })).toMatchObject({ code: 'INVALID_INPUT', field });
});
