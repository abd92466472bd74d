import { isIP } from 'node:net';

/**
 * The allowed values of the Host header: addresses, localhost, and the given names. This prevents DNS rebinding: a page whose
 * domain resolves to this machine has the service's origin, so CORS does not protect the service from it. But its requests have
 * the page's own domain as their host.
 */
export class AllowedHosts {
  readonly #names: ReadonlySet<string>;
  /** Nearly all requests have the same host. */
  #lastAllowed: string | undefined;

  constructor(names: readonly string[]) {
    this.#names = new Set(names);
  }

  /** Returns whether the value of a Host header is allowed. */
  include(host: string | undefined): boolean {
    if (host === undefined) return false;
    if (host === this.#lastAllowed) return true;
    const name = URL.parse(`http://${host}`)?.hostname ?? '';
    const address = name.replace(/^\[(.*)\]$/, '$1');
    const isAllowed =
      isIP(address) !== 0 || name === 'localhost' || name.endsWith('.localhost') || this.#names.has(name);
    if (isAllowed) this.#lastAllowed = host;
    return isAllowed;
  }
}
