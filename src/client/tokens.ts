import { TokenError, UnauthenticatedError } from './errors.ts';
import { withoutSecrets } from './identity.ts';

/** Returns a token of the caller, such as one that a backend issued to the user of the page. */
export type TokenSource = () => string | Promise<string>;

/** A bearer token by RFC 6750. */
const BEARER = /^[\w.~+/-]+=*$/;

/** A token that the source returned. */
interface Issued {
  readonly text: string;
  isRejected: boolean;
}

/**
 * Keeps the last token of a source, and calls the source again when the service has rejected that token. Requests that need a token
 * at the same time share one call of the source.
 *
 * All tokens of a client must have the same owner and the same ledger. The service keeps the idempotency keys of each owner apart,
 * so that an attempt that is repeated for another owner could pay a second time.
 */
export class Tokens {
  readonly #source: TokenSource;
  #last: Issued | undefined;
  #asking: Promise<void> | undefined;
  #owner: string | null | undefined;
  #ledger: string | null | undefined;

  /** `owner`: the owner that all tokens must have, or null if they must have none; undefined: that of the first token. */
  constructor(source: TokenSource, owner: string | null | undefined) {
    if (typeof source !== 'function') {
      throw new TypeError(
        'The option token must be a function that returns a token, such as { token: () => token }.',
      );
    }
    this.#source = source;
    this.#owner = owner;
  }

  /** The token for the next request. */
  get last(): Issued | undefined {
    return this.#last;
  }

  /** Calls `send`, which uses `last`. If the service rejects the token, calls it once more with another token. */
  async sendWith<T>(send: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    await this.#ready(signal);
    try {
      return await send(signal);
    } catch (error) {
      if (!(error instanceof UnauthenticatedError)) throw error;
    }
    await this.#ready(signal);
    return send(signal);
  }

  /** Waits for a token that the service has not rejected. Throws TokenError if there is none before the signal aborts. */
  async #ready(signal: AbortSignal): Promise<void> {
    if (this.#last?.isRejected === false) return;
    const asking = this.#asking ?? this.#ask();
    this.#asking = asking;
    const settled = () => {
      if (this.#asking === asking) this.#asking = undefined;
    };
    // A source that never returns must not keep later calls from calling it again.
    await unlessAborted(asking, signal).finally(settled);
  }

  async #ask(): Promise<void> {
    let text: unknown;
    try {
      text = await this.#source();
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new TokenError(`The option token failed: ${this.#withoutLast(withoutSecrets(reason))}`, cause);
    }
    if (typeof text !== 'string' || !BEARER.test(text)) {
      throw new TokenError(
        'The option token must return a token, or a promise of one: a text without spaces, and without the word Bearer. It returned ' +
          `${typeof text === 'string' ? 'another text' : text === null ? 'null' : typeof text}.`,
      );
    }
    this.#checkClaims(text);
    this.#last = { text, isRejected: false };
  }

  #checkClaims(text: string): void {
    const claims = claimsOf(text);
    if (claims === undefined) return;
    const { owner = null, ledger = null } = claims;
    if (this.#owner === undefined) this.#owner = owner;
    if (this.#ledger === undefined) this.#ledger = ledger;
    if (owner === this.#owner && ledger === this.#ledger) return;
    throw new TokenError(
      "The option token returned a token of another owner or ledger than the client's. Create a client for each user and ledger.",
    );
  }

  #withoutLast(reason: string): string {
    return this.#last === undefined ? reason : reason.replaceAll(this.#last.text, '…');
  }
}

function unlessAborted(asking: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(new TokenError('The option token returned no token in time.', signal.reason));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort);
    void asking.then(resolve, reject).then(() => signal.removeEventListener('abort', abort));
  });
}

/** Returns the claims of a JSON Web Token without verifying them, which is the service's task; undefined for any other text. */
function claimsOf(text: string): { readonly owner?: string; readonly ledger?: string } | undefined {
  const [, payload = ''] = /^[\w-]+\.([\w-]+)\.[\w-]*$/.exec(text) ?? [];
  try {
    const bytes = Uint8Array.from(atob(payload.replaceAll('-', '+').replaceAll('_', '/')), (byte) =>
      byte.charCodeAt(0),
    );
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof claims === 'object' && claims !== null ? claims : undefined;
  } catch {
    return undefined;
  }
}
