import { MAX_UNREAD_BYTES } from './limits.ts';

/** Smaller answers fit into the buffers of their connections. */
const COUNTED_BYTES = 2 ** 16;

/** The bytes of large answers that are written and that their callers have not read yet. */
export class UnreadAnswers {
  #bytes = 0;

  /** Counts an answer; undefined where there is no room for it. What it returns is called when the answer is read, or never will be. */
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
