import { formatId, parseId } from '../../core/values/ids.ts';
import type { ApiKey } from '../../ledger/ledger.ts';
import { builder } from '../builder.ts';
import { ApiKeyConnection, parseUuidKey, readPage } from '../connection.ts';
import { pageCost, STATEMENT_COST } from '../protection/prices.ts';
import { ScopeEnum } from './viewer.ts';

builder.node('ApiKey', {
  description: 'An API key, without its secret. Only callers with ADMIN can see it.',
  id: {
    description: 'The id of the key: `key_…`.',
    resolve: ({ id }) => formatId('apiKey', id),
  },
  loadWithoutCache: (id, { loaders }) => {
    const uuid = parseId('apiKey', id);
    return uuid === undefined ? null : loaders.apiKeys.load(uuid);
  },
  fields: (t) => ({
    actor: t.expose('actor', { type: 'Actor', description: 'The identity of its bearer.' }),
    name: t.exposeString('name', { description: 'The name that it was created with.' }),
    prefix: t.exposeString('prefix', {
      description: 'The beginning of its text, which contains no secret. Compare it to find the key.',
    }),
    scopes: t.field({
      type: [ScopeEnum],
      description: 'The scopes of its bearer.',
      resolve: ({ scopes }) => [...scopes],
    }),
    owner: t.exposeString('owner', {
      nullable: true,
      description: 'Restricts its bearer to the accounts of this owner. Null: no restriction.',
    }),
    ledger: t.field({
      type: 'Ledger',
      nullable: true,
      complexity: STATEMENT_COST,
      description: 'The ledger that it is for. Null: all ledgers.',
      resolve: ({ ledger }, _, { loaders }) => (ledger === null ? null : loaders.ledgers.load(ledger.name)),
    }),
    requestsPerSecond: t.exposeInt('requestsPerSecond', {
      nullable: true,
      description: 'The maximum number of its requests per second. Null: the default of the service.',
    }),
    createdAt: t.field({
      type: 'DateTime',
      description: 'When it was created.',
      resolve: ({ createdAt }) => createdAt,
    }),
    expiresAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'From this instant on, its requests are rejected. Null: it never expires.',
      resolve: ({ expiresAt }) => expiresAt,
    }),
    lastUsedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it was last used, accurate to a minute. Null: it was never used.',
      resolve: ({ lastUsedAt }) => lastUsedAt,
    }),
    revokedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it was revoked. Null: it is not revoked.',
      resolve: ({ revokedAt }) => revokedAt,
    }),
  }),
});

builder.queryField('apiKeys', (t) =>
  t.connection(
    {
      type: 'ApiKey',
      description:
        'The API keys, newest first, including revoked and expired ones. A caller for one ledger sees the keys of that ledger.',
      complexity: pageCost,
      resolve: (_, args, context) => {
        const { ledger, viewer } = context;
        return readPage(context, args, {
          name: 'api-keys',
          filter: {},
          keyOf: ({ id }: ApiKey) => id,
          parseKey: parseUuidKey,
          read: (range) => ledger.engine.access.listKeys(viewer, ledger.id, range),
        });
      },
    },
    ApiKeyConnection,
  ),
);
