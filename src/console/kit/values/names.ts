interface Named {
  readonly owner: string;
  readonly externalId?: string | null;
  readonly kind: 'STANDARD' | 'EXTERNAL';
  readonly currency: string;
}

/**
 * Returns what people call an account: its owner, with its externalId where it has one. No owner has the name of an external account:
 * the others end with a currency in parentheses, or have a comma.
 */
export function nameOf({ owner, externalId, kind, currency }: Named): string {
  if (kind === 'EXTERNAL') return `External ${currency} account`;
  if (externalId == null || externalId === owner) return `${isolated(owner)} (${currency})`;
  return `${isolated(owner)}, ${isolated(externalId)}`;
}

/** Returns a text that does not turn around what is next to it, where it has characters of another direction. */
function isolated(text: string): string {
  return OTHER_DIRECTION.test(text) ? `\u2068${text}\u2069` : text;
}

const OTHER_DIRECTION = /[\u200e\u200f\u202a-\u202e\u2066-\u2069\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]/;
