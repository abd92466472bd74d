import { once } from 'node:events';
import { createServer } from 'node:net';

/** Throws if the service could not listen on this address. */
export async function tryPort(host: string, port: number): Promise<void> {
  const probe = createServer().listen(port, host);
  await once(probe, 'listening');
  probe.close();
  await once(probe, 'close');
}
