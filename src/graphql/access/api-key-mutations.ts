import type { Refusal } from '../../core/errors.ts';
import type { ApiKeyCreated, ApiKeyRevoked } from '../../ledger/ledger.ts';
import { builder } from '../builder.ts';
import { settle } from '../context.ts';
import * as refusals from '../refusals/refusals.ts';
import { ScopeEnum } from './viewer.ts';

const CreateApiKeyInput = builder.inputType('CreateApiKeyInput', {
  description:
    'A key for the ledger of the request, or for all ledgers. It permits nothing that the caller lacks.',
  fields: (t) => ({
    name: t.string({
      required: true,
      description:
        'A name for people, such as the backend that uses the key. Unique among the keys of the same ledger that are not revoked: ' +
        'if the answer is lost, sending the request again is INVALID_INPUT. Revoke the key, then create another one.',
    }),
    scopes: t.field({
      type: [ScopeEnum],
      required: true,
      description: 'The scopes of its bearer. At least one.',
    }),
    owner: t.string({
      description:
        'Restricts its bearer to the accounts of this owner, compared bytewise. The scopes must be READ and POST alone, and the ' +
        'owner not `external`.',
    }),
    allLedgers: t.boolean({
      required: true,
      defaultValue: false,
      description: 'True: the key is for all ledgers. False: it is for the ledger of the request.',
    }),
    expiresAt: t.field({
      type: 'DateTime',
      description: 'When it expires: an instant in the future. Default: never.',
    }),
    requestsPerSecond: t.int({
      description: 'The maximum number of its requests per second. Default: that of the service.',
    }),
  }),
});

const RevokeApiKeyInput = builder.inputType('RevokeApiKeyInput', {
  description: 'The key to revoke.',
  fields: (t) => ({ apiKeyId: t.id({ required: true, description: 'The id of the key, `key_…`.' }) }),
});

builder.objectType('ApiKeyCreated', {
  description: 'The key can be used at once.',
  fields: (t) => ({
    apiKey: t.expose('apiKey', { type: 'ApiKey', description: 'The key.' }),
    secret: t.exposeString('secret', {
      description:
        'The text of the key, for the header `Authorization: Bearer <secret>`. It is shown this once: the ledger stores only its ' +
        'digest. Keep it where you keep passwords.',
    }),
  }),
});

builder.objectType('ApiKeyRevoked', {
  description:
    'The key is revoked: requests with it are rejected at once, in other processes of the service within 5 seconds.',
  fields: (t) => ({
    apiKey: t.expose('apiKey', { type: 'ApiKey', description: 'The key.' }),
  }),
});

const CreateApiKeyResult = builder.unionType('CreateApiKeyResult', {
  description: 'The key with its secret, or the reason why it was not created.',
  types: ['ApiKeyCreated', ...refusals.COMMON_REFUSALS],
  resolveType: ({ code }) => (code === 'API_KEY_CREATED' ? 'ApiKeyCreated' : refusals.refusalTypeName(code)),
});

const RevokeApiKeyResult = builder.unionType('RevokeApiKeyResult', {
  description: 'The revoked key, or the reason why it was not revoked.',
  types: ['ApiKeyRevoked', refusals.ApiKeyNotFoundError, ...refusals.COMMON_REFUSALS],
  resolveType: ({ code }) => (code === 'API_KEY_REVOKED' ? 'ApiKeyRevoked' : refusals.refusalTypeName(code)),
});

builder.mutationField('createApiKey', (t) =>
  t.field({
    type: CreateApiKeyResult,
    nullable: true,
    description:
      'Creates an API key. The first key closes the service for good: from then on, each request needs a key.',
    args: { input: t.arg({ type: CreateApiKeyInput, required: true, description: 'The key.' }) },
    resolve: async (_, { input }, context): Promise<ApiKeyCreated | Refusal> => {
      const { ledger, viewer, notes } = context;
      return settle(context, await ledger.engine.access.createKey(viewer, ledger.id, input, notes.requestId));
    },
  }),
);

builder.mutationField('revokeApiKey', (t) =>
  t.field({
    type: RevokeApiKeyResult,
    nullable: true,
    description: 'Revokes an API key, permanently. Revoking a revoked key changes nothing.',
    args: { input: t.arg({ type: RevokeApiKeyInput, required: true, description: 'The key.' }) },
    resolve: async (_, { input: { apiKeyId } }, context): Promise<ApiKeyRevoked | Refusal> => {
      const { ledger, viewer, notes } = context;
      const { access } = ledger.engine;
      return settle(context, await access.revokeKey(viewer, ledger.id, apiKeyId, notes.requestId));
    },
  }),
);
