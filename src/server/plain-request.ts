import { MAX_HEAD_BYTES } from './limits.ts';

/** A POST that is all there, and of which HTTP/1.1 leaves nothing to be said beside its headers and its body. */
export interface PlainHttpRequest {
  readonly headers: PlainHeaders;
  readonly body: Buffer;
}

/** By their names in lower case. */
export type PlainHeaders = ReadonlyMap<string, string>;

const HEAD_END = '\r\n\r\n';
/** A field's line as RFC 9112 has it, of printable ASCII alone: its name, and its value without the spaces around it. */
const FIELD_LINE = /([!#$%&'*+.^_`|~\w-]+):[\t ]*((?:[!-~](?:[\t -~]*[!-~])?)?)[\t ]*(?:\r\n|$)/y;
/** What would change how the body is read, or how the connection goes on. */
const NOT_PLAIN: ReadonlySet<string> = new Set([
  'transfer-encoding',
  'content-encoding',
  'expect',
  'upgrade',
  'te',
  'trailer',
  'proxy-connection',
]);
const MAX_FIELDS = 50;

/**
 * The request that these bytes are: one POST to that path, whole, and not a byte more. Undefined where they are anything else,
 * or could be read in two ways, such as by a field that comes twice: then they are for a parser of all that HTTP can be.
 */
export function readPlainRequest(bytes: Buffer, path: string): PlainHttpRequest | undefined {
  const end = bytes.indexOf(HEAD_END);
  if (end < 0 || end > MAX_HEAD_BYTES / 2) return undefined;
  const head = bytes.toString('latin1', 0, end);
  const firstLine = `POST ${path} HTTP/1.1\r\n`;
  if (!head.startsWith(firstLine)) return undefined;
  const headers = readFields(head, firstLine.length);
  if (headers === undefined) return undefined;
  const { length } = bytes;
  const bodyStart = end + HEAD_END.length;
  const connection = headers.get('connection') ?? 'keep-alive';
  const isWhole = headers.get('content-length') === `${length - bodyStart}`;
  if (!isWhole || connection.toLowerCase() !== 'keep-alive' || !headers.has('host')) return undefined;
  return { headers, body: bytes.subarray(bodyStart) };
}

function readFields(head: string, start: number): PlainHeaders | undefined {
  const headers = new Map<string, string>();
  FIELD_LINE.lastIndex = start;
  while (FIELD_LINE.lastIndex < head.length) {
    const [, given, value] = FIELD_LINE.exec(head) ?? [];
    if (given === undefined || value === undefined) return undefined;
    const name = given.toLowerCase();
    if (NOT_PLAIN.has(name) || headers.has(name) || headers.size >= MAX_FIELDS) return undefined;
    headers.set(name, value);
  }
  return headers;
}
