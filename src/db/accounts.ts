import { type Kysely, type Selectable, sql, type Transaction as Trx } from 'kysely';
import { ownAccount } from '../core/access/own-part.ts';
import type { Account, AccountKind, AccountState, AccountStatus, Side } from '../core/account.ts';
import type { Currency } from '../core/values/currency.ts';
import type { Uuid } from '../core/values/ids.ts';
import type { Metadata } from '../core/values/text.ts';
import { mapRows } from './currency-rows.ts';
import { directionOf, inLedger, type KeysetRange, withinRange } from './keyset.ts';
import { isOwn } from './own.ts';
import { APPLICATION, type Database } from './postgres/database.ts';
import { preparedQuery } from './postgres/prepared-query.ts';
import type { Accounts, DB } from './tables.ts';

type CurrencyOf = (code: string) => Currency;

export const STATE_COLUMNS = [
  'id',
  'kind',
  'currency',
  'side',
  'status',
  'min_balance',
  'max_balance',
  'posted',
  'pending_debits',
  'pending_credits',
  'total_debits',
  'version',
  'last_at',
] as const satisfies readonly (keyof Accounts)[];
type StateRow = Pick<Selectable<Accounts>, (typeof STATE_COLUMNS)[number]>;

const ACCOUNT_COLUMNS = [
  ...STATE_COLUMNS,
  'owner',
  'external_id',
  'metadata',
  'created_at',
  'actor',
] as const satisfies readonly (keyof Accounts)[];
type AccountRow = Pick<Selectable<Accounts>, (typeof ACCOUNT_COLUMNS)[number]>;

/** Returns the account state of a row. The table's constraints allow only the texts that the casts assume. */
export function accountStateOf(row: StateRow, currencyOf: CurrencyOf): AccountState {
  return {
    id: row.id,
    kind: row.kind as AccountKind,
    currency: currencyOf(row.currency),
    normalSide: row.side === 1 ? 'CREDIT' : 'DEBIT',
    status: row.status as AccountStatus,
    minBalance: row.min_balance,
    maxBalance: row.max_balance,
    posted: row.posted,
    pendingDebits: row.pending_debits,
    pendingCredits: row.pending_credits,
    totalDebits: row.total_debits,
    version: row.version,
    lastAt: row.last_at,
  };
}

function accountOf(row: AccountRow, currencyOf: CurrencyOf): Account {
  return {
    ...accountStateOf(row, currencyOf),
    owner: row.owner,
    externalId: row.external_id,
    metadata: (row.metadata as Metadata | null) ?? {},
    createdAt: row.created_at,
    actor: row.actor,
  };
}

/** An account to insert: open, with zero balances. */
export interface NewAccount {
  readonly id: Uuid;
  readonly owner: string;
  readonly kind: AccountKind;
  readonly currency: string;
  readonly externalId: string | null;
  readonly normalSide: Side;
  readonly minBalance: bigint | null;
  readonly maxBalance: bigint | null;
  readonly metadata: Metadata | null;
  readonly creationKey: string | null;
  /** The digest of the request that creates it; null for an external account. */
  readonly creationDigest: Buffer | null;
  readonly actor: Uuid | null;
}

/**
 * Inserts accounts in one statement and returns the inserted ones. An account is missing if its id, externalId or creation key
 * exists already, or if it is the external account of a currency that has one. A concurrent transaction may have inserted the
 * other account: only a later statement sees it.
 */
export async function insertAccounts(
  trx: Trx<DB>,
  ledgerId: Uuid,
  accounts: readonly NewAccount[],
  currencyOf: CurrencyOf,
): Promise<Account[]> {
  const rows = await trx
    .insertInto('accounts')
    .values(
      accounts.map((account) => ({
        id: account.id,
        ledger_id: ledgerId,
        owner: account.owner,
        kind: account.kind,
        currency: account.currency,
        external_id: account.externalId,
        side: account.normalSide === 'CREDIT' ? 1 : -1,
        min_balance: account.minBalance,
        max_balance: account.maxBalance,
        metadata: metadataText(account.metadata),
        creation_key: account.creationKey,
        creation_digest: account.creationDigest,
        actor: account.actor,
      })),
    )
    .onConflict((conflict) => conflict.doNothing())
    .returning(ACCOUNT_COLUMNS)
    .execute();
  return mapRows(rows, (row) => accountOf(row, currencyOf));
}

