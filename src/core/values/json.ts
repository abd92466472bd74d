/**
 * Parses JSON like JSON.parse, but reads names with escapes correctly: V8 may replace such a name by another one that the process
 * parsed earlier (https://github.com/nodejs/node/issues/63785). Throws the errors of JSON.parse.
 */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  // Most texts return here. After this line the text is known to be valid JSON.
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

/** Returns the closing quote of the string at `at`, which is at its first escape or after its last one. */
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

/** Whether the string that ends at `end` is the name of a member. */
function isName(text: string, end: number): boolean {
  let next = end + 1;
  while (' \t\n\r'.includes(text[next] ?? '-')) next += 1;
  return text[next] === ':';
}

/** The first character of a code that replaces a name. A name that contains it is replaced too, so no name is mistaken for a code. */
const MARK = '\ue000';
const ESCAPED_OR_MARK = /[\\\ue000]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON allows these characters only as escapes.
const NEEDS_CODE = /["\\\u0000-\u001f\ue000]/;

/**
 * Rewrites JSON so that no name has escapes: a name is written unescaped or, where JSON does not allow that, replaced by a code.
 * The same name always becomes the same text, so duplicate members remain duplicates. `names` are the replaced names, by the
 * number of their code.
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

/** Replaces the codes in a value by their names and keeps the order of members. Not recursive: JSON may be nested deeply. */
function withNames(value: unknown, names: readonly string[]): unknown {
  const nameOf = (text: string) => (text.startsWith(MARK) ? (names[Number(text.slice(1))] ?? text) : text);
  const outermost: Record<string, unknown> = { value };
  const pending: [holder: Record<string, unknown>, member: string][] = [[outermost, 'value']];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [holder, member] = next;
    let each = holder[member] as Record<string, unknown>;
    let members = Object.entries(each);
    if (!Array.isArray(each) && members.some(([name]) => name.startsWith(MARK))) {
      members = members.map(([name, inner]) => [nameOf(name), inner]);
      each = Object.fromEntries(members);
      // The member exists, so this assignment never sets a prototype, even for the name __proto__.
      holder[member] = each;
    }
    for (const [name, inner] of members) {
      if (typeof inner === 'object' && inner !== null) pending.push([each, name]);
    }
  }
  return outermost['value'];
}
