import { expect, test } from 'vitest';
import { chooseAnswerType, isJson } from '../../../src/server/http/media-types.ts';

const JSON_TYPE = 'application/json';
const RESPONSE = 'application/graphql-response+json';

test.each([
  [undefined, JSON_TYPE],
  ['', JSON_TYPE],
  [' , ', JSON_TYPE],
  ['*/*', JSON_TYPE],
  ['application/*', JSON_TYPE],
  [JSON_TYPE, JSON_TYPE],
  [RESPONSE, RESPONSE],
  [RESPONSE.toUpperCase(), RESPONSE],
  [`${RESPONSE}, ${JSON_TYPE}`, RESPONSE],
  [`${JSON_TYPE}, ${RESPONSE}`, JSON_TYPE],
  [`${JSON_TYPE};q=0.5, ${RESPONSE};q=0.6`, RESPONSE],
  [`${JSON_TYPE};q=0.6,${RESPONSE};q=0.5`, JSON_TYPE],
  [`${JSON_TYPE};q=0, */*`, RESPONSE],
  [`*/*;q=0.1, ${RESPONSE}`, RESPONSE],
  [`*/*, ${RESPONSE};q=0.1`, JSON_TYPE],
  [`${JSON_TYPE} ; charset="utf-8"`, JSON_TYPE],
  [`text/html, ${JSON_TYPE};charset=utf-16, */*;q=0.1`, JSON_TYPE],
  [`multipart/mixed, ${JSON_TYPE}`, JSON_TYPE],
])('an Accept header of %s is answered with %s', (accept, type) => {
  expect(chooseAnswerType(accept)).toBe(type);
});

test.each([
  'text/html',
  `${JSON_TYPE};q=0`,
  '*/*;q=0',
  `${JSON_TYPE};q=2`,
  `${JSON_TYPE};charset=latin1`,
  'json',
  'text/*',
])('an Accept header of %j accepts no answer', (accept) => {
  expect(chooseAnswerType(accept)).toBeUndefined();
});

test.each([
  [JSON_TYPE, true],
  ['Application/JSON', true],
  ['application/json;charset=UTF-8', true],
  ['application/json; charset="utf-8"', true],
  ['application/json; charset=iso-8859-1', false],
  ['text/plain', false],
  ['text/plain; application/json', false],
  ['application/json, text/plain', false],
  ['application/jsonp', false],
  ['', false],
  [undefined, false],
])('a content-type of %j is JSON: %s', (type, expected) => {
  expect(isJson(type)).toBe(expected);
});
