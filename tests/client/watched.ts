import type { Fetch } from '../../src/client/transport.ts';

/** One request of a client. */
export interface Sent {
  /** `query Account`, `mutation PostOperations`, … */
  readonly name: string;
  /** Operations, accounts or aliased reads of a shared request; 1 for any other. */
  readonly size: number;
  readonly bytes: number;
  readonly keys: readonly string[];
}

export interface Watched {
  readonly fetch: Fetch;
  readonly sent: Sent[];
  /** The most requests that were in flight at once. */
  readonly mostInFlight: () => number;
}

/** A fetch that records each request, and lets a test answer it instead of the service. */
export function watch(answer?: (sent: Sent, count: number) => Response | Error | null | undefined): Watched {
  const sent: Sent[] = [];
  let inFlight = 0;
  let most = 0;
  return {
    sent,
    mostInFlight: () => most,
    fetch: async (url, init) => {
      const request = read(String(init.body));
      sent.push(request);
      inFlight += 1;
      most = Math.max(most, inFlight);
      try {
        const instead = answer?.(request, sent.length);
        if (instead === undefined) return await fetch(url, init);
        if (instead instanceof Error) throw instead;
        if (instead !== null) return instead;
        await fetch(url, init);
        throw new TypeError('the connection was lost');
      } finally {
        inFlight -= 1;
      }
    },
  };
}

function read(body: string): Sent {
  const { query, variables } = JSON.parse(body);
  const { operations, accounts } = variables?.input ?? {};
  const [, name = ''] = /^(\w+ \w+)/.exec(query) ?? [];
  return {
    name,
    size: (operations ?? accounts ?? Object.keys(name === 'query Shared' ? variables : { one: 1 })).length,
    bytes: Buffer.byteLength(body),
    keys: [...body.matchAll(/"idempotencyKey":"([^"]*)"/g)].map(([, key = '']) => key),
  };
}
