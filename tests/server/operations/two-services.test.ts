import { setTimeout as sleep } from 'node:timers/promises';
import { expect, inject, test } from 'vitest';
import { startServiceProcess } from '../../../scripts/service-process.ts';
import { asOwner, createTestDatabase } from '../../support/database.ts';
import { expectSoundBooks } from '../../support/ledger.ts';
import { ask } from '../http/exchange.ts';

test('two services on one database share the load without drift, gap or deadlock', async () => {
  const database = await createTestDatabase();
  const services = await Promise.all(
    [1, 2].map(() => startServiceProcess({ DATABASE_URL: database.serviceUrl })),
  );
  const urls = services.map(({ graphqlUrl }) => graphqlUrl);
  const ids = await Promise.all(
    Array.from({ length: 6 }, async (_, place) => {
      const created = (await ask(
        urls[place % 2] ?? '',
        `mutation { createAccount(input: { owner: "o${place}", currency: "USD", externalId: "o${place}" }) { ... on AccountCreated { account { id } } } }`,
      )) as { data: { createAccount: { account: { id: string } } } };
      return created.data.createAccount.account.id;
    }),
  );
  await Promise.all(
    ids.map((id, place) =>
      ask(
        urls[place % 2] ?? '',
        `mutation { deposit(input: { accountId: "${id}", amount: "10.00", idempotencyKey: "start" }) { __typename } }`,
      ),
    ),
  );

  const [seed, requests, callers] = [20_261_124, 40, 16];
  const answers = await Promise.all(
    urls.flatMap((url) =>
      Array.from({ length: callers }, async (_, caller) => {
        const types: string[] = [];
        for (let request = 0; request < requests; request += 1) {
          // Both services receive the same keys and externalIds at about the same time.
          const mix = (seed + caller * 31 + request * 7) % 30;
          const [from, to] = [ids[mix % 6], ids[(mix + 1 + (mix % 5)) % 6]];
          const externalId = request % 4 === 0 ? `, externalId: "event ${caller} ${request}"` : '';
          const answer = (await ask(
            url,
            `mutation { transfer(input: { fromAccountId: "${from}", toAccountId: "${to}", amount: "0.${10 + mix}", idempotencyKey: "${caller} ${request}"${externalId} }) { __typename } }`,
          )) as { data: { transfer: { __typename: string } } };
          types.push(answer.data.transfer.__typename);
        }
        return types;
      }),
    ),
  );

  expect([...new Set(answers.flat())].sort()).toEqual(expect.arrayContaining(['TransactionPosted']));
  expect(answers.flat().every((type) => ['TransactionPosted', 'InsufficientFundsError'].includes(type))).toBe(
    true,
  );
  expect(await Promise.all(services.map((service) => service.stop()))).toEqual([0, 0]);
  const [effects] = await asOwner(
    database,
    `select count(*)::int as recorded, count(distinct (account_id, idempotency_key))::int as keys from transactions where type = 'TRANSFER'`,
  );
  expect(effects).toEqual({ recorded: callers * requests, keys: callers * requests });
  const [sums] = await asOwner(
    database,
    `select sum(posted) filter (where kind = 'STANDARD')::text as owners from accounts`,
  );
  expect(sums).toEqual({ owners: '6000' });
  const [deadlocks] = await asOwner(
    { ownerUrl: inject('postgres').ownerUrl },
    `select deadlocks::int from pg_stat_database where datname = '${database.name}'`,
  );
  expect(deadlocks).toEqual({ deadlocks: 0 });
  await expectSoundBooks(database);
}, 60_000);

test('a hold that expires while no service runs is released once by the services that start next', async () => {
  const database = await createTestDatabase();
  const first = await startServiceProcess({ DATABASE_URL: database.serviceUrl });
  const expiresAt = new Date(Date.now() + 1500).toISOString();
  const placed = await ask(
    first.graphqlUrl,
    `mutation {
      a: createAccount(input: { owner: "a", currency: "USD", externalId: "a" }) { __typename }
      b: createAccount(input: { owner: "b", currency: "USD", externalId: "b" }) { __typename }
      deposit(input: { accountId: "ext:a", amount: "5", idempotencyKey: "in" }) { __typename }
      placeHold(input: { fromAccountId: "ext:a", toAccountId: "ext:b", amount: "5", idempotencyKey: "hold", externalId: "hold",
        expiresAt: "${expiresAt}" }) { __typename }
    }`,
  );
  expect(placed).toMatchObject({ data: { placeHold: { __typename: 'HoldPlaced' } } });
  expect(await first.stop()).toBe(0);
  await sleep(Date.parse(expiresAt) - Date.now() + 1);

  const services = await Promise.all(
    [1, 2].map(() => startServiceProcess({ DATABASE_URL: database.serviceUrl })),
  );
  const state = () =>
    ask(
      services[0]?.graphqlUrl ?? '',
      '{ hold(id: "ext:hold") { status transactions { nodes { type } } } account(id: "ext:a") { available { amount } } }',
    );
  await expect.poll(state, { timeout: 10_000, interval: 100 }).toEqual({
    data: {
      hold: { status: 'EXPIRED', transactions: { nodes: [{ type: 'HOLD' }, { type: 'RELEASE' }] } },
      account: { available: { amount: '5.00' } },
    },
  });
  expect(await Promise.all(services.map((service) => service.stop()))).toEqual([0, 0]);
  await expectSoundBooks(database);
}, 30_000);
