import { csvCell } from "../../csv-cell.ts";
import type { Historian, HistoryAnswer, HistoryPage, HistoryQuery } from "../../historian/index.ts";
import { writeWholeFile } from "../../storage/whole-file.ts";
import type { Progress } from "../terminal/progress.ts";
import { counted, formatTable, formatValue } from "../terminal/table.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** File extensions by format. */
export const FORMATS = { table: ["txt"], csv: ["csv"], json: ["json"] } as const;
export type HistoryFormat = keyof typeof FORMATS;

/** Yields pieces of text; CSV and JSON as they are read from the store, of any length, counted on `progress`. */
export async function* historyText(
  historian: Historian,
  query: HistoryQuery,
  format: HistoryFormat,
  signal: AbortSignal,
  progress: Progress | undefined,
): AsyncGenerator<string> {
  if (format === "table") return yield asTables(await historian.query(query, signal));
  const stream = historian.stream(query, signal);
  const pages = progress?.counting("values", stream, ({ rows }) => rows.length) ?? stream;
  yield* format === "csv" ? asCsv(pages) : asJson(pages);
}

/** Prints the pieces, or writes them to a file that appears only when it is complete. */
export async function writeText(
  pieces: AsyncIterable<string>,
  terminal: Terminal,
  file?: string,
): Promise<void> {
  if (file === undefined) {
    for await (const piece of pieces) terminal.data(piece);
    return;
  }
  await writeWholeFile(file, pieces);
}

/** `topic,time,value,units`: numbers and true/false bare, null as nothing, text in quotes where it needs them, the rest as JSON. */
async function* asCsv(pages: AsyncIterable<HistoryPage>): AsyncGenerator<string> {
  yield "topic,time,value,units\r\n";
  for await (const { topic, rows } of pages) {
    const name = csvCell(topic.name);
    const units = csvCell(topic.meta.units);
    const lines = rows.map(([time, value]) => `${name},${time},${csvValue(value)},${units}\r\n`);
    if (lines.length > 0) yield lines.join("");
  }
}

/** Formats a value so that empty text differs from no value. */
function csvValue(value: unknown): string {
  return value === "" ? '""' : csvCell(value);
}

/** Yields the JSON object of an answer on one line. */
async function* asJson(pages: AsyncIterable<HistoryPage>): AsyncGenerator<string> {
  const metadata = new Map<string, unknown>();
  let current: string | undefined;
  let first = true;
  yield '{"values":{';
  for await (const { topic, rows } of pages) {
    let text = "";
    if (topic.name !== current) {
      text = `${current === undefined ? "" : "],"}${JSON.stringify(topic.name)}:[`;
      current = topic.name;
      first = true;
      metadata.set(topic.name, topic.meta);
    }
    const values = rows.map((row) => JSON.stringify(row)).join(",");
    if (values !== "" && !first) text += ",";
    if (values !== "") first = false;
    yield text + values;
  }
  yield `${current === undefined ? "" : "]"}},"metadata":${JSON.stringify(Object.fromEntries(metadata))}}\n`;
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
