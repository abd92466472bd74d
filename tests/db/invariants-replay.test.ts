import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { toPeriodEnd } from '../../src/core/close-period.ts';
import { toAccountRequest } from '../../src/core/create-account.ts';
import { toAccountUpdate, toStatusChange, type UpdateAccountInput } from '../../src/core/update-account.ts';
import { formatId, parseId, type Uuid } from '../../src/core/values/ids.ts';
import { MAX_NAME_BYTES } from '../../src/core/values/text.ts';
import { createKey, ledgerIdOf } from '../support/access.ts';
import { asOwner, connect, createTestDatabase } from '../support/database.ts';
import { expectSoundBooks, makeAccount, openLedger } from '../support/ledger.ts';
import { type Breaches, findBreaches, nestedIn } from '../support/sample-books.ts';

const database = await createTestDatabase();
const ledger = await openLedger(database);
const { access } = ledger.engine;
afterAll(() => expectSoundBooks(database));

const USE: Parameters<typeof makeAccount>[1] = {
  externalId: 'kept',
  minBalance: { amount: '-5' },
  maxBalance: { amount: '1000.50' },
  metadata: { b: '"\\\u0001\u001f/', a: 'ü', '\ue000': 'after', '😀': 'before' },
};
const idOf = (account: string): Uuid => parseId('account', account) ?? '';

await ledger.registerCurrency({ code: 'PTS', exponent: 3 });
/** Was never changed. */
const kept = idOf(await makeAccount(ledger, { ...USE, idempotencyKey: 'k' }));
/** Was never changed, and was created without any optional field. */
const plain = idOf(await makeAccount(ledger));
/** Each field was changed. */
const changed = await changeAll(await makeAccount(ledger, { currency: 'PTS', metadata: { old: '1' } }));
/** Its limits and its metadata were changed twice, and its status. */
const often = await changeOften(await makeAccount(ledger, { owner: 'often' }));
const closedBefore = toPeriodEnd({ before: 1_600_000_000_000_000n });
if ('code' in closedBefore) throw new TypeError('the period is valid');
await ledger.closePeriod(closedBefore);
const eu = await ledgerIdOf(access, 'eu');
const key = (
  await createKey(access, eu, { name: 'shop', scopes: ['READ', 'POST'], expiresAt: 4_000_000_000_000_001n })
).apiKey.id;
const admin = (await createKey(access, eu, { name: 'admin', allLedgers: true, requestsPerSecond: 7 })).apiKey
  .id;
const revoked = (await createKey(access, eu, { name: 'gone' })).apiKey.id;
await access.revokeKey(
  { actor: null, scopes: new Set(['ADMIN']), allLedgers: true, owner: null },
  eu,
  formatId('apiKey', revoked),
  'request',
);

async function update(input: UpdateAccountInput): Promise<void> {
  const change = toAccountUpdate(input);
  if ('code' in change) throw new TypeError(`refused: ${change.code}`);
  expect(await ledger.changeAccount(input.accountId, change)).toMatchObject({ code: 'UPDATED' });
}

async function become(accountId: string, kind: 'FREEZE' | 'UNFREEZE'): Promise<void> {
  const change = toStatusChange(kind, { accountId });
  if ('code' in change) throw new TypeError(`refused: ${change.code}`);
  expect(await ledger.changeAccount(accountId, change)).toMatchObject({ code: 'UPDATED' });
}

async function changeAll(accountId: string): Promise<Uuid> {
  await update({
    accountId,
    externalId: 'changed',
    minBalance: { amount: '-0.005' },
    maxBalance: { amount: '7' },
    metadata: { a: 'ü' },
  });
  await become(accountId, 'FREEZE');
  return idOf(accountId);
}

async function changeOften(accountId: string): Promise<Uuid> {
  await update({ accountId, minBalance: { amount: '-1' }, metadata: { first: '1' } });
  await become(accountId, 'FREEZE');
  await update({ accountId, minBalance: { unlimited: true }, metadata: { second: '2' } });
  await become(accountId, 'UNFREEZE');
  // Changes nothing, and is recorded for its key.
  await update({ accountId, minBalance: { unlimited: true }, idempotencyKey: 'again' });
  return idOf(accountId);
}

const owner = await connect(database.ownerUrl);

