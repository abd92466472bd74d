/** A value that a caller sent and that is none of its kind. It travels as a value, so that the refusal can name its field. */
export class Malformed {
  readonly problem: string;
  constructor(problem: string) {
    this.problem = problem;
  }
}

/** Bytes of UTF-8 that a key, an external id or an owner may have; see `checkName`. */
export const MAX_NAME_BYTES = 255;
export const MAX_DESCRIPTION_BYTES = 1000;
export const MAX_METADATA_KEYS = 50;
export const MAX_METADATA_BYTES = 8192;

/** A JSON object whose values are texts. */
export type Metadata = Readonly<Record<string, string>>;

/** What is wrong with a key, an external id or an owner: undefined where nothing is. */
export function checkName(text: string): string | undefined {
  if (text.length === 0) return 'must not be empty';
  return checkText(text, MAX_NAME_BYTES);
}

/** What is wrong with a description: undefined where nothing is. */
export function checkDescription(text: string): string | undefined {
  return checkText(text, MAX_DESCRIPTION_BYTES);
}

/**
 * What is wrong with metadata: undefined where nothing is. Its size is that of its JSON text. A key must need no escape in JSON:
 * V8 reads some keys with escapes as others (https://github.com/nodejs/node/issues/63785), so that a caller could misread it.
 */
export function checkMetadata(metadata: Metadata): string | undefined {
  const entries = Object.entries(metadata);
  if (entries.length > MAX_METADATA_KEYS) {
    return `must have at most ${MAX_METADATA_KEYS} keys, and has ${entries.length}`;
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
    return `must have at most ${MAX_METADATA_BYTES} bytes as JSON, and has ${bytes}`;
  }
  return undefined;
}

/** The beginning of a text that a caller sent, short enough to be quoted in a message. */
export function excerpt(text: string): string {
  return text.length <= 64 ? text : `${text.slice(0, 64).toWellFormed()}…`;
}

function checkText(text: string, maxBytes: number): string | undefined {
  const problem = checkCharacters(text);
  if (problem !== undefined) return problem;
  // A UTF-16 unit takes one to three bytes, so that most texts need no count.
  if (text.length * 3 <= maxBytes) return undefined;
  const bytes = Buffer.byteLength(text);
  return bytes > maxBytes ? `must have at most ${maxBytes} bytes, and has ${bytes}` : undefined;
}

/** PostgreSQL's text holds neither NUL nor half a surrogate pair. */
function checkCharacters(text: string): string | undefined {
  if (text.includes('\0')) return 'must not contain the character NUL';
  if (!text.isWellFormed()) return 'must not contain half a surrogate pair';
  return undefined;
}
