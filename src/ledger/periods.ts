import { setTimeout as sleep } from 'node:timers/promises';
import { auditClosing, decideClosing, type PeriodEnd } from '../core/close-period.ts';
import type { Refusal } from '../core/errors.ts';
import type { Uuid } from '../core/values/ids.ts';
import { insertAuditEvent } from '../db/audit.ts';
import { closePeriod, findLedger, findPresent, type LedgerRow } from '../db/ledgers.ts';
import type { Database } from '../db/postgres/database.ts';
import { OvertakenError, retry } from './retries.ts';

export interface PeriodClosed {
  readonly code: 'CLOSED';
  readonly ledger: LedgerRow;
}

/** A period to close, and the request that closes it. `actor`: its caller. */
interface Closing {
  readonly end: PeriodEnd;
  readonly requestId: string;
  readonly actor: Uuid | null;
}

/** The next closing; `done` resolves when it is durable. */
interface Turn {
  closing: Closing;
  readonly done: Promise<void>;
}

/** The pause between two closings. */
const PAUSE_MS = 100;

/**
 * Closes a ledger's periods. A closing locks the ledger's row, which every batch needs. Therefore
 * - a period that is already closed is only read;
 * - a closing locks the row last;
 * - closings run one at a time, with a pause between them. Those that wait are merged into one, with the latest instant: after
 *   it, the others change nothing.
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

  /** Closes the period before an instant. This is final. */
  close(closing: Closing): Promise<PeriodClosed | Refusal> {
    const { end } = closing;
    return retry(async () => {
      const decision = decideClosing(await findPresent(this.#db, this.#ledger.id), end);
      if (typeof decision !== 'string') return decision;
      if (decision === 'CLOSE') await this.#inTurn(closing);
      const ledger = await findLedger(this.#db, this.#ledger.name);
      if (ledger === undefined) throw new TypeError('a ledger is never removed');
      return { code: 'CLOSED', ledger };
    });
  }

  /** Resolves when the period before this instant, or a later one, is closed. */
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

  /** A batch in flight fails when it appends its block; its retry rejects the commands in the closed period. */
  async #write({ end, requestId, actor }: Closing): Promise<void> {
    const { id } = this.#ledger;
    await this.#db
      .transaction()
      .setIsolationLevel('read committed')
      .execute(async (trx) => {
        const present = await findPresent(trx, id);
        if (decideClosing(present, end) === 'CLOSED') return;
        // Concurrent closings wait for each other at the head of the audit log, which no batch needs.
        const event = auditClosing(id, present.closedBefore, end);
        await insertAuditEvent(trx, id, event, requestId, actor);
        if (!(await closePeriod(trx, id, present.closedBefore, end.before))) throw new OvertakenError();
      });
  }
}
