import { setImmediate } from 'node:timers/promises';
import { isObjectType } from 'graphql';
import { expect, test } from 'vitest';
import { writeAnswer, writeAnswerInTurns } from '../../../src/graphql/execution/answer.ts';
import { AnswerBudget } from '../../../src/graphql/protection/answer-budget.ts';
import { schema } from '../../../src/graphql/schema.ts';

/** Returns the number of turns of the event loop during a call. */
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

test.each([
  ['BatchProcessed', 'results', (list: readonly object[]) => ({ outcomes: list })],
  [
    'TransactionConnection',
    'nodes',
    (list: readonly object[]) => ({ edges: list.map((node) => ({ node })) }),
  ],
  ['EntryConnection', 'edges', (list: readonly object[]) => ({ edges: list })],
  ['Preview', 'entries', (list: readonly object[]) => ({ entries: list })],
])('the elements of %s.%s are completed in several turns, in order', async (name, field, makeSource) => {
  const type = schema.getType(name);
  const resolve = isObjectType(type) ? type.getFields()[field]?.resolve : undefined;
  const elements = Array.from({ length: 26_000 }, (_, place) => ({ place }));
  let completed: unknown[] = [];
  const turns = await turnsDuring(async () => {
    const budget = new AnswerBudget();
    const results = resolve?.(makeSource(elements), {}, { budget }, {} as never) as unknown[];
    completed = await Promise.all(results);
  });
  expect(completed).toEqual(elements);
  expect(turns).toBeGreaterThanOrEqual(10);
});

const NULLED = Object.create(null, { a: { value: 1, enumerable: true } });
const long = (length: number) => Array.from({ length }, (_, place) => ({ place, text: 'é"\u2028\ud83d' }));
const LONG = long(26_000);

test('a long answer is written in several turns', async () => {
  const data = { batch: { results: LONG } };
  expect(await turnsDuring(() => writeAnswerInTurns({ data }, 'application/json'))).toBeGreaterThanOrEqual(3);
});

test('a deep answer is written in several turns', async () => {
  const entries = Array.from({ length: 100 }, () => ({ description: 'd'.repeat(1000) }));
  const data = { journal: { nodes: Array.from({ length: 250 }, () => ({ entries })) } };
  expect(await turnsDuring(() => writeAnswerInTurns({ data }, 'application/json'))).toBeGreaterThanOrEqual(3);
});

test('writing stops at the limit of an answer, except for a mutation', async () => {
  const list = Array.from({ length: 40 }, () => 'é'.repeat(2 ** 19));
  let read = 0;
  const data = {
    nodes: list.map((text) => ({
      get text() {
        read += 1;
        return text;
      },
    })),
  };
  const refused = await writeAnswerInTurns({ data }, 'application/json');
  expect(JSON.parse(String(refused.body))).toEqual({
    errors: [
      {
        message:
          'The query has an answer of more than 33,554,432 bytes. Select fewer fields or request smaller pages.',
        extensions: { code: 'INVALID_INPUT', limit: 'answerBytes', given: 33_554_433, allowed: 33_554_432 },
      },
    ],
  });
  // Each text is read once for its size, and once to write it.
  expect(read).toBeLessThan(75);
  const budget = new AnswerBudget();
  budget.expectMutation();
  const written = await writeAnswerInTurns({ data }, 'application/json', budget);
  expect(written.body.length).toBeGreaterThan(40 * 2 ** 20);
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
])('%s is written as by JSON.stringify', async (_, data) => {
  for (const errors of [undefined, [], [{ message: 'é' }]]) {
    const shown = errors?.map((error) => ({ ...error, extensions: { code: 'INVALID_INPUT' } }));
    const body = JSON.stringify({ ...(shown?.length ? { errors: shown } : {}), data });
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
      expect(String(answer.body)).toBe(body);
    }
  }
});