/** Changes the books as their owner with the triggers disabled, returns the violated invariants, and rolls back. */
async function breachesAfter(...statements: readonly string[]): Promise<Breaches> {
  await owner.query('begin');
  try {
    await owner.query('set local session_replication_role = replica');
    for (const statement of statements) await owner.query(statement);
    return await findBreaches(nestedIn(owner));
  } finally {
    await owner.query('rollback');
  }
}

/** Statements that write the log again as it would be without tampering: with numbers, hashes and a head that agree. */
const REWRITE = [
  'create temporary table kept on commit drop as select * from audit_events',
  'delete from audit_events',
  `update audit_heads set number = 0, hash = '', last_at = 'epoch'`,
  'set local session_replication_role = origin',
  `do $$ declare e kept; begin
     for e in select * from kept order by ledger_id, number loop insert into audit_events select e.*; end loop;
   end $$`,
];

test('books without a fault have no violation', async () => {
  expect(await breachesAfter()).toEqual({});
});

test('a log that is written again without a change has no violation', async () => {
  expect(await breachesAfter(...REWRITE)).toEqual({});
});

describe('finds a change of the tables that the log does not have:', () => {
  /** Other invariants that the change violates. */
  const ALSO: Readonly<Record<string, readonly string[]>> = {
    'a currency that was removed': ['I1'],
  };
  const account = (id: Uuid, change: string) => `update accounts set ${change} where id = '${id}'`;
  const apiKey = (id: Uuid, change: string) => `update api_keys set ${change} where id = '${id}'`;
  const createdOtherwise = (id: Uuid, field: string) =>
    `Account ${id} of ledger ${ledger.id} was created with another ${field}, and the audit log never changed it.`;
  const left = (what: string, value: string, at: string) =>
    new RegExp(`^${what} has the ${value}, but audit event \\d+ left it at ${at}\\.$`, 'm');

  test.each<readonly [name: string, statement: string, sentence: string | RegExp]>([
    ['a minBalance', account(kept, 'min_balance = -501'), createdOtherwise(kept, 'minBalance')],
    [
      'a minBalance that was removed',
      account(kept, 'min_balance = null'),
      createdOtherwise(kept, 'minBalance'),
    ],
    ['a maxBalance', account(kept, 'max_balance = 100051'), createdOtherwise(kept, 'maxBalance')],
    ['a maxBalance that was added', account(plain, 'max_balance = 0'), createdOtherwise(plain, 'maxBalance')],
    ['an externalId', account(kept, `external_id = 'stolen'`), createdOtherwise(kept, 'externalId')],
    [
      'an externalId that was added',
      account(plain, `external_id = ''''`),
      createdOtherwise(plain, 'externalId'),
    ],
    ['metadata', account(kept, `metadata = metadata || '{"a":"u"}'`), createdOtherwise(kept, 'metadata')],
    ['metadata that was removed', account(kept, 'metadata = null'), createdOtherwise(kept, 'metadata')],
    ['metadata that was added', account(plain, `metadata = '{"a":""}'`), createdOtherwise(plain, 'metadata')],
    ['an owner', account(plain, `owner = 'mallory'`), createdOtherwise(plain, 'owner')],
    ['a normal side', account(plain, 'side = -1'), createdOtherwise(plain, 'normalSide')],
    [
      'a status',
      account(plain, `status = 'FROZEN'`),
      `Account ${plain} of ledger ${ledger.id} has the status "FROZEN", but the audit log never changed it from "OPEN".`,
    ],
    [
      'a changed minBalance',
      account(changed, 'min_balance = -6'),
      left(`Account ${changed} of ledger ${ledger.id}`, 'minBalance "-0.006"', '"-0.005"'),
    ],
    [
      'a changed minBalance that was set to an earlier value',
      account(often, 'min_balance = -100'),
      left(`Account ${often} of ledger ${ledger.id}`, 'minBalance "-1.00"', 'null'),
    ],
    [
      'a changed maxBalance',
      account(changed, 'max_balance = null'),
      left(`Account ${changed} of ledger ${ledger.id}`, 'maxBalance null', '"7.000"'),
    ],
    [
      'a changed externalId',
      account(changed, `external_id = 'other'`),
      left(`Account ${changed} of ledger ${ledger.id}`, 'externalId "other"', '"changed"'),
    ],
    [
      'changed metadata',
      account(changed, `metadata = '{"a":"u"}'`),
      left(`Account ${changed} of ledger ${ledger.id}`, 'metadata "[0-9a-f]{64}"', '"[0-9a-f]{64}"'),
    ],
    [
      'changed metadata that was removed',
      account(changed, 'metadata = null'),
      left(`Account ${changed} of ledger ${ledger.id}`, 'metadata null', '"[0-9a-f]{64}"'),
    ],
    [
      'a changed status',
      account(changed, `status = 'OPEN'`),
      left(`Account ${changed} of ledger ${ledger.id}`, 'status "OPEN"', '"FROZEN"'),
    ],
    [
      'the owner of an account with changed metadata',
      account(changed, `owner = 'mallory'`),
      createdOtherwise(changed, 'owner'),
    ],
    [
      'an exponent',
      `update currencies set exponent = 2 where code = 'PTS'`,
      left(`Currency PTS of ledger ${ledger.id}`, 'exponent "2"', '"3"'),
    ],
    [
      'a currency without an event',
      `insert into currencies (code, ledger_id, exponent) values ('NEW', '${eu}', 2)`,
      `Currency NEW of ledger ${eu} has the exponent "2", but the audit log never changed it from null.`,
    ],
    [
      'a currency that was removed',
      `delete from currencies`,
      /^Audit event 1 of ledger \S+ changes the exponent of Currency PTS, which does not exist/m,
    ],
    [
      'a closed period that was opened',
      `update ledgers set closed_before = '2000-01-01T00:00:00Z' where name = 'main'`,
      left(
        `Ledger ${ledger.id} of ledger ${ledger.id}`,
        'closedBefore "2000-01-01T00:00:00.000000Z"',
        '"2020-09-13T12:26:40.000000Z"',
      ),
    ],
    [
      'a period that was closed',
      `update ledgers set closed_before = '2000-01-01T00:00:00Z' where name = 'eu'`,
      `Ledger ${eu} of ledger ${eu} has the closedBefore "2000-01-01T00:00:00.000000Z", but the audit log never changed it from null.`,
    ],
    [
      'the name of a ledger',
      `update ledgers set name = 'us' where name = 'eu'`,
      left(`Ledger ${eu} of ledger ${ledger.id}`, 'name "us"', '"eu"'),
    ],
    [
      'the scopes of a key',
      apiKey(key, `scopes = '{READ,POST,ADMIN}'`),
      left(`API key ${key} of ledger ${eu}`, 'scopes "READ POST ADMIN"', '"READ POST"'),
    ],
    [
      'the owner of a key',
      apiKey(key, `owner = 'alice'`),
      left(`API key ${key} of ledger ${eu}`, 'owner "alice"', 'null'),
    ],
    [
      'the expiry of a key',
      apiKey(key, `expires_at = expires_at + interval '1 microsecond'`),
      left(
        `API key ${key} of ledger ${eu}`,
        'expiresAt "2096-10-02T07:06:40.000002Z"',
        '"2096-10-02T07:06:40.000001Z"',
      ),
    ],
    [
      'the expiry of a key that was removed',
      apiKey(key, 'expires_at = null'),
      left(`API key ${key} of ledger ${eu}`, 'expiresAt null', '"2096-10-02T07:06:40.000001Z"'),
    ],
    [
      'the rate limit of a key',
      apiKey(admin, 'requests_per_second = 1000'),
      left(`API key ${admin} of ledger ${ledger.id}`, 'requestsPerSecond "1000"', '"7"'),
    ],
    [
      'a key that was made valid again',
      apiKey(revoked, 'revoked_at = null'),
      left(`API key ${revoked} of ledger ${eu}`, 'revokedAt null', '"20\\S+Z"'),
    ],
    [
      'a key that was revoked',
      apiKey(key, `revoked_at = '2026-01-01T00:00:00Z'`),
      `API key ${key} of ledger ${eu} has the revokedAt "2026-01-01T00:00:00.000000Z", but the audit log never changed it from null.`,
    ],
    [
      'the ledger of a key',
      apiKey(key, 'ledger_id = null'),
      `API key ${key} of ledger ${ledger.id} has the scopes "READ POST", but the audit log never changed it from null.`,
    ],
    [
      'the secret of a key',
      apiKey(key, `secret = sha256('mine')`),
      new RegExp(
        `API key ${key} of ledger ${eu} has the secretDigest "[0-9a-f]{64}", but audit event \\d+ left it at "[0-9a-f]{64}"`,
      ),
    ],
    [
      'a key that was revoked at no instant',
      apiKey(key, `revoked_at = 'infinity'`),
      `API key ${key} of ledger ${eu} has the revokedAt "infinity", but the audit log never changed it from null.`,
    ],
    [
      'a key without an event',
      `insert into api_keys (id, actor, name, scopes, secret)
       select gen_random_uuid(), actor, 'mallory', '{ADMIN}', sha256('') from api_keys limit 1`,
      / of ledger \S+ has the scopes "ADMIN", but the audit log never changed it from null\.$/m,
    ],
  ])('%s', async (name, statement, sentence) => {
    const breaches = await breachesAfter(statement);
    expect(Object.keys(breaches), JSON.stringify(breaches, null, 2)).toEqual([...(ALSO[name] ?? []), 'I11']);
    const text = (breaches['I11'] ?? []).join('\n');
    if (typeof sentence === 'string') expect(text.split('\n')).toContain(sentence);
    else expect(text).toMatch(sentence);
  });
});

