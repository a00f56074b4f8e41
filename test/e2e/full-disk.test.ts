import { afterEach, describe, expect, test } from "vitest";
import { type Simulator, startSimulator } from "../../src/simulator/index.ts";
import { cli } from "../cli/in-process.ts";
import { eventually } from "../helpers/eventually.ts";
import { Mosquitto, mosquittoInstalled } from "../helpers/mosquitto.ts";
import { Site } from "../helpers/site.ts";
import { RunningVoltbridge } from "../helpers/voltbridge.ts";
import { noSmallDisk, SmallDisk } from "../queue/small-disk.ts";

/** The bridge's own process, whose data folder is on a file system of 40 MB that is filled to the last byte. */
describe.skipIf(noSmallDisk || !mosquittoInstalled)("a full disk, from outside", { timeout: 90_000 }, () => {
  let simulator: Simulator;
  let broker: Mosquitto;
  let disk: SmallDisk;
  let site: Site;
  let bridge: RunningVoltbridge;
  afterEach(async () => {
    await bridge?.stop("SIGKILL");
    await broker?.dispose();
    await simulator?.close();
    site?.remove();
    disk?.remove();
  });

  const ask = (...args: string[]) => cli([...args, "--url", broker.url]);
  const sheds = async () => JSON.parse((await ask("sheds", "--json")).stdout).held;
  const kw = () => {
    const { world } = simulator;
    return world.findStation(simulator.stationIDs[0]!)!.ports[0]!.session!.kwAt(world.now);
  };
  async function start(): Promise<void> {
    bridge = new RunningVoltbridge(["run", "--config", site.config]);
    await bridge.printed(/running devices=1/);
  }

  test("E25: a limit is set, listed and reverted on it, also after kill -9 and a start on it", async () => {
    simulator = await startSimulator({ stations: 1, traffic: false, incidents: false });
    simulator.world.plugIn(simulator.stationIDs[0]!, "1", { kw: 7, needKwh: 900 });
    broker = await Mosquitto.run();
    disk = new SmallDisk(40 * 1024 * 1024);
    const bridgeSettings = { mqtt: { url: broker.url }, data: disk.data, actuator: { confirm_timeout: 2 } };
    site = new Site({ ...simulator, bridge: bridgeSettings });
    await start();
    disk.fill();
    const set = await ask("set", "site/s1/allowedLoad_1", "0");
    expect(set).toMatchObject({ code: 0, stdout: expect.stringContaining("confirmed") });
    expect(kw()).toBe(0);
    await bridge.stop("SIGKILL");
    disk.fill();
    await start();
    await eventually(async () =>
      expect(await sheds()).toMatchObject([{ point: "allowedLoad_1", value: 0, state: "in_force" }]),
    );
    const reverted = await ask("revert", "site/s1/allowedLoad_1");
    expect(reverted).toMatchObject({ code: 0, stdout: expect.stringContaining("confirmed") });
    expect(kw()).toBe(7);
    expect(await sheds()).toEqual([]);
    expect((await ask("override", "on", "site/*")).code).toBe(0);
    expect((await ask("override", "list")).stdout).toContain("site/*");
    // After a clean end, nothing is there any more that could be written over.
    await bridge.stop();
    disk.fill();
    await start();
    expect((await ask("override", "list")).stdout).toContain("site/*");
  });
});
