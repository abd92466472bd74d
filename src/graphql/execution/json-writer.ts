/** The maximum values and characters that are written at once. */
const PIECE_VALUES = 500;
const PIECE_CHARACTERS = 2 ** 16;
/** Text is encoded in chunks of this size. */
const CHUNK_CHARACTERS = 2 ** 17;

/** Returns whether a JSON value is small enough to be written at once. */
export function isSmall(value: unknown): boolean {
  return rest(value, { values: PIECE_VALUES, characters: PIECE_CHARACTERS });
}

function rest(value: unknown, left: { values: number; characters: number }): boolean {
  left.values -= 1;
  if (typeof value === 'string') left.characters -= value.length;
  if (left.values < 0 || left.characters < 0) return false;
  if (typeof value !== 'object' || value === null) return true;
  for (const name in value) {
    left.characters -= name.length;
    if (!rest(Reflect.get(value, name), left)) return false;
  }
  return true;
}

/**
 * Writes a value like JSON.stringify, in several turns of the event loop. Stops and resolves to undefined when the text exceeds
 * `maxBytes`.
 */
export async function writeJsonInTurns(
  value: unknown,
  maxBytes: number,
  turn: () => Promise<void>,
): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let text = '';
  const flush = () => {
    const chunk = Buffer.from(text);
    chunks.push(chunk);
    bytes += chunk.length;
    text = '';
    return bytes <= maxBytes;
  };
  for (const piece of piecesOf(value)) {
    text += piece;
    if (text.length < CHUNK_CHARACTERS) continue;
    if (!flush()) return undefined;
    await turn();
  }
  return flush() ? Buffer.concat(chunks) : undefined;
}

function* piecesOf(value: unknown): Generator<string> {
  if (typeof value !== 'object' || value === null || isSmall(value)) {
    // JSON.stringify writes null for an element that JSON cannot represent.
    yield JSON.stringify(value) ?? 'null';
    return;
  }
  const isList = Array.isArray(value);
  let mark = isList ? '[' : '{';
  if (isList) {
    for (const element of value) {
      yield mark;
      yield* piecesOf(element);
      mark = ',';
    }
  } else {
    for (const [name, member] of Object.entries(value)) {
      if (member === undefined) continue;
      yield `${mark}${JSON.stringify(name)}:`;
      yield* piecesOf(member);
      mark = ',';
    }
  }
  if (mark !== ',') yield mark;
  yield isList ? ']' : '}';
}
