import { randomBytes, randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it, test } from 'vitest';
import { actorId, COMMAND_LINE } from '../../../src/core/access/actor.ts';
import { CHECK, DENIED, demandUnchanged, openBooks, UNIQUE } from '../../support/attack.ts';
import { asOwner, connect, createTestDatabase } from '../../support/database.ts';

const books = await openBooks();
const { client, database } = books;

type Values = Readonly<Record<string, unknown>>;

/** Inserts a key as the service does, and returns its id. */
async function insertKey(values: Values = {}, by = client): Promise<string> {
  const row = { id: randomUUID(), name: randomUUID(), scopes: ['READ'], secret: randomBytes(32), ...values };
  const columns = Object.keys(row);
  const places = columns.map((_, place) => `$${place + 1}`);
  await by.query(
    `insert into api_keys (${columns.join(', ')}) values (${places.join(', ')})`,
    Object.values(row),
  );
  return row.id;
}

const live = await insertKey({ name: 'live', scopes: ['READ', 'POST', 'MANAGE', 'ADMIN'] });
const revoked = await insertKey({ name: 'revoked' });
await client.query('update api_keys set last_used_at = clock_timestamp()');
await client.query(`update api_keys set revoked_at = clock_timestamp() where id = '${revoked}'`);

describe('the service’s login has no privilege for', () => {
  demandUnchanged(books);

  it.for([
    'delete from api_keys',
    'truncate api_keys',
    ...[
      `id = gen_random_uuid()`,
      'actor = gen_random_uuid()',
      `name = 'mine'`,
      `scopes = '{ADMIN}'`,
      'ledger_id = null',
      `owner = 'alice'`,
      'secret = sha256(secret)',
      'requests_per_second = null',
      'created_at = now()',
      'expires_at = null',
    ].map((change) => `update api_keys set ${change}`),
    ...['actor', 'created_at', 'last_used_at', 'revoked_at'].map(
      (column) =>
        `insert into api_keys (id, name, scopes, secret, ${column})
         select gen_random_uuid(), 'mine', scopes, secret, ${column} from api_keys`,
    ),
    `insert into api_keys (id, name, scopes, secret) select id, name, scopes, secret from api_keys
       on conflict (id) do update set secret = excluded.secret`,
    'alter table api_keys disable trigger all',

    'update access_state set keyed_at = null',
    'update access_state set keyed_at = keyed_at where false',
    'delete from access_state',
    'truncate access_state',
    'insert into access_state values (true, null)',
    'insert into access_state default values on conflict (only_row) do update set keyed_at = null',
    'select from access_state for update',

    ...['kind', 'name', 'created_at'].map(
      (column) =>
        `insert into actors (id, issuer, subject, ${column})
         select actor_id(kind, issuer, 'x'), issuer, 'x', ${column} from actors`,
    ),
    `insert into actors (id, kind, subject, name) values (actor_id('CLI', null, 'x'), 'CLI', 'x', 'x')`,
    `insert into actors (id, issuer, subject) select id, 'x', 'x' from actors on conflict (id) do update set subject = 'x'`,
    `update actors set name = 'mine'`,
    `update actors set id = id where false`,
    'select from actors for update',
    'delete from actors',
    'truncate actors',
    'alter table actors disable trigger all',
  ])('%s', async (sql) => {
    await expect(client.query(sql)).rejects.toMatchObject({ code: DENIED });
  });
});

