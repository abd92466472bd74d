import { auditClosing, type PeriodEnd, refuseFutureEnd } from '../core/close-period.ts';
import type { Refusal } from '../core/errors.ts';
import type { Uuid } from '../core/ids.ts';
import { insertAuditEvent } from '../db/audit.ts';
import type { Database } from '../db/database.ts';
import { closePeriod, findLedger, type LedgerRow, lockClosedBefore } from '../db/ledgers.ts';
import { constraintOf } from '../db/pg-errors.ts';
import { untilAnswered } from './failures.ts';

export interface PeriodClosed {
  readonly code: 'CLOSED';
  readonly ledger: LedgerRow;
}

/**
 * Closes a ledger's period before an instant. It needs no account's lock: a batch that is on its way finds the ledger's row
 * changed where it appends its block, runs again, and refuses what counts before.
 */
export function closePeriodOf(
  db: Database,
  { id, name }: { readonly id: Uuid; readonly name: string },
  end: PeriodEnd,
  requestId: string,
): Promise<PeriodClosed | Refusal> {
  return untilAnswered(async () => {
    try {
      await db
        .transaction()
        .setIsolationLevel('read committed')
        .execute(async (trx) => {
          const closedBefore = await lockClosedBefore(trx, id);
          if (closedBefore !== null && closedBefore >= end.before) return;
          await closePeriod(trx, id, end.before);
          await insertAuditEvent(trx, id, auditClosing(id, closedBefore, end), requestId);
        });
    } catch (error) {
      // The trigger compares with the database's clock in the moment in which the row changes.
      if (constraintOf(error) === 'ledgers_closed_forward') return refuseFutureEnd();
      throw error;
    }
    const ledger = await findLedger(db, name);
    if (ledger === undefined) throw new TypeError('a ledger is never removed');
    return { code: 'CLOSED', ledger };
  });
}
