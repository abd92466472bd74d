import { describe, expect, test } from 'vitest';
import { metadataProblem, toMetadata, toRows } from '../../../src/console/data/metadata.ts';

describe('the rows of metadata', () => {
  test('become an object; empty rows are left out', () => {
    expect(
      toMetadata([
        ['plan', 'gold'],
        ['', ' '],
        [' country ', ' de '],
        ['note', ''],
      ]),
    ).toEqual({
      plan: 'gold',
      country: ' de ',
      note: '',
    });
    expect(toMetadata([['', '']])).toEqual({});
  });

  test.each([
    ['a value without a key', [['', 'gold']], 'has no key'],
    [
      'a key that is there twice',
      [
        ['plan', 'gold'],
        ['plan ', 'silver'],
      ],
      'Two rows have the key “plan”',
    ],
    ['a key with a quotation mark', [['"plan"', 'gold']], 'quotation mark'],
  ] as const)('%s is a problem', (_, rows, problem) => {
    expect(metadataProblem(rows)).toContain(problem);
  });

  test('without a problem come back in the order of their keys', () => {
    const rows = [
      ['plan', 'gold'],
      ['country', 'de'],
      ['', ''],
    ] as const;
    expect(metadataProblem(rows)).toBeUndefined();
    expect(toRows(toMetadata(rows))).toEqual([
      ['country', 'de'],
      ['plan', 'gold'],
    ]);
  });
});
