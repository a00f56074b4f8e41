import { createReadStream, type ReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { type CsvError, type Info, type Parser, parse } from "csv-parse";
import { looksLikeFormula } from "../../csv-cell.ts";
import type { PointValue } from "../../points/index.ts";
import { type Column, columnsIn, missingColumns, TIME_EXPECTED, TimeReader, valueOfText } from "./columns.ts";
import {
  ImportError,
  type ReadOptions,
  type Source,
  type SourceBatch,
  type SourceRow,
  type SourceTopic,
} from "./source.ts";

/** Maximum size of a record, in bytes; a longer one has a quote that was never closed. */
const MAX_RECORD_BYTES = 4 * 1024 * 1024;
/** Bytes that are read to find the header. */
const HEAD_BYTES = 64 * 1024;
const DELIMITERS = [",", ";", "\t", "|"];
/** Text of a quoted cell without characters, which differs from an empty cell. No file can have it. */
const EMPTY_TEXT = "\ud800";

interface CsvRecord {
  readonly record: readonly string[];
  readonly info: Info;
}

/** A CSV file whose first line names the columns. */
export class CsvSource implements Source {
  readonly kind = "csv";
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  async *read({ position, size, wants, reject }: ReadOptions): AsyncGenerator<SourceBatch> {
    const { delimiter, columns, end } = await this.#header();
    const { size: bytes } = await stat(this.#file);
    const { bytes: begin, line: firstLine } = { bytes: end, line: 2, ...position };
    const topics = new Topics(wants);
    const times = new TimeReader();
    const isEuropean = delimiter === ";";
    let read = begin;
    let lines = 0;
    // The parser counts a CR LF within quotes as two lines.
    let doubled = 0;
    let rows: SourceRow[] = [];
    const batch = (): SourceBatch => ({
      rows,
      position: { bytes: read, line: firstLine + lines - doubled },
      share: bytes === 0 ? 1 : read / bytes,
    });
    let count = 0;
    for await (const { record, info } of this.#records(delimiter, begin, firstLine, reject)) {
      const cell = (column: Column) => record[columns.get(column) ?? -1] ?? "";
      const name = textOf(cell("topic"));
      const hasBreaks = info.lines - lines > 1 && record.some((text) => text.includes("\n"));
      const breaks = hasBreaks ? record.join("").match(/\r?\n/g)! : [];
      doubled += breaks.filter((text) => text === "\r\n").length;
      lines = info.lines;
      const at = `line ${firstLine + lines - 1 - doubled - breaks.length}`;
      const topic = topics.find(name, cell("units"), cell("type"), cell("tz"));
      if (topic !== null) {
        const time = times.read(cell("time"));
        if (record.length <= Math.max(columns.get("value")!, columns.get("time")!))
          reject("the row has too few cells", at);
        else if (name === "") reject("topic must not be empty", at);
        else if (time === undefined) reject(TIME_EXPECTED, at, cell("time"));
        else rows.push({ topic, time, value: cellValue(cell("value"), isEuropean, topic.meta.type) });
      }
      read = begin + info.bytes;
      count += 1;
      if (count % size > 0) continue;
      yield batch();
      rows = [];
    }
    read = bytes;
    yield batch();
  }

  /** Yields the records from a position on. */
  async *#records(
    delimiter: string,
    start: number,
    firstLine: number,
    reject: ReadOptions["reject"],
  ): AsyncGenerator<CsvRecord> {
    const stream: ReadStream = createReadStream(this.#file, { start });
    const parser: Parser = parse({
      delimiter,
      info: true,
      relax_column_count: true,
      relax_quotes: true,
      skip_empty_lines: true,
      max_record_size: MAX_RECORD_BYTES,
      cast: (text, { quoting }) => (quoting && text === "" ? EMPTY_TEXT : text),
    });
    stream.on("error", (error) => parser.destroy(error));
    try {
      yield* stream.pipe(parser) as AsyncIterable<CsvRecord>;
    } catch (error) {
      const { code, message } = error as CsvError;
      if (code !== "CSV_QUOTE_NOT_CLOSED" && code !== "CSV_MAX_RECORD_SIZE")
        throw new ImportError(`${this.#file}: ${message}`, { cause: error });
      reject(
        "a quote is not closed; the rest of the file was not read",
        `after line ${firstLine + parser.info.lines - 1}`,
      );
    } finally {
      stream.destroy();
    }
  }

  /** Reads the first line: the delimiter, the columns, and where it ends. */
  async #header(): Promise<{ delimiter: string; columns: ReadonlyMap<Column, number>; end: number }> {
    const handle = await open(this.#file);
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
      const head = buffer.subarray(0, bytesRead);
      const cut = head.indexOf("\n");
      const end = cut < 0 ? bytesRead : cut + 1;
      const line = head
        .toString("utf8", 0, end)
        .replace(/^\ufeff/, "")
        .trim();
      const count = (delimiter: string) => line.split(delimiter).length;
      const delimiter = DELIMITERS.toSorted((a, b) => count(b) - count(a))[0]!;
      const names = line.split(delimiter).map((name) => name.trim().replace(/^"(.*)"$/, "$1"));
      const columns = columnsIn(names);
      const missing = missingColumns(columns);
      if (missing !== undefined)
        throw new ImportError(
          `${this.#file}:1: the first line must name the columns; missing: ${missing}; found ${JSON.stringify(line.slice(0, 100))}`,
        );
      return { delimiter, columns, end };
    } finally {
      await handle.close();
    }
  }
}

/** The topics of a file: one object for each name and what the row says about it. */
class Topics {
  readonly #wants: (name: string) => boolean;
  readonly #known = new Map<string, SourceTopic | null>();

  constructor(wants: (name: string) => boolean) {
    this.#wants = wants;
  }

  /** Returns null for a topic that is not wanted. */
  find(name: string, ...described: readonly [units: string, type: string, tz: string]): SourceTopic | null {
    const id = `${name}\n${described.join("\n")}`;
    let topic = this.#known.get(id);
    if (topic === undefined) {
      const texts = (["units", "type", "tz"] as const)
        .map((key, i) => [key, textOf(described[i]!)] as const)
        .filter(([, text]) => text !== "");
      topic = this.#wants(name) ? { name, meta: Object.fromEntries(texts) } : null;
      this.#known.set(id, topic);
    }
    return topic;
  }
}

/** Undoes what exports do to text: `""` is an empty text, and `'` protects from being taken for a formula. */
function textOf(cell: string): string {
  if (cell === EMPTY_TEXT) return "";
  return cell.startsWith("'") && looksLikeFormula(cell.slice(1)) ? cell.slice(1) : cell;
}

function cellValue(cell: string, isEuropean: boolean, type: string | undefined): PointValue {
  if (cell === "") return null;
  const text = textOf(cell);
  if (text === "" || text !== cell || type === "string") return text;
  return valueOfText(isEuropean && /^[+-]?\d+,\d+$/.test(text) ? text.replace(",", ".") : text);
}
