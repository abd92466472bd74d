import { chmod, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startServiceProcess } from '../../../scripts/service-process.ts';
import { asking, exchange } from '../http/exchange.ts';

const CREATE = `mutation { createAccount(input: { owner: "o", currency: "USD" }) { ... on AccountCreated { account { id } } } }`;
const DEPOSIT = `mutation ($input: DepositInput!) {
  deposit(input: $input) { __typename ... on TransactionPosted { replayed transaction { id } } }
}`;

interface Deposited {
  readonly __typename: string;
  readonly replayed?: boolean;
  readonly transaction?: { readonly id: string };
}

test('the embedded PostgreSQL is restarted each time it is killed, and no answered write is lost', {
  timeout: 120_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ledger-restart-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await chmod(folder, 0o711);
  const cluster = join(folder, 'data', 'cluster');
  const service = await startServiceProcess({ LEDGER_DATA_DIR: join(folder, 'data'), LOG_LEVEL: 'error' });
  onTestFinished(async () => void (await service.stop()));

  const send = async (query: string, variables = {}) =>
    JSON.parse((await exchange(service.graphqlUrl, asking(query, { variables }))).body);
  const ask = async (query: string) => (await send(query)).data;
  const accountId = (await ask(CREATE)).createAccount.account.id;
  const pay = async (idempotencyKey: string): Promise<Deposited> => {
    const { data, errors } = await send(DEPOSIT, { input: { accountId, amount: '1.00', idempotencyKey } });
    if (data !== undefined) return data.deposit;
    // The service could not find out whether it requires a key.
    expect(errors).toMatchObject([{ extensions: { code: 'UNAVAILABLE' } }]);
    return { __typename: 'UnavailableError' };
  };
  const status = async (path: string) => (await fetch(new URL(path, service.graphqlUrl))).status;

  const answered = new Map<string, Deposited>();
  const posted = () => [...answered.values()].filter((each) => each.transaction !== undefined).length;
  let isOver = false;
  const callers = Promise.all(
    Array.from({ length: 8 }, async (_, caller) => {
      for (let call = 0; !isOver; call += 1) {
        const key = `${caller} ${call}`;
        answered.set(key, await pay(key));
      }
    }),
  );
  const untilMorePosted = async () => {
    const before = posted();
    await expect.poll(posted, { timeout: 20_000 }).toBeGreaterThan(before + 50);
  };
  const postmaster = async () => Number.parseInt(await readFile(join(cluster, 'postmaster.pid'), 'utf8'), 10);
  const kill = async () => {
    process.kill(await postmaster(), 'SIGKILL');
  };

  await untilMorePosted();
  for (let turn = 0; turn < 2; turn += 1) {
    const before = await postmaster();
    await kill();
    await expect.poll(postmaster, { timeout: 20_000 }).not.toBe(before);
    await untilMorePosted();
  }

  // A cluster that cannot start is retried until it can.
  const control = join(cluster, 'global', 'pg_control');
  await rename(control, `${control}.away`);
  await kill();
  await expect.poll(() => status('/readyz'), { timeout: 10_000 }).toBe(503);
  expect(await status('/livez')).toBe(200);
  expect(await pay('while it is away')).toEqual({ __typename: 'UnavailableError' });
  const failures = () => service.output.filter((line) => line.includes('PostgreSQL did not start')).length;
  await expect.poll(failures, { timeout: 20_000 }).toBeGreaterThan(1);
  await rename(`${control}.away`, control);
  await untilMorePosted();
  await expect.poll(() => status('/readyz'), { timeout: 10_000 }).toBe(200);

  isOver = true;
  await callers;
  const types = new Set([...answered.values()].map(({ __typename }) => __typename));
  expect([...types].filter((type) => type !== 'UnavailableError')).toEqual(['TransactionPosted']);
  for (const [key, { transaction }] of answered) {
    const again = await pay(key);
    expect(again).toMatchObject({ __typename: 'TransactionPosted', replayed: expect.any(Boolean) });
    if (transaction !== undefined) expect(again).toMatchObject({ replayed: true, transaction });
  }
  await pay('while it is away');
  const { account } = await ask(`{ account(id: "${accountId}") { balance { amount } } }`);
  expect(account.balance.amount).toBe(`${answered.size + 1}.00`);
  expect(service.output.filter((line) => line.includes('It is restarted'))).toHaveLength(3);
  expect(await service.stop()).toBe(0);
});
