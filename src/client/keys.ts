/** Idempotency keys: the client makes one for each mutation, and derives those of a batch's items from the batch's key. */
import type * as t from './types.ts';

export type WithKey = { readonly idempotencyKey?: string | null | undefined };

/** The most items that the client puts into one request of a batch. The service's own limit for operations is higher. */
const CHUNK = 1000;

/**
 * Cuts the items of a batch into requests and gives each item a key: the batch's key and the item's index. The same call
 * therefore makes the same keys. An empty batch gives one empty chunk.
 */
export function* inChunks<Item, Keyed>(
  items: readonly Item[],
  key: string,
  withItemKey: (item: Item, itemKey: string) => Keyed,
  chunkSize = CHUNK,
): Generator<Keyed[]> {
  let first = 0;
  do {
    const chunk = items.slice(first, first + chunkSize);
    yield chunk.map((item, index) => withItemKey(item, `${key}:${first + index}`));
    first += chunkSize;
  } while (first < items.length);
}

/** Returns the input with the key, unless it has a key of its own. */
export function withKey<Input extends WithKey>(
  input: Input,
  key: string,
): Input & { readonly idempotencyKey: string } {
  return { ...input, idempotencyKey: input.idempotencyKey ?? key };
}

/** Returns the operation with the key in its one field. */
export function withOperationKey(operation: t.Operation, key: string): t.OperationInput {
  const fields = Object.entries<WithKey | undefined>(operation).flatMap(([name, input]) =>
    input === undefined ? [] : [[name, withKey(input, key)]],
  );
  return Object.fromEntries(fields) as t.OperationInput;
}

/** Returns 128 random bits as text. Browsers offer crypto.randomUUID on secure pages only. */
export function makeKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
