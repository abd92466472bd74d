import { uuidv7 } from 'uuidv7';
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
import { MAX_ATTEMPTS, untilAnswered } from './commit/failures.ts';
import type { Currencies } from './currencies.ts';

export interface AccountCreated {
  readonly code: 'CREATED';
  readonly account: Account;
  /** The owner's key had made it before; the account is shown as it is now. */
  readonly replayed: boolean;
}

export interface AccountsCreated {
  readonly code: 'ACCOUNTS_CREATED';
  /** One for each request, in their order. */
  readonly results: readonly (AccountCreated | Refusal)[];
}

/** The ledger in which accounts are made and changed. */
export interface AccountContext {
  readonly db: Database;
  readonly ledgerId: Uuid;
  readonly currencies: Currencies;
}

/**
 * Makes accounts, each on its own and a later one beside what an earlier one left; with the first one of a currency comes the
 * ledger's external account. It only inserts, so that it needs no place on the road of the writes that move money. The ids are
 * made first: whatever becomes of a COMMIT, an account that bears one of them is this request's.
 */
export function createAccounts(
  context: AccountContext,
  requests: readonly (AccountRequest | Refusal)[],
): Promise<AccountsCreated | Refusal> {
  const orders = requests.map((request): AccountOrder => ({ id: uuidv7(), request }));
  return untilAnswered(async (attempt) => {
    // Who lost a race for a key or a name looks again, and sees the winner.
    for (let looks = 1; looks <= MAX_ATTEMPTS; looks += 1) {
      const results = await makeAccounts(context, orders, attempt > 1);
      if (results !== undefined) return { code: 'ACCOUNTS_CREATED', results };
    }
    throw new Error('accounts could not be made: their keys or names were lost again and again');
  });
}

/** undefined: a race was lost, and nothing is made. */
async function makeAccounts(
  context: AccountContext,
  orders: readonly AccountOrder[],
  again: boolean,
): Promise<(AccountCreated | Refusal)[] | undefined> {
  const decisions = decideOrders(await findRegistry(context, orders, again), orders);
  const planned = orders.flatMap(({ id }, place) => newAccount(id, decisions[place]));
  const made =
    planned.length === 0 ? [] : await context.currencies.reading(() => insertAll(context, planned));
  if (made === undefined) return undefined;

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

/** What stands beside the orders now. */
async function findRegistry(
  context: AccountContext,
  orders: readonly AccountOrder[],
  again: boolean,
): Promise<Registry> {
  const { db, ledgerId, currencies } = context;
  const requests = orders.flatMap(({ request }) => ('code' in request ? [] : request));
  const keys = requests.flatMap(({ owner, idempotencyKey }) =>
    idempotencyKey === null ? [] : [[owner, idempotencyKey] as const],
  );
  const externalIds = requests.flatMap(({ externalId }) => externalId ?? []);
  const made = again
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

function newAccount(id: Uuid, decision: OrderDecision | undefined): NewAccount[] {
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
      creationDigest: idempotencyKey === null ? null : request.digest,
      actor: null,
    },
  ];
}

/** Where deposits come from and withdrawals go to, one a currency. */
const EXTERNAL = {
  owner: 'external',
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

/** So many rows are written and read within one turn of the event loop. */
const ROWS_AT_ONCE = 200;

/** Inserts all of the accounts, or none of them where one lost a race: then undefined. */
async function insertAll(
  { db, ledgerId, currencies }: AccountContext,
  accounts: readonly NewAccount[],
): Promise<Account[] | undefined> {
  // In one order everywhere, so that two that wait for each other's external accounts do not deadlock.
  const codes = [...new Set(accounts.map(({ currency }) => currency))].sort();
  const externals = codes.map((currency): NewAccount => ({ ...EXTERNAL, id: uuidv7(), currency }));
  try {
    return await db
      .transaction()
      .setIsolationLevel('read committed')
      .execute(async (trx) => {
        const rows = [...externals, ...accounts];
        const made: Account[] = [];
        for (let start = 0; start < rows.length; start += ROWS_AT_ONCE) {
          const slice = rows.slice(start, start + ROWS_AT_ONCE);
          made.push(...(await insertAccounts(trx, ledgerId, slice, currencies.of)));
        }
        if (made.filter(({ kind }) => kind === 'STANDARD').length < accounts.length)
          throw new RaceLostError();
        return made;
      });
  } catch (error) {
    if (error instanceof RaceLostError) return undefined;
    throw error;
  }
}

/** Somebody else took a key or a name since it was looked up. */
class RaceLostError extends Error {
  override readonly name = 'RaceLostError';
}

async function findAll(
  { db, ledgerId, currencies }: AccountContext,
  ids: readonly Uuid[],
): Promise<Account[]> {
  return ids.length === 0 ? [] : currencies.reading(() => findAccounts(db, ledgerId, ids, currencies.of));
}
