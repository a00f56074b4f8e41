import { csvCell } from "../../csv-cell.ts";
import { type ParquetValue, parquetPieces } from "../../storage/parquet.ts";
import type { HistoryPage } from "../query/historian.ts";
import { jsonCell, ROW_COLUMNS, textCell, valueCell } from "../row-columns.ts";
import { FORMAT_VERSION, KEYS, packTopics, type TopicEntry } from "../stores/sqlite/days/day-file-form.ts";
import { parseIsoTime } from "../time.ts";

/** Formats of exports. Pages of any number come in, pieces of a file go out as they are read. */
export const EXPORTS = { csv: asCsv, json: asJson, parquet: asParquet } as const;
export type ExportFormat = keyof typeof EXPORTS;

type Pages = AsyncIterable<HistoryPage>;

/** `topic,time,value,units`: numbers and true/false bare, null as nothing, text in quotes where it needs them, the rest as JSON. */
async function* asCsv(pages: Pages): AsyncGenerator<string> {
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
async function* asJson(pages: Pages): AsyncGenerator<string> {
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

/** The form of the files of closed days, without their order. */
function asParquet(pages: Pages): AsyncGenerator<Uint8Array> {
  const topics: TopicEntry[] = [];
  let count = 0;
  const rows = async function* (): AsyncGenerator<readonly ParquetValue[]> {
    for await (const { topic, rows } of pages) {
      const { name, meta } = topic;
      if (topics.at(-1)?.[0] !== name) topics.push([name, meta.units, meta.type, meta.tz, count, 0]);
      for (const [time, value] of rows)
        yield [
          name,
          BigInt(parseIsoTime(time)!),
          ...[valueCell(value), textCell(value), jsonCell(value)],
          meta.units,
        ];
      count += rows.length;
      topics.at(-1)![5] += rows.length;
    }
  };
  return parquetPieces(ROW_COLUMNS, rows(), () => ({
    [KEYS.format]: String(FORMAT_VERSION),
    [KEYS.topics]: packTopics(topics),
  }));
}
