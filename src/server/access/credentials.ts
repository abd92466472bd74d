/**
 * The headers that say who sent a request and which ledger it is for. No message repeats a text that a caller sent in the place of
 * a key or token, because responses and logs must never contain one.
 */
import type { IncomingMessage } from 'node:http';
import type { GraphQLError } from 'graphql';
import { looksLikeKeyText } from '../../core/access/key-text.ts';
import { looksLikeToken } from '../../core/access/token-text.ts';
import { isLedgerName } from '../../core/create-ledger.ts';
import { requestRefused } from '../../graphql/execution/answer.ts';
import { RETRY_AFTER_MS } from './tokens/issuer-keys.ts';

/** RFC 9110, section 11.1: the name of a scheme is case-insensitive. */
const BEARER = /^bearer(?: |$)/i;

type Head = Pick<IncomingMessage, 'rawHeaders'>;

/** Returns the bearer credential of a request, undefined if it has no credentials, or the refusal of any other credentials. */
export function readCredential(request: Head, acceptsTokens: boolean): string | undefined | GraphQLError {
  const [given, ...more] = valuesOf(request, 'authorization');
  if (given === undefined) return undefined;
  if (more.length > 0) {
    return unauthenticated(`The request has ${more.length + 1} authorization headers. Send one.`);
  }
  if (!BEARER.test(given)) {
    return unauthenticated(
      `The authorization header does not have the scheme Bearer. ${howToSend(acceptsTokens)}`,
    );
  }
  return given.replace(BEARER, '');
}

/** Whether a credential is that of a key, not a token. A token may contain the mark of a key by chance. */
export function isKeyText(credential: string): boolean {
  return credential.trimStart().startsWith('tlsk_');
}

/** Returns the refusal of a credential that is not the text of a key. */
export function malformed(credential: string, acceptsTokens: boolean): GraphQLError {
  const how = howToSend(acceptsTokens);
  return unauthenticated(
    looksLikeKeyText(credential)
      ? `The API key is malformed. Send it exactly as it was shown when it was created. ${how}`
      : `The credential is not an API key, which begins with tlsk_. ${how}`,
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

/** Returns the refusal of a URL that contains an API key or a token, also if some of its characters are percent-encoded. */
export function refuseUrl(url: string): GraphQLError | undefined {
  const texts = url.includes('%') ? [url, decode(url)] : [url];
  if (texts.some(looksLikeKeyText)) return KEY_IN_URL;
  return texts.some(looksLikeToken) ? TOKEN_IN_URL : undefined;
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

export function howToSend(acceptsTokens: boolean): string {
  return acceptsTokens
    ? 'Send an API key or a token in one header: "authorization: Bearer …".'
    : 'Send an API key in one header: "authorization: Bearer tlsk_…".';
}

/** Refuses a token whose key is not known while the keys of its issuer cannot be read. */
export const KEYS_UNAVAILABLE = requestRefused(
  503,
  'The keys of the token issuer cannot be read, and the key of this token is not known. Nothing was done. Retry later.',
  {
    code: 'UNAVAILABLE',
    headers: { 'retry-after': String(RETRY_AFTER_MS / 1000) },
    facts: { retryAfterMs: RETRY_AFTER_MS },
  },
);

const KEY_IN_URL = requestRefused(
  400,
  'The URL contains an API key. URLs are logged and cached on their way. Nothing was done. Revoke this key, create another one, ' +
    'and send it as a header: "authorization: Bearer tlsk_…".',
);

const TOKEN_IN_URL = requestRefused(
  400,
  'The URL contains a token. URLs are logged and cached on their way. Nothing was done. Send tokens as a header: ' +
    '"authorization: Bearer …".',
);
