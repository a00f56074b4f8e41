import { EXPORTS, type Historian, type HistoryAnswer, type HistoryQuery } from "../../historian/index.ts";
import { writeWholeFile } from "../../storage/whole-file.ts";
import type { Progress } from "../terminal/progress.ts";
import { counted, formatTable, formatValue } from "../terminal/table.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** File extensions by format. */
export const FORMATS = { table: ["txt"], csv: ["csv"], json: ["json"], parquet: ["parquet"] } as const;
export type HistoryFormat = keyof typeof FORMATS;

/** Yields the pieces of an output; all but tables as they are read from the store, of any length, counted on `progress`. */
export async function* historyPieces(
  historian: Historian,
  query: HistoryQuery,
  format: HistoryFormat,
  signal: AbortSignal,
  progress: Progress | undefined,
): AsyncGenerator<string | Uint8Array> {
  if (format === "table") return yield asTables(await historian.query(query, signal));
  const stream = historian.stream(query, signal);
  const pages = progress?.counting("values", stream, ({ rows }) => rows.length) ?? stream;
  yield* EXPORTS[format](pages);
}

/** Prints the pieces, or writes them to a file that appears only when it is complete. */
export async function writePieces(
  pieces: AsyncIterable<string | Uint8Array>,
  terminal: Terminal,
  file?: string,
): Promise<void> {
  if (file !== undefined) return await writeWholeFile(file, pieces);
  for await (const piece of pieces) terminal.data(String(piece));
}

function asTables({ values, metadata }: HistoryAnswer): string {
  const tables = Object.entries(values).map(([topic, rows]) => {
    const units = metadata[topic]?.units ?? "";
    const title = `${topic}${units === "" ? "" : ` (${units})`}: ${counted(rows.length, "value")}\n`;
    const cells = rows.map(([time, value]) => [time, formatValue(value)]);
    return rows.length === 0 ? title : title + formatTable(["time", "value"], cells);
  });
  return tables.join("\n");
}
