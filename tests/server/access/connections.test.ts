import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { formatId } from '../../../src/core/values/ids.ts';
import { startHttpServer } from '../../../src/server/http/http.ts';
import { connect, createTestDatabase } from '../../support/database.ts';
import { balance, expectSoundBooks, makeAccount, openLedger } from '../../support/ledger.ts';
import { connectRaw, head } from '../http/raw.ts';
import { makeKey, makeLedger, revoke } from './keys.ts';

const database = await createTestDatabase();
const main = await openLedger(database);
const eu = await makeLedger(main, 'eu');
const [forMain, forEu] = await Promise.all([makeKey(main), makeKey(eu)]);
afterAll(() => expectSoundBooks(database));

const answered: number[] = [];
const [fast = '', yoga = ''] = await Promise.all(
  [true, false].map(async (fastPath) => {
    const server = await startHttpServer({
      engine: main.engine,
      host: '127.0.0.1',
      port: 0,
      log: { error: (fault: unknown) => expect.unreachable(JSON.stringify(fault)) },
      onAnswered: ({ status }) => answered.push(status),
      fastPath,
    });
    afterAll(() => server.close());
    return server.url;
  }),
);

const NAME = JSON.stringify({ query: '{ ledger { name } }' });

/** A whole request, with a key if there is one. */
function bytesOf(secret: string | undefined, body = NAME): string {
  return `${headOf(secret, `content-length: ${body.length}`)}${body}`;
}

function headOf(secret: string | undefined, ...lines: readonly string[]): string {
  return head(...(secret === undefined ? [] : [`authorization: Bearer ${secret}`]), ...lines);
}

/** The status of each answer, with the name of the ledger if it has one. */
function outcomes(received: string): string[] {
  return received
    .split(/(?=HTTP\/1\.1 \d{3} )/)
    .filter((answer) => answer !== '')
    .map((answer) => `${answer.slice(9, 12)} ${/"name":"(\w+)"/.exec(answer)?.[1] ?? ''}`.trim());
}

describe.each([
  ['the fast path', fast],
  ['Yoga', yoga],
])('by %s', (_, url) => {
  const KEYS = [forMain.secret, forEu.secret, undefined, forMain.secret, 'tlsk_x', forEu.secret];
  const EXPECTED = ['200 main', '200 eu', '401', '200 main', '401', '200 eu'];

  test('each request of a connection is executed with its own key', async () => {
    const { socket, received } = await connectRaw(url);
    for (const [place, key] of KEYS.entries()) {
      socket.write(bytesOf(key));
      await expect.poll(() => outcomes(received()), { interval: 5 }).toEqual(EXPECTED.slice(0, place + 1));
    }
  });

  test('pipelined requests are executed with their own keys, and answered in order', async () => {
    const { socket, received } = await connectRaw(url);
    for (let round = 1; round <= 5; round += 1) {
      socket.write(KEYS.map((key) => bytesOf(key)).join(''));
      const expected = Array.from({ length: round }, () => EXPECTED).flat();
      await expect.poll(() => outcomes(received()), { interval: 5 }).toEqual(expected);
    }
  });

  test('a request whose key is revoked before its body has arrived is rejected, and nothing is posted', async () => {
    const { socket, received } = await connectRaw(url);
    const { apiKey, secret } = await makeKey(main);
    const account = await makeAccount(main);
    const input = { accountId: account, amount: '1', idempotencyKey: `late-${url}` };
    const query = 'mutation ($input: DepositInput!) { deposit(input: $input) { __typename } }';
    const body = JSON.stringify({ query, variables: { input } });
    socket.write(headOf(secret, `content-length: ${body.length}`) + body.slice(0, 1));
    await sleep(150);
    await revoke(main, formatId('apiKey', apiKey.id));
    socket.write(body.slice(1));
    await expect.poll(() => outcomes(received()), { interval: 5 }).toEqual(['401']);
    expect(await balance(main, account)).toBe(0n);
  });

  test('a request without a key whose body arrives after the first key was created is rejected', async () => {
    const fresh = await openLedger(await createTestDatabase());
    const server = await startHttpServer({
      engine: fresh.engine,
      host: '127.0.0.1',
      port: 0,
      log: { error: () => {} },
      fastPath: url === fast,
    });
    afterAll(() => server.close());
    const { socket, received } = await connectRaw(server.url);
    socket.write(headOf(undefined, `content-length: ${NAME.length}`) + NAME.slice(0, 1));
    await sleep(150);
    await makeKey(fresh);
    socket.write(NAME.slice(1));
    await expect.poll(() => outcomes(received()), { interval: 5 }).toEqual(['401']);
  });

  test('a request without a key is rejected before its body arrives, and the connection can be used further', async () => {
    const { socket, received } = await connectRaw(url);
    socket.write(`${headOf(undefined, `content-length: ${NAME.length}`)}${NAME.slice(0, 5)}`);
    await expect.poll(() => outcomes(received())).toEqual(['401']);
    socket.write(NAME.slice(5) + bytesOf(forEu.secret));
    await expect.poll(() => outcomes(received())).toEqual(['401', '200 eu']);
  });

  test('a large body without a key is not kept in memory, and its sender reads the rejection', async () => {
    const { socket, received } = await connectRaw(url);
    const size = 4 * 2 ** 20;
    socket.write(headOf(undefined, `content-length: ${size}`));
    socket.write(Buffer.alloc(size, 0x20));
    await expect.poll(() => outcomes(received()), { timeout: 5000 }).toEqual(['401']);
    expect(await scrape('ledger_http_buffered_bytes')).toBe(0);
    await expect
      .poll(
        () => {
          socket.write(bytesOf(forMain.secret));
          return outcomes(received()).slice(0, 2);
        },
        { timeout: 10_000, interval: 500 },
      )
      .toEqual(['401', '200 main']);
  });
});

