import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { makeCallers } from '../../../scripts/fuzz/callers.ts';
import { COMMAND_LINE } from '../../../src/core/access/actor.ts';
import { ANYBODY, type Scope, type Viewer } from '../../../src/core/access/viewer.ts';
import { formatId } from '../../../src/core/values/ids.ts';
import { createKey } from '../../support/access.ts';
import { asOwner, createTestDatabase } from '../../support/database.ts';
import { deposit, expectSoundBooks, makeAccount, makeLedgers, openLedger } from '../../support/ledger.ts';
import { statementsDuring } from '../../support/statements.ts';
import { compiled, executed, type Variables, viewerWith } from './execution.ts';

const database = await createTestDatabase();
await asOwner(database, `alter database ${database.name} set log_statement = 'all'`);
const ledger = await openLedger(database);
const { access } = ledger.engine;
afterAll(() => expectSoundBooks(database));

const [alice, bob, carol] = await makeCallers(ledger.engine, ['alice', 'bob', 'carol']);
if (alice === undefined || bob === undefined || carol === undefined) throw new TypeError('there are callers');
const shown = ({ actor }: Viewer) => ({
  id: formatId('actor', actor?.id ?? ''),
  kind: actor?.kind,
  name: actor?.name,
});
const READER = viewerWith(['READ'], false);
const account = await makeAccount(ledger.as(alice));

/** Each way to execute an operation. */
const WAYS = [
  ['graphql-js', executed],
  ['compiled', compiled],
] as const;

const DEPOSIT = (selection: string) =>
  `mutation ($input: DepositInput!) { deposit(input: $input) { ... on TransactionPosted { replayed transaction { ${selection} } } } }`;
const depositOf = (idempotencyKey: string): Variables => ({
  input: { accountId: account, amount: '1', idempotencyKey },
});

/** Returns how many statements read actors while `run` runs, and its result. */
async function counting<T>(run: () => Promise<T>): Promise<readonly [reads: number, result: T | undefined]> {
  let result: T | undefined;
  const statements = await statementsDuring(database, async () => {
    result = await run();
  });
  return [statements.filter((text) => text.includes('from "actors"')).length, result];
}

