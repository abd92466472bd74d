import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { SCOPES, type Viewer } from '../../../src/core/access/viewer.ts';
import { toPeriodEnd } from '../../../src/core/close-period.ts';
import { toAccountUpdate, toStatusChange } from '../../../src/core/update-account.ts';
import { formatId } from '../../../src/core/values/ids.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { createKey, viewer } from '../../support/access.ts';
import { asOwner, createTestDatabase } from '../../support/database.ts';
import { expectSoundBooks, makeAccount, makeLedgers, openLedger } from '../../support/ledger.ts';
import { compiled, executed } from '../rights/execution.ts';

/** The seed of the changes. fast-check reports that of the filters. */
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000_000);
console.log(`changes of seed ${seed}; again by SEED=${seed}`);
const chance = fc.sample(fc.integer({ min: 0, max: 2 ** 30 }), { numRuns: 1000, seed });
const pick = <T>(values: readonly T[]): T => values[(chance.shift() ?? 0) % values.length] as T;

const database = await createTestDatabase();
const main = await openLedger(database);
const [eu = main, us = main] = await makeLedgers(main.engine, ['eu', 'us']);
afterAll(() => expectSoundBooks(database));

const [anna, bert] = await Promise.all(
  ['anna', 'bert'].map(async (name) => {
    const scopes = [...SCOPES];
    const { apiKey } = await createKey(main.engine.access, main.id, { name, scopes, allLedgers: true });
    return { actor: apiKey.actor, scopes: new Set(SCOPES), allLedgers: true, owner: null } satisfies Viewer;
  }),
);
if (anna === undefined || bert === undefined) throw new TypeError('both keys exist');

/** The accounts of each ledger. Their ids are of all ledgers, their externalIds of each. */
const ledgers = [main, eu, us];
const accounts = await Promise.all(
  ledgers.map((ledger) =>
    Promise.all([0, 1, 2].map((place) => makeAccount(ledger, { externalId: `account-${place}` }))),
  ),
);
for (let count = 0; count < 150; count += 1) await changeSomething();

/** Makes a random change in one of the ledgers, on behalf of one of the callers. */
async function changeSomething(): Promise<void> {
  const place = pick([0, 1, 1, 1, 2]);
  const caller = pick([anna, bert, undefined]);
  const ledger =
    caller === undefined ? (ledgers[place] as Ledger) : (ledgers[place] as Ledger).as(caller as Viewer);
  const accountId = pick(accounts[place] ?? []);
  const key = pick([randomUUID(), null]);
  const change = pick([
    () => toStatusChange('FREEZE', { accountId, idempotencyKey: key }),
    () => toStatusChange('UNFREEZE', { accountId, idempotencyKey: key }),
    () =>
      toAccountUpdate({
        accountId,
        maxBalance: pick([{ unlimited: true }, { amount: '5' }, { amount: '6' }]),
        metadata: pick([null, { a: pick(['1', '2']) }]),
        idempotencyKey: key,
      }),
  ])();
  if ('code' in change) throw new TypeError(`refused: ${change.code}`);
  await ledger.changeAccount(accountId, change);
  const once = pick(Array.from({ length: 40 }, (_, each) => each));
  const end = toPeriodEnd({ before: 1_500_000_000_000_000n + BigInt(150 - chance.length) });
  if (once === 0) await ledger.registerCurrency({ code: pick(['PTS', 'XYZ']), exponent: 2 });
  if (once === 1 && !('code' in end)) await ledger.closePeriod(end);
  if (once === 2) await createKey(main.engine.access, ledger.id, {}, caller ?? viewer());
}

interface EventRow {
  readonly ledger_id: string;
  readonly number: bigint;
  readonly actor: string | null;
  readonly action: string;
  readonly subject_type: string;
  readonly subject: string;
  readonly before: string | null;
  readonly after: string | null;
  readonly request_id: string;
  readonly at: string;
}
// The lists are compared with the rows of the table.
const rows = await asOwner<EventRow>(
  database,
  `select *, number::text, to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at
   from audit_events order by number::int8 desc`,
);
const idOf = (row: EventRow) => `${formatId('auditEvent', row.ledger_id)}_${row.number}`;
const PREFIXES: Readonly<Record<string, 'account' | 'ledger' | 'apiKey'>> = {
  ACCOUNT: 'account',
  LEDGER: 'ledger',
  API_KEY: 'apiKey',
};
const subjectIdOf = ({ subject_type: type, subject }: EventRow) => {
  const kind = PREFIXES[type];
  return kind === undefined ? subject : formatId(kind, subject);
};

interface Filter {
  readonly actorId?: string | null;
  readonly action?: string | null;
  readonly subjectId?: string | null;
  readonly createdAt?: { readonly from?: string | null; readonly to?: string | null } | null;
}
function matching(ledger: Ledger, { actorId, action, subjectId, createdAt }: Filter): string[] {
  const subject = (row: EventRow) =>
    subjectId == null ||
    subjectIdOf(row) === subjectId ||
    accounts[ledgers.indexOf(ledger)]?.[Number(/^ext:account-(\d)$/.exec(subjectId)?.[1])] ===
      subjectIdOf(row);
  return rows
    .filter(
      (row) =>
        row.ledger_id === ledger.id &&
        (actorId == null || (row.actor !== null && formatId('actor', row.actor) === actorId)) &&
        (action == null || row.action === action) &&
        subject(row) &&
        (createdAt?.from == null || row.at >= createdAt.from) &&
        (createdAt?.to == null || row.at < createdAt.to),
    )
    .map(idOf);
}

