import type { Uuid } from '../core/values/ids.ts';
import type { KeysetRange, Listed } from '../ledger/ledger.ts';

const PAGE = 1000;

/** Reads all pages of a list, the oldest row first. */
export async function listAll<Row extends { readonly id: Uuid }>(
  list: (range: KeysetRange<Uuid>) => Promise<Listed<Uuid, Row>>,
): Promise<Row[]> {
  const all: Row[] = [];
  for (;;) {
    const { rows } = await list({ before: all.at(-1)?.id, limit: PAGE, inverted: true });
    all.push(...rows);
    if (rows.length < PAGE) return all;
  }
}
