/** A changed field of an audit event. A value that is absent is null, or was not recorded. */
export interface Change {
  readonly key: string;
  readonly before?: string;
  readonly after?: string;
}

/**
 * Returns the fields that differ between the JSON objects of an audit event, in the order of the new values, then of the old ones. Null:
 * there are no values on that side. A text that is no JSON object is shown as it is, under the key `value`.
 */
export function compareChanges(before: string | null, after: string | null): readonly Change[] {
  const [old, fresh] = [readValues(before), readValues(after)];
  return [...new Set([...fresh.keys(), ...old.keys()])].flatMap((key): Change[] => {
    const [was, is] = [old.get(key), fresh.get(key)];
    if (was === is) return [];
    return [
      { key, ...(was === undefined ? {} : { before: was }), ...(is === undefined ? {} : { after: is }) },
    ];
  });
}

function readValues(text: string | null): ReadonlyMap<string, string> {
  if (text === null) return new Map();
  const values = parse(text);
  if (typeof values !== 'object' || values === null || Array.isArray(values))
    return new Map([['value', text]]);
  return new Map(
    Object.entries(values).flatMap(([key, value]: [string, unknown]) =>
      value === null ? [] : [[key, typeof value === 'string' ? value : JSON.stringify(value)] as const],
    ),
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
