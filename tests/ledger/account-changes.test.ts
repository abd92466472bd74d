import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import canonicalize from 'canonicalize';
import { afterAll, describe, expect, test } from 'vitest';
import { toAccountUpdate, toStatusChange, type UpdateAccountInput } from '../../src/core/update-account.ts';
import { parseId } from '../../src/core/values/ids.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { asOwner, connect, createTestDatabase } from '../support/database.ts';
import { expectSoundBooks, makeAccount, makeAccounts, openLedger, transfer } from '../support/ledger.ts';
import { type Fate, startTcpProxy } from '../support/tcp-proxy.ts';

const database = await createTestDatabase();
const ledger = await openLedger(database);
/** Another process on the same database. */
const other = await openLedger(database);
afterAll(() => expectSoundBooks(database));

type Kind = Parameters<typeof toStatusChange>[0];

function become(accountId: string, kind: Kind, idempotencyKey: string | null, by: Ledger = ledger) {
  const change = toStatusChange(kind, { accountId, idempotencyKey });
  return 'facts' in change ? Promise.resolve(change) : by.changeAccount(accountId, change);
}
function update(input: UpdateAccountInput, requestId: string = randomUUID(), by: Ledger = ledger) {
  const change = toAccountUpdate(input);
  return 'facts' in change ? Promise.resolve(change) : by.changeAccount(input.accountId, change, requestId);
}

interface EventRow {
  readonly action: string;
  readonly subject_type: string;
  readonly before: string | null;
  readonly after: string | null;
  readonly idempotency_key: string | null;
  readonly request_id: string;
  readonly salt: Buffer | null;
}
/** Returns the rows of the audit log about a subject, in their order. */
function eventsOf(subject: string): Promise<EventRow[]> {
  return asOwner<EventRow & Record<string, unknown>>(
    database,
    `select * from audit_events where subject = '${subject}' order by number`,
  );
}
const eventsOfAccount = (accountId: string) => eventsOf(String(parseId('account', accountId)));

