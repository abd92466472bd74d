import { type Uuid, writeUuid } from '../values/ids.ts';

/**
 * Writes bytes one after the other. A field stands behind its length in 4 bytes, big-endian; 0xFFFFFFFF alone where it is
 * absent. The journal's chain hashes such fields, and PostgreSQL takes the elements of an array so.
 */
export class FieldWriter {
  #bytes: Buffer;
  #view: DataView;
  #end = 0;

  /** `size` is where it begins; it grows as it must. */
  constructor(size: number) {
    this.#bytes = Buffer.allocUnsafe(size);
    this.#view = viewOf(this.#bytes);
  }

  /** Begins anew, over what was written. */
  clear(): void {
    this.#end = 0;
  }

  /** What was written, until it is cleared. */
  written(): Buffer {
    return this.#bytes.subarray(0, this.#end);
  }

  /** One byte that is no field. */
  byte(value: number): void {
    this.#reserve(1);
    this.#view.setUint8(this.#end, value);
    this.#end += 1;
  }

  /** 2 bytes that are no field. */
  short(value: number): void {
    this.#reserve(2);
    this.#view.setInt16(this.#end, value);
    this.#end += 2;
  }

  /** 4 bytes that are no field. */
  int32(value: number): void {
    this.#reserve(4);
    this.#view.setInt32(this.#end, value);
    this.#end += 4;
  }

  absent(): void {
    this.int32(-1);
  }

  text(value: string | null): void {
    if (value === null) {
      this.absent();
      return;
    }
    // A UTF-16 unit takes at most three bytes.
    this.#reserve(4 + value.length * 3);
    const length = this.#bytes.write(value, this.#end + 4, 'utf8');
    this.#view.setUint32(this.#end, length);
    this.#end += 4 + length;
  }

  uuid(value: Uuid | null): void {
    if (value === null) {
      this.absent();
      return;
    }
    this.#reserve(20);
    this.#view.setUint32(this.#end, 16);
    writeUuid(value, this.#bytes, this.#end + 4);
    this.#end += 20;
  }

  int16(value: number): void {
    this.#reserve(6);
    this.#view.setUint32(this.#end, 2);
    this.#view.setInt16(this.#end + 4, value);
    this.#end += 6;
  }

  int64(value: bigint | null): void {
    if (value === null) {
      this.absent();
      return;
    }
    this.#reserve(12);
    this.#view.setUint32(this.#end, 8);
    this.#view.setBigInt64(this.#end + 4, value);
    this.#end += 12;
  }

  bytes(value: Uint8Array | null): void {
    if (value === null) {
      this.absent();
      return;
    }
    this.#reserve(4 + value.length);
    this.#view.setUint32(this.#end, value.length);
    this.#bytes.set(value, this.#end + 4);
    this.#end += 4 + value.length;
  }

  #reserve(length: number): void {
    if (this.#end + length <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(2 * (this.#end + length));
    this.#bytes.copy(larger, 0, 0, this.#end);
    this.#bytes = larger;
    this.#view = viewOf(larger);
  }
}

function viewOf({ buffer, byteOffset, length }: Buffer): DataView {
  return new DataView(buffer, byteOffset, length);
}
