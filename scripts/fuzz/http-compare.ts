/**
 * Sends the same bytes to two services on two ledgers with the same accounts, one with the fast path and one without it. They must
 * answer and record the same.
 */

import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import pg from 'pg';
import { Engine } from '../../src/ledger/engine.ts';
import { FastPath } from '../../src/server/http/fast-path.ts';
import { startHttpServer } from '../../src/server/http/http.ts';
import { TrustedDocuments } from '../../src/server/http/trusted-documents.ts';
import { ACCOUNTS, EXCHANGE, type Exchange, MANIFEST, ORIGIN } from './http-requests.ts';

export interface BooksUrls {
  readonly serviceUrl: string;
  readonly ownerUrl: string;
}

/** Counts of the service with the fast path. */
export interface Ways {
  /** Requests that were sent. */
  readonly sent: number;
  /** Answered requests, without those that are not valid HTTP. */
  readonly answered: number;
  /** Of these, the ones answered without Yoga. */
  readonly fast: number;
  /** Transactions in the answers. */
  readonly posted: number;
}

export interface FuzzOptions {
  readonly seed: number;
  /** The approximate number of requests to each service. */
  readonly requests: number;
  /** Whether both services execute trusted documents only. */
  readonly trusted?: boolean;
}

/** Throws at a difference, which it shortens, with the seed. */
export async function compareHttp(
  databases: readonly [BooksUrls, BooksUrls],
  { seed, requests, trusted = false }: FuzzOptions,
): Promise<Ways> {
  const [fast, slow] = await Promise.all([
    serve(databases[0], true, trusted),
    serve(databases[1], false, trusted),
  ]);
  const ways = countWays(fast);
  let [sent, posted] = [0, 0];
  try {
    const exchanges = fc.asyncProperty(EXCHANGE, async (exchange) => {
      if (sent >= requests) return;
      sent += exchange.requests;
      const [given, expected] = await Promise.all([send(fast.port, exchange), send(slow.port, exchange)]);
      posted += given.match(/"TransactionPosted"/g)?.length ?? 0;
      if (given !== expected) throw new Error(describeDifference(exchange, given, expected));
    });
    await fc.assert(exchanges, { seed, numRuns: requests });
    const [given, expected] = await Promise.all([recorded(databases[0]), recorded(databases[1])]);
    if (given !== expected) {
      throw new Error(
        `Seed ${seed}: the recorded outcomes differ.\nWith the fast path:\n${given}\n\nWithout it:\n${expected}`,
      );
    }
  } finally {
    ways.stop();
    await Promise.all([fast.close(), slow.close()]);
  }
  return { sent, posted, ...ways.counted() };
}

const CREATE_ACCOUNT = `mutation ($externalId: String!) {
  createAccount(input: { owner: "fuzz", currency: "USD", externalId: $externalId, minBalance: { unlimited: true } }) { __typename }
}`;

async function serve({ serviceUrl }: BooksUrls, fastPath: boolean, trusted: boolean) {
  const ledger = await Engine.openMain({ allowUnsafeDurability: true, databaseUrl: serviceUrl });
  const faults: unknown[] = [];
  let answered = 0;
  const server = await startHttpServer({
    engine: ledger.engine,
    host: '127.0.0.1',
    port: 0,
    log: { error: (fault: unknown) => void faults.push(fault) },
    onAnswered: () => {
      answered += 1;
    },
    corsOrigins: [ORIGIN],
    allowedHosts: [],
    fastPath,
    compileAfter: 3,
    trustedDocuments: trusted
      ? new TrustedDocuments(new Map([...MANIFEST, ['create', CREATE_ACCOUNT]]))
      : undefined,
  });
  for (const externalId of ACCOUNTS) {
    const variables = { externalId };
    const answer = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: CREATE_ACCOUNT, variables }),
    });
    if (!(await answer.text()).includes('AccountCreated')) throw new Error('an account was not created');
  }
  return {
    port: Number(new URL(server.url).port),
    answered: () => answered,
    close: async () => {
      await server.close();
      await ledger.close();
      if (faults.length > 0) throw new AggregateError(faults, 'internal errors');
    },
  };
}

