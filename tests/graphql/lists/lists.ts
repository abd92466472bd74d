import { expect } from 'vitest';
import type { Api } from '../api.ts';

/** A page with the selected fields of its nodes. */
interface Connection<Node = { readonly id: string }> {
  readonly nodes: readonly Node[];
  readonly edges: readonly { readonly cursor: string }[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
}
type Args = Readonly<Record<string, unknown>>;
export type FilterInput = Readonly<Record<string, unknown>>;

/** The query of a list, and the fields of its nodes that a filter can match. */
export const LISTS = {
  accounts: { of: '', fields: 'id owner currency kind status externalId metadata', filter: 'AccountFilter' },
  transactions: {
    of: '',
    fields: 'id type createdAt effectiveAt metadata entries { account { id } }',
    filter: 'TransactionFilter',
  },
  holds: { of: '', fields: 'id status expiresAt from { id } to { id }', filter: 'HoldFilter' },
  history: {
    of: 'account',
    fields: 'id side layer createdAt effectiveAt transaction { type }',
    filter: 'HistoryFilter',
  },
} as const;
export type List = keyof typeof LISTS;

/** Reads the lists of the API. Histories are those of this account by default. */
export function readLists(api: Api, ofAccount: string) {
  function ask(list: List, args: Args, fields: string, account: string) {
    const { of, filter } = LISTS[list];
    const field = `${list}(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
      nodes { ${fields} } edges { cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }`;
    const parameters = `$first: Int, $after: String, $last: Int, $before: String, $filter: ${filter}`;
    return of === ''
      ? api.ask<Record<string, unknown>>(`query (${parameters}) { ${field} }`, args)
      : api.ask<Record<string, unknown>>(
          `query ($id: ID!, ${parameters}) { account(id: $id) { ${field} } }`,
          {
            id: account,
            ...args,
          },
        );
  }

  async function read<Node = { readonly id: string }>(
    list: List,
    args: Args,
    fields = 'id',
    account = ofAccount,
  ): Promise<Connection<Node>> {
    const { data, errors } = await ask(list, args, fields, account);
    expect(errors).toBeUndefined();
    const root = LISTS[list].of === '' ? data : (data['account'] as Record<string, unknown>);
    return root[list] as Connection<Node>;
  }

  /** Returns the message of the only error. */
  async function refusal(list: List, args: Args, account = ofAccount): Promise<string | undefined> {
    const { errors } = await ask(list, args, 'id', account);
    expect(errors).toMatchObject([{ extensions: { code: 'INVALID_INPUT' } }]);
    return errors?.[0]?.message;
  }

  /** Returns all nodes of a list, read forwards page by page. */
  async function readForwards<Node = { readonly id: string }>(
    list: List,
    filter: FilterInput | null,
    size: number,
    { fields = 'id', account = ofAccount } = {},
  ) {
    const nodes: Node[] = [];
    let pages = 0;
    let after: string | null = null;
    do {
      const page: Connection<Node> = await read<Node>(list, { first: size, after, filter }, fields, account);
      expect(page.pageInfo.hasPreviousPage).toBe(after !== null);
      nodes.push(...page.nodes);
      pages += 1;
      after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
      expect(after === null).toBe(!page.pageInfo.hasNextPage);
    } while (after !== null);
    return { nodes, pages };
  }

  /** Returns all nodes of a list, read backwards page by page. */
  async function readBackwards(
    list: List,
    filter: FilterInput | null,
    size: number,
    { account = ofAccount } = {},
  ) {
    const nodes: { readonly id: string }[] = [];
    let pages = 0;
    let before: string | null = null;
    do {
      const page: Connection = await read(list, { last: size, before, filter }, 'id', account);
      expect(page.pageInfo.hasNextPage).toBe(before !== null);
      nodes.unshift(...page.nodes);
      pages += 1;
      before = page.pageInfo.hasPreviousPage ? page.pageInfo.startCursor : null;
      expect(before === null).toBe(!page.pageInfo.hasPreviousPage);
    } while (before !== null);
    return { nodes, pages };
  }

  return { read, refusal, readForwards, readBackwards };
}

export function idsOf({ nodes }: { readonly nodes: readonly { readonly id: string }[] }): string[] {
  return nodes.map(({ id }) => id);
}
