import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { operations } from "../../src/drivers/chargepoint/api/index.ts";
import { type Simulator, SteppedClock, startSimulator } from "../../src/simulator/index.ts";
import { PRICING_RULES, settle } from "../../src/simulator/world/stations/pricing.ts";
import { call } from "./call.ts";

/** What holds between the answers of different operations, at whatever instant. */

const {
  getAlarms,
  getChargingSessionData,
  get15minChargingSessionData,
  getFleetUsageData,
  getFleetVehicles,
  getLoad,
  getStations,
  getStationStatus,
  getTransactionData,
} = operations;

let clock: SteppedClock;
let simulator: Simulator;
beforeAll(async () => {
  clock = new SteppedClock();
  simulator = await startSimulator({ stations: 100, clock });
});
afterAll(() => simulator.close());

const seconds = (time: string): number => Date.parse(time) / 1000;
const hours = (from: string, to: string): number => (seconds(to) - seconds(from)) / 3600;

async function sessionsOf(stationID: string, activeSessionsOnly = false) {
  const searchQuery = { stationID, activeSessionsOnly };
  return (await call(simulator, getChargingSessionData, { searchQuery })).ChargingSessionData;
}

const quarters = async (sessionID: string, delta: boolean) =>
  (await call(simulator, get15minChargingSessionData, { sessionID, energyConsumedInterval: delta }))
    .fifteenminData;

describe("at any instant of a day", () => {
  const station = fc.integer({ min: 0, max: 99 }).map((index) => `1:${100_001 + index}`);
  const pause = fc.integer({ min: 1, max: 5000 });
  const check = (holds: (stationID: string) => Promise<void>) =>
    fc.assert(
      fc.asyncProperty(station, pause, async (stationID, wait) => {
        clock.advance(wait);
        await holds(stationID);
      }),
      { numRuns: 12 },
    );

  test("the quarters of a session add up to its energy, exactly, cut at quarter hours of the clock", async () => {
    let seen = 0;
    await check(async (stationID) => {
      for (const session of (await sessionsOf(stationID)).slice(-3)) {
        const deltas = await quarters(session.sessionID!, true);
        const readings = await quarters(session.sessionID!, false);
        const sum = deltas.reduce((total, { energyConsumed }) => total + energyConsumed!, 0);
        expect(sum).toBeCloseTo(session.Energy!, 9);
        expect(readings.at(-1)!.energyConsumed).toBe(session.Energy);
        expect(deltas[0]!.stationTime).toBe(session.startTime);
        const edges = [...deltas.slice(1).map(({ stationTime }) => stationTime!), session.endTime!];
        for (const [index, delta] of deltas.entries()) {
          if (index > 0) expect(seconds(delta.stationTime!) % 900).toBe(0);
          const length = hours(delta.stationTime!, edges[index]!);
          expect(length).toBeLessThanOrEqual(0.25);
          if (length > 0.01) expect(delta.rollingPowerAvg! * length).toBeCloseTo(delta.energyConsumed!, 2);
          expect(delta.peakPower!).toBeGreaterThanOrEqual(delta.rollingPowerAvg! - 0.002);
        }
        seen++;
      }
    });
    expect(seen).toBeGreaterThan(10);
  });

  test("a session under way grows by the integral of its load, as getLoad and its quarters tell it", async () => {
    let seen = 0;
    await check(async (stationID) => {
      const [before] = await sessionsOf(stationID, true);
      if (!before) return;
      const at = simulator.world.now;
      const session = simulator.world.findSession(Number(before.sessionID))!;
      let integral = 0;
      for (let second = 0; second < 300; second += 10) {
        const load = await call(simulator, getLoad, { searchQuery: { stationID } });
        const port = load.stationData[0]!.Port.find(({ portNumber }) => portNumber === before.portNumber)!;
        if (port.sessionID !== before.sessionID) return;
        integral += (port.portLoad! * 10) / 3600;
        clock.advance(10);
      }
      const [after] = await sessionsOf(stationID, true);
      if (after?.sessionID !== before.sessionID) return;
      // A load may change course between two looks; each look can be wrong by one step of it.
      const steps = session.history.filter(({ from }) => from > at).length + 1;
      expect(Math.abs(after!.Energy! - before.Energy! - integral)).toBeLessThan(
        0.01 * steps + 0.2 * integral,
      );
      seen++;
    });
    expect(seen).toBeGreaterThan(2);
  });

  test("a transaction is worth what the rule of its station makes of energy and time", async () => {
    let seen = 0;
    await check(async (stationID) => {
      const [found] = (await call(simulator, getStations, { searchQuery: { stationID } })).stationData;
      const answer = await call(simulator, getTransactionData, { searchQuery: { stationID } });
      const sessions = await sessionsOf(stationID);
      const rule = found!.Pricing[0];
      if (!rule) return expect(answer.responseCode).toBe("201");
      for (const fee of answer.transactions?.transactionData ?? []) {
        const session = sessions.find(
          ({ startTime, portNumber }) => startTime === fee.startTime && portNumber === fee.portNumber,
        )!;
        expect(fee).toMatchObject({
          Energy: session.Energy,
          endTime: session.endTime,
          transactionType: "Session",
        });
        expect(seconds(fee.transactionTime!)).toBe(seconds(fee.endTime!) + 4);
        const time = hours(fee.startTime!, fee.endTime!);
        const first = Math.min(time, rule.initialUnitPriceDuration! / 60);
        const price =
          rule.unitPricePerSession! +
          rule.unitPricePerKWh! * fee.Energy! +
          rule.unitPriceForFirst! * first +
          (rule.unitPricePerHourThereafter! || rule.unitPricePerHour!) * (time - first);
        const gross = Math.max(rule.minPrice!, Math.min(rule.maxPrice!, price));
        expect(Math.abs(fee.grossAmount! - gross)).toBeLessThan(0.0051);
        expect(fee.netAmount! + fee.taxAmount!).toBeCloseTo(fee.grossAmount!, 9);
        expect(fee.netRevenue! + fee.flexBillingServiceFee!).toBeCloseTo(fee.grossAmount!, 9);
        expect(fee.Currency).toBe(found!.currencyCode);
        seen++;
      }
    });
    expect(seen).toBeGreaterThan(20);
  });

  test("the load of a group is the sum of its stations, theirs of their ports; a busy port has a session and a status", async () => {
    await check(async () => {
      const group = await call(simulator, getLoad, { searchQuery: { sgID: 20003 } });
      const watts = (kw: number | null): number => Math.round(kw! * 1000);
      const sum = group.stationData.reduce((total, { stationLoad }) => total + watts(stationLoad), 0);
      expect(watts(Number(group.sgLoad))).toBe(sum);
      const states = await call(simulator, getStationStatus, {
        searchQuery: { stationIDs: { stationID: group.stationData.map(({ stationID }) => stationID!) } },
      });
      const unclear = await call(simulator, getAlarms, { searchQuery: { sgID: 20003 } });
      for (const [index, { stationID, stationLoad, Port }] of group.stationData.entries()) {
        expect(Port.reduce((total, { portLoad }) => total + watts(portLoad), 0)).toBe(watts(stationLoad));
        for (const [at, { sessionID, portLoad }] of Port.entries()) {
          const { Status } = states.stationData[index]!.Port[at]!;
          if (Status === "AVAILABLE") expect([sessionID, portLoad]).toEqual(["0", 0]);
          if (Status === "INUSE") expect(sessionID).not.toBe("0");
          if (Status === "UNKNOWN" || Status === "UNREACHABLE") {
            expect(portLoad).toBe(0);
            expect(unclear.Alarms.some((alarm) => alarm.stationID === stationID)).toBe(true);
          }
        }
      }
    });
  });

  test("what a fleet vehicle used is a session of a station, at the same fee; its state is that of its port", async () => {
    await check(async () => {
      const usage = await call(simulator, getFleetUsageData, {});
      const { FleetVehicle: vehicles } = await call(simulator, getFleetVehicles, {});
      expect(usage.fleetUsageData.length).toBeGreaterThan(3);
      for (const use of usage.fleetUsageData.slice(-4)) {
        const vehicle = vehicles.find(({ fleetVehicleID }) => fleetVehicleID === use.fleetVehicleID)!;
        expect(vehicle.credentialIDs!.credentialID).toContain(use.credentialID);
        const fees = await call(simulator, getTransactionData, {
          searchQuery: { transactionID: use.transactionID! },
        });
        const [fee] = fees.transactions?.transactionData ?? [];
        // At a station of somebody who granted no rights only the fleet's own record is told.
        if (fee)
          expect([fee.grossAmount, fee.Energy, fee.endTime]).toEqual([use.Fee, use.Energy, use.endTime]);
      }
      const group = await call(simulator, getLoad, { searchQuery: { sgID: 20001 } });
      const ports = group.stationData.flatMap(({ Port }) => Port);
      for (const vehicle of vehicles) {
        const port = ports.find(
          ({ credentialID }) => credentialID === vehicle.credentialIDs!.credentialID[0],
        );
        if (!port) continue;
        if (vehicle.vehicleChargingState === "Charging") expect(port.portLoad).toBeGreaterThan(0);
        else expect(port.portLoad).toBe(0);
      }
    });
  });
});

