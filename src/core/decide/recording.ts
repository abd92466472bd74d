/** The form of a recorded outcome: as it is written, as it is read for a replay, and its facts as texts. */
import { type Leaf, salted } from '../chain.ts';
import { type ConditionKind, type RecordedCode, type Refusal, refuse } from '../errors.ts';
import type { Outcome } from '../transaction.ts';
import type { Currency } from '../values/currency.ts';
import type { PlannedLeg } from './command.ts';

/** An outcome as it is written to the journal. */
export interface Recording extends Leaf {
  readonly outcome: 'POSTED' | RecordedCode;
  /** The request's digest; null for a command of the ledger itself. */
  readonly request: Uint8Array | null;
  /** See `EntryTexts`; null where no entry has a description. */
  readonly entryTexts: Buffer | null;
  readonly digest: Buffer;
}

/** A recorded outcome as it is read for a replay, with the parts of the request that a repeated one is compared with. */
export interface Recorded {
  readonly id: string;
  readonly type: string;
  readonly request: Uint8Array;
  /** An erased text equals any text. */
  readonly description: string | null | 'ERASED';
  readonly metadata: string | null | 'ERASED';
  readonly entryTexts: EntryTexts | null | 'ERASED';
  readonly outcome: Outcome;
}

/**
 * The salted digest of the descriptions of a request's entries, as JSON. The entries cannot be compared instead: a declined
 * journal has none, and the descriptions of a posted one can be erased.
 */
export interface EntryTexts {
  readonly salt: Uint8Array;
  readonly digest: Uint8Array;
}

/** Returns the digest of the descriptions of a request's entries; null where no entry has one. */
export function digestEntryTexts(legs: readonly PlannedLeg[], salt: Uint8Array | null): Buffer | null {
  if (legs.every(({ description }) => description === null)) return null;
  return salted(salt, JSON.stringify(legs.map(({ description }) => description)));
}

/** Whether the descriptions of a request's entries equal the recorded ones. */
export function haveEntryTexts(legs: readonly PlannedLeg[], recorded: Recorded['entryTexts']): boolean {
  if (recorded === 'ERASED') return true;
  const digest = digestEntryTexts(legs, recorded?.salt ?? NO_SALT);
  return digest === null ? recorded === null : recorded !== null && digest.equals(recorded.digest);
}
const NO_SALT = new Uint8Array();

type Facts = Readonly<Record<string, string>>;

/** Returns the facts of a recorded refusal as texts: amounts in minor units, ids as UUIDs. They enter the transaction's digest. */
export function toRecordedFacts(refusal: Refusal<RecordedCode>): Facts {
  switch (refusal.code) {
    case 'ACCOUNT_CLOSED':
    case 'ACCOUNT_FROZEN':
    case 'HOLD_EXPIRED':
    case 'HOLD_NOT_OPEN':
    case 'ALREADY_REVERSED':
      return { ...refusal.facts };
    case 'HOLD_AMOUNT_EXCEEDED': {
      const { hold, remaining, requested } = refusal.facts;
      const currency = remaining.currency.code;
      return { hold, remaining: `${remaining.minor}`, requested: `${requested.minor}`, currency };
    }
    case 'REVERSAL_AMOUNT_EXCEEDED': {
      const { remaining, requested } = refusal.facts;
      const currency = remaining.currency.code;
      return { remaining: `${remaining.minor}`, requested: `${requested.minor}`, currency };
    }
    case 'CONDITION_FAILED': {
      const { account, condition, actualBalance, actualAvailable, actualVersion } = refusal.facts;
      return {
        account,
        condition,
        actualBalance: `${actualBalance.minor}`,
        ...(actualAvailable === null ? {} : { actualAvailable: `${actualAvailable.minor}` }),
        actualVersion: `${actualVersion}`,
        currency: actualBalance.currency.code,
      };
    }
    case 'INSUFFICIENT_FUNDS': {
      const { account, available, requested } = refusal.facts;
      const currency = available.currency.code;
      return { account, available: `${available.minor}`, requested: `${requested.minor}`, currency };
    }
    case 'BALANCE_LIMIT_EXCEEDED': {
      const { account, limit, resulting } = refusal.facts;
      return {
        account,
        limit: `${limit.minor}`,
        resulting: `${resulting.minor}`,
        currency: limit.currency.code,
      };
    }
  }
}

/** Returns the refusal that was recorded with these facts. `currencyOf` must know the currency of every account. */
export function fromRecordedFacts(
  code: RecordedCode,
  facts: Facts,
  currencyOf: (code: string) => Currency,
): Refusal<RecordedCode> {
  const text = (name: string): string => {
    const value = facts[name];
    if (value === undefined) throw new TypeError(`a recorded ${code} has no fact ${name}`);
    return value;
  };
  const money = (name: string) => ({ minor: BigInt(text(name)), currency: currencyOf(text('currency')) });
  const account = () => ({ account: text('account') });
  const hold = () => ({ hold: text('hold') });

  const readers: { readonly [C in RecordedCode]: () => Refusal<C> } = {
    ACCOUNT_CLOSED: () => refuse('accountClosed', account()),
    ACCOUNT_FROZEN: () => refuse('accountFrozen', account()),
    HOLD_EXPIRED: () => refuse('holdExpired', hold()),
    HOLD_NOT_OPEN: () => refuse('holdNotOpen', hold()),
    HOLD_AMOUNT_EXCEEDED: () =>
      refuse('holdAmountExceeded', {
        ...hold(),
        remaining: money('remaining'),
        requested: money('requested'),
      }),
    ALREADY_REVERSED: () => refuse('alreadyReversed', { transaction: text('transaction') }),
    REVERSAL_AMOUNT_EXCEEDED: () =>
      refuse('reversalAmountExceeded', { remaining: money('remaining'), requested: money('requested') }),
    CONDITION_FAILED: () =>
      refuse('conditionFailed', {
        ...account(),
        condition: text('condition') as ConditionKind,
        actualBalance: money('actualBalance'),
        actualAvailable: facts['actualAvailable'] === undefined ? null : money('actualAvailable'),
        actualVersion: BigInt(text('actualVersion')),
      }),
    INSUFFICIENT_FUNDS: () =>
      refuse('insufficientFunds', {
        ...account(),
        available: money('available'),
        requested: money('requested'),
      }),
    BALANCE_LIMIT_EXCEEDED: () =>
      refuse('balanceLimitExceeded', { ...account(), limit: money('limit'), resulting: money('resulting') }),
  };
  return readers[code]();
}
