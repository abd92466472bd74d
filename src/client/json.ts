/** Begins what stands for a name. A name that has it itself is replaced too, so that no name is taken for what stands for another. */
const MARK = '\ue000';

/**
 * Reads JSON as JSON.parse does, but for names with escapes, such as those with quotes: V8 may read such a name as another one,
 * which was read before (https://github.com/nodejs/node/issues/63785). So it is given names without escapes.
 */
export function parseJson(text: string): unknown {
  const names: string[] = [];
  const plain = text.replace(/"(?:[^"\\]|\\.)*"(\s*:)?/g, (part: string, colon?: string) => {
    if (colon === undefined || !(part.includes('\\') || part.includes(MARK))) return part;
    names.push(JSON.parse(part.slice(0, -colon.length)));
    return `"${MARK}${names.length - 1}":`;
  });
  if (names.length === 0) return JSON.parse(text);
  const nameOf = (name: string) => (name.startsWith(MARK) ? (names[Number(name.slice(1))] ?? name) : name);
  return JSON.parse(plain, (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).map(([name, member]) => [nameOf(name), member]))
      : value,
  );
}
