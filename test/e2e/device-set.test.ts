import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Bridge, startBridge } from "../../src/bridge.ts";
import { loadAll } from "../../src/cli/setup/load.ts";
import { createLog, Secrets } from "../../src/log/log.ts";
import { type Simulator, startSimulator } from "../../src/simulator/index.ts";
import { Mosquitto, mosquittoInstalled } from "../helpers/mosquitto.ts";
import { Recorder } from "../helpers/mqtt-recorder.ts";
import { Site } from "../helpers/site.ts";

const EVENT = "voltbridge/test/event";

/** The whole bridge with a station group as its devices, looked up more often than a config may ask for. */
describe.skipIf(!mosquittoInstalled)("a set of stations that changes while the bridge runs", () => {
  let simulator: Simulator;
  let mosquitto: Mosquitto;
  let site: Site;
  let bridge: Bridge;
  let ear: Recorder;
  let group: Simulator["world"]["groups"][number];

  beforeAll(async () => {
    simulator = await startSimulator({ stations: 8, traffic: false, incidents: false });
    group = simulator.world.groups.find(({ stationNumbers }) => stationNumbers.length > 1)!;
    mosquitto = await Mosquitto.run();
    ear = await Recorder.connect(mosquitto.url, { protocolVersion: 5 });
    const { endpoint, username, password } = simulator;
    site = new Site({
      ...{ endpoint, username, password, stationIDs: [] },
      bridge: { mqtt: { url: mosquitto.url, state: "both" }, historian: { backend: "none" } },
    });
    site.write("configs/devices/site/all.json", {
      driver_type: "chargepoint",
      topic: "site/{stationID}",
      // A number, as some write it.
      driver_config: { stations: { sgID: group.id }, username, password, endpoint },
      registry_config: "config://chargepoint-minimal.csv",
      interval: 1,
    });
    const secrets = new Secrets();
    const { settings, devices } = await loadAll({ config: site.config, secrets, env: {} });
    const often = devices.map(({ settings: { set, ...rest }, rows }) => ({
      settings: { ...rest, ...(set && { set: { ...set, refreshSeconds: 0.3 } }) },
      rows,
    }));
    const log = createLog({ level: "silent" });
    const onDiagnostics = () => undefined;
    bridge = await startBridge({ settings, devices: often, log, secrets, version: "1", onDiagnostics });
  }, 20_000);
  afterAll(async () => {
    await bridge?.stop();
    await ear?.close();
    await mosquitto?.dispose();
    await simulator?.close();
    site?.remove();
  });

  const told = async (kind: string, device: string, from: number) => {
    const passes = ({ text }: { text: string }) => text.includes(`"${kind}"`) && text.includes(device);
    return ear.json(EVENT, passes, from);
  };

  test("one that leaves is told and offline, then cleared; one that comes is told and published", async () => {
    const { id } = simulator.world.stationsOf(group)[0]!;
    const path = `site/${id}`;
    await ear.find(`devices/${path}/all`, undefined, 0, 10_000);
    await ear.find(`state/${path}`);

    let from = ear.messages.length;
    simulator.world.remove(id);
    expect(await told("station_gone", path, from)).toMatchObject({ severity: "info", device: path });
    await ear.find(`state/${path}/availability`, ({ text }) => text === "offline", from);
    await ear.find(`state/${path}`, ({ text }) => text === "", from);
    expect(bridge.devices.byPath.has(path)).toBe(false);

    from = ear.messages.length;
    simulator.world.add(id);
    expect(await told("station_added", path, from)).toMatchObject({ severity: "info", device: path });
    await ear.find(`devices/${path}/all`, undefined, from);
    await ear.find(`state/${path}/availability`, ({ text }) => text === "online", from);
    expect(await ear.json(`state/${path}`, ({ text }) => text !== "", from)).toMatchObject({});
  }, 20_000);
});
