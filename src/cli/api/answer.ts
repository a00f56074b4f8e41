import type { Operation } from "../../drivers/chargepoint/api/index.ts";
import { formatTable, formatValue } from "../terminal/table.ts";

type Row = Record<string, unknown>;

/** Maximum number of records shown whole, one element a line. */
const FEW = 3;

/**
 * Formats an answer: its own values, then its records as a table of the columns that have values and fit the width, or
 * element by element when there are few.
 */
export function formatAnswer(operation: Operation, answer: Row, columns: number): string {
  const { records, rest } = recordsOf(operation, answer);
  const lines = Object.entries(flatten(rest)).filter(([, text]) => text !== "–");
  return lines.map(([name, text]) => `${name}: ${text}\n`).join("") + formatRecords(records, columns);
}

/** Splits an answer into its list, which may be inside an element of its own (`users.user`), and the rest. */
function recordsOf({ paging }: Operation, answer: Row): { records: readonly unknown[]; rest: Row } {
  const list = paging?.records ?? Object.keys(answer).find((name) => Array.isArray(answer[name]));
  if (list === undefined) return { records: [], rest: answer };
  const inside = paging?.recordsIn;
  if (inside === undefined) {
    const { [list]: records, ...rest } = answer;
    return { records: records as unknown[], rest };
  }
  const { [list]: records = [], ...others } = (answer[inside] ?? {}) as Row;
  return { records: records as unknown[], rest: { ...answer, [inside]: others } };
}

/** Formats records alone, as `--all` collects them. */
export function formatRecords(records: readonly unknown[], columns: number): string {
  if (records.length === 0) return "";
  if (records.length <= FEW) return records.map((record) => `\n${formatRecord(record)}`).join("");
  const rows = records.map((record) => flatten(record));
  const names = [...new Set(rows.flatMap(Object.keys))];
  const used = names.filter((name) => rows.some((row) => (row[name] ?? "–") !== "–"));
  const shown = fitting(used, rows, columns);
  const hidden = used.length - shown.length;
  const cells = rows.map((row) => shown.map((name) => row[name] ?? "–"));
  const note = hidden > 0 ? `… and ${hidden} more columns: --json shows all\n` : "";
  return `\n${formatTable(shown, cells)}${note}`;
}

/** Formats one element a line; elements of a list by their position, from 1. */
function formatRecord(record: unknown): string {
  const elements = Object.entries(flatten(record, "", true)).filter(([, text]) => text !== "–");
  return formatTable(["element", "value"], elements);
}

/** Returns nested elements by their path. Lists of groups are JSON, or elements of their own when `unfolded`. */
function flatten(value: unknown, path = "", unfolded = false): Record<string, string> {
  const isList = Array.isArray(value);
  const isGroup =
    value !== null && typeof value === "object" && (!isList || (unfolded && typeof value[0] === "object"));
  if (!isGroup) return { [path]: isList ? listText(value) : formatValue(value) };
  const parts = Object.entries(value as object).map(([name, inner]) => {
    const step = isList ? `${path}.${Number(name) + 1}` : path === "" ? name : `${path}.${name}`;
    return flatten(inner, step, unfolded);
  });
  return Object.assign({}, ...parts);
}

function listText(list: readonly unknown[]): string {
  if (list.length === 0) return "–";
  return list.every((item) => typeof item !== "object")
    ? list.join(", ")
    : JSON.stringify(withoutNulls(list));
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, inner]) => (inner === null ? [] : [[name, withoutNulls(inner)]])),
  );
}

function fitting(
  names: readonly string[],
  records: readonly Record<string, string>[],
  columns: number,
): string[] {
  const shown: string[] = [];
  let width = 0;
  for (const name of names) {
    const widest = Math.max(name.length, ...records.map((record) => record[name]?.length ?? 1));
    // A column of JSON would leave no room for the others.
    if (widest > columns / 2 || width + widest > columns) continue;
    shown.push(name);
    width += widest + 2;
  }
  return shown;
}
