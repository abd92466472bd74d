import { MAX_ANSWER_BYTES } from '../../graphql/protection/cost.ts';

// Limits of HTTP requests. The limits of GraphQL documents are in src/graphql/protection/document-limits.ts.

/** Bytes of a request line with its headers. */
export const MAX_HEAD_BYTES = 16 * 2 ** 10;
/** Bytes of a body. A body above MAX_REQUEST_BYTES must be a `postBatch`. */
export const MAX_BODY_BYTES = 16 * 2 ** 20;
/**
 * Bodies up to this size are read at any load. Measured with the client's documents: a single mutation has 2.1 to 2.4 kB and its
 * input, `nodes` of 100 ids 3.5 kB, a `postBatch` of 20 transfers 6 kB, of 50 transfers 11.6 kB.
 */
export const MAX_SMALL_BODY_BYTES = 8 * 2 ** 10;
/** Bytes of the bodies of all unanswered requests. Beyond it, bodies above MAX_SMALL_BODY_BYTES are rejected with OVERLOADED. */
export const MAX_BUFFERED_BYTES = 32 * 2 ** 20;
/** The pause after each chunk of a body above MAX_REQUEST_BYTES. A chunk has at most 64 KiB. */
export const LARGE_BODY_PAUSE_MS = 1;
/** A caller whose body takes longer to arrive is identified again. */
export const IDENTIFIED_FOR_MS = 100;
/** A body above this size has limits of structure, since JSON.parse takes longest for many different names. */
export const MAX_UNSCANNED_BYTES = 64 * 2 ** 10;
/**
 * Commas, colons and opening brackets of a body above MAX_UNSCANNED_BYTES. 10,000 operations without metadata have at most 390,000:
 * a journal of two entries with all its fields has 39. Each key of metadata adds 2.
 */
export const MAX_LARGE_ELEMENTS = 500_000;
/** Nested brackets of such a body. A condition of an operation is at depth 8. */
export const MAX_LARGE_NESTING = 20;
/** Different names of members in such a body. All input types together have about thirty; the others are keys of metadata. */
export const MAX_LARGE_NAMES = 1000;

/** Bytes of large answers that their callers have not read. Beyond it, queries with large answers are rejected with OVERLOADED. */
export const MAX_UNREAD_BYTES = 8 * MAX_ANSWER_BYTES;

/** Another connection replaces one without a pending response, or is closed. */
export const MAX_CONNECTIONS = 2000;
/** From the connection, or from the first byte of a request, to the end of its head. */
export const HEADERS_TIMEOUT_MS = 10_000;
/** From the first byte of a request to the end of its body. */
export const REQUEST_TIMEOUT_MS = 30_000;
/**
 * How long a connection may be without a byte in either direction, so that it ends if its client does not read. Node checks once
 * per interval whether bytes were sent, so a connection may stay for twice as long.
 */
export const SILENCE_TIMEOUT_MS = 60_000;
/** The interval at which Node checks for timeouts. */
export const TIMEOUT_CHECK_MS = 500;
/** How long a connection is kept open without a request. */
export const KEEP_ALIVE_MS = 5000;

/** How long the rest of a rejected body is read and dropped, so that its sender reads the rejection before the connection ends. */
export const LINGER_MS = 2000;
/** The pause after each chunk of such a body: the largest allowed body takes about a second. */
export const DRAIN_PAUSE_MS = 4;
/** How long a closing server keeps idle connections open, for requests that are already in transit. */
export const CLOSING_GRACE_MS = 250;
