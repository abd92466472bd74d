import type { RecordedEvent } from '../../core/audit.ts';
import { formatAuditEventId, formatId, type IdKind, parseAuditEventId } from '../../core/values/ids.ts';
import { builder } from '../builder.ts';
import { getActor } from '../context.ts';

builder.node('AuditEvent', {
  description:
    'A change that is not in the journal, of an account, a currency, a period, a ledger or an API key. Events are never changed or ' +
    'removed, and chained. The log of `main` also has the changes that belong to no single ledger: of ledgers, and of keys for all ' +
    'ledgers. It does not have the creation of accounts.',
  id: {
    description: 'The id of the event: `aud_…`, derived from its ledger and number.',
    resolve: ({ ledgerId, number }) => formatAuditEventId(ledgerId, number),
  },
  loadWithoutCache: (id, { ledger, loaders: { auditEvents } }) => {
    const place = parseAuditEventId(id);
    return place === undefined || place.ledgerId !== ledger.id ? null : auditEvents.load(place.number);
  },
  fields: (t) => ({
    number: t.field({
      type: 'BigInt',
      description: 'The number of the event within the log of its ledger: 1, 2, 3 … without a gap.',
      resolve: ({ number }) => number,
    }),
    actor: t.field({
      type: 'Actor',
      nullable: true,
      description: 'The caller who made the change. Null: the caller needed no credential.',
      resolve: ({ actor }, _, context, info) => getActor(context, actor, info),
    }),
    action: t.exposeString('action', { description: 'The name of the mutation, such as `updateAccount`.' }),
    subjectId: t.id({
      description:
        'The changed object: the id of an account, a ledger or an API key. For a currency: its code. A period belongs to its ledger.',
      resolve: subjectIdOf,
    }),
    before: t.exposeString('before', {
      nullable: true,
      description:
        'The previous values of the changed fields, as a JSON object of texts and nulls. Metadata is given as a salted digest. ' +
        'Null: the object was created, or the request changed nothing and is recorded for its idempotency key.',
    }),
    after: t.exposeString('after', {
      nullable: true,
      description:
        'The new values of the changed fields, as `before`. For an account with its `version` at the change. Null: the request ' +
        'changed nothing.',
    }),
    requestId: t.exposeString('requestId', {
      description: 'The id of the request, as in the header `x-request-id` and in the log of the service.',
    }),
    createdAt: t.field({
      type: 'DateTime',
      description: 'When the change was recorded. It never decreases from one number to the next.',
      resolve: ({ createdAt }) => createdAt,
    }),
  }),
});

const KINDS: ReadonlyMap<string, IdKind> = new Map([
  ['ACCOUNT', 'account'],
  ['LEDGER', 'ledger'],
  ['API_KEY', 'apiKey'],
]);

function subjectIdOf({ subjectType, subject }: RecordedEvent): string {
  const kind = KINDS.get(subjectType);
  return kind === undefined ? subject : formatId(kind, subject);
}