const PAGE = 'edges { cursor } nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }';
const LIST = `query ($first: Int, $after: String, $last: Int, $before: String, $filter: AuditFilter) {
  list: auditEvents(first: $first, after: $after, last: $last, before: $before, filter: $filter) { ${PAGE} } }`;
const CHANGES = `query ($id: ID!, $first: Int, $after: String, $last: Int, $before: String) {
  account(id: $id) { list: changes(first: $first, after: $after, last: $last, before: $before) { ${PAGE} } } }`;

interface Page {
  readonly nodes: readonly { readonly id: string }[];
  readonly pageInfo: Readonly<Record<'startCursor' | 'endCursor', string | null>> &
    Readonly<Record<'hasNextPage' | 'hasPreviousPage', boolean>>;
}

/** Reads a page by a query that is executed and, if it can be, compiled. Both answers must be equal. */
async function readPage(ledger: Ledger, query: string, variables: object): Promise<Page> {
  const answer = await executed(ledger, viewer(), query, { ...variables });
  expect(answer).not.toHaveProperty('errors');
  const other = await compiled(ledger, viewer(), query, { ...variables });
  if (other !== undefined) expect(other).toEqual(answer);
  const data = answer.data as { readonly list?: Page; readonly account?: { readonly list: Page } };
  return (data.list ?? data.account?.list) as Page;
}

async function readForwards(ledger: Ledger, query: string, size: number, variables: object) {
  const ids: string[] = [];
  for (let after: string | null = null; ; ) {
    const { nodes, pageInfo }: Page = await readPage(ledger, query, { ...variables, first: size, after });
    expect(pageInfo.hasPreviousPage).toBe(after !== null);
    ids.push(...nodes.map(({ id }) => id));
    if (!pageInfo.hasNextPage) return ids;
    expect(nodes).toHaveLength(size);
    after = pageInfo.endCursor;
  }
}

async function readBackwards(ledger: Ledger, query: string, size: number, variables: object) {
  const ids: string[] = [];
  for (let before: string | null = null; ; ) {
    const { nodes, pageInfo }: Page = await readPage(ledger, query, { ...variables, last: size, before });
    expect(pageInfo.hasNextPage).toBe(before !== null);
    ids.unshift(...nodes.map(({ id }) => id));
    if (!pageInfo.hasPreviousPage) return ids;
    before = pageInfo.startCursor;
  }
}

const subjects = [
  ...new Set(rows.map(subjectIdOf)),
  ...[
    'ext:account-0',
    'ext:account-2',
    'ext:unknown',
    'ext:',
    'acct_',
    'PTS',
    'EUR',
    '',
    '\0',
    'x'.repeat(300),
  ],
  ...(['account', 'ledger', 'apiKey', 'actor'] as const).map((kind) => formatId(kind, randomUUID())),
];
const actors = [anna, bert].map(({ actor }) => formatId('actor', actor.id));
const instants = fc.oneof(
  fc.constantFrom(...rows.map(({ at }) => at)),
  fc.constantFrom('0001-01-01T00:00:00.000000Z', '9999-12-31T23:59:59.999999Z'),
);
const createdAt = fc.option(
  fc.record({ from: fc.option(instants), to: fc.option(instants) }, { requiredKeys: [] }),
);
const actions = [...new Set(rows.map(({ action }) => action)), 'unknown', '', 'a\0b', 'é', 'x'.repeat(300)];
const filters: fc.Arbitrary<Filter> = fc.oneof(
  fc.record({ createdAt }),
  fc.record({ createdAt, subjectId: fc.constantFrom(...subjects), action: fc.constant(null) }),
  fc.record({ createdAt, action: fc.constantFrom(...actions) }),
  fc.record({
    createdAt,
    actorId: fc.constantFrom(
      ...actors,
      formatId('actor', randomUUID()),
      'act_',
      'x',
      ...subjects.slice(0, 3),
    ),
  }),
);