describe('the key of a change', () => {
  test('is replayed after a later change of another caller, and changes nothing', async () => {
    const account = await makeAccount(ledger);
    expect(await become(account, 'FREEZE', 'A')).toMatchObject({
      replayed: false,
      account: { status: 'FROZEN' },
    });
    expect(await become(account, 'UNFREEZE', 'B', other)).toMatchObject({ replayed: false });
    for (const by of [ledger, other]) {
      expect(await become(account, 'FREEZE', 'A', by)).toMatchObject({
        code: 'UPDATED',
        replayed: true,
        account: { status: 'OPEN' },
      });
    }
    expect(await eventsOfAccount(account)).toHaveLength(2);
  });

  test('of limits and metadata is replayed with the present state of the account', async () => {
    const accountId = await makeAccount(ledger);
    const input = {
      accountId,
      maxBalance: { amount: '10' },
      metadata: { a: '1', b: '2' },
      idempotencyKey: 'limits',
    };
    expect(await update(input)).toMatchObject({ replayed: false });
    await update({ accountId, maxBalance: { unlimited: true }, metadata: {} });
    const again = { ...input, maxBalance: { amount: '10.00' }, metadata: { b: '2', a: '1' } };
    expect(await update(again)).toMatchObject({
      replayed: true,
      account: { maxBalance: null, metadata: {} },
    });
  });

  test('is recorded for a change that has no effect, so that a repetition has none either', async () => {
    const account = await makeAccount(ledger);
    await become(account, 'FREEZE', null);
    expect(await become(account, 'FREEZE', 'again')).toMatchObject({ replayed: false });
    await become(account, 'UNFREEZE', null);
    expect(await become(account, 'FREEZE', 'again')).toMatchObject({
      replayed: true,
      account: { status: 'OPEN' },
    });
    expect(await eventsOfAccount(account)).toMatchObject([
      { action: 'freezeAccount', before: '{"status":"OPEN"}', after: '{"status":"FROZEN","version":"0"}' },
      { action: 'freezeAccount', before: null, after: null, idempotency_key: 'again' },
      { action: 'unfreezeAccount', before: '{"status":"FROZEN"}', after: '{"status":"OPEN","version":"0"}' },
    ]);
  });

  test('with another change is a conflict that names the fields, and changes nothing', async () => {
    const accountId = await makeAccount(ledger);
    const input = {
      accountId,
      minBalance: { amount: '-5' },
      metadata: { note: 'x' },
      idempotencyKey: 'key',
    };
    await update(input);
    const conflict = (differingFields: readonly string[]) => ({
      code: 'IDEMPOTENCY_CONFLICT',
      facts: { differingFields, transaction: null },
      recorded: false,
      retryable: false,
    });
    expect(await update({ ...input, minBalance: { amount: '-6' } })).toMatchObject(conflict(['minBalance']));
    expect(await update({ ...input, minBalance: null, maxBalance: { amount: '5' } })).toMatchObject(
      conflict(['minBalance', 'maxBalance']),
    );
    expect(await update({ ...input, metadata: { note: 'y' } })).toMatchObject(conflict(['metadata']));
    expect(await update({ ...input, metadata: null })).toMatchObject(conflict(['metadata']));
    expect(await update({ ...input, externalId: randomUUID() })).toMatchObject(conflict(['externalId']));
    expect(await become(accountId, 'FREEZE', 'key')).toMatchObject(conflict(['type']));
    expect(await update(input)).toMatchObject({
      replayed: true,
      account: { status: 'OPEN', minBalance: -500n },
    });
  });

  test('of a rejected change is not recorded and can be used again', async () => {
    const accountId = await makeAccount(ledger, { funds: '1.00' });
    expect(await become(accountId, 'CLOSE', 'close')).toMatchObject({ code: 'ACCOUNT_NOT_EMPTY' });
    const to = await makeAccount(ledger);
    await transfer(ledger, { fromAccountId: accountId, toAccountId: to, amount: '1.00' });
    expect(await become(accountId, 'CLOSE', 'close')).toMatchObject({ code: 'UPDATED', replayed: false });
    // A closed account replays earlier changes and rejects further ones.
    expect(await become(accountId, 'CLOSE', 'close')).toMatchObject({ code: 'UPDATED', replayed: true });
    expect(await become(accountId, 'FREEZE', 'freeze')).toMatchObject({ code: 'ACCOUNT_CLOSED' });
    expect(await eventsOfAccount(accountId)).toHaveLength(1);
  });

  test('is separate from the keys of other accounts and from those of transactions', async () => {
    const accounts = await makeAccounts(ledger, 2, { funds: '1.00' });
    const [fromAccountId = '', toAccountId = ''] = accounts;
    const idempotencyKey = randomUUID();
    const both = { fromAccountId, toAccountId, amount: '1.00' };
    expect(await transfer(ledger, { ...both, idempotencyKey })).toMatchObject({ code: 'POSTED' });
    for (const account of accounts) {
      expect(await become(account, 'FREEZE', idempotencyKey)).toMatchObject({ replayed: false });
    }
  });

  test('of several simultaneous requests makes one change', async () => {
    const account = await makeAccount(ledger);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, place) =>
        become(account, 'FREEZE', 'once', place % 2 === 0 ? ledger : other),
      ),
    );
    const replayed = answers.map((answer) => answer.code === 'UPDATED' && answer.replayed);
    expect(replayed.filter((each) => !each)).toHaveLength(1);
    expect(await eventsOfAccount(account)).toHaveLength(1);
  });

  test('that another session records without the account’s lock is found by the next attempt', async () => {
    const account = await makeAccount(ledger);
    const holder = await connect(database.serviceUrl);
    await holder.query('begin');
    await holder.query(
      `insert into audit_events (ledger_id, action, subject_type, subject, idempotency_key, request, request_id)
       values ($1, 'closeAccount', 'ACCOUNT', $2, 'mine', $3, 'r')`,
      [ledger.id, parseId('account', account), Buffer.alloc(16)],
    );
    const frozen = become(account, 'FREEZE', 'mine');
    await sleep(100);
    await holder.query('commit');
    expect(await frozen).toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
      facts: { differingFields: ['type'] },
    });
    expect(await become(account, 'UNFREEZE', null)).toMatchObject({ account: { status: 'OPEN' } });
    expect(await eventsOfAccount(account)).toHaveLength(1);
  });
});

