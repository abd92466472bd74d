/** The bugs are in src/core, so this says nothing about another version of PostgreSQL. */
import { describe, expect, test } from 'vitest';
import { compareWithModel } from './model-check.ts';
import { type PlantedBug, withPlanted } from './planted.ts';

/** The model must find each of these bugs. */
const PLANTED: readonly PlantedBug[] = [
  {
    bug: 'a replay that ignores the kind of the request',
    text: "if (recorded.type !== command.type) return ['type'];",
    instead: '',
  },
  {
    bug: 'a replay that ignores the amount',
    text: "['amount', shortestDecimal(amount)],\n      ...attemptFields(attempt),",
    instead: '...attemptFields(attempt),',
  },
  {
    bug: 'an account that may be overdrawn by 1.00',
    text: 'return available < requested ?',
    instead: 'return available + 100n < requested ?',
  },
  {
    bug: 'a decline that is not recorded',
    text: '? recordRefusal(book, command, refusal)',
    instead: '? unrecorded(refusal)',
  },
  {
    bug: 'an externalId that can be taken twice',
    text: 'if (takenBy === undefined) return undefined;',
    instead: 'if (takenBy !== null) return undefined;',
  },
  {
    bug: 'accounts of two currencies in one transfer',
    text: "if (type === 'JOURNAL') return undefined;",
    instead: "if (type !== 'HOLD') return undefined;",
  },
  {
    bug: 'the limit of the receiving account ignored',
    text: 'if (gained + incomingOf(normalSide, delta) <= 0n) return undefined;',
    instead: 'if (gained + incomingOf(normalSide, delta) >= 0n) return undefined;',
  },
  {
    bug: 'held money ignored',
    text: 'const free = availableOf(account);',
    instead: 'const free = availableOf({ ...account, pendingDebits: 0n, pendingCredits: 0n });',
  },
  {
    bug: 'a frozen account that can be moved',
    text: 'if (allowsFrozen) return undefined;',
    instead: 'if (!allowsFrozen) return undefined;',
  },
  {
    bug: 'a condition ignored',
    text: 'if (balanceAtMost !== null && ',
    instead: 'if (balanceAtMost === undefined && ',
  },
  {
    bug: 'an expected version that is compared after the change',
    text: 'expectedVersion !== before.version',
    instead: 'expectedVersion !== after.version',
  },
  {
    bug: 'a capture that releases nothing',
    text: "    ...legsBetween(book, hold, 'RELEASE', ends ? remaining : captured),\n",
    instead: '',
  },
  {
    bug: 'an expiry ignored by captures',
    text: "if (isExpired(hold, book.createdAt)) return refuse('holdExpired'",
    instead: "if (hold.status === 'EXPIRED') return refuse('holdExpired'",
  },
  {
    bug: 'a captured part that stays in its hold',
    text: 'captured: hold.captured + captured',
    instead: 'captured: hold.captured',
  },
  {
    bug: 'a partial reversal counted twice',
    text: 'absolute(first.amount) - reversed',
    instead: 'absolute(first.amount) - 2n * reversed',
  },
  {
    bug: 'a partial reversal forgotten by the rest of its batch',
    text: 'reversed: original.reversed + size',
    instead: 'reversed: original.reversed',
  },
];

describe('the reference model finds', () => {
  test.each(PLANTED)('$bug', (bug) =>
    withPlanted(bug, async (program, planted) => {
      await expect(
        compareWithModel(program, planted, { numRuns: 15, endOnFailure: true }),
      ).rejects.toMatchObject({ cause: { message: expect.stringMatching(/was answered|is .*, not/) } });
    }),
  );
});
