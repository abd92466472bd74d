import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { GraphQLError } from 'graphql';
import { requestRefused } from '../graphql/answer.ts';
import { bodyTooLarge, MAX_REQUEST_BYTES } from '../graphql/yoga.ts';
import { refuseStructure } from './large-body.ts';
import { MAX_BODY_BYTES, MAX_LARGE_BODIES } from './limits.ts';

/** A body in memory. Whoever has it calls `release` when it is of no more use. */
export interface Body {
  readonly bytes: Buffer;
  release(): void;
}

/** Reads bodies, and refuses them at the byte that is one too many, or by what they say that they will have. */
export class BodyReader {
  #large = 0;

  /** null: the caller has gone. What is refused is not read to its end. */
  read(request: IncomingMessage): Promise<Body | GraphQLError | null> {
    return new Promise((resolve) => {
      const chunks: Buffer[] = [];
      let isSettled = false;
      let isLarge = false;
      const release = () => {
        if (isLarge) this.#large -= 1;
        isLarge = false;
      };
      const settle = (answer: Body | GraphQLError | null) => {
        if (isSettled) return;
        isSettled = true;
        if (answer === null || answer instanceof Error) release();
        resolve(answer);
      };
      /** Whether a body of so many bytes may be in memory. */
      const admit = (size: number): boolean => {
        if (size > MAX_BODY_BYTES) {
          settle(bodyTooLarge(size, MAX_BODY_BYTES));
          return false;
        }
        if (size <= MAX_REQUEST_BYTES || isLarge) return true;
        if (this.#large >= MAX_LARGE_BODIES) {
          settle(TOO_MANY_LARGE);
          return false;
        }
        this.#large += 1;
        isLarge = true;
        return true;
      };
      let size = 0;
      let looked = false;
      let refusal: GraphQLError | undefined;
      const take = (chunk: Buffer) => {
        if (isSettled) return;
        size += chunk.length;
        if (!admit(size)) return;
        if (size > MAX_REQUEST_BYTES) {
          // A piece a turn of the event loop: a large body takes no more of it than any other request.
          request.pause();
          setImmediate(() => request.resume());
        }
        if (refusal !== undefined) return;
        chunks.push(chunk);
        if (looked || size <= MAX_REQUEST_BYTES) return;
        // Most of what is too much shows where a body begins to be a large one. It is read to its end, so that its caller
        // hears of it, and kept no longer.
        looked = true;
        refusal = refuseStructure(Buffer.concat(chunks));
        if (refusal !== undefined) chunks.length = 0;
      };
      const end = () => {
        if (refusal !== undefined) {
          settle(refusal);
          return;
        }
        const [first] = chunks;
        const bytes = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
        settle(isUtf8(bytes) ? { bytes, release } : NOT_UTF8);
      };
      const leave = () => settle(null);

      if (!admit(Number(request.headers['content-length'] ?? 0))) return;
      request.on('data', take).on('end', end).on('close', leave);
    });
  }
}

const NOT_UTF8 = requestRefused(400, 'The body must be JSON in UTF-8, and has bytes that are none.');
const TOO_MANY_LARGE = requestRefused(
  503,
  `${MAX_LARGE_BODIES} bodies above ${MAX_REQUEST_BYTES.toLocaleString('en')} bytes are read at once, and this is one more. ` +
    'Nothing was done: try again after 1000 ms.',
  {
    code: 'OVERLOADED',
    headers: { 'retry-after': '1' },
    facts: { limit: 'largeBodies', given: MAX_LARGE_BODIES + 1, allowed: MAX_LARGE_BODIES },
  },
);
