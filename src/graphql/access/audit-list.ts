import type { RecordedEvent } from '../../core/audit.ts';
import { isCurrencyCode } from '../../core/create-currency.ts';
import type { AuditFilter } from '../../core/filters.ts';
import { EXTERNAL_ID_MARK, parseId } from '../../core/values/ids.ts';
import { checkName } from '../../core/values/text.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { builder } from '../builder.ts';
import { AuditEventConnection, parseOrdinalKey, readPage } from '../connection.ts';
import { present, readTimeRange, TimeRangeInput } from '../filters.ts';
import { invalidInput } from '../node.ts';
import { pageCost } from '../protection/prices.ts';

const AuditFilterInput = builder.inputType('AuditFilter', {
  description:
    'Selects audit events. Omitted fields are ignored. `actorId`, `action` and `subjectId` each have an index: give at most one of ' +
    'them, with or without `createdAt`.',
  fields: (t) => ({
    actorId: t.id({ description: 'The caller who made the change: `act_…`. An unknown id matches nothing.' }),
    action: t.string({ description: 'The name of the mutation, such as `updateAccount`.' }),
    subjectId: t.id({
      description:
        'The changed object: `acct_…` or `ext:<externalId>`, `ldg_…`, `key_…`, or the code of a currency. An unknown object ' +
        'matches nothing.',
    }),
    createdAt: t.field({ type: TimeRangeInput, description: 'When the change was recorded.' }),
  }),
});

async function readAuditFilter(
  ledger: Ledger,
  input: typeof AuditFilterInput.$inferInput | null | undefined,
): Promise<AuditFilter> {
  const { createdAt, ...subjects } = input ?? {};
  const range = present({ createdAt: readTimeRange('filter.createdAt', createdAt) });
  const { actorId, action, subjectId } = present(subjects);
  const given = Object.keys(present(subjects));
  if (given.length > 1) {
    throw invalidInput(
      `filter must have at most one of actorId, action and subjectId, but has ${given.join(' and ')}.`,
    );
  }
  if (actorId !== undefined) return { ...range, actor: parseId('actor', actorId) ?? null };
  if (action !== undefined) return { ...range, action: checkName(action) === undefined ? action : null };
  if (subjectId !== undefined) return { ...range, subject: (await readSubject(ledger, subjectId)) ?? null };
  return range;
}

/** Returns the subject of a public id, as events name it; undefined if no event can name it. */
async function readSubject(ledger: Ledger, id: string): Promise<string | undefined> {
  if (id.startsWith(EXTERNAL_ID_MARK)) return ledger.accountIdOf(id);
  if (isCurrencyCode(id)) return id;
  return parseId('account', id) ?? parseId('ledger', id) ?? parseId('apiKey', id);
}

builder.queryField('auditEvents', (t) =>
  t.connection(
    {
      type: 'AuditEvent',
      description: 'The events of the audit log of the ledger that match, newest first.',
      args: {
        filter: t.arg({
          type: AuditFilterInput,
          description: 'Returns only events that match. Default: all events.',
        }),
      },
      complexity: pageCost,
      resolve: async (_, { filter: input, ...args }, context) => {
        const { ledger } = context;
        const filter = await readAuditFilter(ledger, input);
        return readPage(context, args, {
          name: 'audit-events',
          filter,
          keyOf: ({ number }: RecordedEvent) => number,
          parseKey: parseOrdinalKey,
          read: (range) => ledger.engine.access.listAuditEvents(ledger.id, filter, range),
        });
      },
    },
    AuditEventConnection,
  ),
);

builder.objectField('Account', 'changes', (t) =>
  t.connection(
    {
      type: 'AuditEvent',
      description:
        'The changes of the limits, status, externalId and metadata of the account, newest first. A request that changed nothing is ' +
        'included if it had an idempotency key.',
      complexity: pageCost,
      resolve: ({ id }, args, context) => {
        const { ledger } = context;
        const filter: AuditFilter = { subject: id };
        return readPage(context, args, {
          name: `changes:${id}`,
          filter,
          keyOf: ({ number }: RecordedEvent) => number,
          parseKey: parseOrdinalKey,
          read: (range) => ledger.engine.access.listAuditEvents(ledger.id, filter, range),
        });
      },
    },
    AuditEventConnection,
  ),
);
