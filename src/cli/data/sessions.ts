/** Commands about sessions and reports: records of an account or of the tables become tables, files and reports. */

import { type Command, Option } from "commander";
import {
  columnsOf,
  ddl,
  exportTable,
  openSessionDatabase,
  postgresDialect,
  type ReadOptions,
  type SessionDatabase,
  SessionDatabaseError,
  SessionReader,
  sqliteDialect,
  type TableName,
  tableNames,
} from "../../sessions/index.ts";
import { writeWholeFile } from "../../storage/whole-file.ts";
import { accountOptions } from "../api/account.ts";
import { loadSettings } from "../setup/load.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { logOptions, numberOption, outputFormat } from "../terminal/options.ts";
import { Progress } from "../terminal/progress.ts";
import { formatTable, formatValue } from "../terminal/table.ts";
import { printJson, type Terminal } from "../terminal/terminal.ts";
import { TIMES, timeArgument } from "../terminal/time-argument.ts";
import { type SyncFlags, sync } from "./sessions-sync.ts";

interface ReadFlags {
  readonly config?: string;
  readonly data?: string;
  readonly from?: Date;
  readonly to?: Date;
  readonly station?: string;
  readonly count?: number;
  readonly json?: true;
}

const EXPORT_ENDINGS = { csv: ["csv"], jsonl: ["jsonl", "ndjson"], parquet: ["parquet"] } as const;

interface ExportFlags extends ReadFlags {
  readonly format?: keyof typeof EXPORT_ENDINGS;
  readonly table: TableName;
  readonly out?: string;
}

export function sessions(program: Command, terminal: Terminal): void {
  const group = program.command("sessions").description("Fetch, list and export charging sessions in SQL.");

  const syncing = databaseOptions(
    group.command("sync").description("Fetch sessions, payments, stations and alarms into the tables."),
  )
    .option(
      "--from <time>",
      `sessions that start at or after this time: ${TIMES}`,
      timeArgument,
      timeArgument("-30d"),
    )
    .option("--to <time>", "and before this time (default: now)", timeArgument)
    .option("--intervals", "fetch quarter hours too: one call per session")
    .option("--no-payments", "skip payments")
    .option("--restart", "start over instead of resuming an interrupted sync of this range")
    .option(
      "--calls-per-minute <number>",
      "maximum calls per minute and account; 0: no limit",
      numberOption({ min: 0 }),
      600,
    )
    .option("--json", "print the counts as JSON");
  accountOptions(logOptions(syncing, "warn")).action((flags: SyncFlags) =>
    withDatabase(flags, terminal, false, (database, settings) => sync(database, settings, flags, terminal)),
  );

  rangeOptions(databaseOptions(group.command("list").description("Print sessions, oldest first.")))
    .option("--count <number>", "maximum number of sessions", numberOption({ min: 1 }), 50)
    .option("--json", "print JSON")
    .action((flags: ReadFlags) =>
      withDatabase(flags, terminal, true, (database) => list(database, flags, terminal)),
    );

  rangeOptions(databaseOptions(group.command("export").description("Write a table to a file.")))
    .addOption(
      new Option("--format <format>", "file format (default: by the extension of --out, else csv)").choices(
        Object.keys(EXPORT_ENDINGS),
      ),
    )
    .addOption(new Option("--table <name>", "table to export").choices([...tableNames]).default("session"))
    .option("--out <file>", "output file, replaced when the new one is complete (default: print)")
    .action((flags: ExportFlags) =>
      withDatabase(flags, terminal, true, (database) => write(database, flags, terminal)),
    );

  group
    .command("schema")
    .description("Print the SQL statements that create the tables.")
    .addOption(
      new Option("--database <kind>", "database to create them in")
        .choices(["sqlite", "postgres"])
        .default("sqlite"),
    )
    .action(({ database }: { database: string }) =>
      terminal.out(`${ddl(database === "postgres" ? postgresDialect : sqliteDialect)}\n`),
    );
}

function databaseOptions(command: Command): Command {
  return command
    .option("--config <file>", "bridge config (default: configs/bridge.json)")
    .option("--data <folder>", "data folder (default: the bridge config's)");
}

function rangeOptions(command: Command): Command {
  return command
    .option("--from <time>", `at or after this time: ${TIMES}`, timeArgument)
    .option("--to <time>", "before this time", timeArgument)
    .option("--station <id>", "only this station");
}

async function withDatabase(
  flags: { readonly config?: string; readonly data?: string },
  terminal: Terminal,
  readonly: boolean,
  use: (database: SessionDatabase, settings: ReturnType<typeof settingsOf>) => Promise<void>,
): Promise<void> {
  const settings = settingsOf(flags, terminal);
  const { backend, connection } = settings.sessions;
  try {
    const database = await openSessionDatabase(
      { backend, connection, dataFolder: flags.data ?? settings.data, readonly },
      terminal.ending,
    );
    try {
      await use(database, settings);
    } finally {
      await database.close();
    }
  } catch (error) {
    if (error instanceof SessionDatabaseError)
      throw new CommandError(error.message, EXIT.failed, { cause: error });
    throw error;
  }
}

function settingsOf({ config }: { readonly config?: string }, { secrets, env }: Terminal) {
  return loadSettings({ config, secrets, env }).settings;
}

function optionsOf({ from, to, station }: ReadFlags, { ending }: Terminal): ReadOptions {
  return {
    ...(from && { from }),
    ...(to && { to }),
    ...(station !== undefined && { stationID: station }),
    signal: ending,
  };
}

const COLUMNS = [
  "session_id",
  "station_id",
  "port_number",
  "started_at",
  "ended_at",
  "energy_kwh",
  "user_id",
  "ended_by",
] as const;

async function list(database: SessionDatabase, flags: ReadFlags, terminal: Terminal): Promise<void> {
  const rows = [];
  for await (const row of new SessionReader(database).rows("session", optionsOf(flags, terminal))) {
    rows.push(row);
    if (rows.length === flags.count) break;
  }
  if (flags.json) return printJson(terminal, rows);
  if (rows.length === 0) terminal.err("no sessions in this range\n");
  else
    terminal.out(
      formatTable(
        COLUMNS,
        rows.map((row) => COLUMNS.map((name) => formatValue(row[name]))),
      ),
    );
}

async function write(database: SessionDatabase, flags: ExportFlags, terminal: Terminal): Promise<void> {
  const { table, out, station } = flags;
  const format = outputFormat(flags, EXPORT_ENDINGS) ?? "csv";
  if (station !== undefined && !columnsOf(table).some(([name]) => name === "station_id"))
    throw new CommandError(`table ${table} has no station_id; omit --station`, EXIT.usage);
  if (format === "parquet" && out === undefined)
    throw new CommandError("a Parquet file cannot be printed; name it with --out", EXIT.usage);
  const found = new SessionReader(database).rows(table, optionsOf(flags, terminal));
  let count = 0;
  const counted = async function* () {
    for await (const row of found) {
      count++;
      yield row;
    }
  };
  const rows = out === undefined ? counted() : new Progress(terminal).counting("rows", counted());
  const pieces = exportTable(table, rows, format);
  try {
    if (out === undefined) for await (const piece of pieces) terminal.data(String(piece));
    else await writeWholeFile(out, pieces);
    terminal.err(`${count} ${count === 1 ? "row" : "rows"}\n`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    throw new CommandError(`cannot write ${out}: ${(error as Error).message}`, EXIT.failed, { cause: error });
  }
}
