/**
 * Starts a service on this machine and attacks it. Each attack must be rejected within MAX_REFUSAL_MS of the byte that exceeds a
 * limit. Slow clients must be disconnected in time. Silent connections must not lock out others. No attack may slow down a
 * bystander, who sends transfers, by more than MAX_SLOWDOWN. Takes about seven minutes.
 *   node scripts/attack.ts
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { HEADERS_TIMEOUT_MS, MAX_CONNECTIONS, REQUEST_TIMEOUT_MS } from '../src/server/http/limits.ts';
import { ms, quantile } from './latency.ts';
import { withOwnService } from './service-process.ts';

const MAX_REFUSAL_MS = 50;
/** From the first attempt to connect to the answer. */
const MAX_PROBE_MS = 1000;
/** Until the service has read what the operating system buffered of a large body. */
const BUFFERED_MS = 200;
const PROBES = 40;
const PROBE_PAUSE_MS = 10;
const MAX_SLOWDOWN = 2;
const ROUNDS = 20;
const WARM_UP_MS = 4000;
const TURNS = 6;
const TURN_MS = 1000;
/** More would not fit into the backlog of the port. */
const CONNECT_AT_ONCE = 200;
const ATTACKERS = 2;
const ATTACK_PAUSE_MS = 20;
const BYSTANDERS = 8;
/** Clients that request the largest answers and do not read them. */
const UNREAD = 8;
const UNREAD_MS = 15_000;
const MAX_UNREAD_P99_MS = 200;
const MAX_UNREAD_MB = 1000;
/** With smaller answers the attack would prove nothing. */
const MIN_UNREAD_BYTES = 28 * 2 ** 20;

/** A request in two parts: the second part exceeds a limit. */
interface Attack {
  readonly name: string;
  readonly before: string | Buffer;
  readonly breaking: string | Buffer;
  readonly refusal: RegExp;
}

const times = (count: number, write: (place: number) => string) =>
  Array.from({ length: count }, (_, place) => write(place)).join(' ');

function head(...lines: readonly string[]): string {
  return [
    'POST /graphql HTTP/1.1',
    'host: localhost',
    'content-type: application/json',
    'connection: close',
    ...lines,
    '',
    '',
  ].join('\r\n');
}

function document(name: string, query: string, refusal = /INVALID_INPUT/, variables = {}): Attack {
  const body = JSON.stringify({ query, variables });
  return {
    name,
    before: head(`content-length: ${Buffer.byteLength(body)}`) + body.slice(0, -1),
    breaking: body.slice(-1),
    refusal,
  };
}

const chunks = (count: number) =>
  Buffer.concat(Array.from({ length: count }, () => Buffer.from(`100000\r\n${' '.repeat(2 ** 20)}\r\n`)));
const large = JSON.stringify({
  query: '{ ledger { name } }',
  variables: { x: Array.from({ length: 10_000 }, () => 'x'.repeat(800)) },
});

/** Several such bodies at once do not fit into memory together: then the last is rejected with OVERLOADED. */
const TOO_LARGE = / 413 |OVERLOADED/;
const FILTERED = 'query ($filter: AccountFilter) { accounts(filter: $filter) { nodes { id } } }';
const BATCH = 'mutation ($input: PostBatchInput!) { postBatch(input: $input) { __typename } }';
/** Returns a batch with a body of almost 16 MiB. */
function batch(name: string, count: number, write: (place: number) => string, [open, close]: string): Attack {
  const elements = Array.from({ length: count }, (_, place) => write(place)).join(',');
  const body = `{"query":${JSON.stringify(BATCH)},"variables":{"input":${open}${elements}${close}}}`;
  return {
    name,
    before: Buffer.from(head(`content-length: ${body.length}`) + body.slice(0, -1)),
    breaking: body.slice(-1),
    refusal: TOO_LARGE,
  };
}

