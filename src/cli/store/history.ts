import { type Command, Option } from "commander";
import { closest } from "../../config/files/did-you-mean.ts";
import {
  type CallArguments,
  checkQuery,
  type DeviceGaps,
  findGaps,
  type Historian,
  QueryError,
  volttronHistorian,
} from "../../historian/index.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { numberOption, outputFormat } from "../terminal/options.ts";
import { Progress } from "../terminal/progress.ts";
import { counted, formatTable } from "../terminal/table.ts";
import { printJson, type Terminal } from "../terminal/terminal.ts";
import { TIMES } from "../terminal/time-argument.ts";
import { packageVersion } from "../terminal/version.ts";
import { historyExport } from "./history-export.ts";
import { historyFiles } from "./history-files.ts";
import { FORMATS, type HistoryFormat, historyPieces, writePieces } from "./history-formats.ts";
import { historyImport } from "./history-import.ts";
import { type StoreFlags, storeOptions, withHistorian } from "./history-store.ts";

interface TopicsFlags extends StoreFlags {
  readonly own?: true;
}

interface RangeFlags extends StoreFlags {
  readonly start?: string;
  readonly end?: string;
}

interface QueryFlags extends RangeFlags {
  readonly skip?: number;
  readonly count?: number;
  readonly order?: string;
  readonly agg?: string;
  readonly period?: string;
  readonly tz?: string;
  readonly window?: string;
  readonly minCount?: number;
  readonly together?: string;
  readonly fill?: string;
  readonly pattern?: true;
  readonly format?: HistoryFormat;
  readonly out?: string;
}

export function history(program: Command, terminal: Terminal): void {
  const group = program.command("history").description("Query the historian; works while the bridge runs.");

  storeOptions(group.command("topics").description("List the topics that have values."))
    .argument("[pattern]", "regular expression, matched anywhere in the name")
    .option("--own", "include what the bridge records about itself")
    .action((pattern: string | undefined, flags: TopicsFlags) =>
      withHistorian(flags, terminal, async (historian) => {
        const topics = await historian.topics(pattern, terminal.ending, { own: flags.own ?? false });
        if (flags.json) return printJson(terminal, topics);
        if (topics.length === 0)
          return terminal.err(pattern === undefined ? "no values yet\n" : `no topic matches ${pattern}\n`);
        const rows = topics.map(({ name, meta }) => [name, meta.units, meta.type]);
        terminal.out(formatTable(["topic", "units", "type"], rows));
      }),
    );

  storeOptions(group.command("query").description("Print values over time, or export them."))
    .argument("<topic...>", "e.g. campus/garage/station-1/portLoad_1; case is ignored")
    .option("--pattern", "treat the arguments as regular expressions of topics")
    .option("--start <time>", `at or after this time: ${TIMES}`)
    .option("--end <time>", "before this time")
    .option("--skip <number>", "number of rows of each topic to skip", numberOption({ min: 0 }))
    .option("--count <number>", "maximum number of rows of each topic", numberOption({ min: 0 }))
    .option("--order <order>", "FIRST_TO_LAST or LAST_TO_FIRST", "FIRST_TO_LAST")
    .option("--agg <type>", "AVG, MIN, MAX, SUM, COUNT, FIRST or LAST, with --period")
    .option("--period <period>", "e.g. 15m, 1h, 1d, 1M, with --agg")
    .option(
      "--tz <zone>",
      "time zone of periods and of times that name none, e.g. America/Los_Angeles",
      "UTC",
    )
    .option("--window <length>", "each row is about the last e.g. 1h up to the end of its period")
    .option("--min-count <number>", "minimum number of values of a row, with --agg", numberOption({ min: 0 }))
    .option("--together <type>", "combine the aggregates of all topics: SUM, AVG, MIN, MAX or COUNT")
    .option("--fill <how>", "previous: a value holds until the next one, two hours at most")
    .addOption(
      new Option(
        "--format <format>",
        "table, or csv, json and parquet of any length (default: by the extension of --out, else table)",
      ).choices(Object.keys(FORMATS)),
    )
    .option("--out <file>", "output file: .csv, .json, .parquet or .txt (default: print)")
    .action((topics: string[], flags: QueryFlags) =>
      withHistorian(flags, terminal, (historian) => query(historian, topics, flags, terminal)),
    );

  historyExport(group, terminal);
  historyImport(group, terminal);
  historyFiles(group, terminal);

  storeOptions(group.command("gaps").description("List the times without values of devices, and why."))
    .argument("[device...]", "device paths or their beginnings (default: all)")
    .option("--start <time>", `at or after this time: ${TIMES}`, "now -1d")
    .option("--end <time>", "before this time", "now")
    .action((devices: string[], flags: RangeFlags) =>
      withHistorian(flags, terminal, async (historian) => {
        const { start = "now -1d", end = "now" } = flags;
        const reports = await findGaps(historian, { devices, start, end }, terminal.ending);
        if (flags.json) return printJson(terminal, reports);
        if (reports.length === 0) return terminal.err("no values of these devices\n");
        terminal.out(gapsText(reports));
      }),
    );

  storeOptions(
    group.command("call").description("Call a method of VOLTTRON's historian interface (RPC); prints JSON."),
  )
    .argument("<method>", "e.g. get_topic_list, query")
    .argument(
      "[arguments]",
      'JSON object of arguments by name, e.g. \'{"topic": "campus/…", "count": 1}\'',
      "{}",
    )
    .action((method: string, args: string, flags: StoreFlags) =>
      withHistorian(flags, terminal, async (historian) => {
        const calls = volttronHistorian(historian, packageVersion(), terminal.ending);
        if (!Object.hasOwn(calls, method))
          throw new QueryError(
            "method",
            `unknown method "${method}"; expected ${Object.keys(calls).join(", ")}`,
          );
        printJson(terminal, await calls[method as keyof typeof calls](parseArguments(args)));
      }),
    );
}

