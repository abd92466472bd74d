import { setImmediate } from 'node:timers/promises';
import { isObjectType } from 'graphql';
import { expect, test } from 'vitest';
import { writeAnswer, writeAnswerInTurns } from '../../src/graphql/answer.ts';
import { schema } from '../../src/graphql/schema.ts';

/** The turns of the event loop that others have while something runs. */
async function turnsDuring(run: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  let isOver = false;
  const count = async () => {
    for (; !isOver; turns += 1) await setImmediate();
  };
  const counted = count();
  await run();
  isOver = true;
  await counted;
  return turns;
}

test('the results of a batch are completed in several turns, in order', async () => {
  const type = schema.getType('BatchProcessed');
  const resolve = isObjectType(type) ? type.getFields()['results']?.resolve : undefined;
  const outcomes = Array.from({ length: 2600 }, (_, place) => ({ place }));
  let completed: unknown[] = [];
  const turns = await turnsDuring(async () => {
    const results = resolve?.({ outcomes }, {}, {}, {} as never) as unknown[];
    completed = await Promise.all(results);
  });
  expect(completed).toEqual(outcomes);
  expect(turns).toBeGreaterThanOrEqual(10);
});

const NULLED = Object.create(null, { a: { value: 1, enumerable: true } });
const long = (length: number) => Array.from({ length }, (_, place) => ({ place, text: 'é"\u2028\ud83d' }));
const LONG = long(2600);

test('a long answer is written in several turns', async () => {
  const data = { batch: { results: LONG } };
  expect(await turnsDuring(() => writeAnswerInTurns({ data }, 'application/json'))).toBeGreaterThanOrEqual(
    10,
  );
});

test.each<[string, Record<string, unknown> | null | undefined]>([
  ['no data', undefined],
  ['null', null],
  ['nothing', {}],
  ['a short list', { a: { results: long(250) } }],
  ['a list of one more', { a: { results: long(251) } }],
  ['a long list', { a: { __typename: 'A', results: LONG, after: null } }],
  ['two of them', { first: { results: LONG }, second: { results: LONG } }],
  ['one among others', { first: null, a: { b: 1, results: LONG, c: [1, [2]] }, z: 'z', n: 0, no: undefined }],
  ['a list of its own', { a: LONG }],
  ['lists in a list', { a: [LONG, [], LONG] }],
  ['one too deep', { a: { b: { c: { d: LONG } } } }],
  [
    'values that are no objects',
    { a: [...Array.from({ length: 600 }, () => null), undefined, 'x', 1, true] },
  ],
  ['names of all kinds', { '': { 'a"': LONG }, '1': NULLED, constructor: { results: LONG } }],
])('%s is written as JSON.stringify does', async (_, data) => {
  for (const errors of [undefined, [], [{ message: 'é' }]]) {
    const body = JSON.stringify({ ...(errors?.length ? { errors } : {}), data });
    const result = {
      data,
      ...(errors && {
        errors: errors.map((error) =>
          Object.assign(new Error(), error, { extensions: {}, toJSON: () => error }),
        ),
      }),
    };
    for (const answer of [
      writeAnswer(result as never, 'application/json'),
      await writeAnswerInTurns(result as never, 'application/json'),
    ]) {
      expect(answer.body).toBe(body);
    }
  }
});
