/** What one request takes at most, far below the service's own limits: a chunk is answered before anybody grows impatient. */
const CHUNK = 1000;

/**
 * Cuts what is too much for one request, and gives each item its key: the call's key with the item's place behind it, so that the
 * same call makes the same keys again. There is one chunk at least, also of nothing.
 */
export function* inChunks<Item, Keyed>(
  items: readonly Item[],
  key: string,
  withKey: (item: Item, itemKey: string) => Keyed,
  chunkSize = CHUNK,
): Generator<Keyed[]> {
  let first = 0;
  do {
    const chunk = items.slice(first, first + chunkSize);
    yield chunk.map((item, place) => withKey(item, `${key}:${first + place}`));
    first += chunkSize;
  } while (first < items.length);
}