const ATTACKS: readonly Attack[] = [
  document('5,000 levels', `${'{ node(id: "") '.repeat(5000)}${'}'.repeat(5000)}`),
  document('2,000 levels', `${'{a'.repeat(2000)}${'}'.repeat(2000)}`),
  document('20,000 aliases', `{ ${times(20_000, (i) => `a${i}: ledger { name }`)} }`),
  document('400 aliases', `{ ${times(400, (i) => `a${i}: ledger { name }`)} }`),
  document('100,000 tokens', `{ ${'a '.repeat(100_000)} }`),
  document('10,000 tokens', `{ ${'a '.repeat(10_000)} }`),
  document(
    'a fragment that spreads itself',
    '{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }',
  ),
  document(
    '2^20 fragment spreads',
    `{ ...F0 } ${times(20, (i) => `fragment F${i} on Query { ...F${i + 1} ...F${i + 1} }`)} fragment F20 on Query { ledger { name } }`,
  ),
  document('10,000 validation errors', `{ ${times(10_000, (i) => `n${i}`)} }`),
  document(
    'as many errors as a document can have',
    `{ ${times(990, (i) => `n${i}`)} }`,
    /GRAPHQL_VALIDATION_FAILED/,
  ),
  document(
    'as many equal fields as a document can have',
    `{ ${times(24, (i) => `a${i}: ledger { ${'name '.repeat(40)} }`)} nothing }`,
    /GRAPHQL_VALIDATION_FAILED/,
  ),
  document(
    'a page of pages',
    '{ accounts(first: 100) { nodes { history(first: 100) { nodes { transaction { id } } } } } }',
  ),
  document(
    '700 aliases in an introspection',
    `{ __schema { types { ${times(700, (i) => `a${i}: fields { name }`)} } } }`,
  ),
  document('100 trial balances', `{ ledger { ${times(100, (i) => `a${i}: trialBalance { accounts }`)} } }`),
  document(
    '300 fragments in one place',
    `{ ${times(300, (i) => `...F${i}`)} } ${times(300, (i) => `fragment F${i} on Query { f${i}: __typename }`)}`,
  ),
  document('400 equal fields with fields', `{ ${'ledger { head { hash } } '.repeat(400)} }`),
  document(
    '20 levels in each of 48 fragments',
    `{ ...F0 } ${times(48, (i) => `fragment F${i} on Transaction { ${'reverses { '.repeat(20)} ...F${i + 1} ${'} '.repeat(21)}`)} fragment F48 on Transaction { id }`,
  ),
  document('2,300 directives', `{ ledger { name ${'@x '.repeat(2300)} } }`, /GRAPHQL_VALIDATION_FAILED/),
  document('1 MB of comments', `${'#\n'.repeat(500_000)}{ ledger { name } }`),
  document(
    '1,500 unknown fields in an argument',
    `mutation { deposit(input: { ${times(1500, (i) => `f${i}: "${'x'.repeat(40)}"`)} }) { __typename } }`,
    /GRAPHQL_VALIDATION_FAILED/,
  ),
  document('20,000 unknown fields in variables', FILTERED, TOO_LARGE, {
    filter: Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`f${i}`, 1])),
  }),
  document('5,000 unknown fields in variables', FILTERED, /the field/, {
    filter: Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`f${i}`, 1])),
  }),
  {
    name: '20 MB, announced',
    before: head('content-length: 20000000').slice(0, -2),
    breaking: '\r\n',
    refusal: TOO_LARGE,
  },
  {
    name: '20 MB, in chunks',
    before: Buffer.concat([Buffer.from(head('transfer-encoding: chunked')), chunks(16)]),
    breaking: '1\r\n \r\n',
    refusal: TOO_LARGE,
  },
  {
    name: '8 MB without a postBatch',
    before: head(`content-length: ${large.length}`) + large.slice(0, -1),
    breaking: large.slice(-1),
    refusal: TOO_LARGE,
  },
  batch('16 MB of [] in a postBatch', 5_500_000, () => '[]', '[]'),
  batch('16 MB of keys in a postBatch', 1_390_000, (i) => `"${i + 1_000_000}":1`, '{}'),
];

