/**
 * The effect of large batches on single transfers: 64 callers send transfers over HTTP, in turns alone and during a loop of
 * postBatch with 10,000 operations on other accounts. Their p99 may be at most 150 ms or 3 times the p99 alone, whichever is
 * more.
 *   npm run bench:batches
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { ms, quantile } from '../latency.ts';
import { withOwnService } from '../service-process.ts';

const CALLERS = 64;
const OPERATIONS = 10_000;
const ACCOUNTS = 200;
const TURNS = 4;
const TURN_MS = 6000;
const MAX_MS = 150;
const MAX_TIMES = 3;

/** The requests of a worker. */
type Task = 'singles' | 'batches';
interface Work {
  readonly url: string;
  readonly task: Task;
  readonly accounts: readonly string[];
}

async function request(
  url: string,
  query: string,
  input: object,
): Promise<Record<string, { __typename: string }>> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables: { input } }),
  });
  const { data, errors } = (await response.json()) as { data: never; errors?: unknown };
  if (errors !== undefined) throw new Error(JSON.stringify(errors));
  return data;
}

async function makeAccounts(url: string): Promise<string[]> {
  const accounts = Array.from({ length: ACCOUNTS }, () => ({
    owner: 'bench',
    currency: 'USD',
    minBalance: { unlimited: true },
  }));
  const data = await request(
    url,
    `mutation ($input: CreateAccountsInput!) { result: createAccounts(input: $input) {
      __typename ... on AccountsCreated { results { ... on AccountCreated { account { id } } } } } }`,
    { accounts },
  );
  const { results } = data['result'] as unknown as { results: { account: { id: string } }[] };
  return results.map(({ account }) => account.id);
}

function transferBetween(accounts: readonly string[]): object {
  const from = Math.floor(Math.random() * accounts.length);
  const to = (from + 1 + Math.floor(Math.random() * (accounts.length - 1))) % accounts.length;
  return {
    fromAccountId: accounts[from],
    toAccountId: accounts[to],
    amount: '0.01',
    idempotencyKey: randomUUID(),
  };
}

const TRANSFER = 'mutation ($input: TransferInput!) { result: transfer(input: $input) { __typename } }';
const BATCH = `mutation ($input: PostBatchInput!) { result: postBatch(input: $input) {
  __typename ... on BatchProcessed { results { __typename ... on LedgerError { code message } } } } }`;

/** Sends requests between the messages `start` and `stop`. Replies to `stop` with the time of each request, in milliseconds. */
async function work({ url, task, accounts }: Work): Promise<void> {
  let running = false;
  let took: number[] = [];
  parentPort?.on('message', (message) => {
    running = message === 'start';
    if (running) return;
    parentPort?.postMessage(took);
    took = [];
  });
  const sendTransfer = () => request(url, TRANSFER, transferBetween(accounts));
  const sendBatch = (turn: number) => {
    const mode = turn % 2 === 0 ? 'INDEPENDENT' : 'ATOMIC';
    const operations = Array.from({ length: OPERATIONS }, () => ({ transfer: transferBetween(accounts) }));
    return request(url, BATCH, { mode, operations });
  };
  const [send, expected] =
    task === 'singles' ? [sendTransfer, 'TransactionPosted'] : [sendBatch, 'BatchProcessed'];
  const sendOne = async (turn: number) => {
    const since = performance.now();
    const { result } = await send(turn);
    if (result?.__typename !== expected) throw new Error(`unexpected result: ${result?.__typename}`);
    took.push(performance.now() - since);
  };
  await Promise.all(
    Array.from({ length: task === 'singles' ? CALLERS : 1 }, async () => {
      for (let turn = 0; ; ) {
        if (running) await sendOne(turn++);
        else await sleep(10);
      }
    }),
  );
}

/** Returns the longest turn of the service's event loop since the previous call. */
async function longestTurn(url: string): Promise<number> {
  const text = await (await fetch(new URL('/metrics', url))).text();
  return Number(/^nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(text)?.[1]) * 1000;
}

async function measure(url: string): Promise<boolean> {
  const start = async (task: Task) => {
    const work: Work = { url, task, accounts: await makeAccounts(url) };
    return new Worker(new URL(import.meta.url), { workerData: work });
  };
  const [singles, batches] = [await start('singles'), await start('batches')];
  const whileRunning = async (worker: Worker, run: () => Promise<unknown>): Promise<number[]> => {
    worker.postMessage('start');
    await run();
    worker.postMessage('stop');
    return (await once(worker, 'message'))[0] as number[];
  };
  await whileRunning(singles, () => whileRunning(batches, () => sleep(TURN_MS)));
  await longestTurn(url);

  // In turns, so that other load on the machine affects both alike.
  const [alone, during, sent]: [number[], number[], number[]] = [[], [], []];
  const turns = { alone: 0, during: 0 };
  for (let turn = 0; turn < TURNS; turn += 1) {
    alone.push(...(await whileRunning(singles, () => sleep(TURN_MS))));
    turns.alone = Math.max(turns.alone, await longestTurn(url));
    during.push(
      ...(await whileRunning(singles, async () =>
        sent.push(...(await whileRunning(batches, () => sleep(TURN_MS)))),
      )),
    );
    turns.during = Math.max(turns.during, await longestTurn(url));
    console.log(`turn ${turn + 1} of ${TURNS}`);
  }
  await Promise.all([singles.terminate(), batches.terminate()]);

  const [p99Alone, p99During] = [quantile(alone, 0.99), quantile(during, 0.99)];
  const allowed = Math.max(MAX_MS, MAX_TIMES * p99Alone);
  console.log(`
${CALLERS} callers alone:      ${alone.length} transfers, p50 ${ms(quantile(alone, 0.5))}, p99 ${ms(p99Alone)}; longest turn of the event loop ${ms(turns.alone)}
during ${sent.length} batches: ${during.length} transfers, p50 ${ms(quantile(during, 0.5))}, p99 ${ms(p99During)}; longest turn of the event loop ${ms(turns.during)}
a batch of ${OPERATIONS}: p50 ${ms(quantile(sent, 0.5))}
${p99During <= allowed ? '✓' : '✗'} p99 during batches: ${ms(p99During)}, at most ${ms(allowed)}`);
  return p99During <= allowed;
}

async function main(): Promise<void> {
  console.log(`${cpus().length} cores of ${cpus()[0]?.model ?? 'unknown make'}, Node ${process.version}`);
  if (!(await withOwnService(measure))) process.exitCode = 1;
}

if (isMainThread) await main();
else await work(workerData as Work);
