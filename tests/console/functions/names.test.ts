import { expect, test } from 'vitest';
import { nameOf } from '../../../src/console/kit/values/names.ts';

const account = { owner: 'Ana', externalId: 'ana-1', kind: 'STANDARD', currency: 'EUR' } as const;

test.each([
  [account, 'Ana, ana-1'],
  [{ ...account, externalId: null }, 'Ana (EUR)'],
  [{ ...account, externalId: 'Ana' }, 'Ana (EUR)'],
  [{ ...account, owner: 'World', externalId: null, kind: 'EXTERNAL' }, 'External EUR account'],
  // An owner cannot take the name of the external account.
  [{ ...account, owner: 'External EUR account', externalId: null }, 'External EUR account (EUR)'],
  // A character that turns the direction around ends with the owner.
  [{ ...account, owner: 'Ana\u202e' }, '\u2068Ana\u202e\u2069, ana-1'],
  [{ ...account, owner: 'אנה' }, '\u2068אנה\u2069, ana-1'],
] as const)('an account is called by its owner and its external id: %o', (given, name) => {
  expect(nameOf(given)).toBe(name);
});
