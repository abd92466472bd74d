import { segmentOf } from './segments.ts';

/**
 * Where the service is, as a path: `/`, or the prefix of a proxy such as `/ledger/`. The built files are in `assets/` below it, also
 * behind a proxy that removes a prefix from the paths of requests.
 */
export const ROOT = import.meta.env.DEV ? '/' : new URL('..', here()).pathname;

export const GRAPHQL_PATH = `${ROOT}graphql`;

function here(): string {
  return import.meta.url;
}

/** The paths of the pages, below `ROOT`. */
export const pathTo = {
  overview: '/',
  accounts: '/accounts',
  account: (id: string) => `/accounts/${segmentOf(id)}`,
  transactions: '/transactions',
  transaction: (id: string) => `/transactions/${segmentOf(id)}`,
  holds: '/holds',
  hold: (id: string) => `/holds/${segmentOf(id)}`,
  move: (kind: string, query: Readonly<Record<string, string>> = {}) => withQuery(`/move/${kind}`, query),
  admin: (section: string) => `/admin/${section}`,
} as const;

function withQuery(path: string, query: Readonly<Record<string, string>>): string {
  const text = new URLSearchParams(query).toString();
  return text === '' ? path : `${path}?${text}`;
}
