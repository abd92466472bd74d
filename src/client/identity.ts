/** Who sends the requests of a client, and to which ledger. */
import type { Tokens } from './tokens.ts';

/** The ledger of a request that names none. */
export const MAIN = 'main';

const API_KEY = /^tlsk_[\w-]+_[\w-]+$/;
/** A text without lone surrogates, which have no form in a URL. */
const OWNER = /^\P{Surrogate}+$/u;
const LEDGER = /^[a-z0-9][a-z0-9._-]{0,62}$/;

export interface Identity {
  readonly apiKey?: string | undefined;
  readonly tokens?: Tokens | undefined;
  readonly ledger?: string | undefined;
  readonly owner?: string | null | undefined;
}

/** Throws TypeError if the API key the ledger's name or the owner has a wrong form, or if there are two credentials. */
export function checkIdentity({ apiKey, tokens, ledger, owner }: Identity): void {
  if (apiKey !== undefined && tokens !== undefined) {
    throw new TypeError('The client has the options apiKey and token: remove one of them.');
  }
  if (apiKey !== undefined && !hasForm(apiKey, API_KEY)) {
    // The message must not contain the key.
    throw new TypeError(
      'The apiKey is invalid: it must have the form "tlsk_…_…", without spaces and line breaks. Pass the whole key.',
    );
  }
  if (ledger !== undefined && !hasForm(ledger, LEDGER)) {
    throw new TypeError(
      `The client's ledger ${withoutSecrets(JSON.stringify(ledger))} is not the name of a ledger. A name has 1 to 63 characters of a-z, ` +
        '0-9, "-", "_" and ".", and begins with a letter or digit.',
    );
  }
  if (owner != null && !hasForm(owner, OWNER)) {
    throw new TypeError(
      "The client's owner is invalid: it must be the owner that the credential is restricted to, or null if there is none.",
    );
  }
}

/** Programs in JavaScript can pass any type. */
function hasForm(given: unknown, form: RegExp): boolean {
  return typeof given === 'string' && form.test(given);
}

/** Replaces API keys and JSON Web Tokens in a text that becomes part of a message. */
export function withoutSecrets(text: string): string {
  return text.replaceAll(/tlsk_[\w-]+/g, 'tlsk_…').replaceAll(/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, 'eyJ…');
}

/** `secret`: the API key or the token of the request. */
export function headersOf(
  { ledger }: Identity,
  secret: string | undefined,
): Readonly<Record<string, string>> {
  return {
    ...(secret === undefined ? {} : { authorization: `Bearer ${secret}` }),
    ...(ledger === undefined ? {} : { 'x-ledger': ledger }),
  };
}

/**
 * Throws TypeError for a header that fetch would report like a failed connection, and for a second credential or ledger. Intents
 * are kept for the ledger of the option, so that no header may name another one.
 */
export function checkHeaders(given: Readonly<Record<string, string>>, { apiKey, tokens }: Identity): void {
  let headers: Headers;
  try {
    headers = new Headers(given);
  } catch {
    throw new TypeError(
      'A header is invalid: names must be HTTP tokens, and values must have no line breaks and no characters above U+00FF.',
    );
  }
  if (headers.has('x-ledger')) {
    throw new TypeError('The headers must not contain x-ledger: pass the name as the option ledger.');
  }
  const authorization = headers.get('authorization');
  if (authorization === null) return;
  if (apiKey !== undefined || tokens !== undefined) {
    const option = tokens === undefined ? 'apiKey' : 'token';
    throw new TypeError(
      `The client has the option ${option}, so its headers must not contain authorization: remove one of them.`,
    );
  }
  if (/tlsk_/i.test(authorization)) {
    throw new TypeError('The headers must not contain an API key: pass it as the option apiKey.');
  }
}
