import type { DeviceGaps } from "../../historian/index.ts";
import { counted, formatTable } from "../terminal/table.ts";

/** Formats all gaps as a table, with the total of missing scrapes. */
export function gapsText(reports: readonly DeviceGaps[]): string {
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