describe.for(WAYS)('executed by %s', ([, execute]) => {
  it('a mutation shows its caller without reading it', async () => {
    const key = randomUUID();
    const query = DEPOSIT('actor { id kind name } keyAccount { id }');
    const post = (by: Viewer) => counting(() => execute(ledger, by, query, depositOf(key)));
    const answer = (replayed: boolean) => ({
      data: { deposit: { replayed, transaction: { actor: shown(bob), keyAccount: { id: account } } } },
    });
    expect(await post(bob)).toEqual([0, answer(false)]);
    expect(await post(bob)).toEqual([0, answer(true)]);
    // The replay of another caller shows who made the first request.
    expect(await post(carol)).toEqual([1, answer(true)]);
  });

  it('a mutation of a caller without READ shows its actor', async () => {
    const { data } = (await execute(
      ledger,
      { ...bob, scopes: new Set<Scope>(['POST']) },
      DEPOSIT('actor { name }'),
      depositOf(randomUUID()),
    )) as { data: object };
    expect(data).toEqual({ deposit: { replayed: false, transaction: { actor: { name: 'bob' } } } });
  });

  it('shows no actor where the caller had no credential', async () => {
    const query = DEPOSIT('actor { id }');
    expect(await execute(ledger, ANYBODY, query, depositOf(randomUUID()))).toEqual({
      data: { deposit: { replayed: false, transaction: { actor: null } } },
    });
  });

  it('all actors of a list are read by one statement, and none if only ids are selected', async () => {
    const accountId = await makeAccount(ledger);
    for (const by of [alice, bob, carol, alice, ANYBODY]) {
      await deposit(ledger.as(by), { accountId, amount: '1' });
    }
    const list = (selection: string) => {
      const query = `query ($id: ID!) { account(id: $id) { actor { id }
        history(first: 5) { nodes { transaction { actor { ${selection} } } } } } }`;
      return counting(() => execute(ledger, READER, query, { id: accountId }));
    };
    const expected = (select: (by: Viewer) => object) => ({
      data: {
        account: {
          actor: null,
          history: {
            nodes: [null, ...[alice, carol, bob, alice].map(select)].map((actor) => ({
              transaction: { actor },
            })),
          },
        },
      },
    });
    expect(await list('id kind name')).toEqual([1, expected(shown)]);
    expect(await list('id')).toEqual([0, expected((by) => ({ id: shown(by).id }))]);
  });

  it('accounts show who created them', async () => {
    const accounts = await Promise.all([bob, carol].map((by) => makeAccount(ledger.as(by))));
    const query = `query ($one: ID!, $two: ID!) { one: account(id: $one) { actor { name } } two: account(id: $two) { actor { name } } }`;
    const [one = '', two = ''] = accounts;
    expect(await counting(() => execute(ledger, READER, query, { one, two }))).toEqual([
      1,
      { data: { one: { actor: { name: 'bob' } }, two: { actor: { name: 'carol' } } } },
    ]);
  });

  it('an account that is created shows its caller, and the external account shows none', async () => {
    const query = `mutation ($input: CreateAccountInput!) { createAccount(input: $input) { ... on AccountCreated {
      account { actor { name } } } } }`;
    const input = { owner: 'x', currency: 'USD' };
    expect(await counting(() => execute(ledger, bob, query, { input }))).toEqual([
      0,
      { data: { createAccount: { account: { actor: { name: 'bob' } } } } },
    ]);
    const [external] = await asOwner<{ id: string }>(
      database,
      `select id from accounts where kind = 'EXTERNAL' and currency = 'USD'`,
    );
    const id = formatId('account', external?.id ?? '');
    expect(
      await execute(ledger, READER, 'query ($id: ID!) { account(id: $id) { actor { id } } }', { id }),
    ).toEqual({ data: { account: { actor: null } } });
  });

  it('any caller who may read a transaction sees its actor, also that of a key of all ledgers', async () => {
    const { apiKey } = await createKey(access, ledger.id, { name: randomUUID(), allLedgers: true });
    const by = { ...ANYBODY, actor: apiKey.actor };
    const made = await deposit(ledger.as(by), { accountId: account, amount: '1' });
    const id = made.code === 'POSTED' ? formatId('transaction', made.transaction.id) : '';
    const query = 'query ($id: ID!) { transaction(id: $id) { actor { kind name } } }';
    expect(await execute(ledger, READER, query, { id })).toEqual({
      data: { transaction: { actor: { kind: 'API_KEY', name: apiKey.name } } },
    });
  });
});

describe('by its id', () => {
  const find = async (by: Viewer, id: string, on = ledger) => {
    const query = 'query ($id: ID!) { node(id: $id) { ... on Actor { kind name } } }';
    const { data } = await executed(on, by, query, { id: formatId('actor', id) });
    return data?.['node'];
  };

  it('an actor is found by itself, and by ADMIN as far as its keys go', async () => {
    const [other] = await makeLedgers(ledger.engine, [`l${randomUUID().slice(0, 8)}`]);
    if (other === undefined) return expect.unreachable();
    const here = (await createKey(access, ledger.id)).apiKey.actor;
    const there = (await createKey(access, other.id)).apiKey.actor;
    const everywhere = (await createKey(access, ledger.id, { allLedgers: true })).apiKey.actor;
    const token = bob.actor;
    const cli = COMMAND_LINE.actor;
    if (token === null || cli === null) return expect.unreachable();
    const as = (scopes: readonly Scope[], allLedgers: boolean): Viewer => ({
      actor: carol.actor,
      scopes: new Set(scopes),
      allLedgers,
      owner: null,
    });
    const found = async (by: Viewer) => {
      const all = await Promise.all([here, there, everywhere, token, cli].map(({ id }) => find(by, id)));
      return all.map((node) => node !== null);
    };
    const none = [false, false, false, false, false];
    expect(await found(as(['READ', 'POST', 'MANAGE'], true))).toEqual(none);
    expect(await found(as(['READ', 'ADMIN'], false))).toEqual([true, false, false, false, false]);
    expect(await found(as(['READ', 'ADMIN'], true))).toEqual([true, true, true, true, true]);
    expect(await found({ ...as(['READ', 'ADMIN'], true), owner: 'carol' })).toEqual(none);
    expect(await find({ ...as(['READ'], false), actor: token }, token.id)).toEqual({
      kind: 'TOKEN',
      name: 'bob',
    });
    expect(await find(as(['READ', 'ADMIN'], true), randomUUID())).toBeNull();
  });
});
