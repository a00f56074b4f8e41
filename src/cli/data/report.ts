import { type Command, Option } from "commander";
import { closest } from "../../config/files/did-you-mean.ts";
import {
  COMMON_COLUMNS,
  chargePointColumns,
  type FleetData,
  fleetReport,
  hasColumn,
  PARTS,
  type Part,
  type Period,
  type ReportOptions,
  sheetsOf,
  sqlColumns,
} from "../../reports/index.ts";
import { Zone } from "../../time/zone.ts";
import { accountOptions } from "../api/account.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { logOptions, numberOption } from "../terminal/options.ts";
import { counted } from "../terminal/table.ts";
import { type Terminal, terminalLog } from "../terminal/terminal.ts";
import { parsedTime, timesIn, zoneArgument } from "../terminal/time-argument.ts";
import { REPORT_FORMATS, type ReportFormat, reportFiles, reportFormat, writeReport } from "./report-files.ts";
import { mailReport, reportRecipients } from "./report-mail.ts";
import { readFleet, SOURCES, type SourceFlags } from "./report-sources.ts";

interface Flags extends SourceFlags {
  readonly out?: string;
  readonly mail?: readonly string[];
  readonly format?: ReportFormat;
  readonly columns?: string;
  readonly from?: string;
  readonly to?: string;
  readonly last?: Calendar;
  readonly tz: Zone;
  readonly parity?: true;
  readonly without?: string;
  readonly unseenAfter: number;
}

export function report(program: Command, terminal: Terminal): void {
  const group = program
    .command("report")
    .description("Generate reports on all stations, as a workbook, tables, JSON or a page.");
  const fleet = group
    .command("fleet")
    .description("Report stations by model and state, their use, energy and alarms.")
    .option("--out <file>", "output file, with csv a folder (default for json and html: print)")
    .option(
      "--mail <address...>",
      "send it as an attachment, with a summary as the text; by the mail server of the bridge config",
    )
    .addOption(
      new Option("--format <format>", "file format (default: by the extension of --out, else xlsx)").choices([
        ...REPORT_FORMATS,
      ]),
    )
    .addOption(
      new Option("--source <source>", "source of the data").choices([...SOURCES]).default("chargepoint"),
    )
    .option("--columns <names>", `columns, separated by commas (default: ${COMMON_COLUMNS.join(",")})`)
    .option("--from <time>", `sessions and alarms at or after this time: ${timesIn("--tz")} (default: -30d)`)
    .option("--to <time>", "and before this time (default: now)")
    .addOption(
      new Option("--last <period>", "instead of --from and --to: the last whole one").choices([...CALENDAR]),
    )
    .addOption(
      new Option(
        "--tz <zone>",
        "time zone of days, months and hours, of shown times, and of times that name none, e.g. America/Los_Angeles",
      )
        .argParser(zoneArgument)
        .default(new Zone("UTC"), "UTC"),
    )
    .option("--parity", "only the sheets of the pandas script, with its way of counting")
    .option("--without <parts>", `parts to leave out, separated by commas: ${PARTS.join(", ")}`)
    .option(
      "--unseen-after <days>",
      "list stations without contact for this many days",
      numberOption({ above: 0, fraction: true }),
      7,
    )
    .option("--business-partner <number>", "eConnect: owner of the stations (or ECONNECT_BUSINESS_PARTNER)")
    .option("--config <file>", "bridge config (default: configs/bridge.json)")
    .option("--data <folder>", "sql: data folder (default: the bridge config's)");
  accountOptions(logOptions(fleet, "warn")).action((flags: Flags) => fleetCommand(flags, terminal));
}

async function fleetCommand(flags: Flags, terminal: Terminal): Promise<void> {
  const format = reportFormat(flags);
  const recipients = flags.mail && reportRecipients(flags.mail, flags.config, terminal);
  const now = new Date();
  const period = periodOf(flags, now);
  const columns = columnsOf(flags);
  const parts = partsOf(flags);
  const { secrets } = terminal;
  const log = terminalLog(terminal, flags, secrets);
  const { data, label } = await readFleet(flags, terminal, { period, parts, now }, log);
  reportMissing(data, columns, terminal);
  const options: ReportOptions = {
    source: label,
    columns,
    period,
    now,
    parity: flags.parity ?? false,
    unseenDays: flags.unseenAfter,
  };
  const result = fleetReport(data, options);
  const sheets = sheetsOf(result);
  const files = await reportFiles(result, sheets, format, fileName(period));
  if (flags.out !== undefined)
    for (const path of await writeReport(files, format, flags.out)) terminal.out(`${path}\n`);
  else if (!recipients) for (const { content } of files) terminal.data(String(content));
  terminal.err(`${counted(data.stations.length, "station")}, ${counted(sheets.length, "sheet")}\n`);
  if (!recipients) return;
  const attachments = files.map(({ name, content }) => ({ filename: name, content }));
  await mailReport(result, attachments, recipients, terminal);
}

