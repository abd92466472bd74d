import { isIP } from 'node:net';

/**
 * The names by which the service may be asked: this machine's own, and these. A page can give its own name the address of this
 * machine (DNS rebinding), and then is of the service's origin to its browser, which CORS lets do anything. It cannot have the
 * browser send another name than its own.
 */
export class OwnNames {
  readonly #names: ReadonlySet<string>;
  /** Nearly all requests come to one host. */
  #lastOwn: string | undefined;

  constructor(names: readonly string[]) {
    this.#names = new Set(names);
  }

  /** Whether a request to that host, as its header has it, is to one of them. */
  include(host: string | undefined): boolean {
    if (host === undefined) return false;
    if (host === this.#lastOwn) return true;
    const name = URL.parse(`http://${host}`)?.hostname ?? '';
    const address = name.replace(/^\[(.*)\]$/, '$1');
    const isOwn =
      isIP(address) !== 0 || name === 'localhost' || name.endsWith('.localhost') || this.#names.has(name);
    if (isOwn) this.#lastOwn = host;
    return isOwn;
  }
}
