import fc from 'fast-check';
import { expect, it } from 'vitest';
import { accountOf, showRefusal } from '../../../src/core/access/restricted-outcomes.ts';
import { type Refusal, refuse } from '../../../src/core/errors.ts';
import { messageOf } from '../../../src/core/refusal-messages.ts';
import { formatId } from '../../../src/core/values/ids.ts';

const OWN = '0190d5e8-7a2b-7c3d-8e4f-a5b6c7d8e9f0';
const FOREIGN = '0190d5e8-7a2b-7c3d-8e4f-a5b6c7d8e9f1';
const isOwn = (id: string) => id === OWN;
/** It is in no other fact, so that it shows where a fact is not hidden. */
const SECRET = 987_654_321n;
const usd = { minor: SECRET, currency: { code: 'USD', exponent: 2 } };

/** The refusals about an account. */
const about = (account: string): Refusal[] => [
  refuse('unsupportedAccount', { account }),
  refuse('accountClosed', { account }),
  refuse('accountFrozen', { account }),
  refuse('conditionFailed', {
    account,
    condition: 'BALANCE_AT_LEAST',
    actualBalance: usd,
    actualAvailable: usd,
    actualVersion: SECRET,
  }),
  refuse('insufficientFunds', { account, available: usd, requested: usd }),
  refuse('balanceLimitExceeded', { account, limit: usd, resulting: usd }),
  refuse('accountNotEmpty', { account, balance: usd, openHolds: 7 }),
];

const anyFlags = fc.record({ recorded: fc.boolean(), retryable: fc.boolean(), replayed: fc.boolean() });
const inBatch = (refusal: Refusal) => refuse('batchAborted', { index: 3, cause: refusal });

it('a refusal about a foreign account has none of its facts, and the same flags', () => {
  fc.assert(
    fc.property(fc.constantFrom(...about(FOREIGN)), anyFlags, (refusal, flags) => {
      const shown = showRefusal({ ...refusal, ...flags }, isOwn);
      expect(shown).toEqual({ code: 'COUNTERPARTY', facts: { account: FOREIGN }, ...flags });
      expect(messageOf(shown)).toContain(formatId('account', FOREIGN));
      const batch = showRefusal({ ...inBatch({ ...refusal, ...flags }) }, isOwn);
      expect(batch).toEqual(inBatch(shown));
      expect(accountOf(batch)).toBe(FOREIGN);
    }),
  );
});

it('all refusals about a foreign account look the same', () => {
  const messages = about(FOREIGN).map((refusal) =>
    messageOf({ ...showRefusal(refusal, isOwn), recorded: true }),
  );
  expect(new Set(messages).size).toBe(1);
});

it('a refusal about an own account, or about none, is shown whole', () => {
  const others = [
    ...about(OWN),
    refuse('accountNotFound', { accountId: 'acct_x' }),
    refuse('currencyMismatch', { expected: 'USD', given: 'EUR' }),
    refuse('keyUsedOtherwise', { differingFields: ['amount'], transaction: OWN }),
    refuse('overloaded', { retryAfterMs: 1 }),
    refuse('unavailable', {}),
  ];
  for (const refusal of others) {
    expect(showRefusal(refusal, isOwn)).toEqual(refusal);
    expect(showRefusal(inBatch(refusal), isOwn)).toEqual(inBatch(refusal));
  }
});
