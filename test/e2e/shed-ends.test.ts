import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Bus } from "../../src/bus.ts";
import { defaultBridge } from "../../src/config/index.ts";
import { openDevices, type RunningDevices, StateStore } from "../../src/devices/index.ts";
import { createLog } from "../../src/log/log.ts";
import type { Write } from "../../src/points/index.ts";
import { parseRegistry } from "../../src/registry/index.ts";
import { type Simulator, SteppedClock, startSimulator } from "../../src/simulator/index.ts";
import { deviceSettings } from "../devices/rows.ts";
import { ManualClock } from "../helpers/manual-clock.ts";

const MINUTE = 60_000;
const REGISTRY =
  "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Writable\n" +
  "limit,allowedLoad,LoadRegister,1,float,kW,TRUE\n";

/** The ChargePoint driver against the simulator, each on a clock of its own, without any broker. */
describe("a shed with a duration, with no broker at all", () => {
  let simulator: Simulator;
  let service: SteppedClock;
  let clock: ManualClock;
  let running: RunningDevices;
  let state: StateStore;
  let ended: Promise<Write>;

  function run(): void {
    const { endpoint, username, password, stationIDs } = simulator;
    const driverConfig = {
      ...{ stationID: stationIDs[0], endpoint, username, password, region: "NA", cacheExpiration: 0 },
      ...{ shed_lease_minutes: 60, shed_mode_change: "clear_first" },
    };
    const settings = deviceSettings({ path: "site/s1", driverType: "chargepoint", driverConfig });
    const { rows } = parseRegistry(Buffer.from(REGISTRY), "test.csv");
    const bus = new Bus((_, error) => {
      throw error;
    });
    ended = new Promise((resolve) => {
      bus.on("write", (write) => {
        if (write.via === "end" && write.status !== undefined) resolve(write);
      });
    });
    const log = createLog({ level: "silent" });
    running = openDevices({
      devices: [{ settings, rows }],
      settings: defaultBridge(),
      bus,
      log,
      state,
      clock,
    });
    running.start();
  }
  const kwOf = () => {
    const [port] = simulator.world.findStation(simulator.stationIDs[0]!)!.ports;
    return port!.session!.kwAt(simulator.world.now);
  };
  const clears = () => simulator.calls.filter(({ operation }) => operation === "clearShedState");

  beforeEach(async () => {
    service = new SteppedClock();
    simulator = await startSimulator({ stations: 1, traffic: false, incidents: false, clock: service });
    simulator.world.plugIn(simulator.stationIDs[0]!, "1", { kw: 6.6, needKwh: 500 });
    clock = new ManualClock();
    state = StateStore.open(":memory:");
    run();
    const sentAt = new Date(clock.now());
    const command = { id: "c1", requester: "ems", via: "test", sentAt, durationMinutes: 30 };
    expect(await running.commands.set("site/s1", "limit", 3, command)).toMatchObject({ status: "confirmed" });
    expect(kwOf()).toBe(3);
  });
  afterEach(async () => {
    await running.stop();
    state.close();
    await simulator.close();
  });

  test("E7: the service forgets to end it: cleared by the bridge at its time, and seen to be", async () => {
    await clock.advance(30 * MINUTE - 1000);
    expect(clears()).toEqual([]);
    await clock.advance(2000);
    expect(await ended).toMatchObject({ action: "revert", status: "confirmed", requester: "ems" });
    expect(kwOf()).toBe(6.6);
    expect(clears()).toHaveLength(1);
  });

  test("E7: the service ends it: nothing is written", async () => {
    service.advance(30 * 60);
    await clock.advance(30 * MINUTE + 2000);
    await expect
      .poll(async () => {
        // Two readings, some seconds apart, prove that it is gone.
        await clock.advance(1000);
        return running.counters().holds.held;
      })
      .toBe(0);
    expect(kwOf()).toBe(6.6);
    expect(clears()).toEqual([]);
  });

  test("E7: a bridge that was down at its time clears it when it is back", async () => {
    await running.stop();
    clock = new ManualClock(clock.now() + 45 * MINUTE);
    run();
    await clock.advance(2000);
    expect(await ended).toMatchObject({ status: "confirmed" });
    expect(kwOf()).toBe(6.6);
  });
});
