import { MAX_UNREAD_BYTES } from './limits.ts';

/** Smaller answers fit into the send buffers of their connections. */
const COUNTED_BYTES = 2 ** 16;

/** Counts the bytes of large answers that were written and that their callers have not read yet. */
export class UnreadAnswers {
  #bytes = 0;

  /**
   * Counts an answer, and returns the function to call when it was read or its connection closed. Returns undefined if too many
   * answers are unread, unless this one must be sent.
   */
  hold(body: string | Buffer, mustBeSent: boolean): (() => void) | undefined {
    const bytes = typeof body === 'string' ? 0 : body.length;
    if (bytes < COUNTED_BYTES) return NOTHING;
    if (!mustBeSent && this.#bytes + bytes > MAX_UNREAD_BYTES) return undefined;
    this.#bytes += bytes;
    let isHeld = true;
    return () => {
      if (isHeld) this.#bytes -= bytes;
      isHeld = false;
    };
  }
}

const NOTHING = () => {};
