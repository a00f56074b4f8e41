import { basename } from "node:path";
import type { Command } from "commander";
import { driverTypes, type LoadedDevice } from "../devices/index.ts";
import { Secrets } from "../log.ts";
import { CommandError, EXIT } from "./command-error.ts";
import { formatAll } from "./diagnostics.ts";
import { loadAll } from "./load.ts";
import { numberOption } from "./options.ts";
import { formatTable } from "./table.ts";
import { printJson, type Terminal } from "./terminal.ts";

interface Flags {
  readonly config?: string;
  readonly groupSize: number;
  readonly json?: true;
}

type DriverType = (typeof driverTypes)[string];
type AccountPlan = ReturnType<NonNullable<DriverType["plan"]>>[number];
type PlannedCall = AccountPlan["calls"][number];

export function plan(program: Command, terminal: Terminal): void {
  program
    .command("plan")
    .description("Show which calls the loaded devices will make, how often, and which rows cause them.")
    .option("--config <file>", "bridge config (default: configs/bridge.json)")
    .option(
      "--group-size <stations>",
      "presume station groups of this size; 0: none, so that loads are read one by one",
      numberOption({ min: 0 }),
      0,
    )
    .option("--json", "print JSON")
    .action((flags: Flags) => showPlan(flags, terminal));
}

function showPlan(flags: Flags, terminal: Terminal): void {
  const { devices, diagnostics } = loadAll({
    config: flags.config,
    secrets: new Secrets(),
    env: terminal.env,
  });
  terminal.err(formatAll(diagnostics.filter(({ severity }) => severity === "error")));
  const sets = devices.filter(({ settings }) => settings.set !== undefined);
  for (const { settings } of sets) {
    terminal.err(
      `${settings.file}: its set of stations is not counted, for only the service knows how many there are ("voltbridge discover" lists them)\n`,
    );
  }
  const single = devices.filter(({ settings }) => settings.set === undefined);
  const accounts = planAll(single, flags.groupSize);
  if (accounts.length === 0)
    throw new CommandError("no device of its own is loaded whose driver shares calls", EXIT.failed);
  if (flags.json) printJson(terminal, accounts.map(describe));
  else for (const account of accounts) terminal.out(`${text(account)}\n`);
}

function planAll(devices: readonly LoadedDevice[], stationsPerGroup: number): AccountPlan[] {
  return Object.entries(driverTypes).flatMap(([name, type]) => {
    const sound = soundRows(type);
    const own = devices
      .filter(({ settings }) => settings.driverType === name)
      .map(({ settings, rows }) => ({
        path: settings.path,
        config: settings.driverConfig,
        intervalSeconds: settings.intervalSeconds,
        rows: sound(rows),
      }));
    return own.length > 0 ? (type.plan?.(own, { stationsPerGroup }) ?? []) : [];
  });
}

/** Without the rows in which the driver type finds an error; devices that share a registry share the result. */
function soundRows(type: DriverType): (rows: LoadedDevice["rows"]) => LoadedDevice["rows"] {
  const known = new Map<LoadedDevice["rows"], LoadedDevice["rows"]>();
  return (rows) => {
    const faulty = new Set(
      known.has(rows)
        ? []
        : type.checkRows(rows).flatMap(({ severity, line }) => (severity === "error" ? [line] : [])),
    );
    const sound = known.get(rows) ?? rows.filter(({ line }) => !faulty.has(line));
    known.set(rows, sound);
    return sound;
  };
}

function describe({ account, stations, limitPerMinute, calls }: AccountPlan) {
  const perMinute = sum(calls, callsPerMinute);
  const onePerStationPerMinute = sum(calls, (call) => call.onePerStationPerMinute);
  return {
    account,
    stations,
    calls: calls.map(({ rows, ...call }) => ({
      ...call,
      callsPerMinute: callsPerMinute(call),
      rows: [...Map.groupBy(rows, ({ file }) => file)].map(([file, ofFile]) => ({
        file,
        lines: ofFile.map(({ line }) => line),
        attributes: [...new Set(ofFile.map(({ attribute }) => attribute))],
      })),
    })),
    callsPerMinute: perMinute,
    limitPerMinute,
    onePerStationPerMinute,
    timesFewer: onePerStationPerMinute / perMinute,
  };
}

function text(plan: AccountPlan): string {
  const { account, stations, calls, ...totals } = describe(plan);
  const rows = calls.map((call) => [
    call.operation,
    String(call.calls),
    `${call.everySeconds} s`,
    figure(call.callsPerMinute),
    figure(call.onePerStationPerMinute),
    call.rows
      .map(({ file, lines, attributes }) => `${basename(file)}: ${lines.length} (${few(attributes)})`)
      .join("; "),
  ]);
  const header = ["operation", "calls", "every", "a minute", "one by one", "registry rows"];
  const assumed = [
    ...new Set(calls.flatMap(({ operation, assumes }) => (assumes ? [`${operation}: ${assumes}`] : []))),
  ];
  const { limitPerMinute: limit } = totals;
  const over = limit !== undefined && totals.callsPerMinute > limit;
  return [
    `account ${account}: ${stations} station${stations === 1 ? "" : "s"}`,
    formatTable(header, rows).trimEnd(),
    `${figure(totals.callsPerMinute)} calls a minute${limit === undefined ? "" : ` (limit ${limit})`}, ${figure(totals.timesFewer)} times fewer than ${figure(totals.onePerStationPerMinute)} one by one`,
    ...(over
      ? [
          "MORE THAN calls_per_minute: put the stations into station groups (--group-size shows what that saves), raise interval or calls_per_minute",
        ]
      : []),
    ...(assumed.length > 0 ? [`assumed: ${assumed.join("; ")}`] : []),
    "",
  ].join("\n");
}

function callsPerMinute({ calls, everySeconds }: Pick<PlannedCall, "calls" | "everySeconds">): number {
  return (calls * 60) / everySeconds;
}

function sum<T>(all: readonly T[], of: (one: T) => number): number {
  return all.reduce((total, one) => total + of(one), 0);
}

function figure(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function few(names: readonly string[]): string {
  return names.length > 3 ? `${names.slice(0, 3).join(", ")}, …` : names.join(", ");
}
