import { isIP } from 'node:net';

/**
 * Whether a request was sent to a name that is this machine's own, or one of these. A page can give its own name the address
 * of this machine (DNS rebinding), and then is of the service's origin to its browser, which CORS lets do anything. It cannot
 * have the browser send another name than its own.
 */
export function isOwnName(host: string | undefined, names: ReadonlySet<string>): boolean {
  const name = URL.parse(`http://${host}`)?.hostname ?? '';
  const address = name.replace(/^\[(.*)\]$/, '$1');
  return isIP(address) !== 0 || name === 'localhost' || name.endsWith('.localhost') || names.has(name);
}
