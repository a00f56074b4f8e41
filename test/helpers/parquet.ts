import { zstdDecompressSync } from "node:zlib";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";

/** Returns the rows of a Parquet file by the names of its columns. */
export async function readParquet(file: string): Promise<Record<string, unknown>[]> {
  return parquetReadObjects({
    file: await asyncBufferFromFile(file),
    compressors: { ZSTD: (bytes) => zstdDecompressSync(bytes) },
  });
}
