import { type Kysely, sql } from 'kysely';
import type { AccountKind, Side } from '../core/account.ts';
import type { Uuid } from '../core/values/ids.ts';
import { touchesOwn } from './own.ts';
import type { DB } from './tables.ts';

/** The properties of an account that the other parties of its transactions may read. */
export interface Party {
  readonly accountId: Uuid;
  readonly externalId: string | null;
  readonly owner: string;
  /** The code of the currency. */
  readonly currency: string;
  readonly normalSide: Side;
  readonly kind: AccountKind;
}

interface PartyRow {
  readonly transaction_id: Uuid;
  readonly id: Uuid;
  readonly external_id: string | null;
  readonly owner: string;
  readonly currency: string;
  readonly side: number;
  readonly kind: string;
}

/**
 * Returns the accounts that posted transactions move, each once, in the order of their first entries. `owner`: only of transactions
 * that touch an account of this owner.
 */
export async function findParties(
  db: Kysely<DB>,
  ledgerId: Uuid,
  transactionIds: readonly Uuid[],
  owner: string | null,
): Promise<Map<Uuid, Party[]>> {
  const visible = owner === null ? sql`` : sql` where ${touchesOwn(sql`given.id`, { owner, ledgerId })}`;
  const { rows } = await sql<PartyRow>`
    select given.id as transaction_id, a.id, a.external_id, a.owner, a.currency, a.side, a.kind
    from unnest(${transactionIds}::uuid[]) as given (id)
    cross join lateral (
      select e.account_id, min(e.line) as line from entries e
      where e.transaction_id = given.id and e.ledger_id = ${ledgerId} group by e.account_id offset 0) e
    cross join lateral (
      select a.* from accounts a where a.id = e.account_id and a.ledger_id = ${ledgerId} offset 0) a${visible}
    order by e.line`.execute(db);
  const byTransaction = Map.groupBy(rows, ({ transaction_id }) => transaction_id);
  return new Map([...byTransaction].map(([id, parties]) => [id, parties.map(partyOf)]));
}

/** Returns the party of a row. The table's constraints allow only the kinds that the cast assumes. */
function partyOf({ id, external_id, owner, currency, side, kind }: PartyRow): Party {
  return {
    accountId: id,
    externalId: external_id,
    owner,
    currency,
    normalSide: side === 1 ? 'CREDIT' : 'DEBIT',
    kind: kind as AccountKind,
  };
}
