import { createHash } from 'node:crypto';
import { type DefaultConnectionArguments, parseCursorConnectionArgs } from '@pothos/plugin-relay';
import type { KeysetRange, Listed } from '../ledger/ledger.ts';
import { builder } from './builder.ts';
import { invalidInput } from './node.ts';
import type { AnswerBudget } from './protection/answer-budget.ts';

export const DEFAULT_SIZE = 20;
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

export const HoldConnection = builder.connectionObject(
  { type: 'Hold', name: 'HoldConnection', description: 'A page of a list of holds.' },
  { name: 'HoldEdge', description: 'A hold in its place in a list.' },
);

/** A list that is read by pages along a unique key. */
interface List<Key extends string | bigint, Node> {
  /** Tells the list from every other, in one word: its cursors carry it, and those of another list are refused. */
  readonly name: string;
  /** What all of its nodes match, equal filters in equal form. Cursors carry it too. */
  readonly filter: object;
  readonly keyOf: (node: Node) => Key;
  /** The key that the text of a cursor holds; undefined where it is none. */
  readonly parseKey: (text: string) => Key | undefined;
  readonly read: (range: KeysetRange<Key>) => Promise<Listed<Key, Node>>;
}

/**
 * Reads a page. Sizes out of bounds, and cursors that are none of this list's under this filter, are INVALID_INPUT. A page
 * that the reading stopped short of has the place where it did for its end.
 */
export async function readPage<Key extends string | bigint, Node extends object>(
  budget: AnswerBudget,
  args: DefaultConnectionArguments,
  { name, filter, keyOf, parseKey, read }: List<Key, Node>,
) {
  const { first = null, last = null, after = null, before = null } = args;
  checkSizes({ first, last });
  const digest = digestOf(filter);
  const keyAt = (argument: string, cursor: string | null): Key | undefined => {
    if (cursor === null) return undefined;
    const [list, ofFilter, keyText = ''] = Buffer.from(cursor, 'base64url').toString().split(' ');
    const key = list === name ? parseKey(keyText) : undefined;
    if (key === undefined)
      throw invalidInput(`${argument} must be a cursor of this very list. ${WHAT_TO_DO}`);
    if (ofFilter !== digest) {
      throw invalidInput(`${argument} is a cursor of this list under another filter. ${WHAT_TO_DO}`);
    }
    return key;
  };
  const bounds = { after: keyAt('after', after), before: keyAt('before', before) };

  const { limit, expectedSize, inverted, hasNextPage, hasPreviousPage } = parseCursorConnectionArgs({
    args: { first, last, after, before },
    defaultSize: DEFAULT_SIZE,
    maxSize: MAX_SIZE,
  });
  const { rows, stoppedAt } = await read({ ...bounds, limit, inverted });
  await budget.read(rows);
  const cursorAt = (key: Key) => Buffer.from(`${name} ${digest} ${key}`).toString('base64url');
  const edges = rows.slice(0, expectedSize).map((node) => ({ cursor: cursorAt(keyOf(node)), node }));
  const isShort = rows.length <= expectedSize && stoppedAt !== undefined;
  // The list goes on where there is more than the page, and where it has not been read to its end.
  const found = isShort ? limit : rows.length;
  const [nearest, furthest] = [
    edges.at(0)?.cursor ?? null,
    isShort ? cursorAt(stoppedAt) : (edges.at(-1)?.cursor ?? null),
  ];
  const [startCursor, endCursor] = inverted ? [furthest, nearest] : [nearest, furthest];
  return {
    edges: inverted ? edges.reverse() : edges,
    pageInfo: {
      // An empty page has but one place.
      startCursor: startCursor ?? endCursor,
      endCursor: endCursor ?? startCursor,
      hasNextPage: hasNextPage(found),
      hasPreviousPage: hasPreviousPage(found),
    },
  };
}

const WHAT_TO_DO =
  'Ask for more with the filter that gave the cursor, or without a cursor from the beginning.';

/** Stands for a filter in cursors. */
function digestOf(filter: object): string {
  const text = JSON.stringify(filter, (_, value) => (typeof value === 'bigint' ? `${value}` : value));
  return createHash('sha256').update(text).digest('base64url').slice(0, 16);
}

/** Page sizes out of bounds, or of both ends, are INVALID_INPUT. */
export function checkSizes(sizes: { readonly first: number | null; readonly last: number | null }): void {
  for (const [name, size] of Object.entries(sizes)) {
    if (size !== null && (size < 0 || size > MAX_SIZE)) {
      throw invalidInput(`${name} must be from 0 to ${MAX_SIZE}, and is ${size}.`);
    }
  }
  if (sizes.first !== null && sizes.last !== null) {
    throw invalidInput('first and last must not be given together.');
  }
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const VERSION = /^[1-9]\d{0,17}$/;

export function parseUuidKey(text: string): string | undefined {
  return UUID.test(text) ? text : undefined;
}

export function parseVersionKey(text: string): bigint | undefined {
  return VERSION.test(text) ? BigInt(text) : undefined;
}
