import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { RequestNotes } from '../../../../src/graphql/execution/request-notes.ts';
import type { Ledger, LedgerEngine } from '../../../../src/ledger/ledger.ts';
import { Callers } from '../../../../src/server/access/callers.ts';
import { createGraphQLEndpoint } from '../../../../src/server/http/graphql-endpoint.ts';

const COUNT = 2000;
const QUERY = 'mutation ($input: PostBatchInput!) { postBatch(input: $input) { __typename } }';

/** Has an empty queue. */
const IDLE = { load: { queued: 0, maxQueue: 1 }, hasRoomFor: () => true } as unknown as Ledger;

/** No API key exists. */
const OPEN = { isKeyed: async () => false };

function bodyOf(change: (transfer: object, place: number) => object = (each) => each): string {
  const operations = Array.from({ length: COUNT }, (_, place) => ({
    transfer: change(
      { fromAccountId: 'ext:a', toAccountId: 'ext:b', amount: '1', idempotencyKey: `${place}` },
      place,
    ),
  }));
  return JSON.stringify({ query: QUERY, variables: { input: { operations } } });
}

/** Sends a batch, and returns the turns of the event loop until the ledger receives it. */
async function turnsUntilPosted(endpoint: (ledger: Ledger) => ReturnType<typeof createGraphQLEndpoint>) {
  let turns = 0;
  let atPost: number | undefined;
  let given = 0;
  const ledger = {
    ...IDLE,
    reserve: () => ({ release() {} }),
    postBatch: async (_: unknown, commands: readonly unknown[]) => {
      atPost = turns;
      given = commands.length;
      return { code: 'PROCESSED', outcomes: [] };
    },
  } as unknown as Ledger;
  const { answer } = endpoint(ledger);
  // The second request uses the compiled operation.
  for (let time = 0; time < 2; time += 1) {
    turns = 0;
    atPost = undefined;
    let isOver = false;
    const count = () => {
      turns += 1;
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);
    const answered = await answer(requestOf(bodyOf()), new RequestNotes());
    isOver = true;
    expect(String(answered?.body)).toBe('{"data":{"postBatch":{"__typename":"BatchProcessed"}}}');
  }
  expect(given).toBe(COUNT);
  return atPost;
}

function requestOf(body: string): IncomingMessage {
  const headers = { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) };
  return Object.assign(Readable.from([Buffer.from(body)]), {
    method: 'POST',
    url: '/graphql',
    headers,
    rawHeaders: Object.entries(headers).flat(),
  }) as unknown as IncomingMessage;
}

describe.each([
  ['by the executor', { compileAfter: 1000 }],
  ['by a compiled operation', { compileAfter: 1 }],
  ['by Yoga', { fastPath: false }],
])('a large batch that is executed %s', (_, options) => {
  const endpoint = (of: Ledger) => {
    const ledger = { ...of, as: () => ledger };
    const engine = { access: OPEN, ledger: async () => ledger } as unknown as LedgerEngine;
    return createGraphQLEndpoint(new Callers(engine), () => expect.unreachable(), options);
  };

  test('is read in several turns of the event loop', async () => {
    // Variables are coerced in slices, and then turned into commands in slices.
    expect(await turnsUntilPosted(endpoint)).toBeGreaterThanOrEqual(2 * (COUNT / 250 - 1));
  });

  test.each<[string, (transfer: object) => object, string]>([
    [
      'a value of another type',
      (each) => ({ ...each, idempotencyKey: 5 }),
      'Variable "$input" got invalid value 5 at "input.operations[1700].transfer.idempotencyKey"; ' +
        'String cannot represent a non string value: 5',
    ],
    [
      'an unknown field',
      (each) => ({ ...each, note: 'x' }),
      '$input.operations[1700].transfer has the field "note", which TransferInput does not define.',
    ],
  ])('is rejected for %s with its path', async (__, change, message) => {
    const body = bodyOf((each, place) => (place === 1700 ? change(each) : each));
    for (let time = 0; time < 2; time += 1) {
      const answered = await endpoint(IDLE).answer(requestOf(body), new RequestNotes());
      const { errors } = JSON.parse(String(answered?.body));
      expect(errors).toMatchObject([
        { message, extensions: { code: 'INVALID_INPUT' }, locations: [{ line: 1, column: 11 }] },
      ]);
    }
  });
});
