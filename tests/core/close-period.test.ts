import { describe, expect, it } from 'vitest';
import { decideClosing } from '../../src/core/close-period.ts';
import { CLOCK } from '../support/decide-fixtures.ts';

describe('a period', () => {
  const latest = CLOCK - 5_000_000n;

  it('is closed at 5 seconds before the clock at most', () => {
    const open = { closedBefore: null, clock: CLOCK };
    expect(decideClosing(open, { before: latest - 1n })).toBe('CLOSE');
    expect(decideClosing(open, { before: latest })).toBe('CLOSE');
    for (const before of [latest + 1n, CLOCK, CLOCK + 1n]) {
      expect(decideClosing(open, { before })).toMatchObject({
        code: 'INVALID_INPUT',
        facts: { field: 'before', problem: expect.stringContaining('at least 5 seconds before') },
      });
    }
  });

  it('that is closed is not closed again at that instant or before', () => {
    const closed = { closedBefore: latest - 9n, clock: CLOCK };
    expect(decideClosing(closed, { before: latest - 10n })).toBe('CLOSED');
    expect(decideClosing(closed, { before: latest - 9n })).toBe('CLOSED');
    expect(decideClosing(closed, { before: latest - 8n })).toBe('CLOSE');
    // Behind a clock that was set back.
    expect(decideClosing({ closedBefore: CLOCK, clock: latest }, { before: CLOCK })).toBe('CLOSED');
  });
});