function metadataText(metadata: Metadata | null): string | null {
  return metadata === null || Object.keys(metadata).length === 0 ? null : JSON.stringify(metadata);
}

/** An account with its owner's creation key, and the digest of the request that created it. */
export interface CreationRow {
  readonly owner: string;
  readonly creationKey: string;
  readonly id: Uuid;
  readonly digest: Uint8Array;
}

/** Returns the accounts that were created with these pairs of an owner and one of its creation keys. */
export async function findCreations(
  db: Kysely<DB>,
  ledgerId: Uuid,
  keys: readonly (readonly [owner: string, creationKey: string])[],
): Promise<CreationRow[]> {
  const owners = keys.map(([owner]) => owner);
  const creationKeys = keys.map(([, creationKey]) => creationKey);
  const { rows } = await sql<{ owner: string; creation_key: string; id: Uuid; creation_digest: Buffer }>`
    select a.owner, a.creation_key, a.id, a.creation_digest
    from unnest(${owners}::text[], ${creationKeys}::text[]) as given (owner, creation_key)
    cross join lateral (
      select a.owner, a.creation_key, a.id, a.creation_digest from accounts a
      where a.owner = given.owner and a.creation_key = given.creation_key and a.ledger_id = ${ledgerId} offset 0) a`.execute(
    db,
  );
  return rows.map((row) => ({
    owner: row.owner,
    creationKey: row.creation_key,
    id: row.id,
    digest: row.creation_digest,
  }));
}

/** Locks an account and returns it; undefined if it does not exist. */
export async function lockAccount(
  trx: Trx<DB>,
  ledgerId: Uuid,
  id: Uuid,
  currencyOf: CurrencyOf,
): Promise<Account | undefined> {
  const row = await trx
    .selectFrom('accounts')
    .select(ACCOUNT_COLUMNS)
    .where('id', '=', id)
    .where('ledger_id', '=', ledgerId)
    .forUpdate()
    .executeTakeFirst();
  return row === undefined ? undefined : accountOf(row, currencyOf);
}

/** Updates the changeable fields of a locked account and returns the updated account. */
export async function updateAccount(
  trx: Trx<DB>,
  ledgerId: Uuid,
  account: Account,
  currencyOf: CurrencyOf,
): Promise<Account> {
  const row = await trx
    .updateTable('accounts')
    .set({
      status: account.status,
      external_id: account.externalId,
      min_balance: account.minBalance,
      max_balance: account.maxBalance,
      metadata: metadataText(account.metadata),
    })
    .where('id', '=', account.id)
    .where('ledger_id', '=', ledgerId)
    .returning(ACCOUNT_COLUMNS)
    .executeTakeFirstOrThrow();
  return accountOf(row, currencyOf);
}

