import { randomBytes } from 'node:crypto';
import { type DocumentNode, GraphQLError, Kind, parse } from 'graphql';
import { requestRefused } from '../../graphql/execution/answer.ts';
import { bodyTooLarge, LARGE_REQUESTS, MAX_REQUEST_BYTES } from '../../graphql/execution/yoga.ts';
import {
  checkDocument,
  checkText,
  DOCUMENT_LIMITS,
  isOnly,
} from '../../graphql/protection/document-limits.ts';
import { atOnce, inTurns } from '../../ledger/commit/turns.ts';
import { MAX_LARGE_ELEMENTS, MAX_LARGE_NAMES, MAX_LARGE_NESTING, MAX_UNSCANNED_BYTES } from './limits.ts';

/**
 * Returns the refusal of a body above MAX_REQUEST_BYTES, before it is parsed; undefined where it may be parsed. The bytes are
 * scanned once, in turns of the event loop.
 * The body must be an object with no more elements than a `postBatch` needs. Its document must be within the limits of documents
 * and execute nothing but `postBatch`; a trusted document is checked after the body is parsed. A body that is not JSON is either
 * refused here or left to the parser.
 */
export async function refuseLarge(
  bytes: Buffer,
  hasTrustedDocuments = false,
): Promise<GraphQLError | undefined> {
  const scan = await inTurns(scanPieces(bytes));
  if ('limit' in scan) return exceeded(...scan.limit);
  if (hasTrustedDocuments) return undefined;
  const { query, operationName } = scan;
  const name = operationName && decode(operationName);
  if (query === undefined || isTooLong(operationName ?? query)) return tooLarge(bytes.length);
  return refuseDocument(bytes.length, query, (document) => isOnly(LARGE_REQUESTS, document, name));
}

/**
 * Returns the refusal of a body above MAX_REQUEST_BYTES whose beginning shows that it will be refused: it has too many elements, or
 * its document has no operation that is only a `postBatch`. A body that repeats `query` is judged by the first one here.
 * `bodyBytes` are its bytes as announced, or those that have arrived.
 */
export function refuseBeginning(
  beginning: Buffer,
  bodyBytes: number,
  hasTrustedDocuments = false,
): GraphQLError | undefined {
  const scan = scanBody(beginning);
  if ('limit' in scan) return exceeded(...scan.limit);
  if (hasTrustedDocuments || scan.query === undefined) return undefined;
  return refuseDocument(bodyBytes, scan.query, (document) =>
    document.definitions.some(
      (definition) =>
        definition.kind === Kind.OPERATION_DEFINITION &&
        isOnly(LARGE_REQUESTS, document, definition.name?.value),
    ),
  );
}

/** Returns the refusal of a body above MAX_UNSCANNED_BYTES if it has more elements than a `postBatch` needs. */
export function refuseStructure(bytes: Buffer): GraphQLError | undefined {
  const scan = scanBody(bytes);
  return 'limit' in scan ? exceeded(...scan.limit) : undefined;
}

/** Returns the refusal of a document, given as a JSON string. A string that is malformed or incomplete is not refused. */
function refuseDocument(
  bodyBytes: number,
  query: Buffer,
  isAllowed: (document: DocumentNode) => boolean,
): GraphQLError | undefined {
  if (isTooLong(query)) return tooLarge(bodyBytes);
  const text = decode(query);
  if (text === undefined) return undefined;
  try {
    checkText(text);
    const document = parse(text);
    checkDocument(document);
    return isAllowed(document) ? undefined : tooLarge(bodyBytes);
  } catch (error) {
    if (error instanceof GraphQLError) return error;
    throw error;
  }
}

function tooLarge(bytes: number): GraphQLError {
  return bodyTooLarge(bytes, MAX_REQUEST_BYTES);
}

/** Whether a string must exceed a document's limit of characters. A character takes at most six bytes, as an escape. */
function isTooLong(string: Buffer): boolean {
  return string.length > 6 * DOCUMENT_LIMITS.characters + 2;
}

/** Returns the text of a JSON string with its quotes; undefined if it is malformed. */
function decode(string: Buffer): string | undefined {
  try {
    return String(JSON.parse(string.toString()));
  } catch {
    return undefined;
  }
}

function exceeded(name: string, allowed: number): GraphQLError {
  const [bytes, given, most] = [MAX_UNSCANNED_BYTES, allowed + 1, allowed].map((n) => n.toLocaleString('en'));
  return requestRefused(
    413,
    `A body above ${bytes} bytes may have at most ${most} ${name}, and this one has at least ${given}.`,
  );
}

type Member = 'query' | 'operationName';
/** The JSON strings, with their quotes, of these members of the body; or the limit that the body exceeds. */
type Scan =
  | Readonly<Record<Member, Buffer | undefined>>
  | { readonly limit: readonly [name: string, allowed: number] };

/** Bytes scanned in one turn of the event loop. */
const PIECE = 2 ** 20;
const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [0x7b, 0x7d, 0x5b, 0x5d];

