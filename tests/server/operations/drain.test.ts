import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startServiceProcess } from '../../../scripts/service-process.ts';
import { toDeposit } from '../../../src/core/decide/request.ts';
import { startHttpServer } from '../../../src/server/http/http.ts';
import { asOwner, connect, createTestDatabase } from '../../support/database.ts';
import { balance, expectSoundBooks, makeAccounts, openLedger } from '../../support/ledger.ts';
import { asking } from '../http/exchange.ts';
import { ask } from '../http/keep-alive.ts';
import { connectRaw, head } from '../http/raw.ts';

const TRANSFER = 'mutation ($input: TransferInput!) { transfer(input: $input) { __typename } }';
const DEPOSIT = 'mutation ($input: DepositInput!) { deposit(input: $input) { __typename } }';
const WAITING = `select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;

test('SIGTERM makes the service answer all pending requests and exit with status 0', async () => {
  const database = await createTestDatabase();
  const accounts = await makeAccounts(await openLedger(database), 8, { funds: '1000' });
  const service = await startServiceProcess({ DATABASE_URL: database.serviceUrl });
  const { graphqlUrl } = service;

  const fates = new Map<string, number>();
  const posted: string[] = [];
  let signalled = false;
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  const callers = Array.from({ length: 32 }, async (_, caller) => {
    for (let request = 0; ; request += 1) {
      const input = {
        fromAccountId: accounts[(caller + request) % 8],
        toAccountId: accounts[(caller + request + 1) % 8],
        amount: '0.01',
        idempotencyKey: `${caller} ${request}`,
      };
      const fate = await ask(agent, graphqlUrl, asking(TRANSFER, { variables: { input } }));
      fates.set(fate, (fates.get(fate) ?? 0) + 1);
      if (fate === '200 TransactionPosted') posted.push(input.idempotencyKey);
      if (fate === 'ECONNREFUSED') return;
      if (!signalled && fate !== '200 TransactionPosted') return;
    }
  });

  // The head is read before the signal, and the body arrives after it.
  const { socket, ended } = await connectRaw(graphqlUrl);
  const body = JSON.stringify({ query: '{ ledger { name } }' });
  socket.write(head(`content-length: ${body.length}`) + body.slice(0, 5));
  const silent = await connectRaw(graphqlUrl);
  await expect.poll(() => posted.length, { timeout: 20_000 }).toBeGreaterThan(100);

  signalled = true;
  const stopped = service.stop();
  await sleep(300);
  // While the service waits for the body, a second signal has no effect.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) service.child.kill(signal);
  socket.write(body.slice(5));
  await Promise.all(callers);
  agent.destroy();

  const late = await ended;
  expect(late).toMatch(/^HTTP\/1\.1 200 .*connection: close.*"main"/is);
  expect(await silent.ended).toBe('');
  expect(await stopped).toBe(0);
  expect([...fates.keys()].sort()).toEqual(['200 TransactionPosted', 'ECONNREFUSED']);

  const recorded = await asOwner<{ key: string }>(
    database,
    `select idempotency_key as key from transactions where type = 'TRANSFER'`,
  );
  expect(recorded.map(({ key }) => key).sort()).toEqual(posted.sort());
  await expectSoundBooks(database);
});

test('a service that cannot stop in time exits with status 1 and names the unfinished work', async () => {
  const database = await createTestDatabase();
  const ledger = await openLedger(database);
  const [locked = '', free = ''] = await makeAccounts(ledger, 2);
  const service = await startServiceProcess({ DATABASE_URL: database.serviceUrl, DRAIN_TIMEOUT: '2' });
  const blocker = await connect(database.ownerUrl);
  await blocker.query('begin');
  await blocker.query('select from accounts where id = $1 for update', [await ledger.accountIdOf(locked)]);

  const deposit = (accountId: string) => ({ accountId, amount: '1.00', idempotencyKey: 'k' });
  const pay = (accountId: string) =>
    ask(new Agent(), service.graphqlUrl, asking(DEPOSIT, { variables: { input: deposit(accountId) } }));
  const cutOff = pay(locked);
  await expect.poll(() => asOwner(database, WAITING)).toHaveLength(1);
  expect(await pay(free)).toBe('200 TransactionPosted');

  const since = performance.now();
  expect(await service.stop()).toBe(1);
  const ms = performance.now() - since;
  expect(ms).toBeGreaterThan(1900);
  expect(ms).toBeLessThan(5000);
  expect(await cutOff).toBe('ECONNRESET');
  expect(service.output.join('\n')).toMatch(
    /did not stop within its DRAIN_TIMEOUT of 2 s .* Unfinished: 1 open request, 1 parked command\b/,
  );

  // A request without an answer can be repeated.
  await blocker.query('rollback');
  expect(await balance(ledger, locked)).toBe(0n);
  const command = toDeposit(deposit(locked));
  if ('code' in command) throw new TypeError(command.code);
  expect(await ledger.post(command)).toMatchObject({ code: 'POSTED', replayed: false });
  await expectSoundBooks(database);
});

test('pipelined requests are all answered', async () => {
  const database = await createTestDatabase();
  const ledger = await openLedger(database);
  const [id] = await makeAccounts(ledger, 1);
  const log = { error: (fault: unknown) => expect.unreachable(JSON.stringify(fault)) };
  const server = await startHttpServer({ engine: ledger.engine, host: '127.0.0.1', port: 0, log });
  const blocker = await connect(database.ownerUrl);
  await blocker.query('begin');
  await blocker.query('select from accounts for update');

  const write = (query: string) => {
    const body = JSON.stringify({ query });
    return head(`content-length: ${body.length}`) + body;
  };
  const { socket, ended } = await connectRaw(server.url);
  socket.write(
    write(
      `mutation { deposit(input: { accountId: "${id}", amount: 1, idempotencyKey: "k" }) { __typename } }`,
    ) + write('{ ledger { name } }'),
  );
  await expect.poll(() => asOwner(database, WAITING)).toHaveLength(1);
  const closed = server.close();
  await blocker.query('rollback');
  expect(await ended).toMatch(/^HTTP\/1\.1 200 .*TransactionPosted.*HTTP\/1\.1 200 .*"main"/s);
  await closed;
});

test('a request in transit on an idle connection is answered with connection: close', async () => {
  const ledger = await openLedger(await createTestDatabase());
  const log = { error: (fault: unknown) => expect.unreachable(JSON.stringify(fault)) };
  const server = await startHttpServer({ engine: ledger.engine, host: '127.0.0.1', port: 0, log });
  const { socket, received, ended } = await connectRaw(server.url);
  const live = 'GET /livez HTTP/1.1\r\nhost: ledger\r\n\r\n';
  socket.write(live);
  await expect.poll(received).toMatch(/keep-alive.*alive\n$/is);
  const closed = server.close();
  socket.write(live);
  expect((await ended).split('HTTP/1.1 200 OK').at(-1)).toMatch(/connection: close.*alive/is);
  await closed;
});
