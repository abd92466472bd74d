import { expect, test } from 'vitest';
import { isAllowed, RIGHTS } from '../../../src/console/session/rights.ts';
import { RIGHTS_BELOW, RIGHTS as ROOT } from '../../../src/graphql/rights/table.ts';

/** The rows of the service, by the names that the console gives them. */
const OF_SERVICE: Readonly<Record<string, unknown>> = Object.fromEntries([
  ...Object.entries({ ...ROOT.Query, ...ROOT.Mutation }),
  ...Object.entries(RIGHTS_BELOW).flatMap(([type, fields]) =>
    Object.entries(fields).map(([field, right]) => [`${type}.${field}`, right] as const),
  ),
]);

test.each(Object.entries(RIGHTS))('%s has the right that the service demands', (action, right) => {
  expect(OF_SERVICE[action]).toEqual(right);
});

test('a viewer is offered the fields of its scopes', () => {
  const reader = { scopes: ['READ'], owner: null } as const;
  expect(isAllowed(reader, 'accounts')).toBe(true);
  expect(isAllowed(reader, 'deposit')).toBe(false);
  expect(isAllowed(reader, 'ledgers')).toBe(true);
});

test('a viewer restricted to an owner is offered what the service permits for own accounts', () => {
  const user = { scopes: ['READ', 'POST'], owner: 'Ana' } as const;
  expect(isAllowed(user, 'transfer')).toBe(true);
  expect(isAllowed(user, 'deposit')).toBe(false);
  expect(isAllowed(user, 'transactions')).toBe(false);
  expect(isAllowed(user, 'ledgers')).toBe(false);
});
