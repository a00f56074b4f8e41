import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import {
  csv,
  type FleetReport,
  fileNames,
  json,
  page,
  type Sheet,
  summaryOf,
  workbook,
} from "../../reports/index.ts";
import { writeWholeFile } from "../../storage/whole-file.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { outputFormat } from "../terminal/options.ts";
import type { Terminal } from "../terminal/terminal.ts";

export const REPORT_FORMATS = ["xlsx", "csv", "json", "html"] as const;
export type ReportFormat = (typeof REPORT_FORMATS)[number];

const ENDINGS = { xlsx: ["xlsx"], csv: ["csv"], json: ["json"], html: ["html", "htm"] } as const;

/**
 * Returns the format: `--format`, else by the file's extension, else xlsx.
 * @throws CommandError when a workbook or tables have no --out
 */
export function reportFormat(flags: { out?: string; format?: ReportFormat }): ReportFormat {
  const { out } = flags;
  const chosen = outputFormat(flags, ENDINGS) ?? "xlsx";
  if (out === undefined && (chosen === "xlsx" || chosen === "csv"))
    throw new CommandError(
      chosen === "xlsx"
        ? "a workbook needs a file name: --out report.xlsx"
        : "CSV tables need a folder: --out report",
      EXIT.usage,
    );
  return chosen;
}

/** Writes or prints a report and returns the files written. Each appears only when it is complete. */
export async function writeReport(
  report: FleetReport,
  sheets: readonly Sheet[],
  format: ReportFormat,
  out: string | undefined,
  terminal: Terminal,
): Promise<string[]> {
  try {
    if (format === "csv") return await writeTables(sheets, out!);
    const content =
      format === "xlsx"
        ? await reportWorkbook(report, sheets)
        : format === "json"
          ? json(report, sheets)
          : page(report, sheets);
    if (out === undefined) {
      terminal.data(String(content));
      return [];
    }
    await writeWholeFile(out, [content]);
    return [out];
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined || !/^E[A-Z]+$/.test(code)) throw error;
    throw new CommandError(`cannot write ${out}: ${message}`, EXIT.failed, { cause: error });
  }
}

/** Returns a report's workbook; that of the pandas script has no summary. */
export function reportWorkbook(report: FleetReport, sheets: readonly Sheet[]): Promise<Buffer> {
  const { parity, period } = report.options;
  return workbook(sheets, { zone: period.zone, summary: parity ? undefined : summaryOf(report) });
}

async function writeTables(sheets: readonly Sheet[], folder: string): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const files = fileNames(sheets, "csv").map((name) => join(folder, name));
  for (const [at, sheet] of sheets.entries()) await writeWholeFile(files[at]!, [[...csv(sheet)].join("")]);
  return files;
}