test.each<Fate>(['drop before', 'drop after', 'warn'])(
  'a change whose COMMIT meets “%s” is made once, and its answer is true',
  async (fate) => {
    let armed = 0;
    const proxy = await startTcpProxy(database.serviceUrl, () => {
      armed -= 1;
      return armed === 0 ? fate : 'pass';
    });
    afterAll(() => proxy.close());
    const far = await openLedger({ serviceUrl: proxy.url });
    for (const key of [null, 'key']) {
      const account = await makeAccount(far);
      armed = 1;
      expect(await become(account, 'FREEZE', key, far)).toMatchObject({
        replayed: false,
        account: { status: 'FROZEN' },
      });
      expect(armed).toBeLessThan(1);
      expect(await eventsOfAccount(account)).toHaveLength(1);
    }
    const code = `F${randomUUID().replaceAll('-', '').slice(0, 11).toUpperCase()}`;
    armed = 1;
    expect(await far.registerCurrency({ code, exponent: 1 })).toMatchObject({ replayed: false });
    expect(await eventsOf(code)).toHaveLength(1);
    // If another request recorded the key, the lost answer is a replay too.
    const account = await makeAccount(far);
    await become(account, 'FREEZE', 'theirs', other);
    armed = 1;
    expect(await become(account, 'FREEZE', 'theirs', far)).toMatchObject({ replayed: true });
  },
);

test('a change without a key whose COMMIT’s answer is lost does not overwrite a later change', async () => {
  let isLost = false;
  const proxy = await startTcpProxy(database.serviceUrl, () => {
    if (isLost) return 'pass';
    isLost = true;
    return 'drop after';
  });
  afterAll(() => proxy.close());
  const account = await makeAccount(ledger);
  const far = await openLedger({ serviceUrl: proxy.url });
  // Another session waits for the account's row and locks it next.
  const id = parseId('account', account);
  const holder = await connect(database.serviceUrl);
  await holder.query('begin');
  await holder.query('select from accounts where id = $1 for update', [id]);
  const frozen = become(account, 'FREEZE', null, far);
  await sleep(100);
  const unfreezer = await connect(database.serviceUrl);
  const unfrozen = unfreezer.query(
    `with unfrozen as (update accounts set status = 'OPEN' where id = $1 returning id, ledger_id)
     insert into audit_events (ledger_id, action, subject_type, subject, before, after, request_id)
     select ledger_id, 'unfreezeAccount', 'ACCOUNT', id, '{"status":"FROZEN"}', '{"status":"OPEN","version":"0"}', 'request'
     from unfrozen`,
    [id],
  );
  await sleep(100);
  await holder.query('commit');
  await unfrozen;
  expect(await frozen).toMatchObject({ code: 'UPDATED', replayed: false, account: { status: 'OPEN' } });
  expect(isLost).toBe(true);
});

