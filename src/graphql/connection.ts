import { createHash } from 'node:crypto';
import { type DefaultConnectionArguments, parseCursorConnectionArgs } from '@pothos/plugin-relay';
import type { KeysetRange, Listed } from '../ledger/ledger.ts';
import { builder } from './builder.ts';
import type { Context } from './context.ts';
import { invalidInput } from './node.ts';

export const DEFAULT_SIZE = 20;
const MAX_SIZE = 100;

export const AccountConnection = builder.connectionObject(
  { type: 'Account', name: 'AccountConnection', description: 'A page of a list of accounts.' },
  { name: 'AccountEdge', description: 'An account and its position in a list.' },
);
export const TransactionConnection = builder.connectionObject(
  { type: 'Transaction', name: 'TransactionConnection', description: 'A page of a list of transactions.' },
  { name: 'TransactionEdge', description: 'A transaction and its position in a list.' },
);
export const EntryConnection = builder.connectionObject(
  { type: 'Entry', name: 'EntryConnection', description: 'A page of a list of entries.' },
  { name: 'EntryEdge', description: 'An entry and its position in a list.' },
);

export const HoldConnection = builder.connectionObject(
  { type: 'Hold', name: 'HoldConnection', description: 'A page of a list of holds.' },
  { name: 'HoldEdge', description: 'A hold and its position in a list.' },
);

export const LedgerConnection = builder.connectionObject(
  { type: 'Ledger', name: 'LedgerConnection', description: 'A page of a list of ledgers.' },
  { name: 'LedgerEdge', description: 'A ledger and its position in a list.' },
);
export const ApiKeyConnection = builder.connectionObject(
  { type: 'ApiKey', name: 'ApiKeyConnection', description: 'A page of a list of API keys.' },
  { name: 'ApiKeyEdge', description: 'An API key and its position in a list.' },
);

export const AuditEventConnection = builder.connectionObject(
  { type: 'AuditEvent', name: 'AuditEventConnection', description: 'A page of a list of audit events.' },
  { name: 'AuditEventEdge', description: 'An audit event and its position in a list.' },
);

/** A list that is read in pages, ordered by a unique key. */
interface List<Key extends string | bigint, Node> {
  /** The unique name of the list, without spaces. Cursors contain it, so that a cursor of another list is rejected. */
  readonly name: string;
  /** The filter of the list. Equal filters must be equal values: cursors contain a digest of it. */
  readonly filter: object;
  readonly keyOf: (node: Node) => Key;
  /** Parses the key of a cursor. Undefined: the text is not a key. */
  readonly parseKey: (text: string) => Key | undefined;
  readonly read: (range: KeysetRange<Key>) => Promise<Listed<Key, Node>>;
}

/**
 * Reads a page. Throws INVALID_INPUT for a size out of range, and for a cursor of another list, filter, ledger or owner that the
 * caller is restricted to. If a filtered search stops before the page is full, the page ends at the position where it stopped.
 */
export async function readPage<Key extends string | bigint, Node extends object>(
  { ledger, budget }: Pick<Context, 'ledger' | 'budget'>,
  args: DefaultConnectionArguments,
  { name, filter, keyOf, parseKey, read }: List<Key, Node>,
) {
  const { first = null, last = null, after = null, before = null } = args;
  checkSizes({ first, last });
  const digest = digestOf({ filter, ledger: ledger.id, owner: ledger.viewer.owner ?? undefined });
  const keyAt = (argument: string, cursor: string | null): Key | undefined => {
    if (cursor === null) return undefined;
    const [list, ofFilter, keyText = ''] = Buffer.from(cursor, 'base64url').toString().split(' ');
    const key = list === name ? parseKey(keyText) : undefined;
    if (key === undefined) throw invalidInput(`${argument} must be a cursor of the same list. ${REMEDY}`);
    if (ofFilter !== digest) {
      throw invalidInput(
        `${argument} is a cursor of this list with another filter, of another ledger or of another caller. ${REMEDY}`,
      );
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
  // The list continues if more rows were found than the page has, or if the search stopped before the end of the list.
  const found = isShort ? limit : rows.length;
  const [nearest, furthest] = [
    edges.at(0)?.cursor ?? null,
    isShort ? cursorAt(stoppedAt) : (edges.at(-1)?.cursor ?? null),
  ];
  const [startCursor, endCursor] = inverted ? [furthest, nearest] : [nearest, furthest];
  return {
    edges: inverted ? edges.reverse() : edges,
    pageInfo: {
      // An empty page has one position for both.
      startCursor: startCursor ?? endCursor,
      endCursor: endCursor ?? startCursor,
      hasNextPage: hasNextPage(found),
      hasPreviousPage: hasPreviousPage(found),
    },
  };
}

const REMEDY = 'Repeat the filter of the page that returned the cursor, or omit the cursor.';

/** Returns the digest of what a list selects from, for cursors. */
function digestOf(selection: object): string {
  const text = JSON.stringify(selection, (_, value) => (typeof value === 'bigint' ? `${value}` : value));
  return createHash('sha256').update(text).digest('base64url').slice(0, 16);
}

/** Throws INVALID_INPUT for a page size out of range, or for both sizes together. */
export function checkSizes(sizes: { readonly first: number | null; readonly last: number | null }): void {
  for (const [name, size] of Object.entries(sizes)) {
    if (size !== null && (size < 0 || size > MAX_SIZE)) {
      throw invalidInput(`${name} must be 0 to ${MAX_SIZE}, but is ${size}.`);
    }
  }
  if (sizes.first !== null && sizes.last !== null) {
    throw invalidInput('first and last must not be used together.');
  }
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** A version, or the number of an audit event. */
const ORDINAL = /^[1-9]\d{0,17}$/;

export function parseUuidKey(text: string): string | undefined {
  return UUID.test(text) ? text : undefined;
}

export function parseOrdinalKey(text: string): bigint | undefined {
  return ORDINAL.test(text) ? BigInt(text) : undefined;
}
