import type { TransactionFilter } from '../../../client/index.ts';
import { readMetadata } from '../../data/metadata.ts';

type TransactionType = NonNullable<TransactionFilter['types']>[number];

export const TYPES: readonly TransactionType[] = [
  'DEPOSIT',
  'WITHDRAWAL',
  'TRANSFER',
  'JOURNAL',
  'HOLD',
  'CAPTURE',
  'RELEASE',
  'REVERSAL',
];

/** The names of the bounds in the address, each with the range that it belongs to. Their values are instants in UTC. */
export const BOUNDS = ['effective-from', 'effective-before', 'recorded-from', 'recorded-before'] as const;

/** Returns what is wrong with a text of metadata, and what to do; undefined if it can be a filter. */
export function metadataMistake(text: string): string | undefined {
  return text.trim() === '' || readMetadata(text) !== undefined
    ? undefined
    : `“${text.trim()}” has no key with a value. Write it as order=42.`;
}

/** Returns the types in an address; those that do not exist are left out. */
export function readTypes(params: URLSearchParams): readonly TransactionType[] {
  const given = (params.get('types') ?? '').split(',');
  return TYPES.filter((type) => given.includes(type));
}

/** Returns the filter of an address. */
export function readFilter(params: URLSearchParams): TransactionFilter {
  const types = readTypes(params);
  const accountId = params.get('account')?.trim() || undefined;
  const metadata = readMetadata(params.get('metadata') ?? '');
  const effectiveAt = readRange(params, 'effective');
  const createdAt = readRange(params, 'recorded');
  return {
    ...(types.length === 0 ? {} : { types }),
    ...(accountId === undefined ? {} : { accountId }),
    ...(effectiveAt === undefined ? {} : { effectiveAt }),
    ...(createdAt === undefined ? {} : { createdAt }),
    ...(metadata === undefined ? {} : { metadata }),
  };
}

function readRange(params: URLSearchParams, name: 'effective' | 'recorded') {
  const [from, to] = [readInstant(params.get(`${name}-from`)), readInstant(params.get(`${name}-before`))];
  if (from === undefined && to === undefined) return undefined;
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
}

/** Returns the instant of an address, which may have been edited by hand; undefined if it is none. */
export function readInstant(text: string | null): string | undefined {
  const time = Date.parse(text ?? '');
  return Number.isNaN(time) ? undefined : new Date(time).toISOString();
}
