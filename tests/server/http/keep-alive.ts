import { type Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Sent } from './exchange.ts';

/**
 * Sends a mutation over the connections of an agent. Returns the status and the type of the answer, or the error.
 */
export function ask(agent: Agent, url: string, { headers = {}, body }: Sent): Promise<string> {
  return new Promise((resolve) => {
    const sent = request(url, { method: 'POST', headers, agent }, (response) => {
      text(response).then(
        (received) => resolve(`${response.statusCode} ${/"__typename":"(\w+)"/.exec(received)?.[1]}`),
        (error: unknown) => resolve(`cut off: ${String(error)}`),
      );
    });
    sent.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    sent.end(body);
  });
}
