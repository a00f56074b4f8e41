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

export const REPORT_FORMATS = ["xlsx", "csv", "json", "html"] as const;
export type ReportFormat = (typeof REPORT_FORMATS)[number];

const ENDINGS = { xlsx: ["xlsx"], csv: ["csv"], json: ["json"], html: ["html", "htm"] } as const;

/** A file of a report: the only one, or with csv one of its tables. */
export interface ReportFile {
  readonly name: string;
  readonly content: string | Buffer;
}

/**
 * Returns the format: `--format`, else by the file's extension, else xlsx.
 * @throws CommandError when a workbook or tables have neither --out nor --mail
 */
export function reportFormat(flags: {
  out?: string;
  format?: ReportFormat;
  mail?: readonly string[];
}): ReportFormat {
  const { out, mail } = flags;
  const chosen = outputFormat(flags, ENDINGS) ?? "xlsx";
  if (out === undefined && mail === undefined && (chosen === "xlsx" || chosen === "csv"))
    throw new CommandError(
      chosen === "xlsx"
        ? "a workbook needs a file name or an address: --out report.xlsx, --mail operator@example.com"
        : "CSV tables need a folder: --out report",
      EXIT.usage,
    );
  return chosen;
}

/** Returns the files of a report; `name` is that of the only one, without its extension. */
export async function reportFiles(
  report: FleetReport,
  sheets: readonly Sheet[],
  format: ReportFormat,
  name: string,
): Promise<ReportFile[]> {
  const only = (content: string | Buffer) => [{ name: `${name}.${format}`, content }];
  switch (format) {
    case "csv": {
      const names = fileNames(sheets, "csv");
      return sheets.map((sheet, at) => ({ name: names[at]!, content: [...csv(sheet)].join("") }));
    }
    case "json":
      return only(json(report, sheets));
    case "html":
      return only(page(report, sheets));
    case "xlsx": {
      const { parity, period } = report.options;
      // The pandas script has no summary.
      return only(
        await workbook(sheets, { zone: period.zone, summary: parity ? undefined : summaryOf(report) }),
      );
    }
  }
}

/** Writes files to `--out`, of a csv into that folder, and returns their paths. Each appears only when it is complete. */
export async function writeReport(
  files: readonly ReportFile[],
  format: ReportFormat,
  out: string,
): Promise<string[]> {
  try {
    if (format === "csv") await mkdir(out, { recursive: true });
    const paths = files.map(({ name }) => (format === "csv" ? join(out, name) : out));
    for (const [at, { content }] of files.entries()) await writeWholeFile(paths[at]!, [content]);
    return paths;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined || !/^E[A-Z]+$/.test(code)) throw error;
    throw new CommandError(`cannot write ${out}: ${message}`, EXIT.failed, { cause: error });
  }
}
