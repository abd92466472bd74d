import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { beforeEach, describe, expect, it } from 'vitest';
import { CHECK, DENIED, demandUnchanged, openBooks, UNIQUE } from '../support/attack.ts';
import { asOwner, connect } from '../support/database.ts';

const books = await openBooks();
const { client, database, alice } = books;

type Values = Readonly<Record<string, unknown>>;

const NOT_NULL = '23502';
const UNREADABLE = '22P02';

/** Returns the statement and the values that insert an audit event into the named ledger. */
function insertion(values: Values = {}, ledger = 'main'): [sql: string, values: unknown[]] {
  const row = {
    action: 'freezeAccount',
    subject_type: 'ACCOUNT',
    subject: alice,
    request_id: 'r',
    ...values,
  };
  const columns = Object.keys(row);
  const places = columns.map((_, place) => `$${place + 1}`);
  return [
    `insert into audit_events (ledger_id, ${columns.join(', ')})
     select id, ${places.join(', ')} from ledgers where name = '${ledger}'`,
    Object.values(row),
  ];
}
const append = (values?: Values, ledger?: string) => client.query(...insertion(values, ledger));

/** Returns the number of the last audit event of the main ledger. */
async function head(): Promise<string> {
  const { rows } = await client.query<{ number: string }>(
    `select number from audit_heads h join ledgers l on l.id = h.ledger_id where l.name = 'main'`,
  );
  return rows[0]?.number ?? '';
}

// An event for the attacks to change.
await append({ idempotency_key: 'taken', request: Buffer.alloc(16) });

describe('the service’s login cannot', () => {
  demandUnchanged(books);
  beforeEach(() => client.query('begin'));

  it.for<readonly [name: string, sql: string]>([
    ...['number', 'previous_hash', 'hash', 'created_at'].map(
      (column) =>
        [
          `set the ${column} of an event`,
          `insert into audit_events (ledger_id, action, subject_type, subject, request_id, ${column})
           select ledger_id, action, subject_type, subject, request_id, ${column} from audit_events`,
        ] as const,
    ),
    ['update an event', `update audit_events set action = 'closeAccount'`],
    ['update events, though none matches', 'update audit_events set salt = null where false'],
    ['delete events', 'delete from audit_events'],
    ['truncate events', 'truncate audit_events'],
    ['move the head', 'update audit_heads set number = number + 1'],
    ['add a head', `insert into audit_heads (ledger_id) values (gen_random_uuid())`],
    ['delete a head', 'delete from audit_heads'],
    ['lock a head', 'select from audit_heads for update'],
    ['disable the triggers', 'alter table audit_events disable trigger all'],
    [
      'add a trigger',
      'create trigger mine before insert on audit_events for each row execute function chain_audit_event()',
    ],
    [
      'update an event by ON CONFLICT',
      `insert into audit_events (ledger_id, action, subject_type, subject, request_id)
       select ledger_id, action, subject_type, subject, request_id from audit_events
       on conflict (number, ledger_id) do update set action = 'mine'`,
    ],
    ['copy whole rows', 'insert into audit_events select * from audit_events'],
  ])('%s', async ([, sql]) => {
    await expect(client.query(sql)).rejects.toMatchObject({ code: DENIED });
  });

  it.for<readonly [name: string, values: Values, refusal: object]>([
    [
      'a key without its request',
      { idempotency_key: 'k' },
      { code: CHECK, constraint: 'audit_events_key_has_request' },
    ],
    [
      'a request without its key',
      { request: Buffer.alloc(16) },
      { code: CHECK, constraint: 'audit_events_key_has_request' },
    ],
    [
      'a duplicate key',
      { idempotency_key: 'taken', request: Buffer.alloc(20) },
      { code: UNIQUE, constraint: 'audit_events_key' },
    ],
    [
      'an empty key',
      { idempotency_key: '', request: Buffer.alloc(16) },
      { constraint: 'audit_events_idempotency_key_check' },
    ],
    [
      'a short digest',
      { idempotency_key: 'k', request: Buffer.alloc(15) },
      { constraint: 'audit_events_request_check' },
    ],
    ['a short salt', { salt: Buffer.alloc(15) }, { constraint: 'audit_events_salt_check' }],
    ['a text as fields', { before: '"status"' }, { constraint: 'audit_events_before_check' }],
    ['a list as fields', { after: '[]' }, { constraint: 'audit_events_after_check' }],
    ['no JSON as fields', { after: '{' }, { code: UNREADABLE }],
    ['no request id', { request_id: null }, { code: NOT_NULL }],
    ['no subject', { subject: null }, { code: NOT_NULL }],
  ])('append %s', async ([, values, refusal]) => {
    await expect(append(values)).rejects.toMatchObject(refusal);
  });

  it('append to an unknown ledger', async () => {
    const sql = `insert into audit_events (ledger_id, action, subject_type, subject, request_id)
      values (gen_random_uuid(), 'a', 'LEDGER', 'b', 'r')`;
    await expect(client.query(sql)).rejects.toMatchObject({ code: CHECK, constraint: 'audit_events_ledger' });
  });

  it('append several events in one statement', async () => {
    const sql = `insert into audit_events (ledger_id, action, subject_type, subject, request_id)
      select id, 'a', 'LEDGER', n::text, 'r' from ledgers, generate_series(1, 2) n where name = 'main'`;
    await expect(client.query(sql)).rejects.toMatchObject({ code: UNIQUE, constraint: 'audit_events_pkey' });
  });

  it('leave a gap when ON CONFLICT skips an event', async () => {
    const before = await head();
    const [sql, values] = insertion({ idempotency_key: 'taken', request: Buffer.alloc(16) });
    expect(await client.query(`${sql} on conflict do nothing`, values)).toMatchObject({ rowCount: 0 });
    expect(await head()).toBe(before);
    const several = `insert into audit_events (ledger_id, action, subject_type, subject, request_id)
      select id, 'a', 'LEDGER', n::text, 'r' from ledgers, generate_series(1, 3) n where name = 'main'
      on conflict do nothing`;
    expect(await client.query(several)).toMatchObject({ rowCount: 1 });
    expect(await head()).toBe(`${BigInt(before) + 1n}`);
  });

  it('leave a gap when a savepoint is rolled back', async () => {
    const before = await head();
    await client.query('savepoint before');
    await append();
    await client.query('rollback to before');
    expect(await head()).toBe(before);
  });
});