describe('finds a change of the log, even if its numbers and hashes were computed again:', () => {
  const of = (id: Uuid, action: string) => `subject = '${id}' and action = '${action}'`;

  test.each<readonly [name: string, statement: string, sentence: string | RegExp]>([
    [
      'the text of the last event of a field',
      `update audit_events set after = replace(after, '"7.000"', '"8.000"') where ${of(changed, 'updateAccount')}`,
      new RegExp(
        `Account ${changed} of ledger \\S+ has the maxBalance "7.000", but audit event \\d+ left it at "8.000"`,
      ),
    ],
    [
      'the text of an earlier event',
      `update audit_events set after = replace(after, '"-1.00"', '"-2.00"') where ${of(often, 'updateAccount')}`,
      new RegExp(
        `Audit event \\d+ of ledger \\S+ changes the minBalance of Account ${often} from "-1.00", but audit event \\d+ left it at "-2.00"`,
      ),
    ],
    [
      'the value before the first change',
      `update audit_events set before = replace(before, '"0.00"', '"1.00"') where ${of(often, 'updateAccount')}`,
      `The audit log changes the minBalance of account ${often} of ledger ${ledger.id} from a value that it was not created with.`,
    ],
    [
      'the metadata before the first change',
      `update audit_events set before = before::jsonb - 'metadata' || '{"metadata":null}' where ${of(changed, 'updateAccount')}`,
      `The audit log changes the metadata of account ${changed} of ledger ${ledger.id} from a value that it was not created with.`,
    ],
    [
      'a removed event',
      `delete from audit_events where ${of(often, 'freezeAccount')}`,
      new RegExp(
        `Audit event \\d+ of ledger \\S+ changes the status of Account ${often} from "FROZEN", but it was "OPEN"`,
      ),
    ],
    [
      'a removed last event',
      `delete from audit_events where ${of(changed, 'freezeAccount')}`,
      `Account ${changed} of ledger ${ledger.id} has the status "FROZEN", but the audit log never changed it from "OPEN".`,
    ],
    [
      'a removed creation of a key',
      `delete from audit_events where ${of(revoked, 'createApiKey')}`,
      `API key ${revoked} of ledger ${eu} has the name "gone", but the audit log never changed it from null.`,
    ],
    [
      'a repeated creation of a ledger',
      `insert into audit_events (select (jsonb_populate_record(e, '{"number":1000}')).* from audit_events e where ${of(eu, 'createLedger')})`,
      new RegExp(`changes the name of Ledger ${eu} from null, but audit event \\d+ left it at "eu"`),
    ],
    [
      'two events in the wrong order',
      `with pair as (
         select f.number as first, u.number as second, f.ledger_id from audit_events f join audit_events u on u.subject = f.subject
         where f.subject = '${often}' and f.action = 'freezeAccount' and u.action = 'unfreezeAccount')
       update audit_events e set action = o.action, before = o.before, after = o.after
       from pair p join audit_events o on o.ledger_id = p.ledger_id
       where e.ledger_id = p.ledger_id and (e.number, o.number) in ((p.first, p.second), (p.second, p.first))`,
      new RegExp(
        `Audit event \\d+ of ledger \\S+ changes the status of Account ${often} from "FROZEN", but it was "OPEN"`,
      ),
    ],
    [
      'an event of an account that does not exist',
      `update audit_events set subject = '${randomUUID()}' where ${of(changed, 'freezeAccount')}`,
      /changes the status of Account \S+, which does not exist or belongs to another log/,
    ],
  ])('%s', async (_, statement, sentence) => {
    const breaches = await breachesAfter(statement, ...REWRITE);
    expect(Object.keys(breaches), JSON.stringify(breaches, null, 2)).toEqual(['I11']);
    const text = (breaches['I11'] ?? []).join('\n');
    if (typeof sentence === 'string') expect(text).toContain(sentence);
    else expect(text).toMatch(sentence);
    // The same change without new hashes breaks the chain as well.
    expect(Object.keys(await breachesAfter(statement))).toEqual(['I9', 'I11']);
  });
});

