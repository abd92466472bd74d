import type { GraphQLError } from 'graphql';
import { requestRefused } from '../../graphql/execution/answer.ts';
import { type Ledger, MAX_OPERATIONS } from '../../ledger/ledger.ts';
import { MAX_BUFFERED_BYTES, MAX_SMALL_BODY_BYTES } from './limits.ts';

/** Measured: a transfer in a batch takes 186 bytes with only its ids and key, and 258 with a description and metadata. */
const BYTES_AN_OPERATION = 256;

/**
 * Rejects bodies while the service is too busy, before they are read and parsed. A full queue would reject them later, at a much
 * higher cost. Small bodies are always accepted, so that queries are answered and single mutations receive the ledger's own
 * answer.
 */
export class Admission {
  #bufferedBytes = 0;

  /** Bytes of all bodies in memory whose requests are not answered yet. */
  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  /** Counts bytes of a body that were read into memory, until `release` is called with the same number. */
  buffer(bytes: number): void {
    this.#bufferedBytes += bytes;
  }

  release(bytes: number): void {
    this.#bufferedBytes -= bytes;
  }

  /**
   * Returns why a body of `size` bytes for a ledger is rejected; undefined if it may be read. `buffered` of its bytes are counted
   * already.
   */
  refuse(ledger: Pick<Ledger, 'load' | 'hasRoomFor'>, size: number, buffered = 0): GraphQLError | undefined {
    if (size <= MAX_SMALL_BODY_BYTES) return undefined;
    const operations = Math.min(Math.ceil(size / BYTES_AN_OPERATION), MAX_OPERATIONS);
    const { queued, maxQueue } = ledger.load;
    // With an empty queue, the ledger itself rejects a batch that is too large.
    if (queued >= maxQueue || (queued > 0 && !ledger.hasRoomFor(operations))) {
      return overloaded('queue', queued + operations, maxQueue, QUEUED);
    }
    const total = this.#bufferedBytes - buffered + size;
    if (total <= MAX_BUFFERED_BYTES) return undefined;
    return overloaded('bufferedBytes', total, MAX_BUFFERED_BYTES, UNANSWERED);
  }
}

const QUEUED = 'queued operations, with an estimate for this body; at most';
const UNANSWERED = 'bytes in the bodies of all unanswered requests; at most';

function overloaded(limit: string, given: number, allowed: number, problem: string): GraphQLError {
  const [is, most, small] = [given, allowed, MAX_SMALL_BODY_BYTES].map((n) => n.toLocaleString('en'));
  return requestRefused(
    503,
    `The service is busy: there would be ${is} ${problem} ${most} are allowed. Bodies above ${small} bytes are rejected until ` +
      'the number falls. Nothing was done: retry after 1000 ms.',
    { code: 'OVERLOADED', headers: { 'retry-after': '1' }, facts: { limit, given, allowed } },
  );
}
