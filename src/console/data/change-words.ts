/** Changes of accounts, currencies, periods, ledgers and keys, in words. */
import { formatAmount, formatMoney } from './amounts.ts';
import { type Change, compareChanges } from './compare-changes.ts';
import { formatInstant } from './instants.ts';

interface Recorded {
  readonly action: string;
  readonly before?: string | null;
  readonly after?: string | null;
}

/** One field that a change set, in words, such as "from Open to Frozen". */
export interface FieldChange {
  readonly name: string;
  readonly text: string;
}

/** What mutations, and their commands on the machine of the service, change outside of the journal. */
export const ACTIONS = {
  updateAccount: 'Account changed',
  freezeAccount: 'Account frozen',
  unfreezeAccount: 'Account unfrozen',
  closeAccount: 'Account closed',
  createCurrency: 'Currency created',
  closePeriod: 'Period closed',
  createLedger: 'Ledger created',
  createApiKey: 'Key created',
  revokeApiKey: 'Key revoked',
} as const;

const NAMES: Readonly<Record<string, string>> = {
  minBalance: 'Lowest balance',
  maxBalance: 'Highest balance',
  secretDigest: 'Secret',
};

/** Returns the action of a change in words: `freezeAccount` is "Account frozen". */
export function actionWord({ action }: Pick<Recorded, 'action'>): string {
  return action in ACTIONS ? ACTIONS[action as keyof typeof ACTIONS] : action;
}

/** Returns the number of an account's last entry before a change; undefined if the change does not name it. */
export function versionAt({ before = null, after = null }: Omit<Recorded, 'action'>): string | undefined {
  return compareChanges(before, after).find(({ key }) => key === 'version')?.after;
}

/**
 * Returns the fields that a change set, with their values before and after it. Empty: nothing changed. Without the currency of its
 * account, limits have no currency.
 */
export function fieldChanges(
  { before = null, after = null }: Omit<Recorded, 'action'>,
  currency?: string,
): readonly FieldChange[] {
  return compareChanges(before, after)
    .filter(({ key }) => key !== 'version')
    .map((change) => ({
      name: NAMES[change.key] ?? toWords(change.key),
      text: changeText(change, before === null, currency),
    }));
}

function changeText(change: Change, isCreated: boolean, currency: string | undefined): string {
  const { key, before, after } = change;
  // The log has a digest of metadata and of secrets, which does not reveal them.
  if (key === 'metadata' || key === 'secretDigest')
    return after === undefined ? 'removed' : before === undefined ? 'set' : 'replaced';
  const value = valueWord(key, after, currency);
  return isCreated ? value : `from ${valueWord(key, before, currency)} to ${value}`;
}

function valueWord(key: string, value: string | undefined, currency: string | undefined): string {
  const isLimit = key === 'minBalance' || key === 'maxBalance';
  if (value === undefined) return isLimit ? 'no limit' : 'none';
  if (isLimit) return currency === undefined ? formatAmount(value) : formatMoney({ amount: value, currency });
  if (key === 'status') return value.charAt(0) + value.slice(1).toLowerCase();
  return /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value) ? formatInstant(value, 'full') : value;
}

/** Returns the name of a field as words: `externalId` is "External id". */
function toWords(name: string): string {
  const words = name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
}
