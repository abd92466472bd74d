import { uuidv7 } from 'uuidv7';
import { EXTERNAL_OWNER } from '../core/access/viewer.ts';
import type { Account } from '../core/account.ts';
import {
  type AccountOrder,
  type AccountRequest,
  creationName,
  decideOrders,
  type OrderDecision,
  type Registry,
} from '../core/create-account.ts';
import type { Refusal } from '../core/errors.ts';
import type { Uuid } from '../core/values/ids.ts';
import {
  findAccountIds,
  findAccounts,
  findCreations,
  insertAccounts,
  type NewAccount,
} from '../db/accounts.ts';
import type { Database } from '../db/postgres/database.ts';
import type { Currencies } from './currencies.ts';
import { OvertakenError, retry } from './retries.ts';

export interface AccountCreated {
  readonly code: 'CREATED';
  readonly account: Account;
  /** An earlier request with the owner's key created it. The account is shown in its present state. */
  readonly replayed: boolean;
}

export interface AccountsCreated {
  readonly code: 'ACCOUNTS_CREATED';
  /** One per request, in their order. */
  readonly results: readonly (AccountCreated | Refusal)[];
}

/** The ledger in which accounts are created and changed. */
export interface AccountContext {
  readonly db: Database;
  readonly ledgerId: Uuid;
  readonly currencies: Currencies;
  /** The id of the caller; null: the caller has no credential. */
  readonly actor: Uuid | null;
}

/**
 * Creates accounts one after the other, each on its own. The first account of a currency also creates the ledger's external
 * account. Accounts are only inserted, without locks, so that they do not need the group commit. The ids are chosen first: if
 * the outcome of COMMIT is unknown, an account with one of these ids belongs to this request.
 */
export function createAccounts(
  context: AccountContext,
  requests: readonly (AccountRequest | Refusal)[],
): Promise<AccountsCreated | Refusal> {
  const orders = requests.map((request): AccountOrder => ({ id: uuidv7(), request }));
  return retry(async (attempt) => ({
    code: 'ACCOUNTS_CREATED',
    results: await makeAccounts(context, orders, attempt > 1),
  }));
}

/** Throws OvertakenError if another request took a key or an externalId meanwhile. Then nothing was done. */
async function makeAccounts(
  context: AccountContext,
  orders: readonly AccountOrder[],
  isRetry: boolean,
): Promise<(AccountCreated | Refusal)[]> {
  const decisions = decideOrders(await findRegistry(context, orders, isRetry), orders);
  const planned = orders.flatMap(({ id }, place) => newAccount(id, decisions[place], context.actor));
  const made =
    planned.length === 0 ? [] : await context.currencies.reading(() => insertAll(context, planned));

  const accounts = new Map(made.map((account) => [account.id, account]));
  const shown = decisions.flatMap((decision) => (decision.code === 'SHOW' ? decision.id : []));
  const missing = new Set(shown.filter((id) => !accounts.has(id)));
  for (const account of await findAll(context, [...missing])) accounts.set(account.id, account);
  return decisions.map((decision, place) => {
    if ('facts' in decision) return decision;
    const id = decision.code === 'SHOW' ? decision.id : orders[place]?.id;
    const account = accounts.get(id ?? '');
    if (account === undefined) throw new TypeError('an account is never removed');
    return { code: 'CREATED', account, replayed: decision.code === 'SHOW' && decision.replayed };
  });
}

/** Reads the accounts, keys, externalIds and currencies that the orders depend on. */
async function findRegistry(
  context: AccountContext,
  orders: readonly AccountOrder[],
  isRetry: boolean,
): Promise<Registry> {
  const { db, ledgerId, currencies } = context;
  const requests = orders.flatMap(({ request }) => ('code' in request ? [] : request));
  const keys = requests.flatMap(({ owner, idempotencyKey }) =>
    idempotencyKey === null ? [] : [[owner, idempotencyKey] as const],
  );
  const externalIds = requests.flatMap(({ externalId }) => externalId ?? []);
  const made = isRetry
    ? await findAll(
        context,
        orders.map(({ id }) => id),
      )
    : [];
  const creations = keys.length === 0 ? [] : await findCreations(db, ledgerId, keys);
  return {
    made: new Set(made.map(({ id }) => id)),
    creations: new Map(creations.map((row) => [creationName(row.owner, row.creationKey), row])),
    externalIds: externalIds.length === 0 ? new Map() : await findAccountIds(db, ledgerId, externalIds),
    currencies: await currencies.find(new Set(requests.map(({ currency }) => currency))),
  };
}

function newAccount(id: Uuid, decision: OrderDecision | undefined, actor: Uuid | null): NewAccount[] {
  if (decision?.code !== 'MAKE') return [];
  const {
    request: { owner, currency, externalId, normalSide, metadata, idempotencyKey, request },
    plan: { minBalance, maxBalance },
  } = decision;
  return [
    {
      id,
      owner,
      kind: 'STANDARD',
      currency,
      externalId,
      normalSide,
      minBalance,
      maxBalance,
      metadata,
      creationKey: idempotencyKey,
      creationDigest: request.digest,
      actor,
    },
  ];
}

/** The account that deposits come from and withdrawals go to: one per currency. */
const EXTERNAL = {
  owner: EXTERNAL_OWNER,
  kind: 'EXTERNAL',
  normalSide: 'DEBIT',
  externalId: null,
  minBalance: null,
  maxBalance: null,
  metadata: null,
  creationKey: null,
  creationDigest: null,
  actor: null,
} as const;

/** Rows that are written and read in one turn of the event loop. */
const ROWS_AT_ONCE = 200;

/** Inserts all of the accounts. Throws OvertakenError, and inserts none, if a key or an externalId was taken meanwhile. */
async function insertAll(
  { db, ledgerId, currencies }: AccountContext,
  accounts: readonly NewAccount[],
): Promise<Account[]> {
  // The same order in every transaction: concurrent inserts of external accounts must not deadlock.
  const codes = [...new Set(accounts.map(({ currency }) => currency))].sort();
  const externals = codes.map((currency): NewAccount => ({ ...EXTERNAL, id: uuidv7(), currency }));
  return db
    .transaction()
    .setIsolationLevel('read committed')
    .execute(async (trx) => {
      const rows = [...externals, ...accounts];
      const made: Account[] = [];
      for (let start = 0; start < rows.length; start += ROWS_AT_ONCE) {
        const slice = rows.slice(start, start + ROWS_AT_ONCE);
        made.push(...(await insertAccounts(trx, ledgerId, slice, currencies.of)));
      }
      if (made.filter(({ kind }) => kind === 'STANDARD').length < accounts.length) throw new OvertakenError();
      return made;
    });
}

async function findAll(
  { db, ledgerId, currencies }: AccountContext,
  ids: readonly Uuid[],
): Promise<Account[]> {
  return ids.length === 0 ? [] : currencies.reading(() => findAccounts(db, ledgerId, ids, currencies.of));
}
