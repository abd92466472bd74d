/**
 * Conditions on rows for a caller that is restricted to an owner: those of its own accounts, and those that touch one of them. Rows
 * of others do not match, as if they did not exist. Each condition is a scalar subquery, which the planner never turns into a join:
 * it is evaluated for the rows that the rest of the query finds.
 */
import { type RawBuilder, type SqlBool, sql } from 'kysely';
import type { Uuid } from '../core/values/ids.ts';

/** The caller's owner, and the ledger. */
interface Own {
  readonly owner: string;
  readonly ledgerId: Uuid;
}

/** Returns the condition that a row of `accounts` belongs to the owner. The collation of the column compares bytes. */
export function isOwn(owner: string): RawBuilder<SqlBool> {
  return sql<SqlBool>`accounts.kind = 'STANDARD' and accounts.owner = ${owner}`;
}

/** Returns the condition that the account with this id belongs to the owner. */
export function isOwnAccount(id: RawBuilder<unknown>, { owner, ledgerId }: Own): RawBuilder<SqlBool> {
  return sql<SqlBool>`(select own.kind = 'STANDARD' and own.owner = ${owner} from accounts own
    where own.id = ${id} and own.ledger_id = ${ledgerId}) is true`;
}

/** Returns the condition that the posted transaction with this id has an entry of an account of the owner. */
export function touchesOwn(transactionId: RawBuilder<unknown>, own: Own): RawBuilder<SqlBool> {
  return sql<SqlBool>`(select true from entries moved where moved.transaction_id = ${transactionId}
    and moved.ledger_id = ${own.ledgerId} and ${isOwnAccount(sql`moved.account_id`, own)} limit 1) is true`;
}

/** Returns the condition that a row of `holds` is from or to an account of the owner. */
export function holdsOwn(table: 'holds' | 'h', own: Own): RawBuilder<SqlBool> {
  const side = (column: string) => isOwnAccount(sql.ref(`${table}.${column}`), own);
  return sql<SqlBool>`(${side('from_account_id')} or ${side('to_account_id')})`;
}
