import { type Uuid, writeUuid } from './ids.ts';

/**
 * Writes bytes into a buffer that grows. Each field is preceded by its length in 4 bytes, big-endian; an absent field is
 * 0xFFFFFFFF alone. The journal's hash chain and PostgreSQL's binary arrays both use this encoding.
 */
export class FieldWriter {
  #bytes: Buffer;
  #view: DataView;
  #end = 0;

  /** `size`: the initial size of the buffer, in bytes. */
  constructor(size: number) {
    this.#bytes = Buffer.allocUnsafe(size);
    this.#view = viewOf(this.#bytes);
  }

  /** Discards everything written so far and reuses the buffer. */
  clear(): void {
    this.#end = 0;
  }

  /** Returns the bytes written so far. They are valid until the next `clear`. */
  written(): Buffer {
    return this.#bytes.subarray(0, this.#end);
  }

  /** Writes one byte without a length. */
  byte(value: number): void {
    this.#reserve(1);
    this.#view.setUint8(this.#end, value);
    this.#end += 1;
  }

  /** Writes 2 bytes without a length. */
  short(value: number): void {
    this.#reserve(2);
    this.#view.setInt16(this.#end, value);
    this.#end += 2;
  }

  /** Writes 4 bytes without a length. */
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
    // A UTF-16 code unit takes at most three bytes of UTF-8.
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
