import { afterAll, expect } from 'vitest';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { type HttpServerOptions, startHttpServer } from '../../../src/server/http/http.ts';
import { exchange, type Received, type Sent } from './exchange.ts';

// Each way to answer a request, on one ledger. All must give the same answer, byte for byte.

export const ORIGIN = 'https://app.example';

/** The URLs of three servers on one ledger. */
export interface Ways {
  readonly fast: string;
  /** Compiles an operation at its second request. */
  readonly compiled: string;
  readonly yoga: string;
}

export async function serveAllWays(
  ledger: Ledger,
  options: Pick<HttpServerOptions, 'explorer' | 'trustedDocuments' | 'tokens' | 'maxWrongCredentials'> = {},
): Promise<Ways> {
  const log = { error: () => {} };
  const common = {
    engine: ledger.engine,
    host: '127.0.0.1',
    port: 0,
    log,
    corsOrigins: [ORIGIN],
    maxWrongCredentials: 1e6,
    ...options,
  };
  const [fast, compiled, yoga] = await Promise.all(
    [{ fastPath: true }, { fastPath: true, compileAfter: 1 }, { fastPath: false }].map(async (way) => {
      const server = await startHttpServer({ ...common, ...way });
      afterAll(() => server.close());
      return server.url;
    }),
  );
  return { fast: fast ?? '', compiled: compiled ?? '', yoga: yoga ?? '' };
}

/** The answer without the values that differ between answers. */
function comparable({ status, headers, body }: Received) {
  const { date: _, 'x-request-id': requestId, ...rest } = headers;
  return {
    status,
    headers: { ...rest, 'x-request-id': /^[0-9a-f-]{36}$/.test(String(requestId)) },
    body: body.replaceAll(/"requestId":"[0-9a-f-]{36}"/g, '"requestId":""'),
  };
}

let compared = 0;
/** How many requests were compared. */
export const comparisons = () => compared;

/** Sends a request each way, fails if the answers differ, and returns the answer. */
export async function compare(
  { fast, compiled, yoga }: Ways,
  sent: Sent,
  path = '/graphql',
): Promise<Received> {
  const first = await exchange(`${fast}${path}`, sent);
  const last = comparable(await exchange(`${yoga}${path}`, sent));
  expect(comparable(first)).toEqual(last);
  await exchange(`${compiled}${path}`, sent);
  expect(comparable(await exchange(`${compiled}${path}`, sent))).toEqual(last);
  compared += 1;
  return first;
}