describe('auditEvents', () => {
  test('have exactly the matching events in their pages, in both directions and in both ways of execution', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...ledgers),
        filters,
        fc.integer({ min: 1, max: 40 }),
        async (ledger, filter, size) => {
          const expected = matching(ledger, filter);
          expect(await readForwards(ledger, LIST, size, { filter })).toEqual(expected);
          expect(await readBackwards(ledger, LIST, size, { filter })).toEqual(expected);
        },
      ),
      { numRuns: 120 },
    );
  }, 60_000);

  test('are all events of the ledger without a filter, and none of another', async () => {
    for (const ledger of ledgers) {
      const all = await readForwards(ledger, LIST, 100, {});
      expect(all).toEqual(matching(ledger, {}));
      expect(all.length).toBeGreaterThan(10);
    }
  });

  test.each<[Filter, string]>([
    [{ actorId: 'a', action: 'b' }, 'actorId and action'],
    [{ action: 'b', subjectId: 'c', createdAt: {} }, 'action and subjectId'],
    [{ subjectId: 'c', actorId: 'a' }, 'subjectId and actorId'],
    [{ actorId: 'a', action: 'b', subjectId: 'c' }, 'actorId and action and subjectId'],
  ])('reject the filter %j', async (filter, given) => {
    const { errors } = await executed(main, viewer(), LIST, { filter });
    expect(errors?.[0]?.extensions['code']).toBe('INVALID_INPUT');
    expect(errors?.[0]?.message).toContain('filter must have at most one of actorId, action and subjectId');
    for (const name of given.split(' and ')) expect(errors?.[0]?.message).toContain(name);
  });

  test('reject a cursor of another filter', async () => {
    const { pageInfo } = await readPage(eu, LIST, { first: 1, filter: { action: 'freezeAccount' } });
    const after = pageInfo.endCursor;
    for (const filter of [null, { action: 'unfreezeAccount' }, { subjectId: 'freezeAccount' }]) {
      const { errors } = await executed(eu, viewer(), LIST, { after, filter });
      expect(errors?.[0]?.message).toContain('after is a cursor of this list with another filter');
    }
  });
});

test('the changes of an account are its events, in pages', async () => {
  for (const [place, ledger] of ledgers.entries()) {
    for (const id of accounts[place] ?? []) {
      const expected = matching(ledger, { subjectId: id });
      for (const size of [1, 7, 100]) {
        expect(await readForwards(ledger, CHANGES, size, { id })).toEqual(expected);
        expect(await readBackwards(ledger, CHANGES, size, { id })).toEqual(expected);
      }
    }
  }
});

test('an event has what its row has', async () => {
  const fields = 'id number actor { id kind name } action subjectId before after requestId createdAt';
  for (const row of rows.filter(({ ledger_id }) => ledger_id === main.id)) {
    const query = `query ($id: ID!) { node(id: $id) { ... on AuditEvent { ${fields} } } }`;
    const actor = [anna, bert].find((each) => each.actor.id === row.actor)?.actor;
    for (const ask of [executed, compiled]) {
      expect(await ask(main, viewer(), query, { id: idOf(row) })).toEqual({
        data: {
          node: {
            id: idOf(row),
            number: row.number,
            actor: actor === undefined ? null : { ...actor, id: formatId('actor', actor.id) },
            action: row.action,
            subjectId: subjectIdOf(row),
            before: row.before,
            after: row.after,
            requestId: row.request_id,
            createdAt: row.at,
          },
        },
      });
    }
  }
});

describe('a caller with READ alone', () => {
  const reader = viewer(['READ'], false);
  const node = 'query ($id: ID!) { node(id: $id) { id } }';

  test('sees the changes of accounts and who made them', async () => {
    const query = `query ($id: ID!) { account(id: $id) { changes { nodes { id after actor { name } } } } }`;
    const ids = accounts[1] ?? [];
    const answers = await Promise.all(ids.map((id) => executed(eu, reader, query, { id })));
    expect(answers.map(({ errors }) => errors)).toEqual(ids.map(() => undefined));
    expect(JSON.stringify(answers)).toContain('"name":"anna"');
  });

  test('finds events of accounts by their ids, but no others, and no events of another ledger', async () => {
    for (const row of rows) {
      const { data } = await executed(eu, reader, node, { id: idOf(row) });
      const isVisible = row.ledger_id === eu.id && row.subject_type === 'ACCOUNT';
      expect(data).toEqual({ node: isVisible ? { id: idOf(row) } : null });
    }
  });

  test('cannot list the audit log', async () => {
    const { errors } = await executed(eu, reader, LIST, {});
    expect(errors?.[0]?.extensions['code']).toBe('FORBIDDEN');
  });
});

test('a caller who is restricted to an owner finds no event', async () => {
  const restricted: Viewer = { ...viewer(['READ'], false), owner: 'somebody' };
  for (const row of rows.slice(0, 50)) {
    const number = BigInt(row.number);
    expect(await main.engine.access.findAuditEvents(restricted, row.ledger_id, [number])).toEqual(new Map());
  }
});

test.each([
  '',
  'aud_',
  'aud_0',
  `aud_${'0'.repeat(26)}_0`,
  `aud_${'0'.repeat(26)}_01`,
  `aud_${'0'.repeat(26)}_1\n`,
])('the malformed id %j finds nothing', async (id) => {
  const answer = await executed(main, viewer(), 'query ($id: ID!) { node(id: $id) { id } }', { id });
  expect(answer).toEqual({ data: { node: null } });
  const unsafe = id.replace(/0{26}/, formatId('auditEvent', main.id).slice(4));
  expect(await executed(main, viewer(), 'query ($id: ID!) { node(id: $id) { id } }', { id: unsafe })).toEqual(
    answer,
  );
});
