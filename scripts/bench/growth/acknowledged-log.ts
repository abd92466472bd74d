import pg from 'pg';
import { FieldWriter } from '../../../src/core/values/fields.ts';
import { query } from '../databases.ts';
import type { Acknowledged } from '../stage.ts';

/** The number of transfers that one query checks. */
const SLICE = 100_000;

/**
 * Stores acknowledged transfers as binary arrays of PostgreSQL, 40 bytes per transfer. As objects, ten million of them would take
 * gigabytes of memory and slow the garbage collector.
 */
export class AcknowledgedLog {
  readonly #slices: { readonly keys: FieldWriter; readonly ids: FieldWriter; count: number }[] = [];

  get count(): number {
    const last = this.#slices.at(-1);
    return last === undefined ? 0 : (this.#slices.length - 1) * SLICE + last.count;
  }

  add({ key, id }: Acknowledged): void {
    let slice = this.#slices.at(-1);
    if (slice === undefined || slice.count === SLICE) {
      slice = { keys: openArray(), ids: openArray(), count: 0 };
      this.#slices.push(slice);
    }
    slice.keys.uuid(key);
    slice.ids.uuid(id);
    slice.count += 1;
  }

  /** Throws unless the database has each transfer as posted, under its key, and no other transaction. */
  async check(ownerUrl: string): Promise<void> {
    let found = 0;
    for (const { keys, ids, count } of this.#slices) {
      const rows = await query<{ found: string }>(
        ownerUrl,
        `select count(*) as found from unnest($1::uuid[], $2::uuid[]) as acknowledged (key, id)
          where exists (
            select from transactions t
            where t.id = acknowledged.id and t.idempotency_key = acknowledged.key::text and t.outcome = 'POSTED' offset 0)`,
        [closeArray(keys, count), closeArray(ids, count)],
      );
      found += Number(rows[0]?.found);
    }
    const [row] = await query<{ count: string }>(ownerUrl, 'select count(*) from transactions');
    const all = Number(row?.count);
    if (found !== this.count || all !== this.count) {
      throw new Error(
        `I5: ${found} of ${this.count} acknowledged transactions are recorded; the database has ${all} transactions`,
      );
    }
  }
}

/** Begins a uuid[] in PostgreSQL's binary format (array_recv). Its length is written by `closeArray`. */
function openArray(): FieldWriter {
  const fields = new FieldWriter(ARRAY_HEADER + SLICE * 20);
  for (const part of [1, 0, pg.types.builtins.UUID, 0, 1]) fields.int32(part);
  return fields;
}

function closeArray(fields: FieldWriter, count: number): Buffer {
  const bytes = fields.written();
  bytes.writeInt32BE(count, LENGTH_AT);
  return bytes;
}
const ARRAY_HEADER = 20;
/** After the number of dimensions, the null flag and the element type. */
const LENGTH_AT = 12;
