import { resolve } from "node:path";
import type { Command } from "commander";
import {
  type Historian,
  HistorianError,
  type HistoryAnswer,
  openHistorian,
  QueryError,
} from "../historian/index.ts";
import { Secrets } from "../log.ts";
import { CommandError, EXIT } from "./command-error.ts";
import { loadSettings } from "./load.ts";
import { logOptions, numberOption } from "./options.ts";
import { counted, formatTable, formatValue } from "./table.ts";
import { type LogFlags, printJson, type Terminal, terminalLog } from "./terminal.ts";

interface StoreFlags extends LogFlags {
  readonly config?: string;
  readonly data?: string;
  readonly json?: true;
}

interface QueryFlags extends StoreFlags {
  readonly start?: string;
  readonly end?: string;
  readonly skip?: number;
  readonly count?: number;
  readonly order?: string;
  readonly agg?: string;
  readonly period?: string;
  readonly pattern?: true;
}

export function history(program: Command, terminal: Terminal): void {
  const group = program.command("history").description("Ask the historian; also while the bridge runs.");

  storeOptions(group.command("topics").description("List the topics that have values."))
    .argument("[pattern]", "regular expression found anywhere in the name")
    .action((pattern: string | undefined, flags: StoreFlags) =>
      withHistorian(flags, terminal, async (historian) => {
        const topics = await historian.topics(pattern, terminal.ending);
        if (flags.json) return printJson(terminal, topics);
        if (topics.length === 0)
          return terminal.err(pattern === undefined ? "no values yet\n" : `no topic matches ${pattern}\n`);
        const rows = topics.map(({ name, meta }) => [name, meta.units, meta.type]);
        terminal.out(formatTable(["topic", "units", "type"], rows));
      }),
    );

  storeOptions(group.command("query").description("Print values over time."))
    .argument("<topic...>", "e.g. campus/garage/station-1/portLoad_1; any case")
    .option("--pattern", "the argument is a regular expression of topics")
    .option(
      "--start <time>",
      "from this time on: ISO 8601 (UTC where it names no zone) or 'now -1d -2h -10m'",
    )
    .option("--end <time>", "up to, and not at, this time")
    .option("--skip <number>", "leave out so many rows of each topic", numberOption({ min: 0 }))
    .option("--count <number>", "at most so many rows of each topic", numberOption({ min: 0 }))
    .option("--order <order>", "FIRST_TO_LAST or LAST_TO_FIRST", "FIRST_TO_LAST")
    .option("--agg <type>", "AVG, MIN, MAX, SUM, COUNT, FIRST or LAST, with --period")
    .option("--period <period>", "e.g. 15m, 1h, 1d, with --agg")
    .action((topics: string[], flags: QueryFlags) =>
      withHistorian(flags, terminal, async (historian) => {
        const { start, end, skip, count, order, agg: aggType, period: aggPeriod } = flags;
        const what = flags.pattern ? { pattern: topics.join("|") } : { topic: topics };
        const optional = { start, end, skip, count, order, aggType, aggPeriod };
        const given = Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined));
        const answer = await historian.query({ ...what, ...given }, terminal.ending);
        if (flags.json) return printJson(terminal, answer);
        if (Object.keys(answer.values).length === 0)
          terminal.err(`no topic ${topics.join(", ")}; "voltbridge history topics" lists them\n`);
        terminal.out(asTables(answer));
      }),
    );
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

function storeOptions(command: Command): Command {
  const withStore = command
    .option("--config <file>", "bridge config (default: configs/bridge.json)")
    .option("--data <folder>", "data folder (default: the bridge config's)")
    .option("--json", "print JSON");
  return logOptions(withStore, "warn");
}

async function withHistorian(
  flags: StoreFlags,
  terminal: Terminal,
  use: (historian: Historian) => Promise<void>,
): Promise<void> {
  const secrets = new Secrets();
  const { settings } = loadSettings({ config: flags.config, secrets, env: terminal.env });
  const folder = flags.data === undefined ? settings.data : resolve(flags.data);
  try {
    const log = terminalLog(terminal, flags, secrets);
    const historian = await openHistorian(settings.historian, folder, { readonly: true, log });
    try {
      await use(historian);
    } finally {
      await historian.close();
    }
  } catch (error) {
    if (error instanceof QueryError) {
      const message = error.message.replaceAll("agg_type", "--agg").replaceAll("agg_period", "--period");
      throw new CommandError(message, EXIT.usage, { cause: error });
    }
    if (error instanceof HistorianError) throw new CommandError(error.message, EXIT.failed, { cause: error });
    throw error;
  }
}
