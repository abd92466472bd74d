import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startServiceProcess } from '../../scripts/service-process.ts';
import { asOwner, createTestDatabase } from '../support/database.ts';
import { expectSoundBooks, makeAccounts, openLedger } from '../support/ledger.ts';
import { asking } from './exchange.ts';
import { ask } from './keep-alive.ts';
import { connectRaw, head } from './raw.ts';

const TRANSFER = 'mutation ($input: TransferInput!) { transfer(input: $input) { __typename } }';

test('a service that is told to end answers all that it was asked, and ends with status 0', async () => {
  const database = await createTestDatabase();
  const accounts = await makeAccounts(await openLedger(database), 8, { funds: '1000' });
  const service = await startServiceProcess({ DATABASE_URL: database.serviceUrl });
  const { graphqlUrl } = service;

  const fates = new Map<string, number>();
  const posted: string[] = [];
  let told = false;
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
      if (!told && fate !== '200 TransactionPosted') return;
    }
  });

  // Its head is read before the end, and its body comes after it.
  const { socket, ended } = await connectRaw(graphqlUrl);
  const body = JSON.stringify({ query: '{ ledger { name } }' });
  socket.write(head(`content-length: ${body.length}`) + body.slice(0, 5));
  const silent = await connectRaw(graphqlUrl);
  await sleep(500);

  told = true;
  const stopped = service.stop();
  await sleep(300);
  socket.write(body.slice(5));
  await Promise.all(callers);
  agent.destroy();

  const late = await ended;
  expect(late).toMatch(/^HTTP\/1\.1 200 .*connection: close.*"main"/is);
  expect(await silent.ended).toBe('');
  expect(await stopped).toBe(0);
  expect([...fates.keys()].sort()).toEqual(['200 TransactionPosted', 'ECONNREFUSED']);
  expect(posted.length).toBeGreaterThan(100);

  const recorded = await asOwner<{ key: string }>(
    database,
    `select idempotency_key as key from transactions where type = 'TRANSFER'`,
  );
  expect(recorded.map(({ key }) => key).sort()).toEqual(posted.sort());
  await expectSoundBooks(database);
});
