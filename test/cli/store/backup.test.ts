import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import { openHistorian } from "../../../src/historian/index.ts";
import { DAY } from "../../../src/historian/time.ts";
import { createLog } from "../../../src/log/log.ts";
import { DataLock } from "../../../src/storage/data-lock.ts";
import { Connection } from "../../../src/storage/sqlite.ts";
import { freePort } from "../../helpers/mosquitto.ts";
import { RunningVoltbridge } from "../../helpers/voltbridge.ts";
import { SETTINGS } from "../../historian/settings.ts";
import { cli, RunningCli } from "../in-process.ts";
import { Workplace } from "../workplace.ts";

const MIDNIGHT = Date.UTC(2026, 10, 21) * 1000;
const SECOND = 1_000_000;
const log = createLog({ level: "silent" });
const meta = { units: "kW", type: "float", tz: "UTC" } as const;
const starter = fileURLToPath(new URL("../../../bin/voltbridge", import.meta.url));
const killing = new URL("../../helpers/backup-points.ts", import.meta.url).href;
const registry = [
  "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Starting Value,Writable,Notes,Min,Max",
  "load,constant(3.6),FakeRegister,1,float,kW,,FALSE,,,",
  "limit,memory(7.2),FakeRegister,1,float,kW,,TRUE,,,22",
  "",
].join("\n");

let place: Workplace;
let config: string;
let folder: string;
beforeEach(async () => {
  const port = await freePort();
  place = new Workplace({
    "site/configs/bridge.json": {
      ...{ instance: "desk", data: "../data", mqtt: { embedded: { port } } },
      actuator: { confirm_timeout: 1 },
    },
    "site/configs/devices/lab/one.json": {
      driver_type: "fake",
      driver_config: {},
      registry_config: "config://fake.csv",
      interval: 1,
    },
    "site/registry/fake.csv": registry,
  });
  config = place.at("site/configs/bridge.json");
  folder = place.at("backups");
});
afterEach(() => place.remove());

const data = (path = "", site = "site") => place.at(join(site, "data", path));
const backup = (...args: string[]) => cli(["backup", folder, "--config", config, ...args]);
const verify = (...args: string[]) => cli(["backup", "verify", folder, ...args]);
const restore = (...args: string[]) => cli(["restore", folder, "--to", place.at("copy"), ...args]);
const query = async (site: string) =>
  (
    await cli([
      "history",
      "query",
      "site/s1/load",
      "--start",
      "2026-11-21T00:00:00Z",
      "--end",
      "2026-11-25T00:00:00Z",
      "--json",
      "--config",
      place.at(`${site}/configs/bridge.json`),
    ])
  ).stdout;

/** Three days of values, of which compact closes all. */
async function filled(): Promise<void> {
  const { backend } = await openHistorian(SETTINGS, data(), { log });
  for (let day = 0; day < 3; day++)
    await backend.write(
      Array.from({ length: 500 }, (_, n) => ({
        topic: "site/s1/load",
        time: MIDNIGHT + day * DAY + n * SECOND,
        value: n % 9,
        meta,
      })),
    );
  await backend.close();
  expect((await cli(["history", "compact", "--config", config])).code).toBe(0);
}

function state(file: string): unknown[] {
  const database = Connection.open(file, { readOnly: true });
  try {
    return database.all("SELECT * FROM state WHERE namespace <> 'clock' ORDER BY namespace, key");
  } finally {
    database.close();
  }
}

