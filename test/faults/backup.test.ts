import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, statSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { DAY } from "../../src/historian/time.ts";
import { cli } from "../cli/in-process.ts";
import { BackupSite, contentsOf } from "../helpers/backup-site.ts";
import { RunningVoltbridge } from "../helpers/voltbridge.ts";
import { MIDNIGHT, THE_DAY } from "../historian/stores/sqlite/days/rows.ts";
import { SmallStore } from "../historian/stores/sqlite/days/small-store.ts";

const VALUES = Number(process.env.FAULTS_BACKUP_VALUES ?? 1_000_000);
const GIGABYTES = Number(process.env.FAULTS_BACKUP_GB ?? 1);
const MEGABYTE = 1024 * 1024;
const SECOND = 1_000_000;
const TOPICS = 20;
const starter = fileURLToPath(new URL("../../bin/voltbridge", import.meta.url));

interface Run {
  readonly code: number;
  readonly seconds: number;
  /** Largest resident memory. */
  readonly megabytes: number;
  readonly stdout: string;
}

/** Runs a command in a process of its own. */
async function run(...args: string[]): Promise<Run> {
  const begun = performance.now();
  const child = spawn(process.execPath, [starter, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  const ended = once(child, "close");
  let kilobytes = 0;
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  while (!isOver) {
    kilobytes = peakOf(child.pid!) ?? kilobytes;
    await Promise.race([ended, delay(50)]);
  }
  const [code] = (await ended) as [number];
  return { code, seconds: (performance.now() - begun) / 1000, megabytes: kilobytes / 1024, stdout };
}

/** Largest resident memory of a process so far, in kB; undefined after its end. */
function peakOf(pid: number): number | undefined {
  try {
    const [, kilobytes] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return kilobytes === undefined ? undefined : Number(kilobytes);
  } catch {
    return undefined;
  }
}

const topicOf = (n: number) => `site/s${n}/load`;

test("B20: a running bridge with a million values, restored elsewhere: books and queries are equal", async ({
  annotate,
}) => {
  const site = await BackupSite.make();
  onTestFinished(() => site.remove());
  site.fill();
  const store = site.store();
  const each = Math.ceil(VALUES / TOPICS);
  for (let n = 0; n < each; n += 500)
    store.write(
      ...Array.from({ length: Math.min(500, each - n) * TOPICS }, (_, i) => {
        const at = n + Math.floor(i / TOPICS);
        // Spread over eight days.
        return [topicOf(i % TOPICS), MIDNIGHT + Math.floor((at * 8 * DAY) / each), (at % 700) / 100] as const;
      }),
    );
  // Half of them in closed days.
  store.closeDays(THE_DAY + 4);
  store.end();
  const bridge = new RunningVoltbridge(["run", "--config", site.config]);
  onTestFinished(() => void bridge.stop("SIGKILL"));
  await bridge.printed(/connected to/);
  const config = ["--config", site.config];
  expect((await cli(["set", "lab/one/limit", "5", "--duration", "30", ...config])).code).toBe(0);
  const made = await run("backup", site.folder, ...config);
  expect(made.code).toBe(0);
  const again = await run("backup", site.folder, ...config);
  expect(again.code).toBe(0);
  const verified = await run("backup", "verify", site.folder);
  expect(verified.code).toBe(0);
  const [first] = /^\S+(?=:)/m.exec(made.stdout)!;
  const restored = await run("restore", site.folder, "--to", site.place.at("copy"), "--at", first!);
  expect(restored.code).toBe(0);
  expect(await bridge.stop("SIGTERM")).toBe(0);

  const copy = new SmallStore(site.data("", "copy"));
  onTestFinished(() => copy.end());
  const live = site.store();
  onTestFinished(() => live.end());
  let equal = 0;
  for (let n = 0; n < TOPICS; n++) {
    const [rows, copied] = [live.rowsOf(topicOf(n)), copy.rowsOf(topicOf(n))];
    expect(JSON.stringify(copied) === JSON.stringify(rows), topicOf(n)).toBe(true);
    equal += copied.length;
  }
  expect(equal).toBeGreaterThanOrEqual(VALUES);
  copy.expectCleanFiles();
  for (const namespace of ["holds", "commands"]) {
    const [now, then] = ["site", "copy"].map((of) =>
      (contentsOf(site.data("state.sqlite", of)).state as [string][]).filter(([name]) => name === namespace),
    );
    expect(then!.length).toBeGreaterThan(0);
    expect(then).toEqual(now);
  }
  const spent = (what: string, { seconds, megabytes }: Run) =>
    `${what} ${seconds.toFixed(1)} s, ${Math.round(megabytes)} MB`;
  await annotate(
    `${equal} values equal in ${TOPICS} topics; ${spent("backup", made)}; ${spent("the next", again)}; ${spent("verify of both", verified)}; ${spent("restore", restored)}`,
  );
});

test("B27: a large history is backed up, checked and restored in less than 200 MB of memory", async ({
  annotate,
}) => {
  const site = await BackupSite.make();
  onTestFinished(() => site.remove());
  site.fill();
  const store = site.store();
  for (let n = 0; n < GIGABYTES * 1024; n++) {
    store.write(["site/note", MIDNIGHT + 5 * DAY + n * SECOND, `${n} ${"x".repeat(MEGABYTE)}`]);
    store.ledger.clear();
  }
  store.end();
  const bytes = statSync(site.data("historian.sqlite")).size;
  expect(bytes).toBeGreaterThan(GIGABYTES * 1024 * MEGABYTE);
  const lines: string[] = [];
  for (const args of [
    ["backup", site.folder, "--config", site.config],
    ["backup", site.folder, "--config", site.config],
    ["backup", "verify", site.folder],
    ["restore", site.folder, "--to", site.place.at("copy")],
  ]) {
    const { code, seconds, megabytes } = await run(...args);
    expect(code, args.join(" ")).toBe(0);
    lines.push(
      `${args[1] === "verify" ? "verify" : args[0]} ${seconds.toFixed(0)} s, ${Math.round(megabytes)} MB`,
    );
    expect(megabytes, args.join(" ")).toBeLessThan(200);
  }
  await annotate(`${(bytes / 1024 ** 3).toFixed(1)} GB: ${lines.join("; ")}`);
});
