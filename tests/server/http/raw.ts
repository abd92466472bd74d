import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A connection on which a test writes any bytes, and reads all bytes of the answer. */
export interface RawConnection {
  readonly socket: Socket;
  /** The bytes received so far. */
  readonly received: () => string;
  /** Resolves to all received bytes when the service has ended the connection. */
  readonly ended: Promise<string>;
}

export async function connectRaw(url: string, { allowHalfOpen = false } = {}): Promise<RawConnection> {
  const { hostname, port } = new URL(url);
  // The client may still send after the service has ended its side.
  const socket = connect({ port: Number(port), host: hostname, allowHalfOpen });
  onTestFinished(() => void socket.destroy());
  let received = '';
  socket.on('data', (bytes) => {
    received += bytes.toString('latin1');
  });
  // A reset ends the connection too.
  socket.on('error', () => {});
  const ended = new Promise<string>((resolve) => void socket.once('close', () => resolve(received)));
  await once(socket, 'connect');
  return { socket, received: () => received, ended };
}

/** The head of a POST with a JSON body. */
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
