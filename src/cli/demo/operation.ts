import type { Side } from '../../core/account.ts';
import type { Command } from '../../core/decide/command.ts';
import {
  toCapture,
  toDeposit,
  toHold,
  toJournal,
  toReversal,
  toTransfer,
  toVoid,
  toWithdrawal,
} from '../../core/decide/request.ts';
import type { RecordedCode, Refusal } from '../../core/errors.ts';
import { EXTERNAL_ID_MARK } from '../../core/values/ids.ts';
import type { Instant } from '../../core/values/instant.ts';
import { formatMinor } from '../../core/values/money.ts';
import type { Metadata } from '../../core/values/text.ts';

export interface Leg {
  readonly account: string;
  readonly side: Side;
  readonly amount: bigint;
  readonly description: string;
}

/**
 * The money that an operation moves. Accounts, holds and originals are named by their externalIds. Amounts are in minor units; null
 * is everything that remains.
 */
export type Movement =
  | { readonly type: 'DEPOSIT' | 'WITHDRAWAL'; readonly account: string; readonly amount: bigint }
  | { readonly type: 'TRANSFER'; readonly from: string; readonly to: string; readonly amount: bigint }
  | {
      readonly type: 'HOLD';
      readonly from: string;
      readonly to: string;
      readonly amount: bigint;
      /** The seconds from the placement to the expiry; null: the hold does not expire. */
      readonly lastsS: number | null;
    }
  | { readonly type: 'JOURNAL'; readonly keyAccount: string; readonly legs: readonly Leg[] }
  | {
      readonly type: 'CAPTURE';
      readonly hold: string;
      readonly amount: bigint | null;
      readonly final: boolean;
    }
  | { readonly type: 'VOID'; readonly hold: string }
  | { readonly type: 'REVERSAL'; readonly original: string; readonly amount: bigint | null };

/** An operation of the plan, with the outcome that it must have. */
export interface PlannedOperation {
  readonly movement: Movement;
  readonly key: string;
  /** null for a void, which has none. */
  readonly externalId: string | null;
  readonly description: string;
  readonly metadata: Metadata | null;
  /** null: the time of the posting. */
  readonly effectiveAt: Instant | null;
  readonly expected: 'POSTED' | RecordedCode;
}

/** Returns the command of an operation. `now`: the present time, from which the expiry of a hold counts. */
export function toCommand(operation: PlannedOperation, now: Instant): Command | Refusal {
  const { movement, key: idempotencyKey, externalId, description, metadata, effectiveAt } = operation;
  const texts = { idempotencyKey, description, metadata };
  const attempt = { ...texts, externalId, effectiveAt };
  switch (movement.type) {
    case 'DEPOSIT':
    case 'WITHDRAWAL': {
      const read = movement.type === 'DEPOSIT' ? toDeposit : toWithdrawal;
      return read({ ...attempt, accountId: ref(movement.account), amount: formatCents(movement.amount) });
    }
    case 'TRANSFER':
      return toTransfer({ ...attempt, ...between(movement) });
    case 'HOLD': {
      const { lastsS } = movement;
      const expiresAt = lastsS === null ? null : now + BigInt(lastsS) * 1_000_000n;
      return toHold({ ...attempt, ...between(movement), expiresAt });
    }
    case 'JOURNAL': {
      const entries = movement.legs.map(({ account, side, amount, description: text }) => {
        return { accountId: ref(account), side, amount: formatCents(amount), description: text };
      });
      return toJournal({ ...attempt, keyAccountId: ref(movement.keyAccount), entries });
    }
    case 'CAPTURE': {
      const { hold, amount, final } = movement;
      return toCapture({ ...attempt, holdId: ref(hold), amount: part(amount), final });
    }
    case 'VOID':
      return toVoid({ ...texts, holdId: ref(movement.hold) });
    case 'REVERSAL': {
      const { original, amount } = movement;
      return toReversal({ ...attempt, transactionId: ref(original), amount: part(amount) });
    }
  }
}

function between({ from, to, amount }: { from: string; to: string; amount: bigint }) {
  return { fromAccountId: ref(from), toAccountId: ref(to), amount: formatCents(amount) };
}

/** Returns how requests refer to an externalId. */
export function ref(externalId: string): string {
  return EXTERNAL_ID_MARK + externalId;
}

function part(amount: bigint | null): string | null {
  return amount === null ? null : formatCents(amount);
}

/** Returns the decimal text of an amount: "12.34". All currencies of the demo have two decimals. */
function formatCents(minor: bigint): string {
  return formatMinor(minor, { code: 'EUR', exponent: 2 });
}