async function query(
  historian: Historian,
  topics: readonly string[],
  flags: QueryFlags,
  terminal: Terminal,
): Promise<void> {
  const { start, end, skip, count, order, agg: aggType, period: aggPeriod } = flags;
  const { tz, window, minCount, together, fill } = flags;
  const what = flags.pattern ? { pattern: topics.join("|") } : { topic: topics };
  const optional = {
    start,
    end,
    skip,
    count,
    order,
    aggType,
    aggPeriod,
    tz,
    window,
    minCount,
    together,
    fill,
  };
  const given = Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined));
  const format =
    outputFormat({ ...flags, format: flags.format ?? (flags.json ? "json" : undefined) }, FORMATS) ?? "table";
  const asked = { ...what, ...given };
  if (format === "parquet" && flags.out === undefined)
    throw new CommandError("a Parquet file cannot be printed; name it with --out", EXIT.usage);
  checkQuery(asked, historian.now());
  const unknown = await unknownAmong(historian, topics, flags, terminal);
  const progress = flags.out === undefined ? undefined : new Progress(terminal);
  if (unknown.length < topics.length)
    await writePieces(
      historyPieces(historian, asked, format, terminal.ending, progress),
      terminal,
      flags.out,
    );
  if (unknown.length > 0) throw new CommandError(unknown.join("\n"));
}

/** Returns a message for each topic that the historian does not have, and for a pattern without a match. */
async function unknownAmong(
  historian: Historian,
  topics: readonly string[],
  { pattern }: QueryFlags,
  { ending }: Terminal,
): Promise<string[]> {
  const list = '"voltbridge history topics" lists all topics';
  if (pattern) {
    const found = await historian.topics(topics.join("|"), ending);
    return found.length > 0 ? [] : topics.map((one) => `no topic matches ${one}; ${list}`);
  }
  const found = new Set(
    (await historian.backend.topics(topics, ending)).map(({ name }) => name.toLowerCase()),
  );
  const unknown = topics.filter((topic) => !found.has(topic.toLowerCase()));
  if (unknown.length === 0) return [];
  const names = (await historian.topics(undefined, ending, { own: true })).map(({ name }) => name);
  return unknown.map((topic) => {
    const near = nearest(topic, names).map((name) => JSON.stringify(name));
    const hint = near.length > 0 ? `did you mean ${near.join(" or ")}?` : list;
    return `the historian has no topic ${JSON.stringify(topic)}; ${hint}`;
  });
}

const MOST_SUGGESTIONS = 3;

/** Returns the closest name, and the names that end with the given text, e.g. with the point's name alone. */
function nearest(topic: string, names: readonly string[]): string[] {
  const misspelt = closest(topic, names);
  const end = `/${topic.toLowerCase()}`;
  const longer = names.filter((name) => name.toLowerCase().endsWith(end));
  return [...new Set(misspelt === undefined ? longer : [misspelt, ...longer])].slice(0, MOST_SUGGESTIONS);
}

function parseArguments(text: string): CallArguments {
  let args: unknown;
  try {
    args = JSON.parse(text);
  } catch {
    // Reported below.
  }
  if (typeof args === "object" && args !== null && !Array.isArray(args)) return args as CallArguments;
  throw new QueryError("arguments", "expected a JSON object");
}

/** Formats all gaps as a table, with the total of missing scrapes. */
function gapsText(reports: readonly DeviceGaps[]): string {
  const rows = reports.flatMap(({ device, gaps }) =>
    gaps.map(({ from, to, missing, reason, detail }) => [
      device,
      seconds(from),
      seconds(to),
      String(missing),
      detail === "" ? reason : `${reason}: ${detail}`,
    ]),
  );
  const missing = reports.reduce((sum, report) => sum + report.missing, 0);
  const total = `${counted(reports.length, "device")}: ${counted(missing, "scrape")} missing\n`;
  return rows.length === 0
    ? total
    : `${formatTable(["device", "from", "to", "missing", "reason"], rows)}${total}`;
}

/** Cuts an ISO 8601 time to whole seconds. */
function seconds(time: string): string {
  return `${time.slice(0, 19)}Z`;
}
