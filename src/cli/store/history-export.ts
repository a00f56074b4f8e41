import type { Command } from "commander";
import { checkQuery, EXPORTS, type HistoryPage } from "../../historian/index.ts";
import { CommandError } from "../terminal/command-error.ts";
import { outputFormat } from "../terminal/options.ts";
import { Progress } from "../terminal/progress.ts";
import { counted } from "../terminal/table.ts";
import { printJson, type Terminal } from "../terminal/terminal.ts";
import { TIMES } from "../terminal/time-argument.ts";
import { FORMATS, writePieces } from "./history-formats.ts";
import { type StoreFlags, storeOptions, withHistorian } from "./history-store.ts";

interface Flags extends StoreFlags {
  readonly out: string;
  readonly start?: string;
  readonly end?: string;
  readonly own?: true;
}

/** Formats of files; a table is for people. */
const FILES = { parquet: FORMATS.parquet, csv: FORMATS.csv, json: FORMATS.json };

export function historyExport(group: Command, terminal: Terminal): void {
  storeOptions(
    group.command("export").description("Write the values of all topics, or of some, to one file."),
  )
    .argument("[pattern]", "regular expression, matched anywhere in the names of topics (default: all)")
    .option("--out <file>", "output file: .parquet, .csv or .json", "history.parquet")
    .option("--start <time>", `at or after this time: ${TIMES}`)
    .option("--end <time>", "before this time")
    .option("--own", "include what the bridge records about itself")
    .action((pattern: string | undefined, flags: Flags) =>
      withHistorian(flags, terminal, async (historian) => {
        const { out, start, end, own = false } = flags;
        const format = outputFormat({ out }, FILES) ?? "parquet";
        const range = { ...(start !== undefined && { start }), ...(end !== undefined && { end }) };
        const topics = await historian.topics(pattern, terminal.ending, { own });
        const query = { topic: topics.map(({ name }) => name), ...range };
        checkQuery(query, historian.now());
        if (topics.length === 0)
          throw new CommandError(pattern === undefined ? "no values yet" : `no topic matches ${pattern}`);
        const progress = new Progress(terminal);
        let [begun, count] = [0, 0];
        const pages = async function* (): AsyncGenerator<HistoryPage> {
          for await (const page of historian.stream(query, terminal.ending)) {
            // Each topic starts with a page without rows.
            if (page.rows.length === 0) begun += 1;
            count += page.rows.length;
            progress.show({ phase: "values", count, share: (begun - 1) / topics.length });
            yield page;
          }
        };
        await writePieces(EXPORTS[format](pages()), terminal, out);
        if (flags.json) printJson(terminal, { file: out, topics: topics.length, values: count });
        else terminal.out(`${out}: ${counted(count, "value")} of ${counted(topics.length, "topic")}\n`);
      }),
    );
}
