import { type Command, Option } from "commander";
import { type AuditEntry, auditCsv, findAudit } from "../../historian/index.ts";
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
        const entries = await findAudit(historian, { ...flags, target }, terminal.ending);
        if (flags.json) printJson(terminal, entries);
        else if (flags.csv) terminal.data(auditCsv(entries));
        else if (entries.length > 0) terminal.out(asTable(entries));
        else terminal.err("no write attempts found\n");
      }),
    );
}

function asTable(entries: readonly AuditEntry[]): string {
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
function change({ action, from, requested, readBack }: AuditEntry): string {
  const to = action === "revert" ? "reverted" : formatValue(requested);
  const before = from === undefined ? "" : `${formatValue(from)} `;
  const differs = readBack !== undefined && JSON.stringify(readBack) !== JSON.stringify(requested);
  return `${before}→ ${to}${differs ? ` (read ${formatValue(readBack)})` : ""}`;
}
