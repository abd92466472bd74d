import type { AccountFilter } from '../../../client/index.ts';
import { readMetadata } from '../../data/metadata.ts';

/** The names of the conditions in the address of the page. */
const NAMES = ['name', 'owner', 'currency', 'status', 'kind', 'metadata'] as const;

/** The conditions as they are typed and as the address keeps them. Empty: no condition. */
export type Conditions = Readonly<Record<(typeof NAMES)[number], string>>;

export function readConditions(params: URLSearchParams): Conditions {
  const of = (name: (typeof NAMES)[number]) => params.get(name)?.trim() ?? '';
  return {
    name: of('name'),
    owner: of('owner'),
    currency: of('currency'),
    status: of('status'),
    kind: of('kind'),
    metadata: of('metadata'),
  };
}

/** Returns the address' parameters for conditions. */
export function writeConditions(conditions: Conditions): URLSearchParams {
  return new URLSearchParams(
    Object.entries(conditions).flatMap(([name, value]) =>
      value.trim() === '' ? [] : [[name, value.trim()]],
    ),
  );
}

/** Returns how many conditions an address has. */
export function conditionsOf(params: URLSearchParams): number {
  return Object.values(readConditions(params)).filter((value) => value !== '').length;
}

/** Returns the filter of an address. External accounts are only found on request: people look for those of owners. */
export function readFilter(params: URLSearchParams): AccountFilter {
  const { name, owner, currency, status, kind, metadata } = readConditions(params);
  const pairs = readMetadata(metadata);
  return {
    ...(owner === '' ? {} : { owner }),
    ...(name === '' ? {} : { externalIdPrefix: name }),
    ...(currency === '' ? {} : { currency: currency.toUpperCase() }),
    ...(status === 'OPEN' || status === 'FROZEN' || status === 'CLOSED' ? { status } : {}),
    ...(kind === 'ANY' ? {} : { kind: kind === 'EXTERNAL' ? kind : 'STANDARD' }),
    ...(pairs === undefined ? {} : { metadata: pairs }),
  };
}

/** Returns the id of an account that a text names: an id, or `ext:` and an externalId; undefined if it is neither. */
export function idIn(text: string): string | undefined {
  const trimmed = text.trim();
  return /^(acct_|ext:)./.test(trimmed) ? trimmed : undefined;
}
