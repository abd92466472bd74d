import { type ActorKind, SCOPES, type Scope } from '../../core/access/viewer.ts';
import { formatId, parseId } from '../../core/values/ids.ts';
import { builder } from '../builder.ts';
import { STATEMENT_COST } from '../protection/prices.ts';

export const ScopeEnum = builder.enumType('Scope', {
  description:
    'A set of permissions. No scope contains another. A result of a mutation may be read without READ, except for its lists, the ' +
    'trial balance and the head of the journal.',
  values: {
    READ: { description: 'Reads accounts, transactions and holds: queries, subscriptions and `preview`.' },
    POST: { description: 'Moves money.' },
    MANAGE: { description: 'Creates and changes accounts, registers currencies, closes periods.' },
    ADMIN: { description: 'Creates and revokes API keys, creates ledgers.' },
  } satisfies Record<Scope, object>,
});

const ActorKindEnum = builder.enumType('ActorKind', {
  description: 'How an actor proves its identity.',
  values: {
    API_KEY: { description: 'By an API key.' },
    TOKEN: { description: 'By a token of an identity provider.' },
    CLI: { description: 'By access to the database: the command line of the ledger.' },
  } satisfies Record<ActorKind, object>,
});

builder.node('Actor', {
  description:
    'A caller who proved its identity: an API key, or the subject of a token. Callers see the actor of each record that they may ' +
    'read, unless a field says otherwise. By its id (`node`), callers find themselves. With ADMIN, they also find the actors of ' +
    'the API keys that they see, and with a credential for all ledgers, any actor.',
  id: {
    description: 'The id of the actor: `act_…`.',
    resolve: ({ id }) => formatId('actor', id),
  },
  loadWithoutCache: (id, { viewer: { actor }, loaders }) => {
    const uuid = parseId('actor', id);
    if (uuid === undefined) return null;
    return uuid === actor?.id ? actor : loaders.visibleActors.load(uuid);
  },
  fields: (t) => ({
    kind: t.expose('kind', { type: ActorKindEnum, description: 'How the actor proves its identity.' }),
    name: t.exposeString('name', { description: 'The name of the key, or the subject of the token.' }),
  }),
});

builder.objectType('Viewer', {
  description: 'The caller, and what the caller may do.',
  fields: (t) => ({
    actor: t.expose('actor', {
      type: 'Actor',
      nullable: true,
      description:
        'The identity of the caller. Null: no API key was ever created, so that any caller may do anything.',
    }),
    scopes: t.field({
      type: [ScopeEnum],
      description: 'The scopes of the caller.',
      resolve: ({ scopes }) => SCOPES.filter((scope) => scopes.has(scope)),
    }),
    ledger: t.field({
      type: 'Ledger',
      complexity: STATEMENT_COST,
      description:
        'The ledger of the request: that of the credential. With a credential for all ledgers, the header `x-ledger` names it.',
      resolve: (_, __, { ledger }) => ledger.state(),
    }),
    owner: t.exposeString('owner', {
      nullable: true,
      description: 'Restricts the caller to the accounts of this owner. Null: no restriction.',
    }),
  }),
});

builder.queryField('viewer', (t) =>
  t.field({
    type: 'Viewer',
    description: 'The caller, and what the caller may do. No scope is needed.',
    resolve: (_, __, { viewer }) => viewer,
  }),
);
