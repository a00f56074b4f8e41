import { brotliDecompressSync, constants, gunzipSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import type { SchemaElement } from "hyparquet";

/** A column of a Parquet file. `time`: UTC, in microseconds; values are those. `long`: 64 bits, bigint. */
export interface ParquetColumn {
  readonly name: string;
  /** Whether no value is null. */
  readonly required?: boolean;
  readonly type: "text" | "integer" | "long" | "number" | "boolean" | "time";
}

export type ParquetValue = string | number | bigint | boolean | null;

/** Number of rows in a group, which is kept in memory. */
const GROUP = 10_000;

const ELEMENTS = {
  text: { type: "BYTE_ARRAY", converted_type: "UTF8" },
  integer: { type: "INT32" },
  long: { type: "INT64" },
  number: { type: "DOUBLE" },
  boolean: { type: "BOOLEAN" },
  time: {
    type: "INT64",
    converted_type: "TIMESTAMP_MICROS",
    logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MICROS" },
  },
} as const;

/** zstd, with checksums of what it compresses. */
export const COMPRESSION = {
  codec: "ZSTD",
  compressors: {
    ZSTD: (bytes: Uint8Array): Uint8Array =>
      zstdCompressSync(bytes, { params: { [constants.ZSTD_c_checksumFlag]: 1 } }),
  },
} as const;

/** What files of any writer may be compressed with; hyparquet itself has snappy. `size`: of the page, in bytes. */
export const DECOMPRESSORS = {
  ZSTD: (bytes: Uint8Array, size: number): Uint8Array =>
    // The default of chunkSize is several times slower.
    zstdDecompressSync(bytes, { chunkSize: Math.max(size, 64), maxOutputLength: Math.max(size, 1) }),
  GZIP: (bytes: Uint8Array, size: number): Uint8Array =>
    gunzipSync(bytes, { maxOutputLength: Math.max(size, 1) }),
  BROTLI: (bytes: Uint8Array, size: number): Uint8Array =>
    brotliDecompressSync(bytes, { maxOutputLength: Math.max(size, 1) }),
};

export function schemaOf(columns: readonly ParquetColumn[]): SchemaElement[] {
  return [
    { name: "root", num_children: columns.length },
    ...columns.map(({ name, type, required }) => ({
      ...{ name, repetition_type: required ? ("REQUIRED" as const) : ("OPTIONAL" as const) },
      ...ELEMENTS[type],
    })),
  ];
}

/**
 * Yields a Parquet file of any length, group by group: rows are read no faster than the pieces are taken, and their source is closed
 * where the pieces are taken no longer. Rows are values in the order of the columns. `keyValues` returns the metadata at the end of
 * the file, when all rows were read.
 */
export async function* parquetPieces(
  columns: readonly ParquetColumn[],
  rows: AsyncIterable<readonly ParquetValue[]>,
  keyValues: () => Readonly<Record<string, string>> = () => ({}),
): AsyncGenerator<Uint8Array> {
  // Loaded when needed, as few exports are.
  const { ByteWriter, parquetWriteRows } = await import("hyparquet-writer");
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const sink = writable.getWriter();
  const writer = new ByteWriter();
  const flush = async () => {
    const piece = writer.getBytes().slice();
    writer.index = 0;
    if (piece.length > 0) await sink.write(piece);
  };
  const names = columns.map(({ name }) => name);
  // The writer reads the list when it writes the end of the file.
  const kvMetadata: { key: string; value: string }[] = [];
  const records = async function* () {
    for await (const row of rows) yield Object.fromEntries(names.map((name, at) => [name, row[at]]));
    for (const [key, value] of Object.entries(keyValues())) kvMetadata.push({ key, value });
  };
  const writing = async () => {
    try {
      await parquetWriteRows({
        writer: Object.assign(writer, { flush, finish: flush }),
        rows: records(),
        columns: names.map((name) => ({ name })),
        schema: schemaOf(columns),
        ...COMPRESSION,
        rowGroupSize: GROUP,
        kvMetadata,
        createdBy: "voltbridge",
      });
      await sink.close();
    } catch (error) {
      // The reader of the pieces gets it, unless it has gone already.
      await sink.abort(error).catch(() => undefined);
    }
  };
  void writing();
  yield* readable;
}
