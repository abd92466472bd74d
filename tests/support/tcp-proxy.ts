import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** What becomes of a COMMIT: it passes, or the connection is dropped before or after the server has it. */
export type Fate = 'pass' | 'drop before' | 'drop after';

export interface TcpProxy {
  /** The database's address with the proxy's in its place. */
  readonly url: string;
  /** Ends every connection; new ones are refused until `admit`. */
  refuse(): void;
  admit(): void;
  /** Connections stay open and nothing passes any more, new ones included, until `admit`. */
  freeze(): void;
  close(): Promise<void>;
}

/** A simple query that says `commit`: one byte Q, the length of the rest in four, the text, a zero. */
const COMMIT = Buffer.from('Q\0\0\0\x0bcommit\0', 'latin1');

/** Stands between a service and its database, and decides what becomes of each COMMIT. */
export async function startTcpProxy(
  databaseUrl: string,
  fateOfCommit: () => Fate = () => 'pass',
): Promise<TcpProxy> {
  const target = new URL(databaseUrl);
  const port = Number(target.port);
  const sockets = new Set<Socket>();
  let mode: 'admit' | 'refuse' | 'freeze' = 'admit';

  const server = createServer((client) => {
    if (mode === 'refuse') {
      client.destroy();
      return;
    }
    const database = connect(port, target.hostname);
    const drop = () => {
      client.destroy();
      database.destroy();
    };
    let commitSent = false;
    for (const socket of [client, database]) {
      sockets.add(socket);
      socket.on('error', drop);
      socket.on('close', () => {
        sockets.delete(socket);
        drop();
      });
    }
    client.on('data', (bytes) => {
      if (mode === 'freeze') return;
      const fate = bytes.includes(COMMIT) ? fateOfCommit() : 'pass';
      if (fate === 'drop before') {
        drop();
        return;
      }
      commitSent = fate === 'drop after';
      database.write(bytes);
    });
    database.on('data', (bytes) => {
      if (mode === 'freeze') return;
      // The server's answer to COMMIT shows that it has it. The client never sees it.
      if (commitSent) drop();
      else client.write(bytes);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  const dropAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  target.port = String((server.address() as AddressInfo).port);
  return {
    url: target.href,
    refuse() {
      mode = 'refuse';
      dropAll();
    },
    admit() {
      if (mode === 'freeze') dropAll();
      mode = 'admit';
    },
    freeze() {
      mode = 'freeze';
    },
    async close() {
      dropAll();
      server.close();
      await once(server, 'close');
    },
  };
}
