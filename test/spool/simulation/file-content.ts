/** Bytes of a sector: a disk writes it completely or not at all. */
export const SECTOR_BYTES = 512;

/** The bytes of a file. A gap between two writes is zero, as on a real disk. */
export class FileContent {
  #bytes: Buffer;
  #size: number;

  constructor(bytes: Buffer = Buffer.alloc(0)) {
    this.#bytes = Buffer.from(bytes);
    this.#size = bytes.length;
  }

  get size(): number {
    return this.#size;
  }

  /** Returns a copy of the bytes. */
  bytes(from = 0, to = this.#size): Buffer {
    return Buffer.from(this.#bytes.subarray(from, Math.min(to, this.#size)));
  }

  write(bytes: Buffer, position: number): void {
    this.extend(position + bytes.length);
    bytes.copy(this.#bytes, position);
  }

  read(into: Buffer, position: number): number {
    return this.#bytes.copy(into, 0, position, Math.max(position, this.#size));
  }

  /** Makes the file at least this long. */
  extend(size: number): void {
    if (size > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(size, 2 * this.#bytes.length));
      this.#bytes.copy(larger, 0, 0, this.#size);
      this.#bytes = larger;
    }
    this.#size = Math.max(this.#size, size);
  }

  truncate(size: number): void {
    if (size < this.#size) this.#bytes.fill(0, size, this.#size);
    this.extend(size);
    this.#size = size;
  }
}
