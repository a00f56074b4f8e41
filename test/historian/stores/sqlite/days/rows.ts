import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Row } from "../../../../../src/historian/contract.ts";
import type { DayFile } from "../../../../../src/historian/stores/sqlite/days/day-file-reader.ts";
import type { DayBlock, DayTopic } from "../../../../../src/historian/stores/sqlite/days/day-file-writer.ts";
import { fromColumns } from "../../../../../src/historian/stores/sqlite/rows.ts";
import { DAY } from "../../../../../src/historian/time.ts";
import type { PointValue } from "../../../../../src/points/index.ts";

export const THE_DAY = Date.UTC(2026, 10, 21) / 86_400_000;
export const MIDNIGHT = THE_DAY * DAY;

/** A folder that is removed with the `using` block. */
export function temporaryFolder(): { readonly path: (name: string) => string } & Disposable {
  const folder = mkdtempSync(join(tmpdir(), "day-file-"));
  return {
    path: (name) => join(folder, name),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
}

/** Values at the given distance from each other, in seconds, from midnight on. */
export function block(name: string, values: readonly PointValue[], seconds = 60, from = 0): DayBlock {
  const times = Float64Array.from(values, (_, index) => MIDNIGHT + (from + index) * seconds * 1_000_000);
  return { topic: { name, meta: { units: "kW", type: "float", tz: "UTC" } }, times, values };
}

export function rowsOf(
  file: DayFile,
  topic: DayTopic,
  request: Partial<Parameters<DayFile["readRows"]>[1]> = {},
): Row[] {
  return [...file.readRows(topic, { order: "FIRST_TO_LAST", ...request })].flatMap(fromColumns);
}
