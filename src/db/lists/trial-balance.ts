import { type Kysely, sql } from 'kysely';
import type { AccountFilter } from '../../core/filters.ts';
import type { Uuid } from '../../core/values/ids.ts';
import type { DB } from '../tables.ts';
import { accountCondition } from './account-lists.ts';

/** A currency's posted debit and credit balances, both positive, and the amount that open holds reserve. */
export interface TrialBalanceRow {
  readonly currency: string;
  readonly debits: bigint;
  readonly credits: bigint;
  readonly held: bigint;
  readonly accounts: bigint;
}

/** Returns one row for each currency that has a matching account, by code. */
export async function sumTrialBalance(
  db: Kysely<DB>,
  ledgerId: Uuid,
  filter: AccountFilter,
): Promise<TrialBalanceRow[]> {
  return db
    .selectFrom('accounts as a')
    .select([
      'currency',
      sql<bigint>`coalesce(sum(-posted) filter (where posted < 0), 0)`.as('debits'),
      sql<bigint>`coalesce(sum(posted) filter (where posted > 0), 0)`.as('credits'),
      sql<bigint>`sum(case side when 1 then pending_debits else pending_credits end)`.as('held'),
      sql<bigint>`count(*)`.as('accounts'),
    ])
    .where('ledger_id', '=', ledgerId)
    .where(accountCondition(filter))
    .groupBy('currency')
    .orderBy('currency')
    .execute();
}
