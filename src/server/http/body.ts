import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { GraphQLError } from 'graphql';
import { requestRefused } from '../../graphql/execution/answer.ts';
import { bodyTooLarge, MAX_REQUEST_BYTES } from '../../graphql/execution/yoga.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { Admission } from './admission.ts';
import { refuseBeginning, refuseStructure } from './large-body.ts';
import { LARGE_BODY_PAUSE_MS, MAX_BODY_BYTES, MAX_UNSCANNED_BYTES } from './limits.ts';

/** A body in memory. Its reader must call `release` after the last use. */
export interface Body {
  readonly bytes: Buffer;
  release(): void;
}

/**
 * Reads bodies. Rejects a body by its content-length if possible, otherwise at the byte that makes it too large or the service
 * too busy.
 */
export class BodyReader {
  readonly #admission: Admission;
  readonly #hasTrustedDocuments: boolean;

  constructor(admission: Admission, hasTrustedDocuments: boolean) {
    this.#admission = admission;
    this.#hasTrustedDocuments = hasTrustedDocuments;
  }

  /** Returns null if the connection was closed. A rejected body is not read to its end. */
  read(request: IncomingMessage, ledger: Ledger): Promise<Body | GraphQLError | null> {
    return new Promise((resolve) => {
      const chunks: Buffer[] = [];
      let buffered = 0;
      const release = () => {
        this.#admission.release(buffered);
        buffered = 0;
        chunks.length = 0;
      };
      const settle = (answer: Body | GraphQLError | null) => {
        request.off('data', take).off('end', end).off('close', leave);
        if (answer === null || answer instanceof Error) release();
        resolve(answer);
      };
      const refuse = (size: number) =>
        size > MAX_BODY_BYTES
          ? bodyTooLarge(size, MAX_BODY_BYTES)
          : this.#admission.refuse(ledger, size, buffered);
      const announced = Number(request.headers['content-length'] ?? 0);
      let size = 0;
      const take = (chunk: Buffer) => {
        const before = size;
        size += chunk.length;
        const refusal = refuse(size);
        if (refusal !== undefined) {
          settle(refusal);
          return;
        }
        chunks.push(chunk);
        buffered += chunk.length;
        this.#admission.buffer(chunk.length);
        if (size <= MAX_REQUEST_BYTES) return;
        // Read slowly, a large body delays other requests less.
        request.pause();
        setTimeout(() => request.resume(), LARGE_BODY_PAUSE_MS);
        if (before > MAX_REQUEST_BYTES) return;
        // Most bodies that exceed a limit do so within the first MiB.
        const refused = refuseBeginning(Buffer.concat(chunks), announced || size, this.#hasTrustedDocuments);
        if (refused !== undefined) settle(refused);
      };
      const end = () => {
        const [first] = chunks;
        const bytes = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
        chunks.length = 0;
        const hasLimits = size > MAX_UNSCANNED_BYTES && size <= MAX_REQUEST_BYTES;
        const refused = hasLimits ? refuseStructure(bytes) : undefined;
        settle(refused ?? (isUtf8(bytes) ? { bytes, release } : NOT_UTF8));
      };
      const leave = () => settle(null);

      const refusal = refuse(announced);
      // A closed request emits no further events.
      if (request.destroyed) settle(null);
      else if (refusal !== undefined) settle(refusal);
      else request.on('data', take).on('end', end).on('close', leave);
    });
  }
}

const NOT_UTF8 = requestRefused(400, 'The body is not valid UTF-8. Send JSON in UTF-8.');
