/** A page of a connection. */
export interface Page<Node> {
  readonly nodes: readonly Node[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor?: string | null };
}

/** The most that the service gives at once. */
export const PAGE_SIZE = 100;

/**
 * All nodes of a list, page by page as they are asked for. A page under a filter may be short or empty and the list go on: the
 * service's search has stopped for now at `endCursor`.
 */
export async function* listNodes<Node>(
  readPage: (after: string | null) => Promise<Page<Node>>,
): AsyncGenerator<Node, void, undefined> {
  for await (const { nodes } of listPages(readPage)) yield* nodes;
}

/** All pages of a list, as they are asked for, from after a cursor or from the beginning. */
export async function* listPages<Node>(
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
