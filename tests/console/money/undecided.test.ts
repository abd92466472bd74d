import { expect, test } from 'vitest';
import { changed, type Draft, rejected, unsent } from '../../../src/console/data/payments/drafts.ts';
import { isUndecided } from '../../../src/console/data/payments/refusals.ts';

const refusal = (code: 'FORBIDDEN' | 'INTERNAL' | 'INSUFFICIENT_FUNDS' | 'OVERLOADED' | 'UNAVAILABLE') => ({
  code,
  retryable: code === 'OVERLOADED' || code === 'UNAVAILABLE',
});

test.each([
  ['INSUFFICIENT_FUNDS', false, false],
  ['FORBIDDEN', false, true],
  ['OVERLOADED', false, true],
  ['INTERNAL', true, true],
  ['UNAVAILABLE', true, true],
] as const)('%s leaves the first attempt undecided: %s; a repetition: %s', (code, first, repetition) => {
  expect(isUndecided(refusal(code), false)).toBe(first);
  expect(isUndecided(refusal(code), true)).toBe(repetition);
});

const draft: Draft<{ amount: string }> = { values: { amount: '1' }, initial: { amount: '' }, intent: 'one' };

test('other values keep the intent, so that a duplicate of the tab cannot send both', () => {
  expect(changed(draft, { amount: '2' })).toEqual({ ...draft, values: { amount: '2' } });
});

test('other values get another intent after a rejection, because the old one has a key for the old values', () => {
  const next = changed({ ...draft, key: 'key-1', isRejected: true }, { amount: '2' });
  expect(next.intent).not.toBe('one');
  expect(next).toEqual({ ...draft, values: { amount: '2' }, intent: next.intent });
  expect(changed(next, { amount: '3' }).intent).toBe(next.intent);
});

test('a draft with a final outcome has neither a request nor its key: another attempt needs another key', () => {
  const sent = { deposit: { accountId: 'acct_1', amount: '1' } };
  expect(unsent({ ...draft, sent, key: 'key-1', tries: 1, isRejected: true })).toEqual(draft);
});

test('a draft whose request was rejected keeps its key, as the client keeps it for the intent', () => {
  const sent = { deposit: { accountId: 'acct_1', amount: '1' } };
  expect(rejected({ ...draft, sent, key: 'key-1', tries: 1 })).toEqual({
    ...draft,
    key: 'key-1',
    isRejected: true,
  });
});
