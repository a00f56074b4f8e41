import { existsSync, readdirSync, rmSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { cli } from "../cli/in-process.ts";
import { Workplace } from "../cli/workplace.ts";
import { eventually } from "../helpers/eventually.ts";
import { freePort } from "../helpers/mosquitto.ts";
import { RunningVoltbridge } from "../helpers/voltbridge.ts";

const header =
  "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Starting Value,Writable,Notes\n";
const FILES = [
  "outbox.sqlite",
  "spool.sqlite",
  "state.sqlite",
  "historian.sqlite",
  "lock.sqlite",
  "lock.json",
];

describe("H11: files removed while the bridge runs", () => {
  let place: Workplace;
  let bridge: RunningVoltbridge;
  const run = () => new RunningVoltbridge(["run", "--config", place.at("configs/bridge.json")]);

  beforeEach(async () => {
    place = new Workplace({
      // No broker is there: everything waits in the outbox.
      "configs/bridge.json": { mqtt: { url: `mqtt://127.0.0.1:${await freePort()}` } },
      "configs/devices/lab/one.json": {
        driver_type: "fake",
        registry_config: "config://fake.csv",
        interval: 1,
      },
      "registry/fake.csv": `${header}load,constant(3.6),FakeRegister,,float,kW,,FALSE,\n`,
    });
    bridge = run();
    await bridge.printed(/running devices=1/);
    // With the first commit of the outbox, which would else make its file anew while the test still removes the folder.
    const started = [...FILES, "outbox.sqlite-mark"];
    await eventually(() =>
      expect(started.filter((file) => !existsSync(place.at(`data/${file}`)))).toEqual([]),
    );
  });
  afterEach(async () => {
    await bridge.stop("SIGKILL");
    place.remove();
  });

  const refused = async () => {
    const { code, stderr } = await cli(["run", "--config", place.at("configs/bridge.json")]);
    expect(stderr).toContain(`data is in use by process ${bridge.pid}`);
    expect(code).toBe(1);
  };

  test("H11, A22: each is made anew within seconds and told once; no second bridge starts", async () => {
    for (const name of readdirSync(place.at("data"))) rmSync(place.at(`data/${name}`));
    await refused();
    for (const file of FILES.filter((name) => name.endsWith(".sqlite")))
      await bridge.printed(new RegExp(`data/${file} was removed while in use`));
    await eventually(() => expect(FILES.filter((file) => !existsSync(place.at(`data/${file}`)))).toEqual([]));
    await refused();
    expect(await bridge.stop()).toBe(0);
    for (const file of FILES.filter((name) => name.endsWith(".sqlite")))
      expect(bridge.stderr.match(new RegExp(`data/${file} was removed`, "g")), file).toHaveLength(1);
  }, 40_000);

  test("H11: the folder as a whole", async () => {
    rmSync(place.at("data"), { recursive: true });
    await refused();
    await eventually(() => expect(FILES.filter((file) => !existsSync(place.at(`data/${file}`)))).toEqual([]));
    await refused();
    expect(await bridge.stop()).toBe(0);
  }, 40_000);
});
