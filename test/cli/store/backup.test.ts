import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import { createLog } from "../../../src/log/log.ts";
import { openQueue } from "../../../src/queue/index.ts";
import { openSessionDatabase } from "../../../src/sessions/index.ts";
import { DataLock } from "../../../src/storage/data-lock.ts";
import { BackupSite, contentsOf, REGISTRY } from "../../helpers/backup-site.ts";
import { eventually } from "../../helpers/eventually.ts";
import { RunningVoltbridge } from "../../helpers/voltbridge.ts";
import { cli, RunningCli } from "../in-process.ts";
import type { Workplace } from "../workplace.ts";

const log = createLog({ level: "silent" });
const starter = fileURLToPath(new URL("../../../bin/voltbridge", import.meta.url));
const killing = new URL("../../helpers/backup-points.ts", import.meta.url).href;
let site: BackupSite;
let place: Workplace;
let config: string;
let folder: string;
beforeEach(async () => {
  site = await BackupSite.make({
    historian: { also: [{ name: "second", backend: "sqlite", connection: { path: "none/second.sqlite" } }] },
    sessions: { enabled: true },
  });
  ({ place, config, folder } = site);
  site.fill();
});
afterEach(() => site.remove());

const data = (path = "", of = "site") => site.data(path, of);
const backup = (...args: string[]) => site.backup(...args);
const verify = (...args: string[]) => site.verify(...args);
const restore = (...args: string[]) => site.restore(...args);

/** The books of control in a state file. */
function booksOf({ state }: Record<string, unknown[]>): unknown[] {
  return (state as [string][]).filter(([namespace]) =>
    /^(holds|commands|overrides|schedule)$/.test(namespace),
  );
}

/** What a queue accepted, and how much of that it does not account for. */
function sumsOf({ tally }: Record<string, unknown[]>): {
  readonly accepted: number;
  readonly balance: number;
} {
  const sum = (...kinds: string[]) =>
    (tally as [string, string, number][]).reduce(
      (all, [kind, , n]) => all + (kinds.includes(kind) ? n : 0),
      0,
    );
  return {
    accepted: sum("accepted"),
    balance: sum("accepted") - sum("delivered", "waiting", "dropped", "dead"),
  };
}

function waitingIn(file: string): number {
  return existsSync(file) ? contentsOf(file).record!.length : 0;
}

async function fillSessions(dataFolder: string, path = "sessions.sqlite"): Promise<void> {
  const sessions = await openSessionDatabase({
    ...{ backend: "sqlite", connection: { path }, dataFolder, readonly: false },
  });
  for (const sql of [
    "INSERT INTO station (station_id) VALUES ('1:1')",
    "INSERT INTO port (station_id, port_number) VALUES ('1:1', '1')",
    `INSERT INTO session (session_id, account, station_id, port_number, started_at, energy_kwh, revision, changed_at)
     VALUES (4711, 'a', '1:1', '1', '2026-11-20T08:00:00Z', 12.5, 1, '2026-11-20T08:00:00Z')`,
  ])
    await sessions.write([{ sql, rows: [[]] }]);
  await sessions.close();
}

async function allOf(of: string, topic: string): Promise<readonly unknown[]> {
  const { code, stdout } = await cli([
    ...["history", "query", topic, "--json", "--config", place.at(`${of}/configs/bridge.json`)],
  ]);
  // There is no such topic before its first value is stored.
  return code !== 0 ? [] : JSON.parse(stdout).values[topic];
}

/** Runs a command in a process that is killed before the n-th file gets its place. */
async function killed(n: number, args: readonly string[]): Promise<string | null> {
  const child = spawn(process.execPath, ["--import", killing, starter, ...args], {
    env: { ...process.env, BACKUP_POINT: String(n), NODE_OPTIONS: `--import ${killing}` },
    stdio: "ignore",
  });
  const [, signal] = (await once(child, "exit")) as [number | null, string | null];
  return signal;
}

