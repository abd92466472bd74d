import pg from 'pg';
import { FieldWriter } from '../../core/values/fields.ts';
import type { Uuid } from '../../core/values/ids.ts';
import type { Instant } from '../../core/values/instant.ts';

/** The TypeScript type of an array's elements, for each PostgreSQL type. */
export interface Elements {
  readonly uuid: Uuid;
  readonly text: string;
  readonly bytea: Uint8Array;
  readonly jsonb: Readonly<Record<string, string>>;
  readonly timestamptz: Instant;
  readonly int2: number;
  readonly int8: bigint;
  readonly numeric: bigint;
}

const { builtins } = pg.types;

/** For each type its oid, and a function that writes an element in the binary format of its `recv` function. */
const ELEMENTS: {
  readonly [T in keyof Elements]: {
    readonly oid: number;
    readonly write: (fields: FieldWriter, value: Elements[T]) => void;
  };
} = {
  uuid: { oid: builtins.UUID, write: (fields, value) => fields.uuid(value) },
  text: { oid: builtins.TEXT, write: (fields, value) => fields.text(value) },
  bytea: { oid: builtins.BYTEA, write: (fields, value) => fields.bytes(value) },
  // The first byte is the version of the format: 1.
  jsonb: { oid: builtins.JSONB, write: (fields, value) => fields.text(`\u0001${JSON.stringify(value)}`) },
  // Microseconds since 2000-01-01.
  timestamptz: { oid: builtins.TIMESTAMPTZ, write: (fields, value) => fields.int64(value - POSTGRES_EPOCH) },
  int2: { oid: builtins.INT2, write: (fields, value) => fields.int16(value) },
  int8: { oid: builtins.INT8, write: (fields, value) => fields.int64(value) },
  numeric: { oid: builtins.NUMERIC, write: writeNumeric },
};
const POSTGRES_EPOCH = BigInt(Date.UTC(2000, 0, 1)) * 1000n;

/**
 * Returns an array in PostgreSQL's binary format (array_recv). The server parses it in half the time of the text format; a large
 * batch has tens of thousands of elements.
 */
export function binaryArray<T extends keyof Elements>(
  type: T,
  values: readonly (Elements[T] | null)[],
): Buffer {
  const { oid, write } = ELEMENTS[type];
  const fields = new FieldWriter(20 + 24 * values.length);
  fields.int32(1); // dimensions
  fields.int32(1); // may contain nulls
  fields.int32(oid);
  fields.int32(values.length);
  fields.int32(1); // the first element's index
  for (const value of values) {
    if (value === null) fields.absent();
    else write(fields, value);
  }
  return fields.written();
}

/** Writes the number of base-10,000 digits, the first digit's weight, the sign, the scale, then the digits: two bytes each (numeric_recv). */
function writeNumeric(fields: FieldWriter, value: bigint): void {
  const size = value < 0n ? -value : value;
  const digits = size <= MAX_SAFE ? digitsOf(Number(size)) : longDigitsOf(size);
  fields.int32(8 + 2 * digits.length);
  fields.short(digits.length);
  fields.short(digits.length - 1);
  fields.short(value < 0n ? NEGATIVE : 0);
  fields.short(0);
  for (const digit of digits) fields.short(digit);
}
const NEGATIVE = 0x4000;
const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);
const BASE = 10_000;

function digitsOf(size: number): readonly number[] {
  const digits = [size % BASE];
  for (let rest = Math.floor(size / BASE); rest > 0; rest = Math.floor(rest / BASE))
    digits.unshift(rest % BASE);
  return digits;
}

function longDigitsOf(size: bigint): readonly number[] {
  const text = size.toString();
  const padded = text.padStart(4 * Math.ceil(text.length / 4), '0');
  return Array.from({ length: padded.length / 4 }, (_, place) =>
    Number(padded.slice(4 * place, 4 * place + 4)),
  );
}