/** Returns the number of open holds from the account or to it. */
export async function countOpenHolds(db: Kysely<DB>, ledgerId: Uuid, accountId: Uuid): Promise<number> {
  const { count } = await db
    .selectFrom('holds')
    .select(sql<bigint>`count(*)`.as('count'))
    .where((where) =>
      where.or([where('from_account_id', '=', accountId), where('to_account_id', '=', accountId)]),
    )
    .where('status', '=', 'OPEN')
    .where('ledger_id', '=', ledgerId)
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** Returns accounts by id, in any order. Accounts that the ledger or the `owner` does not have are missing. */
export async function findAccounts(
  db: Database,
  ledgerId: Uuid,
  ids: readonly Uuid[],
  currencyOf: CurrencyOf,
  owner: string | null = null,
): Promise<Account[]> {
  const query = db
    .selectFrom('accounts')
    .select(ACCOUNT_COLUMNS)
    .where(sql<boolean>`id = any(${ids}::uuid[])`)
    .where('ledger_id', '=', ledgerId);
  if (owner === null) return mapRows(await query.execute(), (row) => accountOf(row, currencyOf));
  const rows = await query.where(isOwn(owner)).execute();
  return mapRows(rows, (row) => ownAccount(accountOf(row, currencyOf)));
}

/**
 * Returns the accounts that other sessions keep locked. Locks that end soon do not count: those of a COMMIT that waits for its
 * standby, and of a batch of the service that began less than half a second ago.
 */
export async function findLocked(db: Database, ledgerId: Uuid, ids: readonly Uuid[]): Promise<Set<Uuid>> {
  if (ids.length === 0) return new Set();
  const { rows: locked } = await sql<{ id: Uuid; locker: string }>`
    with free as materialized (
      select id from accounts where id = any(${ids}::uuid[]) and ledger_id = ${ledgerId} order by id for update skip locked)
    select id, xmax::text as locker from accounts a
    where id = any(${ids}::uuid[]) and ledger_id = ${ledgerId} and id not in (select free.id from free)`.execute(
    db,
  );
  if (locked.length === 0) return new Set();
  const { rows: passing } = await db.transaction().execute(async (trx) => {
    // PostgreSQL shows the details of a session to the login of that session, but not to the role that the login has taken.
    await sql`set local role none`.execute(trx);
    return sql<{ locker: string }>`
      select backend_xid::text as locker from pg_stat_activity
      where backend_xid is not null and (
        wait_event = 'SyncRep'
        or starts_with(application_name, ${APPLICATION}) and clock_timestamp() - xact_start < interval '0.5 s')`.execute(
      trx,
    );
  });
  const lockers = new Set(passing.map(({ locker }) => locker));
  return new Set(locked.flatMap(({ id, locker }) => (lockers.has(locker) ? [] : id)));
}

/** Returns the ids of accounts by their externalIds. */
export async function findAccountIds(
  db: Kysely<DB>,
  ledgerId: Uuid,
  externalIds: readonly string[],
): Promise<Map<string, Uuid>> {
  const { rows } = await sql<{ external_id: string; id: Uuid }>`
    select a.external_id, a.id from unnest(${externalIds}::text[]) as given (external_id)
    cross join lateral (
      select a.external_id, a.id from accounts a
      where a.external_id = given.external_id and a.ledger_id = ${ledgerId} offset 0) a`.execute(db);
  return new Map(rows.map((row) => [row.external_id, row.id]));
}

/** Returns, for each existing account, the external account of its currency. */
export async function findExternalAccounts(
  db: Kysely<DB>,
  ledgerId: Uuid,
  accountIds: readonly Uuid[],
): Promise<Map<Uuid, { readonly id: Uuid; readonly currency: string }>> {
  const { rows } = await db.executeQuery(externalsQuery({ accountIds, ledgerId }));
  return new Map(rows.map((row) => [row.id, { id: row.external_id, currency: row.currency }]));
}

const externalsQuery = preparedQuery(
  (db, value: { readonly accountIds: readonly Uuid[]; readonly ledgerId: Uuid }) =>
    db
      .selectFrom('accounts as account')
      .innerJoin('accounts as external', (join) =>
        join
          .onRef('external.currency', '=', 'account.currency')
          .onRef('external.ledger_id', '=', 'account.ledger_id')
          .on(sql<boolean>`external.kind = 'EXTERNAL'`),
      )
      .select(['account.id', 'external.id as external_id', 'external.currency'])
      .where(sql<boolean>`account.id = any(${value.accountIds}::uuid[])`)
      .where('account.ledger_id', '=', value.ledgerId),
);

/** Returns a page of accounts by id, which is the order of their creation. */
export async function listAccounts(
  db: Database,
  ledgerId: Uuid,
  range: KeysetRange<Uuid>,
  currencyOf: CurrencyOf,
): Promise<Account[]> {
  const rows = await db
    .selectFrom('accounts')
    .select(ACCOUNT_COLUMNS)
    .where(inLedger(ledgerId))
    .where(withinRange('id', range))
    .orderBy('id', directionOf(range))
    .limit(range.limit)
    .execute();
  return mapRows(rows, (row) => accountOf(row, currencyOf));
}
