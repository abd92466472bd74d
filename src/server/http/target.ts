import type { IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';

/** The host and path that a request names. */
export interface Target {
  /** The host, with the port if there is one. Undefined for HTTP/1.0 without a Host header. */
  readonly host: string | undefined;
  /** The path with its query, or a target in another form, such as `*`. */
  readonly url: string;
}

/**
 * Returns the target of a request by RFC 9112, section 3.2; undefined if the Host header is missing, repeated or invalid, which
 * must be answered with 400. If the request line has an absolute URL, the host is that of the URL.
 */
export function readTarget({ httpVersion, url = '', rawHeaders }: IncomingMessage): Target | undefined {
  let host: string | undefined;
  for (let place = 0; place < rawHeaders.length; place += 2) {
    if (rawHeaders[place]?.toLowerCase() !== 'host') continue;
    if (host !== undefined) return undefined;
    host = rawHeaders[place + 1];
  }
  if (host === undefined ? httpVersion !== '1.0' : !isHost(host)) return undefined;
  if (url.startsWith('/')) return { host, url };
  const [, authority, rest = ''] = ABSOLUTE.exec(url) ?? [];
  if (authority === undefined) return { host, url };
  if (authority === '' || !isHost(authority)) return undefined;
  return { host: authority, url: rest.startsWith('/') ? rest : `/${rest}` };
}

const ABSOLUTE = /^https?:\/\/([^/?]*)(.*)$/i;
/** RFC 3986, section 3.2.2: an address in brackets, or a name or IPv4 address; then the port. */
const HOST = /^(?:\[([^\]]*)\]|(?:[\w.~!$&'()*+,;=-]|%[\da-f]{2})*)(?::\d*)?$/i;

function isHost(text: string): boolean {
  const found = HOST.exec(text);
  return found !== null && (found[1] === undefined || (isIPv6(found[1]) && !found[1].includes('%')));
}
