import { type Command, Option } from "commander";
import { csvLine } from "../../csv-cell.ts";
import type { Historian } from "../../historian/index.ts";
import { WRITE_STATUSES } from "../../points/index.ts";
import { numberOption } from "../terminal/options.ts";
import { formatTable, formatValue } from "../terminal/table.ts";
import { printJson, type Terminal } from "../terminal/terminal.ts";
import { TIMES } from "../terminal/time-argument.ts";
import { type StoreFlags, storeOptions, withHistorian } from "./history-store.ts";

interface Flags extends StoreFlags {
  readonly start?: string;
  readonly end?: string;
  readonly requester?: string;
  readonly status?: string;
  readonly count: number;
  readonly csv?: true;
}

/** A write attempt as stored in the historian, with its target and time. */
interface Entry {
  readonly time: string;
  /** `<device path>/<point>`, or the device path for a whole device. */
  readonly target: string;
  readonly requester?: string;
  readonly via?: string;
  readonly action?: string;
  readonly from?: unknown;
  readonly requested?: unknown;
  readonly status?: string;
  readonly readBack?: unknown;
  readonly code?: string;
  readonly text?: string;
  readonly error?: string;
  readonly tookMs?: number;
  readonly id?: string;
}

const PREFIX = "actuators/write/";

export function audit(program: Command, terminal: Terminal): void {
  storeOptions(
    program
      .command("audit")
      .description("List every write attempt: who, what, through which interface, and its outcome.")
      .argument("[target]", "device, or <device>/<point> (default: all)"),
  )
    .option("--start <time>", `at or after this time: ${TIMES}`)
    .option("--end <time>", "before this time")
    .option("--requester <name>", "only attempts of this requester")
    .addOption(new Option("--status <status>", "only attempts with this outcome").choices(WRITE_STATUSES))
    .option("--count <number>", "maximum number; the newest are printed", numberOption({ min: 1 }), 1000)
    .addOption(new Option("--csv", "print CSV").conflicts("json"))
    .action((target: string | undefined, flags: Flags) =>
      withHistorian(flags, terminal, async (historian) => {
        const entries = await find(historian, target, flags, terminal.ending);
        if (flags.json) printJson(terminal, entries);
        else if (flags.csv) terminal.data(asCsv(entries));
        else if (entries.length > 0) terminal.out(asTable(entries));
        else terminal.err("no write attempts found\n");
      }),
    );
}

/** Returns the newest matching entries, oldest first; at most twice as many are in memory. */
async function find(
  historian: Historian,
  target: string | undefined,
  { start, end, requester, status, count }: Flags,
  signal: AbortSignal,
): Promise<Entry[]> {
  const place = target === undefined ? "" : `${escaped(target.replace(/^\/+|\/+$/g, ""))}(/[^/]+)?$`;
  const range = { ...(start !== undefined && { start }), ...(end !== undefined && { end }) };
  let found: Entry[] = [];
  const newest = () => found.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0)).slice(-count);
  for await (const { topic, rows } of historian.stream({ pattern: `^${PREFIX}${place}`, ...range }, signal)) {
    for (const [time, value] of rows) {
      const entry: Entry = { time, target: topic.name.slice(PREFIX.length), ...(value as object) };
      if (requester !== undefined && entry.requester !== requester) continue;
      if (status !== undefined && entry.status !== status) continue;
      found.push(entry);
    }
    if (found.length > 2 * count) found = newest();
  }
  return newest();
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

function asTable(entries: readonly Entry[]): string {
  const rows = entries.map((entry) => [
    entry.time,
    entry.requester ?? "–",
    entry.via ?? "–",
    entry.target,
    change(entry),
    entry.status ?? "no answer",
    entry.code ?? "–",
    formatValue(entry.tookMs),
    entry.id ?? "–",
    [entry.error, entry.text].filter(Boolean).join(": "),
  ]);
  const header = ["time", "requester", "via", "target", "change", "status", "code", "ms", "command", "text"];
  return formatTable(header, rows);
}

/** `0 → 3`, `0 → 3 (read 2)`, `3 → reverted` */
function change({ action, from, requested, readBack }: Entry): string {
  const to = action === "revert" ? "reverted" : formatValue(requested);
  const before = from === undefined ? "" : `${formatValue(from)} `;
  const differs = readBack !== undefined && JSON.stringify(readBack) !== JSON.stringify(requested);
  return `${before}→ ${to}${differs ? ` (read ${formatValue(readBack)})` : ""}`;
}

const COLUMNS = [
  ...(["time", "target", "requester", "via", "action", "from", "requested", "status", "readBack"] as const),
  ...(["code", "error", "text", "tookMs", "id"] as const),
];

function asCsv(entries: readonly Entry[]): string {
  const lines = entries.map((entry) => COLUMNS.map((column) => entry[column]));
  return [COLUMNS, ...lines].map(csvLine).join("");
}
