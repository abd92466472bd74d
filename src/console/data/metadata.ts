/** A key of metadata and its value, as they are typed. */
export type MetadataRow = readonly [key: string, value: string];

/** Returns the metadata of typed rows. Rows without a key and a value are left out. No rows are an empty object. */
export function toMetadata(rows: readonly MetadataRow[]): Readonly<Record<string, string>> {
  return Object.fromEntries(given(rows));
}

/** Returns what is wrong with typed rows, and what to do; undefined if they are metadata. */
export function metadataProblem(rows: readonly MetadataRow[]): string | undefined {
  const seen = new Set<string>();
  for (const [key, value] of given(rows)) {
    if (key === '') return `The value “${value}” has no key. Enter its key, or remove the row.`;
    if (/["\\\p{Cc}]/u.test(key))
      return `The key “${key}” has a quotation mark, a backslash or a control character.`;
    if (seen.has(key)) return `Two rows have the key “${key}”. Remove one of them.`;
    seen.add(key);
  }
  return undefined;
}

/** Returns the rows of metadata, in the order of their keys. */
export function toRows(metadata: Readonly<Record<string, string>>): readonly MetadataRow[] {
  return Object.entries(metadata).toSorted(([one], [other]) => (one < other ? -1 : 1));
}

function given(rows: readonly MetadataRow[]): readonly MetadataRow[] {
  return rows
    .map(([key, value]) => [key.trim(), value] as const)
    .filter(([key, value]) => key !== '' || value.trim() !== '');
}

/** Returns the pairs of a text such as `plan=gold, country=de`; undefined if it has none. */
export function readMetadata(text: string): Readonly<Record<string, string>> | undefined {
  const pairs = text.split(',').flatMap((part) => {
    const [key = '', ...value] = part.split('=');
    return key.trim() === '' || value.length === 0 ? [] : [[key.trim(), value.join('=').trim()] as const];
  });
  return pairs.length === 0 ? undefined : Object.fromEntries(pairs);
}
