import type { DriverSettings } from "../../config/index.ts";
import { type LoadedDevice, type ScrapedOnce, scrapeOnce } from "../../devices/index.ts";
import { metadataType } from "../../points/index.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { duration, formatTable, formatValue } from "../terminal/table.ts";
import { type LogFlags, printJson, type Terminal, terminalLog } from "../terminal/terminal.ts";
import { formatAll } from "./diagnostics.ts";

/**
 * Reads a device once and prints its points.
 * @throws CommandError when nothing can be read
 */
export async function readDevice(
  device: LoadedDevice,
  settings: DriverSettings,
  flags: LogFlags & { readonly json?: true },
  terminal: Terminal,
): Promise<void> {
  const log = terminalLog(terminal, flags, terminal.secrets);
  const scraped = await scrapeOnce({ device, settings, log, signal: terminal.ending }).catch(
    (cause: Error) => {
      const message = `device ${device.settings.path} cannot be read: ${cause.message}`;
      throw new CommandError(message, EXIT.failed, { cause });
    },
  );
  terminal.err(formatAll(scraped.diagnostics));
  if (flags.json) printJson(terminal, asJson(scraped));
  else terminal.out(asTable(scraped));
}

/** Maximum length of what the service sent, in the table. */
const MAX_SENT = 24;

function asTable({ scrape: { device, takenAt, values, failures }, sources }: ScrapedOnce): string {
  const isExplained = sources.size > 0;
  const rows = [...device.points.values()].map(({ name, units, type, writable }) => {
    const value = failures.has(name) ? "(not read)" : formatValue(values.get(name));
    const { sent, call = "–", ageSeconds } = sources.get(name) ?? {};
    const text = formatValue(sent);
    const raw = text.length > MAX_SENT ? `${text.slice(0, MAX_SENT)}…` : text;
    const age = ageSeconds === undefined ? "–" : duration(ageSeconds);
    return [name, value, units, type, ...(isExplained ? [raw, call, age] : []), writable ? "yes" : ""];
  });
  const header = [
    "point",
    "value",
    "units",
    "type",
    ...(isExplained ? ["sent", "call", "age"] : []),
    "writable",
  ];
  const missing = new Map(
    [...sources].flatMap(([name, { missing: why }]) => (why === undefined ? [] : [[name, why]])),
  );
  return [
    `${device.path}, ${takenAt.toISOString()}\n\n`,
    formatTable(header, rows),
    reasons("not read", failures),
    reasons("no value", missing),
  ].join("");
}

/** Lists points by the reason why they lack a value. */
function reasons(title: string, byPoint: ReadonlyMap<string, string>): string {
  const points = Map.groupBy(byPoint.keys(), (point) => byPoint.get(point)!);
  return [...points].map(([reason, names]) => `\n${title}: ${names.join(", ")}\n  ${reason}\n`).join("");
}

function asJson({ scrape: { device, takenAt, values, failures }, sources }: ScrapedOnce): unknown {
  return {
    device: device.path,
    takenAt,
    values: Object.fromEntries(values),
    failures: Object.fromEntries(failures),
    metadata: Object.fromEntries(
      [...device.points.values()].map(({ name, units, type }) => [
        name,
        { units, type: metadataType(type), tz: device.timezone },
      ]),
    ),
    ...(sources.size > 0 && { sources: Object.fromEntries(sources) }),
  };
}
