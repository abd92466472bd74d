import { expect, test } from 'vitest';
import { idIn, segmentOf } from '../../../src/console/data/segments.ts';

test.each(['acct_01', 'ext:order/7', 'ext:50%', 'ext:a%2Fb', 'ext:50%25', 'ext:ä b?c#d', 'ext:..'])(
  'the segment of %s leads to it',
  (id) => {
    const segment = segmentOf(id);
    expect(segment).not.toMatch(/[/?#]/);
    // As the router does.
    expect(idIn(decodeURI(segment))).toBe(id);
  },
);

test('a percent sign that was typed by hand is a part of the id', () => {
  expect(idIn('ext:50%')).toBe('ext:50%');
});
