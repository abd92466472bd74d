import { expect, test } from 'vitest';
import { compareChanges } from '../../../src/console/data/compare-changes.ts';

test('a change has the value before and the value after', () => {
  expect(compareChanges('{"status":"OPEN"}', '{"status":"FROZEN","version":"7"}')).toEqual([
    { key: 'status', before: 'OPEN', after: 'FROZEN' },
    { key: 'version', after: '7' },
  ]);
});

test('a field that is equal on both sides is left out', () => {
  expect(compareChanges('{"a":"1","b":"2"}', '{"a":"1","b":"3"}')).toEqual([
    { key: 'b', before: '2', after: '3' },
  ]);
});

test('a limit that is set, or removed, has one value', () => {
  expect(compareChanges('{"maxBalance":null}', '{"maxBalance":"10.00"}')).toEqual([
    { key: 'maxBalance', after: '10.00' },
  ]);
  expect(compareChanges('{"maxBalance":"10.00"}', '{"maxBalance":null}')).toEqual([
    { key: 'maxBalance', before: '10.00' },
  ]);
});

test('a creation has values after it alone', () => {
  expect(compareChanges(null, '{"name":"web","owner":null}')).toEqual([{ key: 'name', after: 'web' }]);
});

test('a field that only the old values have is listed last', () => {
  expect(compareChanges('{"b":"1","a":"x"}', '{"a":"y"}')).toEqual([
    { key: 'a', before: 'x', after: 'y' },
    { key: 'b', before: '1' },
  ]);
});

test('an event that changed nothing has no changes', () => {
  expect(compareChanges(null, null)).toEqual([]);
});

test('values that are no text are shown as JSON', () => {
  expect(compareChanges(null, '{"scopes":["READ","POST"],"count":2}')).toEqual([
    { key: 'scopes', after: '["READ","POST"]' },
    { key: 'count', after: '2' },
  ]);
});

test.each(['[1]', '"text"', 'no JSON', '7'])('%s, which is no object, is shown as it is', (text) => {
  expect(compareChanges(null, text)).toEqual([{ key: 'value', after: text }]);
});

test('a field named like a member of objects is a field', () => {
  expect(compareChanges('{"__proto__":"1"}', '{"constructor":"2"}')).toEqual([
    { key: 'constructor', after: '2' },
    { key: '__proto__', before: '1' },
  ]);
});
