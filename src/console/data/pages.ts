import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import type { LedgerClient, TypedDocument } from '../../client/index.ts';

/** Where a page of a list begins: after a cursor, before one, or at the newest. */
export interface Place {
  readonly after?: string | undefined;
  readonly before?: string | undefined;
}

export interface PageOf<Node> {
  readonly nodes: readonly Node[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor?: string | null;
    readonly endCursor?: string | null;
  };
}

interface Range {
  readonly first: number | null;
  readonly after: string | null;
  readonly last: number | null;
  readonly before: string | null;
}

const ROWS = 25;

/** Returns the arguments of a list's field for a page. */
export function rangeOf({ after, before }: Place, rows = ROWS): Range {
  return before === undefined
    ? { first: rows, after: after ?? null, last: null, before: null }
    : { first: null, after: null, last: rows, before };
}

/** Returns the arguments for a page of a list that the API has oldest first. With `turnPage`, the page has the newest first. */
export function turnedRangeOf({ after, before }: Place, rows = ROWS): Range {
  return before === undefined
    ? { first: null, after: null, last: rows, before: after ?? null }
    : { first: rows, after: before, last: null, before: null };
}

/** Returns a page in the opposite order. */
export function turnPage<Node>({ nodes, pageInfo }: PageOf<Node>): PageOf<Node> {
  const { hasNextPage, hasPreviousPage, startCursor, endCursor } = pageInfo;
  return {
    nodes: nodes.toReversed(),
    pageInfo: {
      hasNextPage: hasPreviousPage,
      hasPreviousPage: hasNextPage,
      startCursor: endCursor ?? null,
      endCursor: startCursor ?? null,
    },
  };
}

/** How long a read may take with its retries before the page says that the service cannot be reached. */
export const READ = { deadlineMs: 8_000 } as const;

/** Returns the query of one page of a list. While another page is read, the last one stays. */
export function pageQuery<Data, Variables extends Range, Node>(
  client: LedgerClient,
  name: string,
  document: TypedDocument<Data, Variables>,
  variables: Variables,
  pick: (data: Data) => PageOf<Node> | null | undefined,
) {
  return queryOptions({
    queryKey: [name, variables],
    queryFn: async ({ signal }): Promise<PageOf<Node>> =>
      pick(await client.request(document, variables, { ...READ, signal })) ?? EMPTY,
    placeholderData: keepPreviousData,
  });
}

const EMPTY: PageOf<never> = { nodes: [], pageInfo: { hasNextPage: false, hasPreviousPage: false } };
