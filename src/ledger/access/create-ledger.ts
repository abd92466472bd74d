import { uuidv7 } from 'uuidv7';
import type { Viewer } from '../../core/access/viewer.ts';
import { auditLedgerCreation, MAIN, toLedgerName } from '../../core/create-ledger.ts';
import type { Refusal } from '../../core/errors.ts';
import { insertAuditEvent } from '../../db/audit.ts';
import { findLedger, getLedgerId, insertLedger, type LedgerRow } from '../../db/ledgers.ts';
import type { Database } from '../../db/postgres/database.ts';
import { retry } from '../retries.ts';
import { refuseInvalidKey } from './key-changes.ts';

export interface LedgerCreated {
  readonly code: 'LEDGER_CREATED';
  readonly ledger: LedgerRow;
  /** The ledger existed before. */
  readonly replayed: boolean;
}

/** Creates a ledger. See `Access.createLedger`. */
export async function createLedger(
  db: Database,
  viewer: Viewer,
  input: string,
  requestId: string,
): Promise<LedgerCreated | Refusal> {
  const request = toLedgerName(viewer, input);
  if ('code' in request) return request;
  const { name } = request;
  // The same in all attempts: if the outcome of COMMIT is unknown, the ledger with this id belongs to this call.
  const id = uuidv7();
  return retry(async () => {
    const refusal = await db
      .transaction()
      .setIsolationLevel('read committed')
      .execute(async (trx) => {
        const invalid = await refuseInvalidKey(trx, viewer);
        if (invalid !== undefined || !(await insertLedger(trx, id, name))) return invalid;
        const event = auditLedgerCreation(id, name);
        await insertAuditEvent(trx, await getLedgerId(trx, MAIN), event, requestId, viewer.actor?.id);
        return undefined;
      });
    if (refusal !== undefined) return refusal;
    const ledger = await findLedger(db, name);
    if (ledger === undefined) throw new TypeError('a ledger is never removed');
    return { code: 'LEDGER_CREATED', ledger, replayed: ledger.id !== id };
  });
}
