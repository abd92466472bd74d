import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** How the proxy treats a COMMIT: pass it, drop the connection before or after the server executes it, or send a warning first. */
export type Fate = 'pass' | 'drop before' | 'drop after' | 'warn';

export interface TcpProxy {
  /** The database's URL, with the address of the proxy. */
  readonly url: string;
  /** Ends every connection, and refuses connections until `admit`. */
  refuse(): void;
  admit(): void;
  /** Keeps connections open and accepts others, but passes no data until `admit`. */
  freeze(): void;
  /** Ends every connection and stops listening until `comeBack`. */
  leave(): Promise<void>;
  comeBack(): Promise<void>;
  /** Connects later connections to this database. Existing ones stay. */
  redirect(databaseUrl: string): void;
  /** Returns how often clients have sent data after they had waited for data of the server. */
  roundTrips(): number;
  close(): Promise<void>;
}

/** The message of the simple query `commit`: the byte Q, the length of the rest in four bytes, the text, a zero. */
const COMMIT = Buffer.from('Q\0\0\0\x0bcommit\0', 'latin1');

/** The command tags in the result of COMMIT. */
const COMMIT_TAGS = ['COMMIT\0', 'ROLLBACK\0'];

/** PostgreSQL's warning when the wait for a synchronous standby is cancelled: fields by letter, each followed by a zero. */
const WARNING = notice('SWARNING\0VWARNING\0C01000\0Mcanceling wait for synchronous replication\0\0');

/** Starts a proxy between a service and its database. `fateOfCommit` decides how it treats each COMMIT. */
export async function startTcpProxy(
  databaseUrl: string,
  fateOfCommit: () => Fate = () => 'pass',
): Promise<TcpProxy> {
  const target = new URL(databaseUrl);
  let port = Number(target.port);
  const sockets = new Set<Socket>();
  let mode: 'admit' | 'refuse' | 'freeze' = 'admit';
  let roundTrips = 0;

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
    let fate: Fate = 'pass';
    let hasResult = true;
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
      if (hasResult) roundTrips += 1;
      hasResult = false;
      fate = bytes.includes(COMMIT) ? fateOfCommit() : 'pass';
      if (fate === 'drop before') {
        drop();
        return;
      }
      database.write(bytes);
    });
    database.on('data', (bytes) => {
      if (mode === 'freeze') return;
      // Statements sent together with COMMIT have results of their own, which can arrive earlier. None is passed to the client.
      if (fate === 'drop after') {
        if (COMMIT_TAGS.some((tag) => bytes.includes(tag))) drop();
        return;
      }
      if (fate === 'warn') client.write(WARNING);
      fate = 'pass';
      hasResult = true;
      client.write(bytes);
    });
  });
  target.port = String(await listenOnKeptPort(server));

  const dropAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  const leave = async () => {
    dropAll();
    server.close();
    await once(server, 'close');
  };
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
    redirect(other) {
      port = Number(new URL(other).port);
    },
    roundTrips: () => roundTrips,
    leave,
    async comeBack() {
      await listen(server, Number(target.port));
    },
    close: leave,
  };
}

/**
 * Listens on a port that stays free while the server does not listen. Operating systems give connections and servers without a port
 * of their own only higher ports.
 */
async function listenOnKeptPort(server: Server): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000);
    try {
      await listen(server, port);
      return port;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    }
  }
}

async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
}

function notice(fields: string): Buffer {
  const message = Buffer.concat([Buffer.from('N'), Buffer.alloc(4), Buffer.from(fields, 'latin1')]);
  message.writeInt32BE(message.length - 1, 1);
  return message;
}