test('of metadata whose salt was erased, only the presence is compared', async () => {
  const erased = `update audit_events set salt = null where subject = '${changed}'`;
  expect(await breachesAfter(erased)).toEqual({});
  const replaced = `update accounts set metadata = '{"b":""}' where id = '${changed}'`;
  expect(await breachesAfter(erased, replaced)).toEqual({});
  const removed = `update accounts set metadata = null where id = '${changed}'`;
  expect(Object.keys(await breachesAfter(erased, removed))).toEqual(['I11']);
});

test('an account without a digest of its creation is accepted', async () => {
  expect(await breachesAfter(`update accounts set creation_digest = null where id = '${kept}'`)).toEqual({});
});

test('accounts that were created with random texts and limits are as they were created', async () => {
  const exponents = [0, 1, 8, 30];
  for (const exponent of exponents) await ledger.registerCurrency({ code: `R${exponent}X`, exponent });
  const name = fc
    .string({ unit: 'binary', minLength: 1, maxLength: 40 })
    .filter((text) => !text.includes('\0') && Buffer.byteLength(text) <= MAX_NAME_BYTES);
  const metadataKey = name.filter((text) => JSON.stringify(text).length === text.length + 2);
  const amount = (exponent: number) =>
    fc
      .tuple(fc.bigInt({ min: 0n, max: 10n ** 7n }), fc.integer({ min: 0, max: exponent }))
      .map(([whole, places]) => `${whole}${places === 0 ? '' : `.${'5'.padStart(places, '0')}`}`);
  const limit = (exponent: number, sign: string) =>
    fc.option(
      fc.oneof(
        fc.constant({ unlimited: true }),
        amount(exponent).map((text) => ({ amount: text === '0' ? text : `${sign}${text}` })),
      ),
    );
  const inputs = fc.constantFrom(...exponents).chain((exponent) =>
    fc.record({
      owner: name.filter((text) => text !== 'external'),
      currency: fc.constant(`R${exponent}X`),
      normalSide: fc.constantFrom('CREDIT' as const, 'DEBIT' as const),
      externalId: fc.option(name),
      minBalance: limit(exponent, '-'),
      maxBalance: limit(exponent, ''),
      metadata: fc.option(fc.dictionary(metadataKey, name, { maxKeys: 4 })),
    }),
  );
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000_000);
  console.log(`accounts of seed ${seed}; again by SEED=${seed}`);
  const requests = fc.sample(inputs, { numRuns: 300, seed }).map(({ externalId, ...input }) => {
    const unique = externalId === null ? null : `${randomUUID()}${externalId}`;
    return toAccountRequest({ ...input, externalId: unique });
  });
  const created = await ledger.createAccounts(requests);
  if (created.code !== 'ACCOUNTS_CREATED') throw new TypeError(`refused: ${created.code}`);
  const made = created.results.map((result) => {
    if (result.code !== 'CREATED') throw new TypeError(`refused: ${result.code}`);
    return result.account.id;
  });
  expect(await breachesAfter()).toEqual({});
  // Each of them is checked.
  const [count] = await asOwner<{ digests: bigint }>(
    database,
    `select count(creation_digest)::int8 as digests from accounts where id = any('{${made}}')`,
  );
  expect(Number(count?.digests)).toBe(made.length);
  const moved = await breachesAfter(`update accounts set owner = owner || '!' where id = '${made[0]}'`);
  expect(moved['I11']?.join()).toContain(
    `Account ${made[0]} of ledger ${ledger.id} was created with another owner`,
  );
});
