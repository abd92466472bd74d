/** Who sends the requests of a client, and to which ledger. */

/** The ledger of a request that names none. */
export const MAIN = 'main';

const API_KEY = /^tlsk_[\w-]+_[\w-]+$/;
const LEDGER = /^[a-z0-9][a-z0-9._-]{0,62}$/;

export interface Identity {
  readonly apiKey?: string | undefined;
  readonly ledger?: string | undefined;
}

/** Throws TypeError if the API key or the name of the ledger has a wrong form. */
export function checkIdentity({ apiKey, ledger }: Identity): void {
  if (apiKey !== undefined && !hasForm(apiKey, API_KEY)) {
    // The message must not contain the key.
    throw new TypeError(
      'The apiKey is invalid: it must have the form "tlsk_…_…", without spaces and line breaks. Pass the whole key.',
    );
  }
  if (ledger !== undefined && !hasForm(ledger, LEDGER)) {
    throw new TypeError(
      `The client's ledger ${withoutKeys(JSON.stringify(ledger))} is not the name of a ledger. A name has 1 to 63 characters of a-z, ` +
        '0-9, "-", "_" and ".", and begins with a letter or digit.',
    );
  }
}

/** Programs in JavaScript can pass any type. */
function hasForm(given: unknown, form: RegExp): boolean {
  return typeof given === 'string' && form.test(given);
}

/** Replaces API keys in a text that becomes part of a message. */
export function withoutKeys(text: string): string {
  return text.replaceAll(/tlsk_[\w-]+/g, 'tlsk_…');
}

export function headersOf({ apiKey, ledger }: Identity): Readonly<Record<string, string>> {
  return {
    ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
    ...(ledger === undefined ? {} : { 'x-ledger': ledger }),
  };
}

/**
 * Throws TypeError for a header that fetch would report like a failed connection, and for a second credential or ledger. Intents
 * are kept for the ledger of the option, so that no header may name another one.
 */
export function checkHeaders(given: Readonly<Record<string, string>>, { apiKey }: Identity): void {
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
  if (apiKey !== undefined) {
    throw new TypeError(
      'The client has the option apiKey, so its headers must not contain authorization: remove one of them.',
    );
  }
  if (/tlsk_/i.test(authorization)) {
    throw new TypeError('The headers must not contain an API key: pass it as the option apiKey.');
  }
}