/** Returns the milliseconds from the byte that exceeds a limit to the rejection. */
async function run(
  port: number,
  { name, before, breaking, refusal }: Attack,
  pauseMs = ATTACK_PAUSE_MS,
): Promise<number> {
  const socket = connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  socket.on('error', () => {});
  await once(socket, 'connect');
  await new Promise((resolve) => socket.write(before, resolve));
  await sleep(pauseMs);
  const since = performance.now();
  socket.write(breaking);
  const [first] = (await once(socket, 'data', { signal: AbortSignal.timeout(10_000) })) as [Buffer];
  const took = performance.now() - since;
  if (!refusal.test(first.toString('latin1')))
    throw new Error(`${name} was answered: ${first.subarray(0, 400)}`);
  socket.destroy();
  return took;
}

/** Sends bytes slowly, and returns the milliseconds until the service ends the connection. */
async function drip(port: number, first: string, drop: string): Promise<number> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  const closed = once(socket, 'close');
  await once(socket, 'connect');
  const since = performance.now();
  socket.write(first);
  socket.resume();
  const dripping = drop === '' ? undefined : setInterval(() => socket.write(drop), 1000);
  await closed;
  clearInterval(dripping);
  return performance.now() - since;
}

/**
 * Opens as many connections as the service allows, which only send `bytes`. Returns the milliseconds until each probe was answered
 * on a further connection.
 */
async function crowd(port: number, bytes: string): Promise<number[]> {
  const silent = new Set<Socket>();
  const fill = async () => {
    while (silent.size < MAX_CONNECTIONS) {
      const missing = Math.min(MAX_CONNECTIONS - silent.size, CONNECT_AT_ONCE);
      await Promise.all(Array.from({ length: missing }, openSilent));
    }
  };
  const openSilent = async () => {
    const socket = connect(port, '127.0.0.1');
    silent.add(socket);
    socket.on('error', () => {}).once('close', () => silent.delete(socket));
    await once(socket, 'connect');
    socket.resume().write(bytes);
  };
  const took: number[] = [];
  while (took.length < PROBES) {
    await fill();
    const since = performance.now();
    while (!(await isAlive(port))) await sleep(PROBE_PAUSE_MS);
    took.push(performance.now() - since);
  }
  for (const socket of silent) socket.destroy();
  return took;
}

/** Returns whether a request over another connection is answered. */
async function isAlive(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  socket.write('GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n');
  try {
    return /^HTTP\/1\.1 200 /.test(await text(socket));
  } catch {
    return false;
  }
}

async function ask(
  url: string,
  query: string,
  variables: object,
): Promise<Record<string, { account?: { id: string } }>> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await response.json()) as { data: never; errors?: unknown };
  if (errors !== undefined) throw new Error(JSON.stringify(errors));
  return data;
}

/** Sends transfers and queries all the time. Replies to each message with the durations since the last one. */
async function bystand(url: string): Promise<void> {
  const ids = await Promise.all(
    Array.from({ length: 100 }, async () => {
      const { made } = await ask(
        url,
        'mutation ($input: CreateAccountInput!) { made: createAccount(input: $input) { ... on AccountCreated { account { id } } } }',
        {
          input: { owner: 'bystander', currency: 'USD' },
        },
      );
      const id = made?.account?.id ?? '';
      await ask(url, 'mutation ($input: DepositInput!) { deposit(input: $input) { __typename } }', {
        input: { accountId: id, amount: '1000000', idempotencyKey: randomUUID() },
      });
      return id;
    }),
  );
  let took: number[] = [];
  parentPort?.on('message', () => {
    parentPort?.postMessage(took);
    took = [];
  });
  parentPort?.postMessage('ready');
  const any = () => ids[Math.floor(Math.random() * ids.length)];
  await Promise.all(
    Array.from({ length: BYSTANDERS }, async () => {
      for (;;) {
        const [fromAccountId, toAccountId] = [any(), any()];
        if (fromAccountId === toAccountId) continue;
        const since = performance.now();
        await ask(url, 'mutation ($input: TransferInput!) { transfer(input: $input) { __typename } }', {
          input: { fromAccountId, toAccountId, amount: '0.01', idempotencyKey: randomUUID() },
        });
        took.push(performance.now() - since);
        const queriedAt = performance.now();
        await ask(
          url,
          'query ($id: ID!) { account(id: $id) { balance { amount } history(first: 5) { nodes { id } } } }',
          {
            id: fromAccountId,
          },
        );
        took.push(performance.now() - queriedAt);
        await sleep(5);
      }
    }),
  );
}

