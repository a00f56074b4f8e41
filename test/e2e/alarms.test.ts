import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Simulator, startSimulator } from "../../src/simulator/index.ts";
import { cli, RunningCli } from "../cli/in-process.ts";
import { Mosquitto, mosquittoInstalled } from "../helpers/mosquitto.ts";
import { Recorder } from "../helpers/mqtt-recorder.ts";
import { Site } from "../helpers/site.ts";

const ALARM = "voltbridge/test.a/alarm/site/s1";
const OPEN = "voltbridge/test.a/alarms/site/s1";
const ALERT = "alerts/voltbridge/test_a";
const AVAILABILITY = "voltbridge/test.a/availability/site/s1";

describe.skipIf(!mosquittoInstalled)("alarms of a ChargePoint station", () => {
  let simulator: Simulator;
  let broker: Mosquitto;
  let site: Site;
  let bridge: RunningCli;
  let ear: Recorder;
  let stationID: string;
  const start = async () => {
    bridge = new RunningCli(["run", "--config", site.config]);
    await bridge.printed(/running/);
  };
  const alarms = () =>
    ear.on(ALARM).map(({ text }) => {
      const { state, port, alarm } = JSON.parse(text);
      return `${state} ${port} ${alarm}`;
    });
  const announced = (state: string, alarm: string, from = 0) =>
    ear.json(ALARM, ({ text }) => JSON.parse(text).state === state && JSON.parse(text).alarm === alarm, from);
  const open = (count: number, from = 0) =>
    ear.json(OPEN, ({ text }) => JSON.parse(text).open === count, from) as Promise<{ alarms: object[] }>;

  beforeAll(async () => {
    simulator = await startSimulator({ stations: 2, traffic: false, incidents: false });
    const { endpoint, username, password, stationIDs, world } = simulator;
    stationID = stationIDs[0]!;
    world.clearAlarms(() => true);
    world.raiseAlarm(stationID, "Over Current", "1");
    broker = await Mosquitto.run();
    site = new Site({
      ...{ endpoint, username, password, stationIDs: [stationID] },
      bridge: { instance: "test.a", mqtt: { url: broker.url }, historian: { backend: "none" } },
      driver: { read_alarms: true },
      device: { registry_config: "config://free.csv" },
    });
    site.write(
      "registry/free.csv",
      "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Starting Value,Writable,Notes\n" +
        "anyFree,anyPortFree,StationStatusRegister,,bool,,,,\n" +
        "allFree,allPortsFree,StationStatusRegister,,bool,,,,\n" +
        "limit_1,allowedLoad,LoadRegister,1,float,kW,,TRUE,\n",
    );
    ear = await Recorder.connect(broker.url, {}, "#");
    await start();
  });
  afterAll(async () => {
    await ear?.close();
    await bridge?.stop();
    await broker?.dispose();
    await simulator?.close();
    site?.remove();
  });

  test("G13: what is there at the first start is open and not announced; what comes later is, as event and as alert", async () => {
    expect(await open(1)).toMatchObject({
      ...{ device: "site/s1", stationID, isCut: false },
      alarms: [{ port: "1", alarm: "Over Current" }],
    });
    simulator.world.raiseAlarm(stationID, "GFCI Soft Trip", "2");
    expect(await announced("raised", "GFCI Soft Trip")).toMatchObject({
      ...{ device: "site/s1", stationID, port: "2" },
      text: 'alarm "GFCI Soft Trip" raised at port 2 of site/s1',
    });
    const [text, , headers] = (await ear.json(ALERT)) as [string, object, object];
    expect(JSON.parse(text)).toMatchObject({
      status: "BAD",
      context: 'alarm "GFCI Soft Trip" raised at port 2 of site/s1',
    });
    expect(headers).toMatchObject({ alert_key: "site/s1 2 GFCI Soft Trip" });
    expect(await open(2)).toMatchObject({
      alarms: [{ alarm: "GFCI Soft Trip" }, { alarm: "Over Current" }],
    });
    simulator.world.clearAlarms(({ type }) => type === "GFCI Soft Trip");
    expect(await announced("cleared", "GFCI Soft Trip")).toMatchObject({ at: null });
    await ear.find(ALERT, ({ text }) => JSON.parse(JSON.parse(text)[0]).status === "GOOD");
    expect(alarms()).toEqual(["raised 2 GFCI Soft Trip", "cleared 2 GFCI Soft Trip"]);
    expect(ear.on(ALARM).every(({ retained, qos }) => !retained && qos === 1)).toBe(true);
  });

  test("points of free ports follow the ports; limits tell when they end", async () => {
    const state = (passes: (state: Record<string, unknown>) => boolean, from = 0) =>
      ear.find("state/site/s1", ({ text }) => passes(JSON.parse(text)), from);
    await state(({ anyFree, allFree }) => anyFree === true && allFree === true);
    simulator.world.plugIn(stationID, "1", { kw: 5, needKwh: 50 });
    await state(({ anyFree, allFree }) => anyFree === true && allFree === false);
    const from = ear.messages.length;
    const url = broker.url;
    await cli(["set", "site/s1/limit_1", "3", "--duration", "30", "--url", url]);
    await state(({ ends }) => typeof (ends as { limit_1?: unknown }).limit_1 === "string", from);
    const limited = ear.messages.length;
    await cli(["revert", "site/s1/limit_1", "--url", url]);
    await state(({ ends }) => Object.keys(ends as object).length === 0, limited);
  });

  test("H3: a station out of reach is offline for that reason, and its alarm ends when it is back", async () => {
    simulator.world.disconnect(stationID);
    expect(
      await ear.json(AVAILABILITY, ({ text }) => JSON.parse(text).availability === "offline"),
    ).toMatchObject({ unreachable: true, reason: expect.stringContaining("UNREACHABLE") });
    await ear.find("state/site/s1/availability", ({ text }) => text === "offline");
    await announced("raised", "Unreachable");
    const from = ear.messages.length;
    simulator.world.reconnect(stationID);
    expect(
      await ear.json(AVAILABILITY, ({ text }) => JSON.parse(text).availability === "online", from),
    ).toMatchObject({ unreachable: false, reason: null });
    expect(await announced("cleared", "Unreachable")).toMatchObject({ port: null, at: expect.any(String) });
  });

  test("G13: over a restart and an outage of the broker none is announced twice, and none is lost", async () => {
    const before = alarms();
    await bridge.stop();
    simulator.world.raiseAlarm(stationID, "Stuck Relay", "1");
    await start();
    await announced("raised", "Stuck Relay");
    expect(alarms()).toEqual([...before, "raised 1 Stuck Relay"]);
    // The broker is away when it is read, and the bridge is restarted before it is back.
    await broker.stop();
    simulator.world.raiseAlarm(stationID, "Tamper");
    const { length } = simulator.calls;
    await expect
      .poll(() => simulator.calls.slice(length).filter(({ operation }) => operation === "getAlarms").length, {
        timeout: 10_000,
      })
      .toBeGreaterThan(1);
    await bridge.stop();
    await broker.start();
    await ear.close();
    ear = await Recorder.connect(broker.url, {}, "#");
    await start();
    await announced("raised", "Tamper");
    expect(alarms().filter((alarm) => alarm.includes("Tamper"))).toEqual(["raised null Tamper"]);
  });
});
