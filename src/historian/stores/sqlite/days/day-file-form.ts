import { createHash } from "node:crypto";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import type { Rows } from "../rows.ts";

/** Version of the file's format; files of later versions are not read. */
export const FORMAT_VERSION = 1;

/** Keys of the file's metadata. */
export const KEYS = {
  format: "voltbridge.format",
  /** The day as text, e.g. `2026-11-21`. */
  day: "voltbridge.day",
  /** base64 of zstd of JSON: {@link TopicEntry} for each topic, in the order of the file. */
  topics: "voltbridge.topics",
};

export type TopicEntry = [
  name: string,
  units: string,
  type: string,
  tz: string,
  firstRow: number,
  rows: number,
];

/** Returns the text of {@link KEYS.topics}. */
export function packTopics(topics: readonly TopicEntry[]): string {
  return zstdCompressSync(JSON.stringify(topics)).toString("base64");
}

/** Returns the topics of a text of {@link packTopics}. Throws for any other text. */
export function unpackTopics(text: string): TopicEntry[] {
  return JSON.parse(zstdDecompressSync(Buffer.from(text, "base64")).toString());
}

/** Bits of the columns that a topic has values in. */
export const COLUMN_BITS = { value: 1, text: 2, json: 4 } as const;
export const ALL_COLUMNS = COLUMN_BITS.value | COLUMN_BITS.text | COLUMN_BITS.json;

/** `newer`: written by a later version of the program, in a format that this version does not know. */
export type DayFileFault = "missing" | "damaged" | "newer";

/** A file of a day that cannot be read. Other failures (permissions, too many open files) stay those of the system. */
export class DayFileError extends Error {
  override readonly name = "DayFileError";
  readonly fault: DayFileFault;
  readonly path: string;

  constructor(fault: DayFileFault, path: string, reason: string, options?: ErrorOptions) {
    super(`${path}: ${reason}`, options);
    this.fault = fault;
    this.path = path;
  }
}

/** Checksum of rows, the same however they are divided into pieces. */
export class RowDigest {
  readonly #times = createHash("sha256");
  readonly #numbers = createHash("sha256");
  readonly #others = createHash("sha256");
  #rows = 0;

  add({ times, values }: Rows): void {
    const numbers = new Float64Array(times.length);
    let others = "";
    for (let row = 0; row < times.length; row++) {
      const value = values[row];
      if (typeof value === "number") numbers[row] = value + 0;
      else others += `${this.#rows + row} ${JSON.stringify(value)}\n`;
    }
    this.#times.update(bytesOf(times));
    this.#numbers.update(bytesOf(numbers));
    if (others !== "") this.#others.update(others);
    this.#rows += times.length;
  }

  /** Returns the checksum of all rows and of their topics. */
  finish(topics: readonly TopicEntry[]): string {
    const digest = createHash("sha256").update(JSON.stringify(topics));
    for (const hash of [this.#times, this.#numbers, this.#others]) digest.update(hash.digest());
    return digest.digest("hex");
  }
}

function bytesOf(numbers: Float64Array): Uint8Array {
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}