test("B20: a running bridge is backed up; restored elsewhere, its books and its history are equal", async () => {
  // A file in the place of a folder: what is for the second store waits.
  writeFileSync(data("none"), "");
  const outbox = await openQueue({ file: data("outbox.sqlite"), log });
  const [kept] = await outbox.append([{ key: "lab/one/all", samples: 2, time: Date.now(), text: "refused" }]);
  await outbox.settle([
    {
      id: kept!.id,
      delivered: 1,
      dead: [{ ...kept!, samples: 1, reason: "too_large", detail: "it says no" }],
    },
  ]);
  await outbox.close();
  await fillSessions(data());
  const bridge = new RunningCli(["run", "--config", config]);
  onTestFinished(() => void bridge.stop());
  await bridge.printed(/connected to/);
  const flags = ["--config", config];
  const ask = async (...args: string[]) =>
    expect((await cli([...args, ...flags])).code, args.join(" ")).toBe(0);
  await ask("set", "lab/one/limit", "5", "--duration", "30");
  await ask("override", "on", "lab/two*", "--no-revert");
  await ask("schedule", "request", "peak", "lab/one", "2054-04-17T04:00:00Z", "2054-04-18T04:00:00Z");
  await eventually(() => expect(waitingIn(data("spool-second.sqlite"))).toBeGreaterThan(0));
  const live = "lab/one/load";
  await eventually(async () => expect((await allOf("site", live)).length).toBeGreaterThan(0));
  const made = await backup("--json");
  expect(made).toMatchObject({ code: 0, stderr: "" });
  await bridge.stop();
  const first = JSON.parse(made.stdout);
  expect(first).toMatchObject({ leftOut: [], removed: [] });
  expect(JSON.parse((await verify("--json")).stdout)).toMatchObject([{ name: first.name, faults: [] }]);

  expect(await restore("--at", first.name)).toMatchObject({ code: 0, stderr: "" });
  // What the bridge had when it was stopped is what it had at the backup, and what came since.
  const [state, copied] = [contentsOf(data("state.sqlite")), contentsOf(data("state.sqlite", "copy"))];
  const namespaces = new Set((copied.state as [string][]).map(([namespace]) => namespace));
  for (const namespace of ["holds", "commands", "overrides", "schedule"])
    expect(namespaces).toContain(namespace);
  expect(booksOf(copied)).toEqual(booksOf(state));
  expect(contentsOf(data("sessions.sqlite", "copy"))).toEqual(contentsOf(data("sessions.sqlite")));
  for (const name of ["outbox", "spool", "spool-second"]) {
    const [now, then] = [contentsOf(data(`${name}.sqlite`)), contentsOf(data(`${name}.sqlite`, "copy"))];
    expect(then.dead_letter, name).toEqual(now.dead_letter);
    expect(sumsOf(then), name).toEqual({ accepted: sumsOf(then).accepted, balance: 0 });
    expect(sumsOf(then).accepted, name).toBeLessThanOrEqual(sumsOf(now).accepted);
  }
  const waited = contentsOf(data("spool-second.sqlite", "copy")).record!;
  expect(waited.length).toBeGreaterThan(0);
  expect(contentsOf(data("spool-second.sqlite")).record!.slice(0, waited.length)).toEqual(waited);
  expect(await site.query("copy")).toEqual(await site.query());
  expect(await site.query("copy")).toHaveLength(1500);
  const stored = await allOf("copy", live);
  expect(stored.length).toBeGreaterThan(0);
  expect((await allOf("site", live)).slice(0, stored.length)).toEqual(stored);
  expect(readFileSync(place.at("copy/registry/fake.csv"), "utf8")).toBe(REGISTRY);

  const again = new RunningCli(["run", "--config", place.at("copy/configs/bridge.json")]);
  onTestFinished(() => void again.stop());
  await again.printed(/connected to/);
  expect((await cli(["sheds", ...flags])).stdout).toContain("lab/one");
  expect((await cli(["override", "list", ...flags])).stdout).toContain("lab/two*");
  expect((await cli(["schedule", "list", ...flags])).stdout).toContain("peak");
  expect((await cli(["sessions", "list", ...flags])).stdout).toContain("12.5");
  expect((await again.stop()).code).toBe(0);
});

test("B21: what did not change is copied once; pruning removes what only old backups have", async () => {
  const first = JSON.parse((await backup("--json")).stdout);
  const before = site.objects().length;
  const second = JSON.parse((await backup("--json")).stdout);
  expect(second).toMatchObject({ bytes: first.bytes, copiedBytes: 0 });
  expect(site.objects()).toHaveLength(before);
  expect(site.objects().every((path) => (statSync(join(folder, "objects", path)).mode & 0o77) === 0)).toBe(
    true,
  );
  place.write("site/registry/fake.csv", `${REGISTRY}\n`);
  const third = JSON.parse((await backup("--json", "--keep", "1")).stdout);
  expect(third.removed).toEqual([first.name, second.name]);
  expect(site.objects()).toHaveLength(before);
  expect((await verify("--json")).code).toBe(0);
});