describe('the service’s login cannot', () => {
  demandUnchanged(books);
  beforeEach(() => client.query('begin'));

  it.for<readonly [name: string, change: string, constraint: string]>([
    ['revive a key', 'revoked_at = null', 'api_keys_revoked_for_good'],
    ['postpone a revocation', `revoked_at = 'infinity'`, 'api_keys_revoked_for_good'],
    ['forget a use', 'last_used_at = null', 'api_keys_used_forward'],
    ['predate a use', `last_used_at = last_used_at - interval '1 microsecond'`, 'api_keys_used_forward'],
    ['postdate a use', `last_used_at = now() + interval '1 minute'`, 'api_keys_used_forward'],
    ['set an infinite use', `last_used_at = 'infinity'`, 'api_keys_used_forward'],
  ])('%s', async ([, change, constraint]) => {
    const sql = `update api_keys set ${change} where id = '${revoked}'`;
    await expect(client.query(sql)).rejects.toMatchObject({ code: CHECK, constraint });
  });

  it.for<readonly [name: string, values: Values, refusal: object]>([
    ['no scopes', { scopes: [] }, { constraint: 'api_keys_scopes' }],
    ['a repeated scope', { scopes: ['READ', 'READ'] }, { constraint: 'api_keys_scopes' }],
    ['an unknown scope', { scopes: ['READ', 'ROOT'] }, { constraint: 'api_keys_scopes' }],
    ['a null scope', { scopes: ['READ', null] }, { constraint: 'api_keys_scopes' }],
    ['only a null scope', { scopes: [null] }, { constraint: 'api_keys_scopes' }],
    ['scopes in two dimensions', { scopes: [['READ'], ['POST']] }, { constraint: 'api_keys_scopes' }],
    ['no name', { name: '' }, { constraint: 'api_keys_name_check' }],
    ['a long name', { name: 'é'.repeat(128) }, { constraint: 'api_keys_name_check' }],
    ['a taken name', { name: 'live' }, { code: UNIQUE, constraint: 'api_keys_name' }],
    ['a taken id', { id: live }, { code: UNIQUE, constraint: 'api_keys_pkey' }],
    ['a short digest', { secret: randomBytes(31) }, { constraint: 'api_keys_secret_check' }],
    ['a ledger that does not exist', { ledger_id: randomUUID() }, { constraint: 'api_keys_ledger_exists' }],
    ['no requests', { requests_per_second: 0 }, { constraint: 'api_keys_requests_per_second_check' }],
    [
      'too many requests',
      { requests_per_second: 1_000_001 },
      { constraint: 'api_keys_requests_per_second_check' },
    ],
    ['the owner of the ledger', { owner: 'external' }, { constraint: 'api_keys_owner_limits' }],
    ['an empty owner', { owner: '' }, { constraint: 'api_keys_owner_check' }],
    ...['MANAGE', 'ADMIN'].map(
      (scope) =>
        [
          `an owner and ${scope}`,
          { owner: 'alice', scopes: ['READ', 'POST', scope] },
          { constraint: 'api_keys_owner_limits' },
        ] as const,
    ),
    ['an unreadable expiry', { expires_at: 'infinity' }, { constraint: 'api_keys_readable_times' }],
    ['an expiry before year 1', { expires_at: '-infinity' }, { constraint: 'api_keys_readable_times' }],
  ])('create a key with %s', async ([, values, refusal]) => {
    await expect(insertKey(values)).rejects.toMatchObject(refusal);
  });

  it.for<readonly [name: string, actor: string, refusal: object]>([
    [
      'of a key',
      `actor_id('API_KEY', null, '${live}'), null, '${live}'`,
      { constraint: 'actors_id_is_digest' },
    ],
    [
      'of a key with an issuer',
      `actor_id('API_KEY', 'i', 'x'), 'i', 'x'`,
      { constraint: 'actors_id_is_digest' },
    ],
    ['of the command line', `actor_id('CLI', null, 's'), null, 's'`, { constraint: 'actors_id_is_digest' }],
    ['with no issuer', `actor_id('TOKEN', null, 's'), null, 's'`, { constraint: 'actors_issuer_of_token' }],
    ['of a random id', `gen_random_uuid(), 'i', 's'`, { constraint: 'actors_id_is_digest' }],
    ['of another subject', `actor_id('TOKEN', 'i', 't'), 'i', 's'`, { constraint: 'actors_id_is_digest' }],
    ['of another issuer', `actor_id('TOKEN', 'j', 's'), 'i', 's'`, { constraint: 'actors_id_is_digest' }],
    ['with an empty subject', `actor_id('TOKEN', 'i', ''), 'i', ''`, { constraint: 'actors_name_check' }],
    ['with an empty issuer', `actor_id('TOKEN', '', 's'), '', 's'`, { constraint: 'actors_issuer_check' }],
    ['with a long subject', `actor_id('TOKEN', 'i', repeat('é', 128)), 'i', repeat('é', 128)`, {}],
  ])('add an actor %s', async ([, actor, refusal]) => {
    const added = client.query(`insert into actors (id, issuer, subject) values (${actor})`);
    await expect(added).rejects.toMatchObject({ code: CHECK, ...refusal });
  });

  it('replace the row of an actor', async () => {
    const { rowCount } = await client.query(
      `insert into actors (id, issuer, subject) values (actor_id('TOKEN', 'i', 's'), 'i', 's') on conflict do nothing`,
    );
    expect(rowCount).toBe(1);
    const again = `insert into actors (id, issuer, subject) values (actor_id('TOKEN', 'i', 's'), 'i', 's')`;
    expect((await client.query(`${again} on conflict do nothing`)).rowCount).toBe(0);
    await expect(client.query(again)).rejects.toMatchObject({ code: UNIQUE, constraint: 'actors_pkey' });
  });

  it.for(['', 'A', '-a', 'a b', 'a\n', 'a'.repeat(64), 'ä'])(
    'create a ledger with the name %j',
    async (name) => {
      await expect(
        client.query('insert into ledgers (id, name) values (gen_random_uuid(), $1)', [name]),
      ).rejects.toMatchObject({ code: CHECK, constraint: 'ledgers_name_form' });
    },
  );
});