function objects(): string[] {
  return readdirSync(join(folder, "objects"), { recursive: true, encoding: "utf8" }).filter((path) =>
    path.includes("/"),
  );
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

test("B20: a running bridge is backed up; restored elsewhere, books and history are equal", async () => {
  await filled();
  const bridge = new RunningCli(["run", "--config", config]);
  onTestFinished(() => void bridge.stop());
  await bridge.printed(/connected to/);
  const set = ["set", "lab/one/limit", "5", "--duration", "30", "--config", config];
  expect((await cli(set)).stdout).toMatch(/^confirmed/);
  const made = await backup("--json");
  expect(made).toMatchObject({ code: 0, stderr: "" });
  const held = state(data("state.sqlite"));
  const first = JSON.parse(made.stdout);
  expect(first).toMatchObject({ leftOut: [], removed: [] });

  const second = JSON.parse((await backup("--json")).stdout);
  expect(second.files).toBe(first.files);
  const third = await verify();
  expect(third).toMatchObject({ code: 0, stderr: "" });
  expect(third.stdout.match(/^0{5}\d-.* 0$/gm)).toHaveLength(2);

  expect(await restore("--at", first.name)).toMatchObject({ code: 0, stderr: "" });
  expect(state(data("state.sqlite", "copy"))).toEqual(held);
  expect(await query("copy")).toBe(await query("site"));
  expect(JSON.parse(await query("copy")).values["site/s1/load"]).toHaveLength(1500);
  expect(readFileSync(place.at("copy/registry/fake.csv"), "utf8")).toBe(registry);
  await bridge.stop();
  const again = new RunningCli(["run", "--config", place.at("copy/configs/bridge.json")]);
  onTestFinished(() => void again.stop());
  await again.printed(/connected to/);
  expect((await cli(["sheds", "--config", config])).stdout).toContain("lab/one");
  expect((await again.stop()).code).toBe(0);
});

test("B21: what did not change is copied once; pruning removes what only old backups have", async () => {
  await filled();
  const first = JSON.parse((await backup("--json")).stdout);
  const before = objects().length;
  const second = JSON.parse((await backup("--json")).stdout);
  expect(second).toMatchObject({ bytes: first.bytes, copiedBytes: 0 });
  expect(objects()).toHaveLength(before);
  expect(objects().every((path) => (statSync(join(folder, "objects", path)).mode & 0o77) === 0)).toBe(true);
  place.write("site/registry/fake.csv", `${registry}\n`);
  const third = JSON.parse((await backup("--json", "--keep", "1")).stdout);
  expect(third.removed).toEqual([first.name, second.name]);
  expect(objects()).toHaveLength(before);
  expect((await verify("--json")).code).toBe(0);
});

test("B22: kill -9 at each step of a backup and of a restore, then again: complete", {
  timeout: 60_000,
}, async () => {
  await filled();
  const copy = place.at("copy");
  for (const n of [2, 3, 2, 5]) {
    expect(await killed(n, ["backup", folder, "--config", config])).toBe("SIGKILL");
    expect((await verify()).stderr).toMatch(/no complete backup/);
  }
  expect((await backup()).code).toBe(0);
  expect(existsSync(join(folder, "unfinished"))).toBe(false);
  for (const n of [2, 4, 3]) {
    expect(await killed(n, ["restore", folder, "--to", copy])).toBe("SIGKILL");
    expect(() => DataLock.take(data("", "copy"))).toThrow(/only partly restored/);
  }
  expect(await restore()).toMatchObject({ code: 0, stderr: "" });
  expect(await query("copy")).toBe(await query("site"));
});

test("a bridge that is killed while it is backed up: the backup is whole", async () => {
  await filled();
  const bridge = new RunningVoltbridge(["run", "--config", config]);
  onTestFinished(() => void bridge.stop("SIGKILL"));
  await bridge.printed(/connected to/);
  const made = backup();
  await expect.poll(() => existsSync(join(folder, "unfinished"))).toBe(true);
  await bridge.stop("SIGKILL");
  expect((await made).code).toBe(0);
  expect(await verify()).toMatchObject({ code: 0, stderr: "" });
});

test("B23: verify names what is damaged or missing; restore does not use it", async () => {
  await filled();
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

test("B24: what a backup must not do is refused with a remedy", async () => {
  await filled();
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

test("a missing or damaged day is left out, named, and the rest is backed up", async () => {
  await filled();
  rmSync(data("history/2026/11/22.parquet"));
  truncateSync(data("history/2026/11/21.parquet"), 300);
  const { code, stdout, stderr } = await backup();
  expect(code).toBe(1);
  expect(stdout).toMatch(/left out: .*22\.parquet: it is missing/);
  expect(stdout).toMatch(/left out: .*21\.parquet: it is damaged/);
  expect(stderr).toMatch(/complete except for what is left out \(2 files\)/);
  expect((await restore()).code).toBe(0);
  expect(JSON.parse(await query("copy")).values["site/s1/load"]).toHaveLength(500);
});

test("a folder that cannot be written to: a clear error, earlier backups are whole", async () => {
  await filled();
  await backup();
  const objectsFolder = join(folder, "objects");
  rmSync(objectsFolder, { recursive: true });
  writeFileSync(objectsFolder, "");
  const { code, stderr } = await backup();
  expect(code).not.toBe(0);
  expect(stderr).toMatch(/objects/);
  rmSync(objectsFolder);
  mkdirSync(objectsFolder);
  chmodSync(objectsFolder, 0o700);
  expect((await backup()).code).toBe(0);
});