test("15-minute data of a session under way are of the quarters that are over; 134 before the first", async () => {
  const steady = new SteppedClock("2026-11-18T17:05:00Z");
  const own = await startSimulator({ stations: 1, clock: steady, traffic: false, incidents: false });
  try {
    const { id } = own.world.plugIn("1:100001", "1", { kw: 6, needKwh: 50 });
    const ask = () => call(own, get15minChargingSessionData, { sessionID: String(id) });
    steady.advance(540);
    expect(await ask()).toMatchObject({ responseCode: "134" });
    steady.advance(20 * 60);
    const answer = await ask();
    expect(answer).toMatchObject({ sessionID: String(id), stationID: "1:100001", portNumber: "1" });
    expect(answer.fifteenminData).toEqual([
      { stationTime: "2026-11-18T17:05:00Z", energyConsumed: 1, peakPower: 6, rollingPowerAvg: 6 },
      { stationTime: "2026-11-18T17:15:00Z", energyConsumed: 2.5, peakPower: 6, rollingPowerAvg: 6 },
    ]);
  } finally {
    await own.close();
  }
});

test("a fee splits into net and tax, and into revenue and service fee, to the cent", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 10_000 }),
      fc.double({ min: 0, max: 0.3, noNaN: true }),
      (cents, rate) => {
        const { gross, net, tax, revenue, serviceFee } = settle(cents / 100, rate);
        for (const amount of [net, tax, revenue, serviceFee]) {
          expect(Math.abs(amount * 100 - Math.round(amount * 100))).toBeLessThan(1e-9);
          expect(amount).toBeGreaterThanOrEqual(0);
        }
        expect(net + tax).toBeCloseTo(gross, 9);
        expect(revenue + serviceFee).toBeCloseTo(gross, 9);
        expect(Math.abs(net * (1 + rate) - gross)).toBeLessThan(0.0066);
      },
    ),
  );
  expect(new Set(PRICING_RULES.map(({ name }) => name)).size).toBe(PRICING_RULES.length);
});
