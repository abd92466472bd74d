import type { GraphQLError } from 'graphql';
import { requestRefused } from '../../graphql/execution/answer.ts';
import { type Ledger, MAX_OPERATIONS } from '../../ledger/ledger.ts';
import { MAX_BUFFERED_BYTES, MAX_SMALL_BODY_BYTES } from './limits.ts';

/** Measured: a transfer in a batch has 186 bytes with its ids and its key alone, and 258 with a description and metadata. */
const BYTES_AN_OPERATION = 256;

/**
 * Refuses bodies while the service is too busy, before they are read and parsed: a full queue would refuse them afterwards, at
 * a much higher cost. Small bodies always pass, so that queries are answered, and single mutations get the ledger's own answer.
 */
export class Admission {
  readonly #ledger: Pick<Ledger, 'load' | 'hasRoomFor'>;
  #bufferedBytes = 0;

  constructor(ledger: Pick<Ledger, 'load' | 'hasRoomFor'>) {
    this.#ledger = ledger;
  }

  /** Bytes of all bodies in memory whose requests are not answered yet. */
  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  /** Counts bytes of a body that are now in memory. Each `buffer` needs its `release`. */
  buffer(bytes: number): void {
    this.#bufferedBytes += bytes;
  }

  release(bytes: number): void {
    this.#bufferedBytes -= bytes;
  }

  /** Why a body of `size` bytes is refused now; undefined if it may be read. `buffered` of its bytes are counted already. */
  refuse(size: number, buffered = 0): GraphQLError | undefined {
    if (size <= MAX_SMALL_BODY_BYTES) return undefined;
    const operations = Math.min(Math.ceil(size / BYTES_AN_OPERATION), MAX_OPERATIONS);
    const { queued, maxQueue } = this.#ledger.load;
    // If nothing waits, the ledger itself says whether the body has too many.
    if (queued >= maxQueue || (queued > 0 && !this.#ledger.hasRoomFor(operations))) {
      return overloaded('queue', queued + operations, maxQueue, WAITING);
    }
    const total = this.#bufferedBytes - buffered + size;
    if (total <= MAX_BUFFERED_BYTES) return undefined;
    return overloaded('bufferedBytes', total, MAX_BUFFERED_BYTES, UNANSWERED);
  }
}

const WAITING = 'operations would be waiting, with those that a body of this size usually has; the limit is';
const UNANSWERED = 'bytes would be in the bodies of all unanswered requests together; the limit is';

function overloaded(limit: string, given: number, allowed: number, problem: string): GraphQLError {
  const [is, most, small] = [given, allowed, MAX_SMALL_BODY_BYTES].map((n) => n.toLocaleString('en'));
  return requestRefused(
    503,
    `The service is busy: ${is} ${problem} ${most}. Until there is room, bodies above ${small} bytes are refused. ` +
      'Nothing was done: try again after 1000 ms.',
    { code: 'OVERLOADED', headers: { 'retry-after': '1' }, facts: { limit, given, allowed } },
  );
}
