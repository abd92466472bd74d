/** A malformed value in a request. It is a value instead of an error, so that the refusal can name its field. */
export class Malformed {
  readonly problem: string;
  constructor(problem: string) {
    this.problem = problem;
  }
}

/** The maximum length of an idempotency key, an externalId or an owner, in bytes of UTF-8; see `checkName`. */
export const MAX_NAME_BYTES = 255;
export const MAX_DESCRIPTION_BYTES = 1000;
export const MAX_METADATA_KEYS = 50;
export const MAX_METADATA_BYTES = 8192;

/** A JSON object whose values are strings. */
export type Metadata = Readonly<Record<string, string>>;

/** Checks an idempotency key, an externalId or an owner. Returns the problem, or undefined. */
export function checkName(text: string): string | undefined {
  if (text.length === 0) return 'must not be empty';
  return checkText(text, MAX_NAME_BYTES);
}

/** Checks a description. Returns the problem, or undefined. */
export function checkDescription(text: string): string | undefined {
  return checkText(text, MAX_DESCRIPTION_BYTES);
}

/**
 * Checks metadata. Returns the problem, or undefined. The size limit applies to its JSON text. Keys must not need escapes in JSON:
 * V8 misreads some keys with escapes (https://github.com/nodejs/node/issues/63785), so callers on Node could misread them.
 */
export function checkMetadata(metadata: Metadata): string | undefined {
  const entries = Object.entries(metadata);
  if (entries.length > MAX_METADATA_KEYS) {
    return `must have at most ${MAX_METADATA_KEYS} keys, but has ${entries.length}`;
  }
  for (const pair of entries) {
    for (const text of pair) {
      const problem = checkCharacters(text);
      if (problem !== undefined) return `${problem} in its keys and values`;
    }
    const [key] = pair;
    if (JSON.stringify(key).length !== key.length + 2) {
      return 'must not contain quotation marks, backslashes or control characters in its keys';
    }
  }
  const bytes = Buffer.byteLength(JSON.stringify(metadata));
  if (bytes > MAX_METADATA_BYTES) {
    return `must have at most ${MAX_METADATA_BYTES} bytes as JSON, but has ${bytes}`;
  }
  return undefined;
}

/** Returns the beginning of a text, short enough to quote in a message. */
export function excerpt(text: string): string {
  return text.length <= 64 ? text : `${text.slice(0, 64).toWellFormed()}…`;
}

function checkText(text: string, maxBytes: number): string | undefined {
  const problem = checkCharacters(text);
  if (problem !== undefined) return problem;
  // A UTF-16 code unit takes at most three bytes of UTF-8, so most texts need no byte count.
  if (text.length * 3 <= maxBytes) return undefined;
  const bytes = Buffer.byteLength(text);
  return bytes > maxBytes ? `must have at most ${maxBytes} bytes, but has ${bytes}` : undefined;
}

/** PostgreSQL stores neither NUL nor half a surrogate pair in text. */
function checkCharacters(text: string): string | undefined {
  if (text.includes('\0')) return 'must not contain the character NUL';
  if (!text.isWellFormed()) return 'must not contain an unpaired surrogate';
  return undefined;
}