describe('the owner’s login cannot, while the triggers are enabled,', () => {
  demandUnchanged(books);

  it.for([
    ['change a secret', 'update api_keys set secret = sha256(secret)', CHECK],
    ['change scopes', `update api_keys set scopes = '{ADMIN}'`, CHECK],
    ['let a key expire never', `update api_keys set expires_at = '2999-01-01Z'`, CHECK],
    ['delete keys', 'delete from api_keys', DENIED],
    ['truncate keys', 'truncate api_keys', DENIED],
    ['unset the flag', 'update access_state set keyed_at = null', CHECK],
    ['delete the flag', 'delete from access_state', DENIED],
    ['truncate the flag', 'truncate access_state', DENIED],
    ['add a second flag', 'insert into access_state values (false)', CHECK],
    ['rename an actor', `update actors set name = 'mine'`, DENIED],
    ['delete actors', 'delete from actors', DENIED],
    [
      'add an actor with the id of another one',
      `insert into actors (id, kind, subject, name) values (gen_random_uuid(), 'API_KEY', 'x', 'x')`,
      CHECK,
    ],
    [
      'give the actor of a token another name',
      `insert into actors (id, issuer, subject, name) values (actor_id('TOKEN', 'i', 's'), 'i', 's', 'mine')`,
      CHECK,
    ],
  ] as const)('%s', async ([, sql, code]) => {
    const owner = await connect(database.ownerUrl);
    await expect(owner.query(sql)).rejects.toMatchObject({ code });
  });
});

