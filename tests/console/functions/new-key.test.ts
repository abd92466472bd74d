import { expect, test } from 'vitest';
import { type NewKeyForm, readNewKey } from '../../../src/console/pages/admin/new-key.ts';

const FORM: NewKeyForm = {
  name: ' web ',
  scopes: ['READ'],
  owner: '',
  allLedgers: false,
  expiresAt: '',
  requestsPerSecond: '',
};
const NOW = new Date('2026-01-01T00:00:00Z');

test('empty fields are left out', () => {
  expect(readNewKey(FORM, NOW)).toEqual({ name: 'web', scopes: ['READ'], allLedgers: false });
});

test('all fields are passed on', () => {
  const form = { ...FORM, owner: 'Ana', expiresAt: '2027-01-01T00:00', requestsPerSecond: '20' };
  expect(readNewKey(form, NOW)).toEqual({
    name: 'web',
    scopes: ['READ'],
    allLedgers: false,
    owner: 'Ana',
    expiresAt: new Date('2027-01-01T00:00').toISOString(),
    requestsPerSecond: 20,
  });
});

test.each([
  ['name', { name: ' ' }],
  ['scopes', { scopes: [] }],
  ['owner', { owner: 'Ana', scopes: ['READ', 'ADMIN'] }],
  ['expiresAt', { expiresAt: '2025-12-30T00:00' }],
  ['requestsPerSecond', { requestsPerSecond: '0' }],
  ['requestsPerSecond', { requestsPerSecond: '1.5' }],
] as const)('%s of %j has a mistake', (field, values) => {
  const read = readNewKey({ ...FORM, ...values }, NOW);
  expect('mistakes' in read && Object.keys(read.mistakes)).toEqual([field]);
});
