import { MAX_ANSWER_BYTES } from '../../graphql/protection/cost.ts';

/** What the server takes of anybody. What a GraphQL document may be stands in src/graphql/protection/document-limits.ts. */

/** What a request's line and headers have at most. */
export const MAX_HEAD_BYTES = 16 * 2 ** 10;
/** What a body has at most; and past MAX_REQUEST_BYTES it must be a postBatch. */
export const MAX_BODY_BYTES = 16 * 2 ** 20;
/**
 * Bodies up to this size are read however busy the service is. Measured with the client's documents: a single mutation has 2.1 to
 * 2.4 kB and its input, `nodes` of 100 ids 3.5 kB, a `postBatch` of 20 transfers 6 kB, of 50 transfers 11.6 kB.
 */
export const MAX_SMALL_BODY_BYTES = 8 * 2 ** 10;
/** What the bodies of all requests that are not answered yet have together in memory. Larger than small ones are then OVERLOADED. */
export const MAX_BUFFERED_BYTES = 32 * 2 ** 20;
/**
 * Commas, colons and opening brackets of such a body. 10,000 operations without metadata have 390,000 at most: a journal of two
 * entries with all its fields has 39. Each key of metadata is 2 more.
 */
export const MAX_LARGE_ELEMENTS = 500_000;
/** Brackets of such a body inside each other. A condition of an operation has 8. */
export const MAX_LARGE_NESTING = 20;
/** Different names of its members. All inputs together have some thirty; the others are keys of metadata. */
export const MAX_LARGE_NAMES = 1000;

/** Bytes of large answers that wait to be read by their callers. A query whose answer is beyond these is OVERLOADED. */
export const MAX_UNREAD_BYTES = 8 * MAX_ANSWER_BYTES;

/** One more takes the place of one that is owed no answer, or is closed. */
export const MAX_CONNECTIONS = 2000;
/** From connecting, or from a request's first byte, to the end of its head. */
export const HEADERS_TIMEOUT_MS = 10_000;
/** From a request's first byte to the last of its body. */
export const REQUEST_TIMEOUT_MS = 30_000;
/**
 * How long a connection may stay without a byte in either direction, so that who does not read its answer does not keep it. Node
 * looks once in that time whether bytes have left, so a connection may stay up to twice as long.
 */
export const SILENCE_TIMEOUT_MS = 60_000;
/** How often Node looks for what has timed out. */
export const TIMEOUT_CHECK_MS = 500;
/** How long a connection is kept without a request. */
export const KEEP_ALIVE_MS = 5000;

/** How long the rest of a refused body is thrown away, so that its sender reads the refusal before the connection ends. */
export const LINGER_MS = 1000;
/** How long a closing server leaves a connection without a request open, for what was sent before its sender could know. */
export const CLOSING_GRACE_MS = 250;
