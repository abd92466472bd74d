/**
 * The headers that say who sent a request and which ledger it is for. No message repeats a text that a caller sent in the place of
 * a key, because responses and logs must never contain one.
 */
import type { IncomingMessage } from 'node:http';
import type { GraphQLError } from 'graphql';
import { looksLikeKeyText } from '../../core/access/key-text.ts';
import { isLedgerName } from '../../core/create-ledger.ts';
import { requestRefused } from '../../graphql/execution/answer.ts';

/** RFC 9110, section 11.1: the name of a scheme is case-insensitive. */
const BEARER = /^bearer(?: |$)/i;

type Head = Pick<IncomingMessage, 'rawHeaders'>;

/** Returns the bearer credential of a request, undefined if it has no credentials, or the refusal of any other credentials. */
export function readCredential(request: Head): string | undefined | GraphQLError {
  const [given, ...more] = valuesOf(request, 'authorization');
  if (given === undefined) return undefined;
  if (more.length > 0) {
    return unauthenticated(`The request has ${more.length + 1} authorization headers. Send one.`);
  }
  if (!BEARER.test(given)) {
    return unauthenticated(`The authorization header does not have the scheme Bearer. ${HOW_TO_SEND}`);
  }
  return given.replace(BEARER, '');
}

/** Returns the refusal of a credential that is not the text of a key. */
export function malformed(credential: string): GraphQLError {
  return unauthenticated(
    looksLikeKeyText(credential)
      ? `The API key is malformed. Send it exactly as it was shown when it was created. ${HOW_TO_SEND}`
      : `The credential is not an API key, which begins with tlsk_. ${HOW_TO_SEND}`,
  );
}

/** Returns the ledger that a request names, undefined if it names none, or the refusal of an invalid name. */
export function readLedgerName(request: Head): string | undefined | GraphQLError {
  const [name, ...more] = valuesOf(request, 'x-ledger');
  if (name === undefined) return undefined;
  if (more.length > 0) {
    return requestRefused(400, `The request has ${more.length + 1} x-ledger headers. Send one.`);
  }
  if (isLedgerName(name)) return name;
  return requestRefused(
    400,
    'The header x-ledger is not the name of a ledger. A name has 1 to 63 characters of a-z, 0-9, "-", "_" and ".", and begins ' +
      'with a letter or a digit.',
  );
}

function valuesOf({ rawHeaders }: Head, name: string): string[] {
  const values: string[] = [];
  for (let place = 0; place < rawHeaders.length; place += 2) {
    const header = rawHeaders[place] ?? '';
    if (header.length === name.length && header.toLowerCase() === name)
      values.push(rawHeaders[place + 1] ?? '');
  }
  return values;
}

/** Returns whether a URL contains an API key, also if some of its characters are percent-encoded. */
export function containsKey(url: string): boolean {
  return looksLikeKeyText(url) || (url.includes('%') && looksLikeKeyText(decode(url)));
}

function decode(url: string): string {
  return url.replace(/%([0-7][\da-f])/gi, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );
}

/** Returns the refusal of a request without valid credentials. */
export function unauthenticated(message: string): GraphQLError {
  return requestRefused(401, `${message} Nothing was done.`, {
    code: 'UNAUTHENTICATED',
    headers: { 'www-authenticate': 'Bearer realm="ledger"' },
  });
}

export const HOW_TO_SEND = 'Send an API key in one header: "authorization: Bearer tlsk_…".';

export const KEY_IN_URL = requestRefused(
  400,
  'The URL contains an API key. URLs are logged and cached on their way. Nothing was done. Revoke this key, create another one, ' +
    'and send it as a header: "authorization: Bearer tlsk_…".',
);
