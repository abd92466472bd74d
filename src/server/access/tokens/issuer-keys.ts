import { createReadStream } from 'node:fs';
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  type JWTVerifyGetKey,
  type RemoteJWKSet,
} from 'jose';
import type { Logger } from 'pino';
import { describeCause } from '../../operations/fault.ts';

/** A set of keys with more bytes is not read. */
const MAX_BYTES = 64 * 2 ** 10;
const TIMEOUT_MS = 5000;
/** Keys that were read longer ago are read again before one is used. A removed key is rejected by then. */
export const KEYS_MAX_AGE_MS = 60_000;
/** Keys that were read longer ago are read again while they are used, so that requests seldom wait. */
const REFRESH_AGE_MS = 45_000;
/** An unknown key causes a read only if the last one was longer ago. */
export const UNKNOWN_KEY_AFTER_MS = 10_000;
/** After a failure the keys are not read for so long. */
export const RETRY_AFTER_MS = 5000;

/** The keys of the issuer cannot be read, and the key of the token is not known. */
export class KeysUnavailableError extends Error {
  override readonly name = 'KeysUnavailableError';
}

/**
 * The public keys of the issuer: a JWKS at a URL or in a file. While it cannot be read, the keys of the last read stay valid. No
 * request causes more reads than the constants above permit.
 */
export class IssuerKeys {
  readonly #location: URL;
  readonly #log: Pick<Logger, 'error' | 'warn'>;
  readonly #remote: RemoteJWKSet;
  /** When the last read that succeeded began. Undefined: none did. */
  #readAt: number | undefined;
  #failedAt = -Infinity;
  #isFailing = false;

  /** `location`: the URL of the set, or that of a file. */
  constructor(location: URL, log: Pick<Logger, 'error' | 'warn'>) {
    this.#location = location;
    this.#log = log;
    this.#remote = createRemoteJWKSet(location, {
      timeoutDuration: TIMEOUT_MS,
      cooldownDuration: UNKNOWN_KEY_AFTER_MS,
      // Otherwise known keys would be rejected while the set cannot be read.
      cacheMaxAge: Infinity,
      [customFetch]: (_, { headers, signal }) => this.#read(headers, signal),
    });
  }

  /** Reads the keys. Rejects with `KeysUnavailableError`, whose message has the reason. */
  read(): Promise<void> {
    return this.#remote.reload();
  }

  /** Returns the key that the header of a token names. Rejects with `KeysUnavailableError`, or an error of jose. */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    await this.#refresh();
    return this.#remote(header, token);
  };

  async #refresh(): Promise<void> {
    // The first key is looked up after a read anyway.
    if (this.#readAt === undefined) return;
    const age = performance.now() - this.#readAt;
    if (age < REFRESH_AGE_MS) return;
    // Failures are reported where they occur, and known keys stay valid.
    const reading = this.#remote.reload().catch(() => {});
    if (age >= KEYS_MAX_AGE_MS && !this.#isFailing) await reading;
  }

  async #read(headers: Headers, signal: AbortSignal): Promise<Response> {
    const startedAt = performance.now();
    if (startedAt - this.#failedAt < RETRY_AFTER_MS)
      throw new KeysUnavailableError('the last attempt has failed');
    try {
      const text = await readText(
        this.#location.protocol === 'file:'
          ? createReadStream(this.#location, { end: MAX_BYTES, signal })
          : await download(this.#location, headers, signal),
      );
      // A response that is no set must not replace the known keys.
      createLocalJWKSet(JSON.parse(text));
      this.#readAt = startedAt;
      this.#failedAt = -Infinity;
      if (this.#isFailing) this.#log.warn('the keys of the token issuer can be read again');
      this.#isFailing = false;
      return new Response(text);
    } catch (error) {
      this.#failedAt = performance.now();
      const cause = signal.aborted ? `no answer within ${TIMEOUT_MS / 1000} s` : reasonOf(error);
      // A file that cannot be read at the start stops the service, with a message of its own.
      const isStopping = this.#location.protocol === 'file:' && this.#readAt === undefined;
      if (!this.#isFailing && !isStopping)
        this.#log.error({ cause }, 'the keys of the token issuer cannot be read');
      this.#isFailing = true;
      throw new KeysUnavailableError(cause, { cause: error });
    }
  }
}

async function download(url: URL, headers: Headers, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
  const response = await fetch(url, { headers, signal, redirect: 'manual' });
  if (response.status === 200 && response.body !== null) return response.body;
  await response.body?.cancel();
  throw new Error(`the status is ${response.status}, not 200`);
}

async function readText(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw new Error(`the set has more than ${MAX_BYTES} bytes`);
    parts.push(chunk);
  }
  return Buffer.concat(parts).toString();
}

/** Returns why a read failed, without any content of the response, which the messages of JSON.parse quote. */
function reasonOf(error: unknown): string {
  return error instanceof SyntaxError ? 'the set is not JSON' : describeCause(error);
}