const CALENDAR = ["day", "week", "month"] as const;
type Calendar = (typeof CALENDAR)[number];

/**
 * Returns the period that the flags name.
 * @throws CommandError when it is empty, or named twice
 */
function periodOf({ from, to, last, tz: zone, parity }: Flags, now: Date): Period {
  if (parity && zone.name !== "UTC")
    throw new CommandError("--parity has the times of the pandas script, in UTC: leave --tz out", EXIT.usage);
  if (last !== undefined) {
    if (from !== undefined || to !== undefined)
      throw new CommandError("--last is the whole period: leave --from and --to out", EXIT.usage);
    return { ...lastWhole(last, now, zone), zone };
  }
  const period = {
    from: timeOption("--from", from ?? "-30d", now, zone),
    to: to === undefined ? now : timeOption("--to", to, now, zone),
    zone,
  };
  if (period.to <= period.from) throw new CommandError("--to must be after --from", EXIT.usage);
  return period;
}

/** Returns the last day, week (from Monday) or month of a zone that is over. */
function lastWhole(calendar: Calendar, now: Date, zone: Zone): { from: Date; to: Date } {
  const local = new Date(now.getTime() + zone.offset(now.getTime()));
  const [year, month, day] = [local.getUTCFullYear(), local.getUTCMonth(), local.getUTCDate()];
  const sinceMonday = (local.getUTCDay() + 6) % 7;
  const [from, to] = {
    day: [Date.UTC(year, month, day - 1), Date.UTC(year, month, day)],
    week: [Date.UTC(year, month, day - sinceMonday - 7), Date.UTC(year, month, day - sinceMonday)],
    month: [Date.UTC(year, month - 1), Date.UTC(year, month)],
  }[calendar] as [number, number];
  return { from: new Date(zone.first(from)), to: new Date(zone.first(to)) };
}

/** Returns the name of a period's file: `fleet-report-2026-11-23-to-2026-11-29`, its first and last day. */
function fileName({ from, to, zone }: Period): string {
  const day = (time: number) => new Date(time + zone.offset(time)).toISOString().slice(0, 10);
  const [first, last] = [day(from.getTime()), day(to.getTime() - 1)];
  return `fleet-report-${first}${first === last ? "" : `-to-${last}`}`;
}

function timeOption(name: string, text: string, now: Date, zone: Zone): Date {
  try {
    return parsedTime(text, now, zone);
  } catch (error) {
    throw new CommandError(`${name} ${text}: ${(error as Error).message}`, EXIT.usage, { cause: error });
  }
}

function columnsOf({ source, columns }: Flags): string[] {
  const named = columns === undefined ? COMMON_COLUMNS : list(columns);
  if (named.length === 0) throw new CommandError("--columns is empty; name at least one column", EXIT.usage);
  const known = source === "sql" ? sqlColumns : source === "chargepoint" ? chargePointColumns : undefined;
  const unknown = known && named.find((name) => !known.includes(name));
  if (known && unknown !== undefined) {
    const near = closest(unknown, known);
    const hint = near ? `; did you mean ${near}?` : `; expected ${known.join(", ")}`;
    throw new CommandError(`--columns: ${source} has no column "${unknown}"${hint}`, EXIT.usage);
  }
  return [...new Set(named)];
}

function partsOf({ without, parity }: Flags): Set<Part> {
  const left = list(without ?? "");
  const unknown = left.find((name) => !(PARTS as readonly string[]).includes(name));
  if (unknown !== undefined)
    throw new CommandError(`--without: unknown part "${unknown}"; expected ${PARTS.join(", ")}`, EXIT.usage);
  return new Set(parity ? [] : PARTS.filter((part) => !left.includes(part)));
}

function list(text: string): string[] {
  return text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

function reportMissing({ stations, lacks }: FleetData, columns: readonly string[], terminal: Terminal): void {
  for (const [reason, all] of Map.groupBy(lacks, ({ reason }) => reason))
    terminal.err(`left out: ${all.map(({ part }) => part).join(", ")}: ${reason}\n`);
  if (stations.length === 0) terminal.err("no stations found: the sheets are empty\n");
  else
    for (const column of columns.filter((name) => !hasColumn(stations, name)))
      terminal.err(`no station has a field "${column}"\n`);
}
