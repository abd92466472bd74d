import type { CreateApiKeyInput, Scope } from '../../../client/index.ts';
import { readLocalInstant } from '../../data/instants.ts';

/** The form of a new key, as it was typed. */
export interface NewKeyForm {
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly owner: string;
  readonly allLedgers: boolean;
  /** The text of a `datetime-local` field. */
  readonly expiresAt: string;
  readonly requestsPerSecond: string;
}

export type NewKeyMistakes = Partial<Record<keyof NewKeyForm, string>>;

/** The scopes that a key restricted to an owner can have. */
const FOR_OWNERS: readonly Scope[] = ['READ', 'POST'];

/** Returns the input for a form that is filled correctly, or what is wrong with its fields. */
export function readNewKey(
  form: NewKeyForm,
  now: Date,
): CreateApiKeyInput | { readonly mistakes: NewKeyMistakes } {
  const [name, owner, rate] = [form.name.trim(), form.owner.trim(), form.requestsPerSecond.trim()];
  const expiresAt = readLocalInstant(form.expiresAt);
  const mistakes: NewKeyMistakes = {
    ...(name === '' ? { name: 'Enter a name, such as that of the backend that uses the key.' } : {}),
    ...(form.scopes.length === 0 ? { scopes: 'Select at least one scope.' } : {}),
    ...(owner !== '' && !form.scopes.every((scope) => FOR_OWNERS.includes(scope))
      ? { owner: 'A key restricted to an owner has READ and POST at most. Remove the other scopes.' }
      : {}),
    ...(expiresAt !== undefined && new Date(expiresAt) <= now
      ? { expiresAt: 'Enter a time in the future, or leave it empty.' }
      : {}),
    ...(rate !== '' && !/^[1-9]\d{0,6}$/.test(rate)
      ? { requestsPerSecond: 'Enter a whole number from 1, or leave it empty.' }
      : {}),
  };
  if (Object.keys(mistakes).length > 0) return { mistakes };
  return {
    name,
    scopes: [...form.scopes],
    allLedgers: form.allLedgers,
    ...(owner === '' ? {} : { owner }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(rate === '' ? {} : { requestsPerSecond: Number(rate) }),
  };
}
