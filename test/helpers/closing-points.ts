/**
 * Loaded into a process by `node --import` (see {@link closingEnvironment}). It ends the process with SIGKILL at a step of closing a
 * day, the n-th time that one is reached. The seams are the file system and SQLite; nothing in src knows of this.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { DatabaseSync, StatementSync } from "node:sqlite";

/**
 * - `marked`: the day is entered as being closed
 * - `noted`: its file is noted as a stray one, and not begun
 * - `half written`, `written`, `renamed`: of its file
 * - `entering`, `entered`: before and after the commit that makes the file the day's
 * - `half cleared`, `cleared`: some, all samples that are in the file are removed; the latter is not noted
 * - `replaced`, `removed`: before and after the stray file is removed; the latter is not noted
 */
export const CLOSING_POINTS = [
  ...(["marked", "noted", "half written", "written", "renamed", "entering", "entered"] as const),
  ...(["half cleared", "cleared", "replaced", "removed"] as const),
];
export type ClosingPoint = (typeof CLOSING_POINTS)[number];

/** Environment of a process that dies there, the n-th time. */
export function closingEnvironment(point: ClosingPoint, times: number): Record<string, string> {
  return {
    NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ""} --import ${import.meta.url}`,
    CLOSING_POINT: JSON.stringify([point, times]),
  };
}

if (process.env.CLOSING_POINT !== undefined)
  dieAt(...(JSON.parse(process.env.CLOSING_POINT) as [ClosingPoint, number]));

function dieAt(point: ClosingPoint, times: number): void {
  let left = times;
  const reach = (here: ClosingPoint): void => {
    if (here === point && --left === 0) process.kill(process.pid, "SIGKILL");
  };
  watchFiles(reach, point === "half written");
  watchDatabase(reach);
}

function watchFiles(reach: (here: ClosingPoint) => void, halves: boolean): void {
  const { openSync, writeSync, renameSync, rmSync } = fs;
  let part: number | undefined;
  const isOfDay = (path: unknown) => /\.parquet(\.part)?$/.test(String(path));
  fs.openSync = (path, flags, mode) => {
    const descriptor = openSync(path, flags, mode);
    if (String(path).endsWith(".part") && flags === "w") part = descriptor;
    return descriptor;
  };
  if (halves)
    fs.writeSync = ((descriptor: number, bytes: Uint8Array, at: number) => {
      if (descriptor !== part) return writeSync(descriptor, bytes, at);
      const written = writeSync(descriptor, bytes, at ?? 0, Math.ceil(bytes.length / 2));
      part = undefined;
      reach("half written");
      return written;
    }) as typeof fs.writeSync;
  fs.renameSync = (from, to) => {
    const counts = isOfDay(to);
    if (counts) reach("written");
    renameSync(from, to);
    if (counts) reach("renamed");
  };
  fs.rmSync = (path, options) => {
    const counts = isOfDay(path) && fs.existsSync(path);
    if (counts) reach("replaced");
    rmSync(path, options);
    if (counts) reach("removed");
  };
  syncBuiltinESMExports();
}

function watchDatabase(reach: (here: ClosingPoint) => void): void {
  const { run } = StatementSync.prototype;
  const { exec } = DatabaseSync.prototype;
  /** What the commit of the current transaction completes. */
  let before: ClosingPoint | undefined;
  let after: ClosingPoint | undefined;
  StatementSync.prototype.run = function (this: StatementSync, ...values: [never]) {
    const sql = this.sourceSQL;
    if (sql.startsWith("UPDATE day SET cleared")) reach("cleared");
    const result = run.apply(this, values);
    if (sql.includes("INTO day ")) reach("marked");
    if (sql.includes("INTO stray_file")) after = "noted";
    if (sql.startsWith("UPDATE day SET path")) [before, after] = ["entering", "entered"];
    if (sql.startsWith("DELETE FROM sample") && Number(result.changes) > 0) after = "half cleared";
    // The old file is noted as a stray one in the transaction that enters the new.
    if (before === "entering") after = "entered";
    return result;
  } as typeof run;
  DatabaseSync.prototype.exec = function (sql) {
    if (sql !== "COMMIT") {
      exec.call(this, sql);
      return;
    }
    if (before) reach(before);
    exec.call(this, sql);
    if (after) reach(after);
    before = undefined;
    after = undefined;
  };
}
