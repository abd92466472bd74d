import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** When a connection is cut: before its request is forwarded, after it, during the response, or never. */
export type Cut = 'before' | 'after the request' | 'during the response' | 'never';

export interface CutProxy {
  readonly url: string;
  close(): Promise<void>;
}

/** Forwards requests to the service, and calls `next` for each request to decide when to cut its connection. */
export async function startCutProxy(serviceUrl: string, next: () => Cut): Promise<CutProxy> {
  const { hostname, port } = new URL(serviceUrl);
  const clients = new Set<Socket>();
  const server = createServer((client) => {
    clients.add(client);
    client.once('close', () => clients.delete(client));
    const service = connect(Number(port), hostname);
    const cutBoth = () => {
      client.destroy();
      service.destroy();
    };
    for (const socket of [client, service]) socket.on('error', cutBoth).on('close', cutBoth);
    let cut: Cut = 'never';
    client.on('data', (bytes) => {
      if (bytes.includes('POST ')) cut = next();
      if (cut === 'before') cutBoth();
      else service.write(bytes);
    });
    service.on('data', (bytes) => {
      switch (cut) {
        case 'after the request':
          // The response shows that the request was done. Nothing of it is forwarded.
          cutBoth();
          break;
        case 'during the response':
          client.write(bytes.subarray(0, bytes.length - 10), cutBoth);
          break;
        default:
          client.write(bytes);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`,
    async close() {
      server.close();
      for (const client of clients) client.destroy();
      await once(server, 'close');
    },
  };
}
