import { describe, expect, test } from 'vitest';
import {
  conditionsOf,
  idIn,
  readConditions,
  readFilter,
  writeConditions,
} from '../../../src/console/pages/accounts/filter.ts';

describe('the filter of accounts', () => {
  test('finds standard accounts unless others are asked for', () => {
    expect(readFilter(new URLSearchParams())).toEqual({ kind: 'STANDARD' });
    expect(readFilter(new URLSearchParams('kind=EXTERNAL'))).toEqual({ kind: 'EXTERNAL' });
    expect(readFilter(new URLSearchParams('kind=ANY'))).toEqual({});
  });

  test('is read from the address, which keeps every condition', () => {
    const address =
      'name=users%3A42%3A&owner=Alice&currency=eur&status=FROZEN&kind=ANY&metadata=plan%3Dgold%2C+country%3Dde';
    const params = new URLSearchParams(address);
    expect(readFilter(params)).toEqual({
      externalIdPrefix: 'users:42:',
      owner: 'Alice',
      currency: 'EUR',
      status: 'FROZEN',
      metadata: { plan: 'gold', country: 'de' },
    });
    expect(conditionsOf(params)).toBe(6);
    expect(writeConditions(readConditions(params)).toString()).toBe(address);
  });

  test('ignores the place in the list and unknown values', () => {
    const params = new URLSearchParams('after=abc&status=SOLD&kind=ODD&metadata=nothing');
    expect(readFilter(params)).toEqual({ kind: 'STANDARD' });
    expect(conditionsOf(new URLSearchParams('after=abc'))).toBe(0);
  });

  test.each([
    [' acct_0193 ', 'acct_0193'],
    ['ext:alice', 'ext:alice'],
    ['alice', undefined],
    ['ext:', undefined],
    ['acct_', undefined],
  ])('the text “%s” names the account %s', (text, id) => {
    expect(idIn(text)).toBe(id);
  });
});
