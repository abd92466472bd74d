import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A connection on which a test writes bytes as it likes, and sees all that comes back. */
export interface RawConnection {
  readonly socket: Socket;
  /** What has come so far. */
  readonly received: () => string;
  /** Resolves to all that came when the other side has ended the connection. */
  readonly ended: Promise<string>;
}

export async function connectRaw(url: string, { allowHalfOpen = false } = {}): Promise<RawConnection> {
  const { hostname, port } = new URL(url);
  // As a caller who may go on sending after the service has sent all of its own.
  const socket = connect({ port: Number(port), host: hostname, allowHalfOpen });
  onTestFinished(() => void socket.destroy());
  let received = '';
  socket.on('data', (bytes) => {
    received += bytes.toString('latin1');
  });
  // A connection that is reset has ended too.
  socket.on('error', () => {});
  const ended = once(socket, 'close').then(() => received);
  await once(socket, 'connect');
  return { socket, received: () => received, ended };
}

/** The head of a POST of JSON. */
export function head(...lines: readonly string[]): string {
  return [
    'POST /graphql HTTP/1.1',
    'host: localhost',
    'content-type: application/json',
    ...lines,
    '',
    '',
  ].join('\r\n');
}
