/** Most answers fit; larger ones grow by doubling, and from a megabyte on by a megabyte. */
const FIRST_BYTES = 16 * 1024;
const STEP_BYTES = 1024 * 1024;

/**
 * Bytes of a body that is still coming, in one piece of memory that is given back at once by `free`. Chunks that are kept
 * until all have come outlive V8's young generation, and then wait, megabytes of them, until it collects all objects.
 */
export class BodyBytes {
  #memory = new ArrayBuffer(0);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(chunk: Uint8Array): void {
    const size = this.#size + chunk.byteLength;
    if (size > this.#memory.byteLength) {
      let room = Math.max(FIRST_BYTES, this.#memory.byteLength);
      while (room < size) room += Math.min(room, STEP_BYTES);
      this.#memory = this.#memory.transfer(room);
    }
    new Uint8Array(this.#memory).set(chunk, this.#size);
    this.#size = size;
  }

  /** What has come, until the next `add` or `free`. */
  view(): Buffer {
    return Buffer.from(this.#memory, 0, this.#size);
  }

  free(): void {
    this.#memory = this.#memory.transfer(0);
    this.#size = 0;
  }
}
