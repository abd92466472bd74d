import { formatMoney } from '../../../data/amounts.ts';

interface Change {
  readonly action: string;
  readonly before: string | null;
  readonly after: string | null;
}

/** One field that a change set, in words, such as "from Open to Frozen". */
export interface FieldChange {
  readonly name: string;
  readonly text: string;
}

const ACTIONS: Readonly<Record<string, string>> = {
  createAccount: 'Created',
  createAccounts: 'Created',
  updateAccount: 'Changed',
  freezeAccount: 'Frozen',
  unfreezeAccount: 'Unfrozen',
  closeAccount: 'Closed',
};

const STATUSES: Readonly<Record<string, string>> = { OPEN: 'Open', FROZEN: 'Frozen', CLOSED: 'Closed' };

const NAMES: Readonly<Record<string, string>> = {
  status: 'Status',
  externalId: 'External id',
  minBalance: 'Lowest balance',
  maxBalance: 'Highest balance',
  metadata: 'Metadata',
};

/** Returns the action of a change as a word: `freezeAccount` is "Frozen". */
export function actionWord({ action }: Pick<Change, 'action'>): string {
  return ACTIONS[action] ?? action;
}

/** Returns the number of the last entry before a change; undefined if the change does not name it. */
export function versionAt({ after }: Pick<Change, 'after'>): string | undefined {
  return read(after)['version'] ?? undefined;
}

/** Returns the fields that a change set, with their values before and after it. Empty: nothing changed. */
export function fieldChanges({ before, after }: Omit<Change, 'action'>, currency: string): FieldChange[] {
  const [old, set] = [read(before), read(after)];
  return Object.keys(set)
    .filter((key) => key !== 'version')
    .map((key) => ({ name: NAMES[key] ?? key, text: changeText(key, old[key], set[key], currency) }));
}

type Value = string | null | undefined;

function changeText(key: string, before: Value, after: Value, currency: string): string {
  // The log has a digest of metadata, which does not reveal it.
  if (key === 'metadata') return after == null ? 'removed' : before == null ? 'set' : 'replaced';
  return `from ${valueWord(key, before, currency)} to ${valueWord(key, after, currency)}`;
}

function valueWord(key: string, value: Value, currency: string): string {
  if (value == null) return key === 'minBalance' || key === 'maxBalance' ? 'no limit' : 'none';
  if (key === 'status') return STATUSES[value] ?? value;
  if (key === 'minBalance' || key === 'maxBalance') return formatMoney({ amount: value, currency });
  return value;
}

function read(json: string | null): Readonly<Record<string, string | null>> {
  return json === null ? {} : (JSON.parse(json) as Record<string, string | null>);
}