/**
 * Finds members as JSON.parse does, and uses the last of members with the same name. It looks at strings and brackets only, so it
 * does not detect malformed JSON. JSON.parse reads malformed JSON up to the error, and everything before the error is counted.
 */
export function scanBody(bytes: Buffer): Scan {
  return atOnce(scanPieces(bytes));
}

/** Does the same, and yields after each PIECE of bytes. */
function* scanPieces(bytes: Buffer): Generator<undefined, Scan, undefined> {
  const found: Record<Member, Buffer | undefined> = { query: undefined, operationName: undefined };
  // JSON.parse is slowest for names that it has not parsed before.
  const names = new Set<number>();
  let elements = 0;
  let nesting = 0;
  /** The positions of the quotes of the last string. */
  let from = 0;
  let to = 0;
  /** The member of the outermost object whose value is next. */
  let member: Member | undefined;

  let pause = PIECE;
  for (let at = startOf(bytes); at < bytes.length; at += 1) {
    if (at >= pause) {
      yield;
      pause = at + PIECE;
    }
    switch (bytes[at]) {
      case QUOTE:
        from = at;
        to = endOfString(bytes, at);
        at = to;
        if (nesting === 1 && member !== undefined) found[member] = bytes.subarray(from, to + 1);
        break;
      case COLON:
        elements += 1;
        names.add(hashName(bytes, from + 1, to));
        if (names.size > MAX_LARGE_NAMES) return { limit: ['different names', MAX_LARGE_NAMES] };
        if (nesting !== 1) break;
        member = MEMBERS.find((name) => spells(bytes, from + 1, to, name));
        if (member !== undefined) found[member] = undefined;
        break;
      case COMMA:
        elements += 1;
        if (nesting === 1) member = undefined;
        break;
      case OPEN_BRACE:
      case OPEN_BRACKET:
        elements += 1;
        nesting += 1;
        if (nesting > MAX_LARGE_NESTING) return { limit: ['nested brackets', MAX_LARGE_NESTING] };
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        nesting -= 1;
        break;
    }
    if (elements > MAX_LARGE_ELEMENTS) {
      return { limit: ['commas, colons and opening brackets', MAX_LARGE_ELEMENTS] };
    }
  }
  return found;
}

/** Returns the position of the outermost object; the end of the body if there is none. */
function startOf(bytes: Buffer): number {
  let start = 0;
  while (SPACES[bytes[start] ?? 0] === 1) start += 1;
  return bytes[start] === OPEN_BRACE ? start : bytes.length;
}

/** Whitespace by the grammar of JSON. */
const SPACES = Uint8Array.from({ length: 256 }, (_, byte) =>
  ' \t\n\r'.includes(String.fromCharCode(byte)) ? 1 : 0,
);

/** Returns the position of the closing quote of the string that opens at `at`; the end of the body if there is none. */
function endOfString(bytes: Buffer, at: number): number {
  let end = at + 1;
  while (end < bytes.length) {
    // A loop is faster for short strings, which most are; indexOf is much faster for long ones.
    const near = Math.min(end + NEAR_BYTES, bytes.length);
    while (end < near) {
      const byte = bytes[end];
      if (byte === QUOTE) return end;
      end += byte === BACKSLASH ? 2 : 1;
    }
    const quote = bytes.indexOf(QUOTE, end);
    if (quote === -1) return bytes.length;
    let backslash = quote - 1;
    while (backslash >= end && bytes[backslash] === BACKSLASH) backslash -= 1;
    const isEscaped = (quote - backslash) % 2 === 0;
    if (!isEscaped) return quote;
    end = quote + 1;
  }
  return bytes.length;
}

const NEAR_BYTES = 64;

/** FNV-1a with a secret start, so that callers cannot choose colliding names. Colliding names count as one. */
function hashName(bytes: Buffer, from: number, to: number): number {
  let hash = HASH_START;
  for (let at = from; at < to; at += 1) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
  return hash;
}

const HASH_START = randomBytes(4).readInt32LE();

const MEMBERS: readonly Member[] = ['query', 'operationName'];
/** Each letter of a member's name, and its escape without the backslash, such as `u0071`. */
const LETTERS: Readonly<Record<Member, readonly { readonly plain: number; readonly escaped: Buffer }[]>> = {
  query: lettersOf('query'),
  operationName: lettersOf('operationName'),
};

function lettersOf(name: Member) {
  return Array.from(name, (letter) => {
    const plain = letter.charCodeAt(0);
    return { plain, escaped: Buffer.from(`u00${plain.toString(16)}`) };
  });
}

/** Whether the bytes between two quotes are the name of a member, with or without escapes. */
function spells(bytes: Buffer, from: number, to: number, name: Member): boolean {
  let at = from;
  for (const { plain, escaped } of LETTERS[name]) {
    if (bytes[at] === BACKSLASH) {
      at += 1;
      for (const byte of escaped) {
        // Hexadecimal digits may be capitals. Other bytes that pass this comparison are malformed JSON.
        if (((bytes[at] ?? 0) | 0x20) !== byte) return false;
        at += 1;
      }
    } else {
      if (bytes[at] !== plain) return false;
      at += 1;
    }
  }
  return at === to;
}