describe('while the key of a request is looked up', () => {
  /** Makes look-ups of keys wait for the returned function. */
  async function delayLookups(): Promise<() => Promise<unknown>> {
    const holder = await connect(database.ownerUrl);
    await holder.query('begin');
    await holder.query('lock table api_keys in access exclusive mode');
    return () => holder.query('commit');
  }

  const payment = (accountId: string) =>
    JSON.stringify({
      query: 'mutation ($i: DepositInput!) { deposit(input: $i) { __typename } }',
      variables: { i: { accountId, amount: '1', idempotencyKey: 'one' } },
    });

  test('the rest of the body may arrive', async () => {
    const accountId = await makeAccount(main);
    const { secret } = await makeKey(main);
    const body = payment(accountId);
    const letGo = await delayLookups();
    const { socket, received } = await connectRaw(fast);
    socket.write(`${headOf(secret, `content-length: ${body.length}`)}${body.slice(0, 9)}`);
    await sleep(50);
    socket.write(body.slice(9));
    await sleep(50);
    await letGo();
    await expect.poll(() => outcomes(received())).toEqual(['200']);
    expect(await balance(main, accountId)).toBe(100n);
  });

  test('bytes that are not HTTP end the request without executing it', async () => {
    const accountId = await makeAccount(main);
    const { secret } = await makeKey(main);
    const letGo = await delayLookups();
    const { socket, ended } = await connectRaw(fast);
    const body = payment(accountId);
    socket.write(`${headOf(secret, 'transfer-encoding: chunked')}${body.length.toString(16)}\r\n${body}\r\n`);
    await sleep(50);
    socket.write('no chunk\r\n');
    await sleep(50);
    await letGo();
    expect(outcomes(await ended)).toEqual(['400']);
    expect(await balance(main, accountId)).toBe(0n);
  });

  test.each(['destroy', 'resetAndDestroy'] as const)(
    'a client that leaves by %s is not waited for',
    async (leave) => {
      const accountId = await makeAccount(main);
      const { secret } = await makeKey(main);
      const letGo = await delayLookups();
      const before = answered.length;
      const { socket } = await connectRaw(fast);
      const body = payment(accountId);
      socket.write(`${headOf(secret, `content-length: ${body.length}`)}${body.slice(0, -1)}`);
      await sleep(50);
      socket[leave]();
      await sleep(50);
      await letGo();
      await expect.poll(() => answered.slice(before)).toEqual([499]);
      expect(await balance(main, accountId)).toBe(0n);
    },
  );
});

async function scrape(name: string): Promise<number> {
  const headers = { authorization: `Bearer ${forMain.secret}` };
  const text = await (await fetch(`${fast}/metrics`, { headers })).text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
}