const BIG_ACCOUNTS = 100;
const BIG_JOURNALS = 220;

/** Posts journals of a hundred entries with the longest texts. */
async function postBigJournals(url: string): Promise<void> {
  const metadata = Object.fromEntries(listOf(40, (i) => [`key${i}`, 'm'.repeat(188)]));
  const ids = await Promise.all(
    listOf(BIG_ACCOUNTS, async () => {
      const input = { owner: 'o'.repeat(255), currency: 'USD', minBalance: { unlimited: true }, metadata };
      const { made } = await ask(
        url,
        'mutation ($input: CreateAccountInput!) { made: createAccount(input: $input) { ... on AccountCreated { account { id } } } }',
        { input },
      );
      return made?.account?.id ?? '';
    }),
  );
  const entries = ids.map((accountId, place) => ({
    accountId,
    side: place % 2 === 0 ? 'DEBIT' : 'CREDIT',
    amount: '1',
    // Each character takes six bytes in JSON.
    description: '\u0001'.repeat(1000),
  }));
  for (let place = 0; place < BIG_JOURNALS; place += 1) {
    await ask(
      url,
      'mutation ($input: PostTransactionInput!) { postTransaction(input: $input) { __typename } }',
      {
        input: { keyAccountId: ids[0], idempotencyKey: randomUUID(), entries, metadata },
      },
    );
  }
}

const listOf = <T>(count: number, make: (place: number) => T) =>
  Array.from({ length: count }, (_, i) => make(i));

const ENTRY_FIELDS = 'id account { id } side layer amount { amount currency } version description createdAt';
/** Queries with answers just below the limit. */
const LARGEST: readonly string[] = [
  `{ transactions(first: 48, filter: { types: [JOURNAL] }) { nodes { id metadata entries { ${ENTRY_FIELDS} } } } }`,
  `{ transactions(first: 48, filter: { types: [JOURNAL] }) { nodes { id entries { ${ENTRY_FIELDS} } } } }`,
  '{ accounts(first: 53) { nodes { history(first: 100) { nodes { id description } } } } }',
];

/** Measures the bystander's latencies and the memory of the service while clients request the largest answers and read none. */
async function leaveUnread(
  url: string,
  pid: number,
  latencies: () => Promise<number[]>,
): Promise<{ readonly latencies: number[]; readonly megabytes: number; readonly bytes: number[] }> {
  const port = Number(new URL(url).port);
  await postBigJournals(url);
  await latencies();
  let megabytes = 0;
  const watch = setInterval(() => {
    megabytes = Math.max(megabytes, residentMegabytes(pid));
  }, 50);
  const sockets = listOf(UNREAD, (place) => {
    const socket = connect(port, '127.0.0.1').pause();
    socket.on('error', () => {});
    const body = JSON.stringify({ query: LARGEST[place % LARGEST.length] });
    socket.write(head(`content-length: ${body.length}`) + body);
    return socket;
  });
  await sleep(UNREAD_MS);
  clearInterval(watch);
  const took = await latencies();
  const bytes = await Promise.all(sockets.map(bytesWaiting));
  for (const socket of sockets) socket.destroy();
  return { latencies: took, megabytes, bytes };
}

/** Returns the length of an answer that was not read. */
async function bytesWaiting(socket: Socket): Promise<number> {
  socket.resume();
  const [first] = (await once(socket, 'data', { signal: AbortSignal.timeout(10_000) })) as [Buffer];
  return Number(/content-length: (\d+)/i.exec(first.toString('latin1'))?.[1]);
}

function residentMegabytes(pid: number): number {
  const [, kilobytes = '0'] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1000;
}

/** Repeats one attack for a turn, with pauses. */
async function keepAttacking(port: number, attack: Attack): Promise<void> {
  const until = performance.now() + TURN_MS;
  await Promise.all(
    listOf(ATTACKERS, async () => {
      while (performance.now() < until) {
        await run(port, attack);
        await sleep(ATTACK_PAUSE_MS);
      }
    }),
  );
}

