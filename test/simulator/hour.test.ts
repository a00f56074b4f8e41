import { expect, test } from "vitest";
import { SteppedClock, startSimulator } from "../../src/simulator/index.ts";
import { type HourRow, hourAtAGarage } from "./hour.ts";

test("an hour at a garage: 10 kW, shed by 30 % to 7 kW, by 50 % to 5 kW, freed to 10 kW (guide §5.1)", async () => {
  const clock = new SteppedClock();
  const simulator = await startSimulator({ stations: 6, clock });
  try {
    const rows: HourRow[] = [];
    for await (const row of hourAtAGarage(simulator, clock)) rows.push(row);
    const between = (from: number, to: number) => rows.filter(({ minute }) => minute >= from && minute < to);
    expect(between(0, 15).map(({ stationLoad }) => stationLoad)).toEqual([10, 10, 10]);
    expect(between(15, 30).map(({ stationLoad }) => stationLoad)).toEqual([7, 7, 7]);
    expect(between(30, 45).map(({ stationLoad }) => stationLoad)).toEqual([5, 5, 5]);
    expect(between(45, 61).map(({ stationLoad }) => stationLoad)).toEqual([10, 10, 10, 10]);
    expect(rows.map(({ percentShed }) => percentShed)).toEqual([0, 0, 0, 30, 30, 30, 50, 50, 50, 0, 0, 0, 0]);
    // The energy is the sum of what the load was in each quarter of the hour.
    const quarters = [0, 10, 17, 22, 32].map((kw) => kw / 4);
    for (const [index, kwh] of quarters.entries()) expect(rows[3 * index]!.energy).toBeCloseTo(kwh, 6);
    for (const { garageLoad, stationLoad, portsInUse } of rows) {
      expect(garageLoad).toBeGreaterThanOrEqual(stationLoad);
      expect(portsInUse).toBeGreaterThanOrEqual(2);
    }
    expect(new Set(rows.map(({ garageLoad }) => garageLoad)).size).toBeGreaterThan(5);
  } finally {
    await simulator.close();
  }
});
