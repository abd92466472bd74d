/**
 * Reads JSON as JSON.parse does, but for names with escapes: V8 may read such a name as another one, which was read anywhere in
 * the process before (https://github.com/nodejs/node/issues/63785). Throws what JSON.parse throws.
 */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  // Most texts end here. From here on the text is known to be JSON.
  if (!hasEscapedName(text)) return value;
  const { rewritten, names } = withoutEscapedNames(text);
  const read: unknown = JSON.parse(rewritten);
  return names.length > 0 ? withNames(read, names) : read;
}

function hasEscapedName(text: string): boolean {
  let found = text.indexOf('\\');
  while (found >= 0) {
    const end = endOfString(text, found);
    if (isName(text, end)) return true;
    found = text.indexOf('\\', end);
  }
  return false;
}

/** The closing quote of the string that has its first escape here, or none from here on. */
function endOfString(text: string, at: number): number {
  let quote = text.indexOf('"', at);
  for (;;) {
    let before = quote - 1;
    while (text[before] === '\\') before -= 1;
    const isEscaped = (quote - before) % 2 === 0;
    if (!isEscaped) return quote;
    quote = text.indexOf('"', quote + 1);
  }
}

/** Whether the string that ends here is the name of a member. */
function isName(text: string, end: number): boolean {
  let next = end + 1;
  while (' \t\n\r'.includes(text[next] ?? '-')) next += 1;
  return text[next] === ':';
}

/** Begins the code that stands for a name. A name that has it itself gets a code too, so that no name is taken for a code. */
const MARK = '\ue000';
const ESCAPED_OR_MARK = /[\\\ue000]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON has these characters as escapes alone.
const NEEDS_CODE = /["\\\u0000-\u001f\ue000]/;

/**
 * The same JSON, whose names have no escapes: they stand as they are, or where JSON does not allow that, a code stands for them.
 * A name always becomes the same text, so that a member that stands twice still does. `names` are those of the codes, by number.
 */
function withoutEscapedNames(text: string): {
  readonly rewritten: string;
  readonly names: readonly string[];
} {
  const pieces: string[] = [];
  const codes = new Map<string, string>();
  const codeOf = (name: string): string => {
    const code = codes.get(name) ?? `${MARK}${codes.size}`;
    codes.set(name, code);
    return code;
  };
  let done = 0;
  ESCAPED_OR_MARK.lastIndex = 0;
  for (;;) {
    const at = ESCAPED_OR_MARK.exec(text)?.index;
    if (at === undefined) break;
    const end = endOfString(text, at);
    ESCAPED_OR_MARK.lastIndex = end;
    if (!isName(text, end)) continue;
    const start = text.lastIndexOf('"', at);
    const name = String(JSON.parse(text.slice(start, end + 1)));
    pieces.push(text.slice(done, start), `"${NEEDS_CODE.test(name) ? codeOf(name) : name}"`);
    done = end + 1;
  }
  pieces.push(text.slice(done));
  return { rewritten: pieces.join(''), names: [...codes.keys()] };
}

/** Gives the objects in a value their own names for codes, in their order. Calls itself for none: JSON may be nested deeply. */
function withNames(value: unknown, names: readonly string[]): unknown {
  const nameOf = (text: string) => (text.startsWith(MARK) ? (names[Number(text.slice(1))] ?? text) : text);
  const outermost: Record<string, unknown> = { value };
  const waiting: [holder: Record<string, unknown>, member: string][] = [[outermost, 'value']];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [holder, member] = next;
    let each = holder[member] as Record<string, unknown>;
    let members = Object.entries(each);
    if (!Array.isArray(each) && members.some(([name]) => name.startsWith(MARK))) {
      members = members.map(([name, inner]) => [nameOf(name), inner]);
      each = Object.fromEntries(members);
      // The member is there, so that this sets no prototype, whatever its name.
      holder[member] = each;
    }
    for (const [name, inner] of members) {
      if (typeof inner === 'object' && inner !== null) waiting.push([each, name]);
    }
  }
  return outermost['value'];
}
