import { expect, it } from 'vitest';
import { isSameAnswer } from '../../scripts/fuzz/same-answer.ts';

const DATA = { pay: null, look: { name: 'main' } };
const FIRST = { message: 'first must be from 0 to 100.', path: ['pay', 'transaction', 'reversals'] };
const LAST = { message: 'last must be from 0 to 100.', path: ['pay', 'transaction', 'hold', 'transactions'] };
const answer = (errors: readonly object[], data: object | null = DATA) => JSON.stringify({ errors, data });

it.for([
  ['the same text', answer([FIRST]), answer([FIRST])],
  ['one of two errors that nulled the same place', answer([FIRST]), answer([FIRST, LAST])],
  ['the two errors in another order', answer([LAST, FIRST]), answer([FIRST, LAST])],
  ['the other of two errors', answer([FIRST]), answer([LAST])],
] as const)('%s is the same answer', ([, expected, given]) => {
  expect(isSameAnswer(expected, given)).toBe(true);
});

it.for([
  ['other data', answer([FIRST]), answer([FIRST], { ...DATA, look: null })],
  ['another message of the same error', answer([FIRST]), answer([{ ...FIRST, message: 'No.' }])],
  ['a null without its error', answer([FIRST]), answer([])],
  [
    'an error of a place that is not null',
    answer([FIRST]),
    answer([FIRST, { message: 'x', path: ['look', 'name'] }]),
  ],
  ['another failure of the whole request', answer([FIRST], null), answer([LAST], null)],
] as const)('%s is another answer', ([, expected, given]) => {
  expect(isSameAnswer(expected, given)).toBe(false);
});