test("B22: kill -9 at each step of a backup and of a restore, then again: complete", {
  timeout: 60_000,
}, async () => {
  const copy = place.at("copy");
  for (const n of [2, 5]) {
    expect(await killed(n, ["backup", folder, "--config", config])).toBe("SIGKILL");
    expect((await verify()).stderr).toMatch(/no complete backup/);
  }
  expect((await backup()).code).toBe(0);
  expect(existsSync(join(folder, "unfinished"))).toBe(false);
  for (const n of [2, 4]) {
    expect(await killed(n, ["restore", folder, "--to", copy])).toBe("SIGKILL");
    expect(() => DataLock.take(data("", "copy"))).toThrow(/only partly restored/);
  }
  expect(await restore()).toMatchObject({ code: 0, stderr: "" });
  expect(await site.query("copy")).toEqual(await site.query());
});

test("a bridge that is killed while its history is copied: the backup is whole", async () => {
  const bridge = new RunningVoltbridge(["run", "--config", config]);
  onTestFinished(() => void bridge.stop("SIGKILL"));
  await bridge.printed(/connected to/);
  let ended: Promise<unknown> | undefined;
  const { manifest } = await site.backUp({
    onProgress(phase) {
      if (phase === "historian.sqlite") ended ??= bridge.stop("SIGKILL");
    },
  });
  expect(ended).toBeDefined();
  await ended;
  expect(manifest.leftOut).toEqual([]);
  expect(await verify()).toMatchObject({ code: 0, stderr: "" });
  expect((await restore()).code).toBe(0);
  expect(await site.query("copy")).toHaveLength(1500);
});

test("B23: verify names what is damaged or missing; restore does not use it", async () => {
  await backup();
  const [manifest] = readdirSync(join(folder, "backups"));
  const { files } = JSON.parse(readFileSync(join(folder, "backups", manifest!), "utf8").split("\n")[0]!);
  const object = ({ sha256 }: { sha256: string }) => join(folder, "objects", sha256.slice(0, 2), sha256);
  const [day, other] = files.filter(({ kind }: { kind: string }) => kind === "day");
  const database = files.find(({ kind }: { kind: string }) => kind === "database");
  truncateSync(object(day), 100);
  rmSync(object(other));
  const bytes = readFileSync(object(database));
  bytes[bytes.length - 1]! ^= 1;
  writeFileSync(object(database), bytes);
  const { code, stdout } = await verify();
  expect(code).toBe(1);
  expect(stdout).toContain(`${day.path}: its copy ${object(day)} has 100 bytes`);
  expect(stdout).toContain(`${other.path}: its copy ${object(other)} is missing`);
  expect(stdout).toContain(`${database.path}: its copy ${object(database)} is damaged`);
  expect((await restore()).stderr).toMatch(/is missing.*Nothing was restored/);
  expect(existsSync(place.at("copy"))).toBe(false);
  // A manifest that was changed is none.
  writeFileSync(
    join(folder, "backups", manifest!),
    readFileSync(join(folder, "backups", manifest!), "utf8").replace("desk", "disk"),
  );
  expect((await verify()).stdout).toMatch(/its checksum does not match/);
});

test("B23: what a newer version backed up is refused with what to do, and nothing is changed", async () => {
  const { manifest } = await site.backUp();
  const mark = join(folder, "voltbridge-backups.json");
  const file = join(folder, "backups", `${manifest.name}.json`);
  const newer = (path: string) => {
    const before = readFileSync(path, "utf8");
    const [body] = before.split("\n");
    const raised = body!.replace(/"format":1/, '"format":2');
    const sum = path === file ? `${createHash("sha256").update(raised).digest("hex")}\n` : "";
    writeFileSync(path, `${raised}\n${sum}`);
    return () => writeFileSync(path, before);
  };
  for (const [path, remedy, also] of [
    [mark, "name another folder", [backup]],
    [file, "choose an older backup; voltbridge 0.0.0 made this one", []],
  ] as const) {
    const undo = newer(path);
    const raised = readFileSync(path, "utf8");
    const text = `${path === mark ? folder : file} was created by a newer voltbridge (format 2; this version supports 1) and was not changed. Run that version, or ${remedy}`;
    for (const command of [restore, verify, ...also]) {
      const { code, stdout, stderr } = await command();
      expect(stdout + stderr).toContain(text);
      expect(code).toBe(1);
    }
    expect(readFileSync(path, "utf8")).toBe(raised);
    undo();
  }
  expect(existsSync(place.at("copy"))).toBe(false);

  const history = new DatabaseSync(data("historian.sqlite"));
  history.exec("PRAGMA user_version = 3");
  history.close();
  await site.backUp();
  const text = "a newer voltbridge wrote it (format 3; this version supports 2)";
  expect(await verify()).toMatchObject({ code: 1, stdout: expect.stringContaining(text) });
  expect((await restore()).stderr).toMatch(/format 3; this version supports 2.*--at\. Nothing was restored/);
  expect(existsSync(place.at("copy"))).toBe(false);
  expect(await restore("--at", manifest.name)).toMatchObject({ code: 0 });
  expect(await site.query("copy")).toHaveLength(1500);
});

