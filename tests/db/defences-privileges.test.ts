import { describe, expect, it } from 'vitest';
import { DENIED, demandUnchanged, openBooks } from '../support/attack.ts';
import { connect } from '../support/database.ts';

const books = await openBooks();
const { client } = books;

// Each test is named by its SQL.
describe('the service’s login has no privilege for', () => {
  demandUnchanged(books);

  it.for([
    ...['transactions', 'entries', 'blocks', 'audit_events'].flatMap((table) => [
      `update ${table} set created_at = created_at`,
      `update ${table} set created_at = created_at where false`,
      `delete from ${table}`,
      `truncate ${table}`,
      `merge into ${table} t using ledgers l on t.ledger_id = l.id when matched then delete`,
      `insert into ${table} select * from ${table} on conflict (ctid) do update set created_at = now()`.replace(
        '(ctid)',
        `on constraint ${table}_pkey`,
      ),
      `alter table ${table} disable trigger all`,
      `drop table ${table}`,
      `create trigger mine after insert on ${table} for each statement execute function refuse_change()`,
      `create rule mine as on insert to ${table} do instead nothing`,
      `create table child () inherits (${table})`,
      `copy ${table} from program 'true'`,
      `copy ${table} from '/dev/null'`,
    ]),
    'insert into blocks select * from blocks',
    `merge into blocks b using ledgers l on false when not matched then
       insert values (2, l.id, l.id, l.id, 1, l.head, l.head, 1, now())`,

    ...[
      'posted = 1',
      'version = 9',
      `last_at = 'epoch'`,
      'pending_debits = 0',
      'pending_credits = 0',
      'total_debits = 0',
      'side = -side',
      `currency = 'EUR'`,
      `kind = 'STANDARD'`,
      `owner = 'me'`,
      'creation_key = null',
      'actor = gen_random_uuid()',
      'actor = null',
      'created_at = now()',
      'ledger_id = id',
      'id = ledger_id',
    ].map((change) => `update accounts set ${change}`),
    ...['posted', 'version', 'pending_credits', 'pending_debits', 'total_debits'].map(
      (column) => `insert into accounts (id, ledger_id, owner, currency, side, ${column})
       select gen_random_uuid(), id, 'me', 'USD', 1, 1000 from ledgers`,
    ),
    `insert into accounts (id, ledger_id, owner, currency, side, status)
       select gen_random_uuid(), id, 'me', 'USD', 1, 'FROZEN' from ledgers`,
    `insert into accounts (id, ledger_id, owner, currency, side, last_at)
       select gen_random_uuid(), id, 'me', 'USD', 1, 'infinity' from ledgers`,
    'delete from accounts',
    'truncate accounts',

    ...['block = block + 1', `head = ''`, `name = 'mine'`, 'id = gen_random_uuid()'].map(
      (change) => `update ledgers set ${change}`,
    ),
    ...['block', 'head', 'closed_before', 'created_at'].map(
      (column) =>
        `insert into ledgers (id, name, ${column}) select gen_random_uuid(), 'mine', ${column} from ledgers`,
    ),
    'delete from ledgers',
    'update currencies set exponent = 3',
    'delete from currencies',
    'update holds set amount = amount + 1',
    'update holds set expires_at = null',
    'delete from holds',
    `insert into holds select gen_random_uuid(), ledger_id, id, id, currency, 5, 5, 'CAPTURED', null, now() from accounts`,
    'delete from kysely_migration',

    'set session_replication_role = replica',
    'set local session_replication_role = replica',
    'alter role current_user set session_replication_role = replica',
    'set role tls_owner',
    'set role ledger_admin',
    'set session authorization ledger_admin',
    'grant tls_owner to ledger_service',
    'grant tls_app to pg_monitor',
    'alter role ledger_service superuser',
    'alter role tls_owner login',
    'create role mine',
    'alter system set fsync = off',
    'create database mine',

    'alter table accounts owner to ledger_service',
    'alter table accounts drop constraint accounts_within_min',
    'drop trigger move_accounts on entries',
    'drop function move_accounts() cascade',
    'drop function append_block() cascade',
    'alter function append_block() security invoker',
    `create or replace function append_block() returns trigger language plpgsql as 'begin return null; end'`,
    `create function public.clock_timestamp() returns timestamptz language sql as 'select now()'`,
    'create schema mine',
    'create table mine (id int)',
    'create view mine as select 1',
    'create sequence mine',
    'create type mine as (id int)',
    'create extension dblink',
    'create event trigger mine on ddl_command_start execute function refuse_change()',

    'create temporary table accounts (id uuid)',
    'create table pg_temp.ledgers (id uuid)',
    'select * into temporary mine from accounts',
    'create temporary view accounts as select 1',
    `create function pg_temp.sha256(bytea) returns bytea language sql as 'select $1'`,
    `create function pg_temp.clock_timestamp() returns timestamptz language sql as 'select now()'`,
  ])('%s', async (sql) => {
    await expect(client.query(sql)).rejects.toMatchObject({ code: DENIED });
  });

  it('calls of any function except require_unchanged and actor_id, which change nothing', async () => {
    const { rows } = await client.query<{ name: string; parameters: number }>(
      `select proname as name, pronargs::int as parameters from pg_proc where pronamespace = 'public'::regnamespace and proname not in ('require_unchanged', 'actor_id')`,
    );
    expect(rows).not.toEqual([]);
    for (const { name, parameters } of rows) {
      const call = `select public.${name}(${Array(parameters).fill('null')})`;
      await expect(client.query(call), call).rejects.toMatchObject({ code: DENIED });
    }
  });
});

describe('while the triggers are enabled, they reject even the owner’s', () => {
  demandUnchanged(books);

  it.for(
    ['transactions', 'entries', 'blocks', 'audit_events'].flatMap((table) => [
      `update ${table} set created_at = created_at`,
      ...(table === 'transactions' ? ['update transactions set actor = gen_random_uuid()'] : []),
      `delete from ${table}`,
      `truncate ${table}`,
    ]),
  )('%s', async (sql) => {
    const owner = await connect(books.database.ownerUrl);
    await expect(owner.query(sql)).rejects.toMatchObject({ code: DENIED });
  });
});