async function attackAll(url: string, pid: number): Promise<boolean> {
  const port = Number(new URL(url).port);
  let isWell = true;
  const judge = (line: string, well: boolean) => {
    console.log(`${well ? '✓' : '✗'} ${line}`);
    isWell &&= well;
  };

  for (const attack of ATTACKS) {
    const took: number[] = [];
    // Node.js compiles the code of the service at the first request of a kind.
    await run(port, attack);
    for (let round = 0; round < ROUNDS; round += 1) took.push(await run(port, attack, BUFFERED_MS));
    const worst = Math.max(...took);
    judge(
      `${attack.name}: rejected after ${ms(quantile(took, 0.5))}, at most ${ms(worst)}`,
      worst <= MAX_REFUSAL_MS,
    );
  }

  for (const [name, bytes] of [
    ['send nothing', ''],
    ['send part of a head', 'POST /graphql HTTP/1.1\r\n'],
    ['send part of a body', head('content-length: 1000')],
  ] as const) {
    const took = await crowd(port, bytes);
    const worst = Math.max(...took);
    judge(
      `${MAX_CONNECTIONS} connections that ${name}: another one is answered after ${ms(quantile(took, 0.5))}, at most ${ms(worst)}`,
      worst <= MAX_PROBE_MS,
    );
  }

  const slow = Promise.all(
    (
      [
        ['a client that sends nothing', '', '', HEADERS_TIMEOUT_MS],
        ['an incomplete head', 'POST /graphql HTTP/1.1\r\n', 'x-more: x\r\n', HEADERS_TIMEOUT_MS],
        ['an incomplete body', head('content-length: 1000'), ' ', REQUEST_TIMEOUT_MS],
      ] as const
    ).map(async ([name, first, drop, timeoutMs]) => ({
      name,
      timeoutMs,
      took: await drip(port, first, drop),
    })),
  );

  const bystander = new Worker(new URL(import.meta.url), { workerData: { url } });
  const latencies = async (): Promise<number[]> => {
    bystander.postMessage('report');
    return (await once(bystander, 'message'))[0] as number[];
  };
  await once(bystander, 'message');
  await sleep(WARM_UP_MS);
  await latencies();
  // Measures in turns, so that other load on the machine affects both measurements.
  for (const attack of ATTACKS) {
    const [alone, attacked, slowdowns]: [number[], number[], number[]] = [[], [], []];
    for (let turn = 0; turn < TURNS; turn += 1) {
      await sleep(TURN_MS);
      const before = await latencies();
      await keepAttacking(port, attack);
      const during = await latencies();
      alone.push(...before);
      attacked.push(...during);
      slowdowns.push(quantile(during, 0.99) / quantile(before, 0.99));
    }
    const slowdown = quantile(attacked, 0.99) / quantile(alone, 0.99);
    const [least, most] = [Math.min(...slowdowns), Math.max(...slowdowns)];
    judge(
      `${attack.name}: a bystander's p99 is ${slowdown.toFixed(2)} times that without (${least.toFixed(2)} to ${most.toFixed(2)})`,
      slowdown <= MAX_SLOWDOWN,
    );
  }
  const unread = await leaveUnread(url, pid, latencies);
  await bystander.terminate();

  judge(
    `${UNREAD} unread answers of at least ${Math.min(...unread.bytes)} bytes: a bystander's p99 is ${ms(quantile(unread.latencies, 0.99))} ` +
      `(${unread.latencies.length} transfers and queries), and the service uses at most ${unread.megabytes.toFixed(0)} MB`,
    quantile(unread.latencies, 0.99) <= MAX_UNREAD_P99_MS &&
      unread.megabytes <= MAX_UNREAD_MB &&
      Math.min(...unread.bytes) >= MIN_UNREAD_BYTES,
  );
  for (const { name, timeoutMs, took } of await slow) {
    judge(
      `${name}: disconnected after ${ms(took)}, with a timeout of ${timeoutMs} ms`,
      took <= timeoutMs + 1000,
    );
  }
  return isWell;
}

async function main(): Promise<void> {
  if (!(await withOwnService(attackAll))) process.exitCode = 1;
}

if (isMainThread) await main();
else await bystand((workerData as { url: string }).url);
