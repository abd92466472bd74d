import { randomUUID } from 'node:crypto';
import { RESTRICTED_SCOPES, type Viewer } from '../../src/core/access/viewer.ts';
import { type HoldInput, type TransferInput, toHold, toTransfer } from '../../src/core/decide/request.ts';
import type { Instant } from '../../src/core/values/instant.ts';
import type { Ledger, Operation } from '../../src/ledger/ledger.ts';

/** Returns a caller restricted to an owner. */
export function restrictedTo(owner: string): Viewer {
  return { actor: null, scopes: new Set(RESTRICTED_SCOPES), allLedgers: false, owner };
}

/** Returns the ledger for a caller restricted to an owner. */
export function asOwnerOf(ledger: Ledger, owner = 'alice'): Ledger {
  return ledger.as(restrictedTo(owner));
}

/** Returns the instant after so many seconds. */
export function secondsAhead(seconds: number): Instant {
  return BigInt(Date.now() + seconds * 1000) * 1000n;
}

type Ends = Pick<TransferInput, 'fromAccountId' | 'toAccountId'>;

/** Returns a transfer of 1.00, with a unique key. */
export function pay(input: Ends & Partial<TransferInput>): Operation {
  return toTransfer({ idempotencyKey: randomUUID(), amount: '1.00', ...input });
}

/** Returns a hold of 1.00 for a minute, with a unique key. */
export function reserve(input: Ends & Partial<HoldInput>): Operation {
  return toHold({ idempotencyKey: randomUUID(), amount: '1.00', expiresAt: secondsAhead(60), ...input });
}
