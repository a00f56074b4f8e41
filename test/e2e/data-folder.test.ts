import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cli, RunningCli } from "../cli/in-process.ts";
import { Workplace } from "../cli/workplace.ts";
import { type Answers, answersOf, filesOf, KEPT_FOLDERS, unpack } from "../helpers/data-folder.ts";
import { eventually } from "../helpers/eventually.ts";
import { freePort, mosquittoInstalled } from "../helpers/mosquitto.ts";

interface Expected extends Answers {
  readonly until: string;
}

const versions = readdirSync(KEPT_FOLDERS).sort();

describe.skipIf(!mosquittoInstalled)("A50: data folders of the versions before", () => {
  test.each(versions)(
    "the one of %s opens with all that it has, and a second start changes nothing",
    async (version) => {
      const folder = join(KEPT_FOLDERS, version);
      const { until, ...expected }: Expected = JSON.parse(
        readFileSync(join(folder, "expected.json"), "utf8"),
      );
      for (const part of [
        expected.held,
        expected.overrides,
        expected.reservations,
        Object.keys(expected.waited),
      ])
        expect(part.length).toBeGreaterThan(0);
      const [first, second] = await answersOf(folder, until);
      expect(first).toEqual(expected);
      expect(second).toEqual({ ...expected, waited: {} });
    },
    60_000,
  );
});

describe("A51: what a newer version wrote", () => {
  const kept = join(KEPT_FOLDERS, versions.at(-1)!);
  let place: Workplace;
  let config: string;
  beforeAll(async () => {
    place = new Workplace({
      "configs/bridge.json": {
        ...{ instance: "test", data: "../data", mqtt: { embedded: { port: await freePort() } } },
        sessions: { enabled: true },
        historian: { also: [{ name: "second", backend: "sqlite", connection: { path: "second.sqlite" } }] },
      },
      "configs/devices/lab/one.json": {
        ...{ driver_type: "fake", driver_config: {}, registry_config: "config://fake.csv", interval: 1 },
      },
      "registry/fake.csv":
        "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units\nload,constant(3.6),FakeRegister,1,float,kW\n",
    });
    config = place.at("configs/bridge.json");
    unpack(join(kept, "data"), place.at("data"));
  });
  afterAll(() => place.remove());

  const hashes = () =>
    Object.fromEntries(
      filesOf(place.at("data"))
        .filter((file) => !/lock\.(sqlite|json)$|-(shm|ballast)$/.test(file))
        .map((file) => [file, createHash("sha256").update(readFileSync(file)).digest("hex")]),
    );

  /** Runs something while a file has the next version, and checks that the file remains as it is. */
  async function raised(file: string, run: (path: string, newest: number) => Promise<void>): Promise<void> {
    const path = place.at(`data/${file}`);
    const database = new DatabaseSync(path);
    const newest = Number(database.prepare("PRAGMA user_version").get()?.user_version);
    database.exec(`PRAGMA user_version = ${newest + 1}`);
    database.close();
    const before = hashes()[path];
    await run(path, newest);
    expect(hashes()[path]).toBe(before);
    const back = new DatabaseSync(path);
    back.exec(`PRAGMA user_version = ${newest}`);
    back.close();
  }

  test.each([
    ["state.sqlite", "run"],
    ["outbox.sqlite", "run"],
    ["spool.sqlite", "run"],
    ["spool-second.sqlite", "run"],
    ["historian/spool.sqlite", "historian"],
  ])("%s: no start, and the file is as it was", async (file, command) => {
    await raised(file, async (path, newest) => {
      const { code, stderr } = await cli([command, "--config", config]);
      expect(stderr).toContain(
        `${path} was created by a newer voltbridge (format ${newest + 1}; this version supports ${newest}) and was not changed. Run that version, or restore a backup from before the upgrade (voltbridge restore)`,
      );
      expect(code).toBe(78);
      const doctor = await cli(["doctor", "--config", config, "--timeout", "1"]);
      if (command === "run") expect(doctor.stdout).toContain(`${path} was created by a newer voltbridge`);
    });
  });

  test("also where its version is only in the log that a killed process has left", async () => {
    const path = place.at("data/state.sqlite");
    const newer = new DatabaseSync(path);
    newer.exec("PRAGMA wal_autocheckpoint = 0; PRAGMA user_version = 2; CREATE TABLE next (a)");
    const [body, log] = [readFileSync(path), readFileSync(`${path}-wal`)];
    newer.close();
    writeFileSync(path, body);
    writeFileSync(`${path}-wal`, log);
    expect(body.readUInt32BE(60)).toBe(1);
    const before = hashes();
    const { code, stderr } = await cli(["run", "--config", config]);
    expect(stderr).toContain(`${path} was created by a newer voltbridge (format 2; this version supports 1)`);
    expect(code).toBe(78);
    expect(hashes()).toEqual(before);
    unpack(join(kept, "data"), place.at("data"));
  });

  test.each(["historian.sqlite", "sessions.sqlite"])(
    "%s: the bridge runs without this part, and says why",
    async (file) => {
      await raised(file, async (path, newest) => {
        const bridge = new RunningCli(["run", "--config", config]);
        await bridge.printed(/connected to/);
        await eventually(() =>
          expect(bridge.stderr).toContain(
            `${path} was created by a newer voltbridge (format ${newest + 1}; this version supports ${newest})`,
          ),
        );
        await eventually(async () => {
          const { stdout } = await cli(["get", "lab/one/load", "--config", config]);
          expect(stdout).toContain("3.6");
        });
        expect((await bridge.stop()).code).toBe(0);
      });
    },
  );
});