describe('the database', () => {
  it('adds an actor of each key, whose id is the digest of the key’s id', async () => {
    const { rows } = await client.query(
      'select k.id, k.name, a.id as actor, a.kind, a.name as actor_name, a.subject from api_keys k join actors a on a.id = k.actor',
    );
    expect(rows).toHaveLength(2);
    for (const { id, name, ...actor } of rows) {
      expect(actor).toEqual({
        actor: actorId('API_KEY', null, id),
        kind: 'API_KEY',
        actor_name: name,
        subject: id,
      });
    }
  });

  it('sets the kind, the name and the time of an actor that the service adds', async () => {
    const id = actorId('TOKEN', 'https://issuer.example', 'alice é');
    await client.query(
      `insert into actors (id, issuer, subject) values ($1, 'https://issuer.example', 'alice é')`,
      [id],
    );
    const { rows } = await client.query(
      `select kind, name, created_at between clock_timestamp() - interval '1 minute' and clock_timestamp() as is_present
       from actors where id = $1`,
      [id],
    );
    expect(rows).toEqual([{ kind: 'TOKEN', name: 'alice é', is_present: true }]);
  });

  it('computes the same ids of actors as the program', async () => {
    const { actor } = COMMAND_LINE;
    expect(await asOwner(database, `select id, kind, name from actors where kind = 'CLI'`)).toEqual([actor]);
    const subjects = ['é', '"\\/\b\f\n\r\t\u0001\u001f', '\u007f\u2028😀', '</script>'];
    const owner = await connect(database.ownerUrl);
    for (const subject of subjects) {
      const { rows } = await owner.query(`select actor_id('TOKEN', $1, $1) as id`, [subject]);
      expect(rows).toEqual([{ id: actorId('TOKEN', subject, subject) }]);
    }
  });

  it('does not let another role read the digests of secrets', async () => {
    const role = `reader_${randomUUID().replaceAll('-', '')}`;
    const owner = await connect(database.ownerUrl);
    await owner.query('begin');
    await owner.query(`create role ${role}`);
    await owner.query(`grant usage on schema public to ${role}`);
    await owner.query(`set local role ${role}`);
    await expect(owner.query('select secret from api_keys')).rejects.toMatchObject({ code: DENIED });
    await owner.query('rollback');
  });

  it('gives a revocation the time of its own clock', async () => {
    const id = await insertKey();
    await client.query(`update api_keys set revoked_at = '2000-01-01Z' where id = $1`, [id]);
    const { rows } = await client.query(
      `select revoked_at between clock_timestamp() - interval '1 minute' and clock_timestamp() as is_present
       from api_keys where id = $1`,
      [id],
    );
    expect(rows).toEqual([{ is_present: true }]);
  });

  it('lets keys of different ledgers, and the key after a revoked one, have one name', async () => {
    const { rows } = await client.query<{ id: string }>('select id from ledgers');
    expect(rows).toHaveLength(2);
    for (const { id } of rows) await insertKey({ name: 'live', ledger_id: id });
    await insertKey({ name: 'revoked' });
  });

  it('starts the audit log of a ledger that the service creates', async () => {
    const { rows } = await client.query<{ id: string }>(
      `insert into ledgers (id, name) values (gen_random_uuid(), 'new') returning id`,
    );
    const heads = `select number from audit_heads where ledger_id = '${rows[0]?.id}'`;
    expect(await asOwner(database, heads)).toEqual([{ number: '0' }]);
  });
});

test('the first key sets the flag for good, unless it is rolled back', async () => {
  const fresh = await createTestDatabase();
  const service = await connect(fresh.serviceUrl);
  const isKeyed = async () => {
    const { rows } = await service.query('select keyed_at is not null as keyed from access_state');
    return rows[0]?.keyed;
  };
  expect(await isKeyed()).toBe(false);
  await service.query('begin');
  await insertKey({}, service);
  expect(await isKeyed()).toBe(true);
  await service.query('rollback');
  expect(await isKeyed()).toBe(false);
  await insertKey({}, service);
  const keyedAt = () => asOwner(fresh, 'select keyed_at from access_state');
  const first = await keyedAt();
  expect(first).toEqual([{ keyed_at: expect.any(Date) }]);
  await insertKey({}, service);
  await service.query('update api_keys set revoked_at = now()');
  expect(await keyedAt()).toEqual(first);
});
