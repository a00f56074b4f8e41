/**
 * Loaded into a process under test by `node --import` (see {@link faultEnvironment}). It writes down what goes into the queues,
 * and ends the process with SIGKILL where it is told to: the seams are the contracts of the queue, nothing in src knows of this.
 *
 *   FAULTS_TAP=<file>    a JSON line for every call of append, before ({q, call, records}) and after it ({q, call, ids})
 *   FAULTS_POINT=<point> <queue> <n>   dies there, the n-th time
 */
import { openSync, writeSync } from "node:fs";
import { basename } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { isMainThread } from "node:worker_threads";
import type { DiskQueue } from "../../src/queue/disk-queue.ts";
import type { FaultPoint } from "./fault-environment.ts";

const [point, target, times] = (process.env.FAULTS_POINT ?? "").split(" ") as [FaultPoint?, string?, string?];
let left = Number(times);

function reach(here: FaultPoint, queue: string | undefined): void {
  if (here === point && queue === target && --left === 0) process.kill(process.pid, "SIGKILL");
}

if (isMainThread) {
  const { DiskQueue } = await import("../../src/queue/disk-queue.ts");
  watch(DiskQueue);
} else if (point === "migration") {
  breakMigration();
}

/** Every queue of the process goes through here. */
function watch(type: typeof DiskQueue): void {
  const names = new WeakMap<DiskQueue, string>();
  const tap = process.env.FAULTS_TAP === undefined ? undefined : openSync(process.env.FAULTS_TAP, "a");
  const note = (line: object): void => {
    if (tap !== undefined) writeSync(tap, `${JSON.stringify(line)}\n`);
  };
  let calls = 0;

  const { open } = type;
  type.open = async (options) => {
    const queue = await open.call(type, options);
    names.set(queue, basename(options.file, ".sqlite"));
    return queue;
  };
  const { append, settle } = type.prototype;
  type.prototype.append = async function (records) {
    const q = names.get(this);
    const call = calls++;
    note({ q, call, records });
    const accepted = await append.call(this, records);
    note({ q, call, ids: accepted.map(({ id }) => id) });
    reach("committed", q);
    return accepted;
  };
  type.prototype.settle = async function (settlements) {
    reach("confirmed", names.get(this));
    await settle.call(this, settlements);
  };
}

/** Dies when the tables of a new version are made, and their version is not noted yet. */
function breakMigration(): void {
  const { exec } = DatabaseSync.prototype;
  DatabaseSync.prototype.exec = function (sql) {
    const at = sql.search(/PRAGMA (application_id|user_version) = /);
    if (at >= 0) {
      exec.call(this, sql.slice(0, at));
      reach("migration", basename(this.location() ?? "").split(".")[0]);
      exec.call(this, sql.slice(at));
    } else exec.call(this, sql);
  };
}
