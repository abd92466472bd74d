import { type DefaultConnectionArguments, parseCursorConnectionArgs } from '@pothos/plugin-relay';
import type { KeysetRange } from '../ledger/ledger.ts';
import { builder } from './builder.ts';
import { invalidInput } from './node.ts';

const DEFAULT_SIZE = 20;
const MAX_SIZE = 100;

export const AccountConnection = builder.connectionObject(
  { type: 'Account', name: 'AccountConnection', description: 'A page of a list of accounts.' },
  { name: 'AccountEdge', description: 'An account in its place in a list.' },
);
export const TransactionConnection = builder.connectionObject(
  { type: 'Transaction', name: 'TransactionConnection', description: 'A page of a list of transactions.' },
  { name: 'TransactionEdge', description: 'A transaction in its place in a list.' },
);
export const EntryConnection = builder.connectionObject(
  { type: 'Entry', name: 'EntryConnection', description: 'A page of a list of entries.' },
  { name: 'EntryEdge', description: 'An entry in its place in a list.' },
);

/** A list that is read by pages along a unique key. */
interface List<Key extends string | bigint, Node> {
  /** Tells the list from every other: its cursors carry it, and those of another list are refused. */
  readonly name: string;
  readonly keyOf: (node: Node) => Key;
  /** The key that the text of a cursor holds; undefined where it is none. */
  readonly parseKey: (text: string) => Key | undefined;
  readonly read: (range: KeysetRange<Key>) => Promise<Node[]>;
}

/** Reads a page. Sizes out of bounds and cursors that are none of this list's are INVALID_INPUT. */
export async function readPage<Key extends string | bigint, Node extends object>(
  args: DefaultConnectionArguments,
  { name, keyOf, parseKey, read }: List<Key, Node>,
) {
  const { first = null, last = null, after = null, before = null } = args;
  checkSizes({ first, last });
  const keyAt = (argument: string, cursor: string | null): Key | undefined => {
    if (cursor === null) return undefined;
    const key = parseKey(openCursor(name, cursor) ?? '');
    if (key === undefined) throw invalidInput(`${argument} must be a cursor of this very list.`);
    return key;
  };
  const bounds = { after: keyAt('after', after), before: keyAt('before', before) };

  const { limit, expectedSize, inverted, hasNextPage, hasPreviousPage } = parseCursorConnectionArgs({
    args: { first, last, after, before },
    defaultSize: DEFAULT_SIZE,
    maxSize: MAX_SIZE,
  });
  const rows = await read({ ...bounds, limit, inverted });
  const nodes = rows.slice(0, expectedSize);
  if (inverted) nodes.reverse();
  const edges = nodes.map((node) => ({ cursor: makeCursor(name, keyOf(node)), node }));
  return {
    edges,
    pageInfo: {
      startCursor: edges.at(0)?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
      hasNextPage: hasNextPage(rows.length),
      hasPreviousPage: hasPreviousPage(rows.length),
    },
  };
}

function checkSizes(sizes: { readonly first: number | null; readonly last: number | null }): void {
  for (const [name, size] of Object.entries(sizes)) {
    if (size !== null && (size < 0 || size > MAX_SIZE)) {
      throw invalidInput(`${name} must be from 0 to ${MAX_SIZE}, and is ${size}.`);
    }
  }
  if (sizes.first !== null && sizes.last !== null) {
    throw invalidInput('first and last must not be given together.');
  }
}

function makeCursor(list: string, key: string | bigint): string {
  return Buffer.from(`${list} ${key}`).toString('base64url');
}

/** The text of the key in a cursor of the list; undefined for any other text. */
function openCursor(list: string, cursor: string): string | undefined {
  const text = Buffer.from(cursor, 'base64url').toString();
  const mark = `${list} `;
  return text.startsWith(mark) ? text.slice(mark.length) : undefined;
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const VERSION = /^[1-9]\d{0,17}$/;

export function parseUuidKey(text: string): string | undefined {
  return UUID.test(text) ? text : undefined;
}

export function parseVersionKey(text: string): bigint | undefined {
  return VERSION.test(text) ? BigInt(text) : undefined;
}