describe('the audit log', () => {
  test('has the changed fields, before and after, and the request’s id; metadata as a salted digest', async () => {
    const accountId = await makeAccount(ledger, { metadata: { old: '1' } });
    const [externalId, requestId] = [`name-${randomUUID()}`, randomUUID()];
    await update(
      {
        accountId,
        externalId,
        minBalance: { amount: '-5.5' },
        maxBalance: { unlimited: true },
        metadata: { born: '1970-01-01' },
      },
      requestId,
    );
    const [event, ...more] = await eventsOfAccount(accountId);
    if (event?.salt == null) throw new TypeError('no salted event');
    expect(more).toEqual([]);
    const digest = (metadata: object) =>
      createHash('sha256')
        .update(event.salt ?? '')
        .update(canonicalize(metadata) ?? '')
        .digest('hex');
    expect(event).toMatchObject({ action: 'updateAccount', subject_type: 'ACCOUNT', request_id: requestId });
    expect(JSON.parse(event.before ?? '')).toEqual({
      externalId: null,
      minBalance: '0.00',
      metadata: digest({ old: '1' }),
    });
    expect(JSON.parse(event.after ?? '')).toEqual({
      version: '0',
      externalId,
      minBalance: '-5.50',
      metadata: digest({ born: '1970-01-01' }),
    });
    // Two accounts with the same metadata have different digests.
    const twin = await makeAccount(ledger);
    await update({ accountId: twin, metadata: { born: '1970-01-01' } });
    const [twins] = await eventsOfAccount(twin);
    expect(JSON.parse(twins?.after ?? '').metadata).not.toBe(digest({ born: '1970-01-01' }));
  });

  test('has no row for a change without a key and without effect', async () => {
    const accountId = await makeAccount(ledger, { metadata: { a: '1' } });
    await become(accountId, 'UNFREEZE', null);
    await update({ accountId, minBalance: { amount: '0' }, metadata: { a: '1' } });
    await update({ accountId });
    expect(await eventsOfAccount(accountId)).toEqual([]);
  });

  test('has each currency and each closed period once', async () => {
    const code = `C${randomUUID().replaceAll('-', '').slice(0, 11).toUpperCase()}`;
    const requestId = randomUUID();
    await Promise.all([
      ledger.registerCurrency({ code, exponent: 8 }, requestId),
      other.registerCurrency({ code, exponent: 8 }, requestId),
    ]);
    expect(await eventsOf(code)).toMatchObject([
      {
        action: 'createCurrency',
        subject_type: 'CURRENCY',
        before: null,
        after: '{"exponent":"8"}',
        request_id: requestId,
      },
    ]);
    await ledger.closePeriod({ before: 1_000_000n });
    await ledger.closePeriod({ before: 1_000_000n });
    await other.closePeriod({ before: 2_000_000n });
    await ledger.closePeriod({ before: 0n });
    const [first, second] = ['1970-01-01T00:00:01.000000Z', '1970-01-01T00:00:02.000000Z'];
    expect(await eventsOf(ledger.id)).toMatchObject([
      {
        action: 'closePeriod',
        subject_type: 'LEDGER',
        before: '{"closedBefore":null}',
        after: `{"closedBefore":"${first}"}`,
      },
      { before: `{"closedBefore":"${first}"}`, after: `{"closedBefore":"${second}"}` },
    ]);
  });

  test('simultaneous changes, postings, currencies and periods all finish and leave sound books', async () => {
    const accounts = await makeAccounts(ledger, 4, { funds: '100.00' });
    const at = (place: number) => accounts[place % accounts.length] ?? '';
    const codes = await Promise.all(
      Array.from({ length: 120 }, async (_, place) => {
        const by = place % 2 === 0 ? ledger : other;
        switch (place % 6) {
          case 0:
            return (await update({ accountId: at(place), metadata: { place: `${place}` } }, undefined, by))
              .code;
          case 1:
            return (await by.closePeriod({ before: BigInt(10_000_000 + place) })).code;
          case 2:
            return (await become(at(place), 'UNFREEZE', `${place}`, by)).code;
          case 3: {
            const code = `M${randomUUID().replaceAll('-', '').slice(0, 11).toUpperCase()}`;
            return (await by.registerCurrency({ code, exponent: 2 })).code;
          }
          default: {
            const pair = { fromAccountId: at(place), toAccountId: at(place + 1), amount: '0.01' };
            return (await transfer(by, pair)).code;
          }
        }
      }),
    );
    expect(new Set(codes)).toEqual(new Set(['UPDATED', 'CLOSED', 'REGISTERED', 'POSTED']));
    await expectSoundBooks(database);
  });
});
