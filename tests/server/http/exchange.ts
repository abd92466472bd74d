import { Agent, type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http';
import { text } from 'node:stream/consumers';

export interface Sent {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  /** Sent with its content-length, unless the headers say otherwise. */
  readonly body?: string | Buffer;
}

export interface Received {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/**
 * Sends a request exactly as it is given, over a new keep-alive connection, and returns the answer.
 */
export function exchange(url: string, { method = 'POST', headers = {}, body }: Sent): Promise<Received> {
  const agent = new Agent({ keepAlive: true });
  const received = new Promise<Received>((resolve, reject) => {
    const sent = request(url, { method, headers, agent }, (response) => {
      text(response).then((received) => {
        resolve({ status: response.statusCode, headers: response.headers, body: received });
      }, reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
  return received.finally(() => agent.destroy());
}

export const JSON_TYPE = { 'content-type': 'application/json' };

/** Returns a request as GraphQL clients send it. */
export function asking(query: unknown, members: object = {}, headers: OutgoingHttpHeaders = {}): Sent {
  return { headers: { ...JSON_TYPE, ...headers }, body: JSON.stringify({ query, ...members }) };
}

/** Sends a document to an endpoint, and returns the answer. */
export async function ask(url: string, query: string): Promise<unknown> {
  return JSON.parse((await exchange(url, asking(query))).body);
}