test("B24: what a backup must not do is refused with a remedy", async () => {
  const refused = async (args: readonly string[], said: RegExp) => {
    const { code, stderr } = await cli(args);
    expect(stderr).toMatch(said);
    expect(code).toBe(1);
  };
  const to = (path: string) => ["backup", place.at(path), "--config", config];
  await refused(to("site/data/backups"), /is inside .*site\/data, which is to be backed up/);
  await refused(to("site"), /holds other files/);
  await refused(to("none/backups"), /the folder above it does not exist; is its disk mounted/);
  await refused(["backup", "verify", place.at("none")], /is its disk mounted/);
  await backup();
  const lock = DataLock.take(folder);
  await refused(to("backups"), /another backup into .* is running/);
  lock.release();
  await refused(["restore", folder], /is not empty; move it away first .*Nothing was restored/);
  await refused(["restore", folder, "--at", "2020-01-01T00:00:00Z"], /no backup up to 2020/);
  const running = DataLock.take(data());
  await refused(["restore", folder], /is in use by .*Nothing was restored/);
  running.release();
  cpSync(place.at("site/configs"), place.at("copy/configs"), { recursive: true });
  place.write("copy/registry/fake.csv", "mine");
  await refused(["restore", folder, "--to", place.at("copy")], /in the way.*\n.*fake\.csv/);
  expect(readFileSync(place.at("copy/registry/fake.csv"), "utf8")).toBe("mine");
});

test("stores outside of the data folder and the folder of a historian are in the backup, and locked while restored", async () => {
  const outside = await BackupSite.make({
    historian: { connection: { path: "../store/historian.sqlite" } },
    sessions: { connection: { path: "../store/charging.sqlite" } },
  });
  onTestFinished(() => outside.remove());
  outside.fill(outside.place.at("site/store"));
  await fillSessions(outside.place.at("site/store"), "charging.sqlite");
  const queue = await openQueue({ file: outside.data("historian/spool.sqlite"), log });
  await queue.append([{ key: "record/a", samples: 1, time: Date.now(), text: "waits" }]);
  await queue.close();
  outside.place.write("site/data/historian/intake.json", { format: 1, session: "s", filters: ["record/#"] });
  const { manifest } = await outside.backUp();
  expect(manifest.leftOut).toEqual([]);
  const kinds = manifest.files.map(({ path, kind, store }) => [basename(path), store ?? kind]);
  expect(kinds).toEqual(
    expect.arrayContaining([
      ["historian.sqlite", "history"],
      ["21.parquet", "day"],
      ["charging.sqlite", "sessions"],
      ["spool.sqlite", "queue"],
      ["intake.json", "file"],
    ]),
  );
  const copied = outside.data("historian", "copy");
  const running = DataLock.take(copied);
  expect((await outside.restore()).stderr).toMatch(/is in use by .*Nothing was restored/);
  running.withdraw();
  expect(await outside.restore()).toMatchObject({ code: 0 });
  expect(await outside.query("copy")).toEqual(await outside.query());
  expect(await outside.query("copy")).toHaveLength(1500);
  const files = ["data/historian/spool.sqlite", "store/charging.sqlite"];
  for (const file of files)
    expect(contentsOf(outside.place.at(`copy/${file}`))).toEqual(
      contentsOf(outside.place.at(`site/${file}`)),
    );
  expect(existsSync(outside.data("historian/intake.json", "copy"))).toBe(true);
  DataLock.take(copied).release();
});

test("a missing or damaged day is left out, named, and the rest is backed up", async () => {
  rmSync(data("history/2026/11/22.parquet"));
  truncateSync(data("history/2026/11/21.parquet"), 300);
  const { code, stdout, stderr } = await backup();
  expect(code).toBe(1);
  expect(stdout).toMatch(/left out: .*22\.parquet: it is missing/);
  expect(stdout).toMatch(/left out: .*21\.parquet: it is damaged/);
  expect(stderr).toMatch(/complete except for what is left out \(2 files\)/);
  expect((await restore()).code).toBe(0);
  expect(await site.query("copy")).toHaveLength(500);
});
