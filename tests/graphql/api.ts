import { randomUUID } from 'node:crypto';
import { afterAll, expect } from 'vitest';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { type HttpServer, type HttpServerOptions, startHttpServer } from '../../src/server/http/http.ts';

export interface Fault {
  readonly err: unknown;
  readonly requestId: string;
}

/** An answer of the API. */
export interface Answer<Data = Record<string, unknown>> {
  readonly data: Data;
  readonly errors?: readonly {
    readonly message: string;
    readonly path?: readonly string[];
    readonly extensions?: Readonly<Record<string, unknown>>;
  }[];
}

/** The API of a ledger over real HTTP. */
export interface Api {
  readonly server: HttpServer;
  /** The logged faults. */
  readonly faults: Fault[];
  ask<Data = Record<string, unknown>>(
    query: string,
    variables?: Readonly<Record<string, unknown>>,
  ): Promise<Answer<Data>>;
  /** Sends one mutation with an input in variables. Returns its field. Fails if the answer has errors. */
  mutate(field: Field, input: object, selection?: string): Promise<Record<string, unknown>>;
}
export type Field =
  | 'createAccount'
  | 'createAccounts'
  | 'updateAccount'
  | 'freezeAccount'
  | 'unfreezeAccount'
  | 'closeAccount'
  | 'createCurrency'
  | 'closePeriod'
  | 'deposit'
  | 'withdraw'
  | 'transfer'
  | 'postTransaction'
  | 'reverseTransaction'
  | 'placeHold'
  | 'captureHold'
  | 'voidHold'
  | 'postBatch'
  | 'createLedger'
  | 'createApiKey'
  | 'revokeApiKey';

/** Serves a ledger until the end of the test file. */
export async function serve(ledger: Ledger, options: Partial<HttpServerOptions> = {}): Promise<Api> {
  const faults: Fault[] = [];
  const log = { error: (fault: object) => void faults.push(fault as Fault) };
  const server = await startHttpServer({
    engine: ledger.engine,
    host: '127.0.0.1',
    port: 0,
    log,
    ...options,
  });
  afterAll(() => server.close());

  const api: Api = {
    server,
    faults,
    ask: async (query, variables = {}) => {
      const response = await fetch(`${server.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query, variables }),
      });
      return response.json() as ReturnType<typeof api.ask<never>>;
    },
    mutate: async (field, input, selection = '') => {
      const type = `${field.charAt(0).toUpperCase()}${field.slice(1)}Input`;
      const answer = await api.ask<Record<string, Record<string, unknown>>>(
        `mutation ($input: ${type}!) { ${field}(input: $input) { __typename ${ERROR} ${selection} } }`,
        { input },
      );
      expect(answer).not.toHaveProperty('errors');
      return answer.data[field] ?? {};
    },
  };
  return api;
}

const ERROR = '... on LedgerError { code message retryable replayed }';

/** Returns a unique idempotency key. */
export function newKey(): string {
  return randomUUID();
}