/** Starts counting the answers of a service by their path. */
function countWays({ answered }: Awaited<ReturnType<typeof serve>>) {
  const before = answered();
  let fast = 0;
  const { answer } = FastPath.prototype;
  FastPath.prototype.answer = async function (...given) {
    const result = await answer.apply(this, given);
    if (result !== undefined) fast += 1;
    return result;
  };
  return {
    counted: () => ({ answered: answered() - before, fast }),
    stop: () => {
      FastPath.prototype.answer = answer;
    },
  };
}

/** How long to wait for an answer. */
const SILENCE_MS = 60;
const LAST = 'GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n';

/** Sends an exchange over one connection, and returns all answers, without values that differ between services. */
async function send(port: number, { pieces, requests }: Exchange): Promise<string> {
  const socket = connect(port, '127.0.0.1').setNoDelay();
  let received = '';
  socket.on('data', (bytes) => {
    received += bytes.toString('latin1');
  });
  // A reset ends the connection too.
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) => void socket.once('close', () => resolve()));
  await once(socket, 'connect');
  for (const piece of pieces) {
    socket.write(piece);
    // The piece arrives alone.
    await sleep(2);
  }
  const answers = () => received.match(/HTTP\/1\.1 [2-5]\d\d /g)?.length ?? 0;
  const until = performance.now() + SILENCE_MS;
  while (answers() < requests && !socket.destroyed && performance.now() < until) await sleep(2);
  socket.write(LAST);
  await Promise.race([closed, sleep(300)]);
  socket.end();
  await Promise.race([
    closed,
    sleep(10_000).then(() => Promise.reject(new Error('a connection does not end'))),
  ]);
  return comparable(received);
}

function comparable(received: string): string {
  const ids = new Map<string, string>();
  return received
    .replaceAll(/^Date: .*$/gm, 'Date: …')
    .replaceAll(/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, '(uuid)')
    .replaceAll(/\b(txn|acct)_[0-9a-z]{26}\b/g, (id, kind: string) => {
      const shown = ids.get(id) ?? `${kind}_(${ids.size})`;
      ids.set(id, shown);
      return shown;
    })
    .replaceAll(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z/g, '(instant)');
}

function describeDifference({ pieces }: Exchange, given: string, expected: string): string {
  const shown = pieces.map((piece) => JSON.stringify(piece.toString('latin1')).slice(0, 3000)).join('\n');
  return `Sent, piece by piece:\n${shown}\n\nWith the fast path:\n${given}\n\nWithout it:\n${expected}\n`;
}

/** Returns the recorded outcomes with their entries, one per line, sorted by account and key. */
async function recorded({ ownerUrl }: BooksUrls): Promise<string> {
  const client = new pg.Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    const { rows } = await client.query(`
      select k.external_id as key_account, t.idempotency_key, t.type, t.outcome, t.facts::text, t.external_id,
             t.description, t.metadata::text, (
               select string_agg(concat_ws(' ', e.line, a.external_id, e.layer, e.amount), ', ' order by e.line)
               from entries e join accounts a on a.id = e.account_id where e.transaction_id = t.id) as entries
      from transactions t join accounts k on k.id = t.account_id
      order by k.external_id collate "C", t.idempotency_key`);
    return comparable(rows.map((row) => JSON.stringify(row)).join('\n'));
  } finally {
    await client.end();
  }
}

/** Returns the counts as text. Throws if one of the paths was hardly used, because then little was compared. */
export function describeWays({ sent, answered, fast, posted }: Ways): string {
  const text = `${sent} requests sent; ${answered} answered, ${fast} of them without Yoga; ${posted} transactions in the answers`;
  if (Math.min(fast, answered - fast, posted) < sent / 100)
    throw new Error(`One path was hardly used: ${text}`);
  return text;
}
