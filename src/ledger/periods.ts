import { setTimeout as sleep } from 'node:timers/promises';
import { auditClosing, decideClosing, type PeriodEnd } from '../core/close-period.ts';
import type { Refusal } from '../core/errors.ts';
import type { Uuid } from '../core/values/ids.ts';
import { insertAuditEvent } from '../db/audit.ts';
import { closePeriod, findLedger, findPresent, type LedgerRow } from '../db/ledgers.ts';
import type { Database } from '../db/postgres/database.ts';
import { OvertakenError, untilAnswered } from './commit/failures.ts';

export interface PeriodClosed {
  readonly code: 'CLOSED';
  readonly ledger: LedgerRow;
}

/** A period that is to be closed, and the request that asks for it. */
interface Closing {
  readonly end: PeriodEnd;
  readonly requestId: string;
}

/** The next closing, and when it is durable. */
interface Turn {
  closing: Closing;
  readonly done: Promise<void>;
}

/** How long after a closing the next one begins. */
const PAUSE_MS = 100;

/**
 * Closes a ledger's periods. Every batch of postings needs the ledger's row, which a closing locks. Therefore
 * - a period that is closed already is only read;
 * - a closing locks the row last, when all else is done;
 * - closings come one at a time, with a pause between. Those that wait become one, of the latest instant: if it came first, the
 *   others would change nothing.
 */
export class Periods {
  readonly #db: Database;
  readonly #ledger: { readonly id: Uuid; readonly name: string };
  #next: Turn | undefined;
  #free: Promise<unknown> = Promise.resolve();

  constructor(db: Database, ledger: { readonly id: Uuid; readonly name: string }) {
    this.#db = db;
    this.#ledger = ledger;
  }

  /** Closes the period before an instant, for good. */
  close(end: PeriodEnd, requestId: string): Promise<PeriodClosed | Refusal> {
    return untilAnswered(async () => {
      const decision = decideClosing(await findPresent(this.#db, this.#ledger.id), end);
      if (typeof decision !== 'string') return decision;
      if (decision === 'CLOSE') await this.#inTurn({ end, requestId });
      const ledger = await findLedger(this.#db, this.#ledger.name);
      if (ledger === undefined) throw new TypeError('a ledger is never removed');
      return { code: 'CLOSED', ledger };
    });
  }

  /** Resolves when the period is closed until that instant, or a later one. */
  #inTurn(closing: Closing): Promise<void> {
    if (this.#next === undefined) {
      const done = this.#free.then(() => this.#takeTurn());
      this.#next = { closing, done };
      this.#free = done.catch(() => {}).then(() => sleep(PAUSE_MS, undefined, { ref: false }));
    } else if (closing.end.before > this.#next.closing.end.before) {
      this.#next.closing = closing;
    }
    return this.#next.done;
  }

  async #takeTurn(): Promise<void> {
    const turn = this.#next;
    this.#next = undefined;
    if (turn !== undefined) await this.#write(turn.closing);
  }

  /** A batch in flight finds the closed period when it appends its block, runs again, and refuses what counts before. */
  async #write({ end, requestId }: Closing): Promise<void> {
    const { id } = this.#ledger;
    await this.#db
      .transaction()
      .setIsolationLevel('read committed')
      .execute(async (trx) => {
        const present = await findPresent(trx, id);
        if (decideClosing(present, end) === 'CLOSED') return;
        // Closings wait for each other at the end of the audit log, where no batch waits.
        await insertAuditEvent(trx, id, auditClosing(id, present.closedBefore, end), requestId);
        if (!(await closePeriod(trx, id, present.closedBefore, end.before))) throw new OvertakenError();
      });
  }
}