describe('the database also rejects, from the owner,', () => {
  it.each(['update audit_events set salt = null', 'delete from audit_events', 'truncate audit_events'])(
    '%s',
    async (sql) => {
      await expect(asOwner(database, sql)).rejects.toMatchObject({ code: DENIED });
    },
  );

  it.each(['chain_audit_event', 'advance_audit_head', 'begin_audit_log'])(
    'a trigger %s on another table',
    async (name) => {
      const owner = await connect(database.ownerUrl);
      await owner.query('create temporary table mine (id uuid, ledger_id uuid, number bigint)');
      await owner.query(
        `create trigger mine before insert on mine for each row execute function public.${name}()`,
      );
      const sql = 'insert into mine (ledger_id, number) select ledger_id, number + 1 from audit_heads';
      await expect(owner.query(sql)).rejects.toMatchObject({ code: DENIED });
    },
  );
});

it('a new ledger has its own log, which begins with number 1', async () => {
  await append({}, 'other');
  const rows = await asOwner(
    database,
    `select e.number::int, e.previous_hash from audit_events e join ledgers l on l.id = e.ledger_id where l.name = 'other'`,
  );
  expect(rows).toEqual([{ number: 1, previous_hash: Buffer.alloc(0) }]);
});

it('two concurrent appends take consecutive numbers', async () => {
  const second = await connect(database.serviceUrl);
  await client.query('begin');
  await append({ subject: 'first' });
  const waiting = second.query(...insertion({ subject: 'second' }));
  await client.query('commit');
  await waiting;
  const rows = await asOwner<{ number: number }>(
    database,
    `select number::int from audit_events where subject in ('first', 'second') order by number`,
  );
  expect((rows[1]?.number ?? 0) - (rows[0]?.number ?? 0)).toBe(1);
});

describe('the hash of an audit event', () => {
  it('covers the previous hash, the number and the RFC 8785 of the row', async () => {
    const odd =
      'quote " backslash \\ newline \n tab \t bell \u0007 \u001f delete \u007f line \u2028 é 𝄞 \ue000 </script>';
    await append({
      subject: odd.slice(0, 40),
      idempotency_key: odd,
      request: Buffer.from('00ff'.repeat(10), 'hex'),
    });
    await append({
      actor: '01890a5d-96d7-85b2-8c00-0123456789ab',
      before: canonicalize({ externalId: null, metadata: 'ff' }),
      after: canonicalize({ externalId: odd, metadata: null }),
      salt: Buffer.alloc(16, 1),
    });
    const rows = await asOwner<
      Record<string, string | null> & { hash: Buffer; previous_hash: Buffer; request: Buffer }
    >(
      database,
      `select e.*, to_char(e.created_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') as at
       from audit_events e join ledgers l on l.id = e.ledger_id where l.name = 'main' order by number`,
    );
    let previous = Buffer.alloc(0);
    for (const [place, row] of rows.entries()) {
      const text = canonicalize({
        actor: row['actor'],
        action: row['action'],
        subjectType: row['subject_type'],
        subject: row['subject'],
        before: row['before'],
        after: row['after'],
        idempotencyKey: row['idempotency_key'],
        request: row.request?.toString('hex') ?? null,
        requestId: row['request_id'],
        ledgerId: row['ledger_id'],
        createdAt: `${row['at']?.replace(' ', 'T')}Z`,
      });
      const number = Buffer.alloc(8);
      number.writeBigInt64BE(BigInt(place + 1));
      const hash = createHash('sha256')
        .update(Buffer.concat([Buffer.from('tls.audit.v1'), previous, number, Buffer.from(text ?? '')]))
        .digest();
      expect(row['number']).toBe(`${place + 1}`);
      expect(row.previous_hash).toEqual(previous);
      expect(row.hash).toEqual(hash);
      previous = hash;
    }
    expect(rows.length).toBeGreaterThan(4);
  });
});
