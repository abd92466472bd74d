/** The most nodes that the service returns in one page. */
export const PAGE_SIZE = 100;

/** Where a page begins and how long it is. */
export interface PageOptions {
  /** 1 to 100. Default: 100. */
  readonly first?: number;
  /** The `endCursor` of the page before. Default: the beginning. */
  readonly after?: string | null;
}

/** A page of a list. */
export interface Page<Node> {
  readonly nodes: readonly Node[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor?: string | null };
}

/** A list of the ledger: iterate over its nodes, or read it page by page. */
export interface List<Node> extends AsyncIterable<Node> {
  /**
   * Reads one page. A page of a filtered list may be short or empty although `hasNextPage` is true: the service searches a limited
   * number of rows for one page. Continue after `endCursor`.
   */
  page(options?: PageOptions): Promise<Page<Node>>;
}

/** Returns a list that reads a page when its first node is needed. */
export function listOf<Node>(
  readPage: (first: number, after: string | null) => Promise<Page<Node>>,
): List<Node> {
  return {
    page: ({ first = PAGE_SIZE, after = null } = {}) => readPage(first, after),
    async *[Symbol.asyncIterator]() {
      for await (const { nodes } of pagesOf((after) => readPage(PAGE_SIZE, after))) yield* nodes;
    },
  };
}

/** Reads all pages, one at a time, from a cursor or from the beginning. */
export async function* pagesOf<Node>(
  readPage: (after: string | null) => Promise<Page<Node>>,
  start: string | null = null,
): AsyncGenerator<Page<Node>, void, undefined> {
  let after = start;
  for (;;) {
    const page: Page<Node> = await readPage(after);
    yield page;
    if (!page.pageInfo.hasNextPage) return;
    after = page.pageInfo.endCursor ?? null;
  }
}
