import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { byMonth, everyDay, UsageSums } from "../../src/reports/usage.ts";
import { Zone } from "../../src/time/zone.ts";

const UTC = new Zone("UTC");
const from = new Date("2026-10-24T00:00:00Z");
const to = new Date("2026-10-27T00:00:00Z");
const HOUR = 3_600_000;

const session = (startHour: number, hours: number, energyKwh = 1) => ({
  stationID: "1:1",
  port: "1",
  start: from.getTime() + startHour * HOUR,
  end: from.getTime() + (startHour + hours) * HOUR,
  energyKwh,
  chargingSeconds: 60,
});

function usageOf(...all: ReturnType<typeof session>[]) {
  const tally = new UsageSums({ from, to, zone: UTC });
  for (const one of all) tally.add(one);
  return tally.usage();
}

describe("usage of ports", () => {
  test("a session belongs to the day of its start; its time to the hours within the period", () => {
    const { ports, days } = usageOf(
      session(-2, 4, 10),
      session(23, 2, 5),
      session(71, 5, 7),
      session(80, 1, 99),
    );
    expect(ports).toEqual([
      {
        stationID: "1:1",
        port: "1",
        sessions: 2,
        energyKwh: 12,
        chargingSeconds: 120,
        inUseSeconds: 5 * 3600,
      },
    ]);
    expect(days.map(({ day, energyKwh }) => [day, energyKwh])).toEqual([
      ["2026-10-24", 5],
      ["2026-10-26", 7],
    ]);
  });

  test("energy adds up as on paper, without what binary fractions add", () => {
    const { ports, days } = usageOf(session(1, 1, 0.1), session(3, 1, 0.2), session(30, 1, 0.7));
    expect([ports[0]?.energyKwh, days[0]?.energyKwh]).toEqual([1, 0.3]);
    expect(byMonth([...days, { ...days[0]!, energyKwh: 0.6 }])[0]?.energyKwh).toBe(1.6);
  });

  test("time counts once where sessions overlap, whatever they are", () => {
    const spans = fc.array(fc.tuple(fc.integer({ min: -20, max: 90 }), fc.integer({ min: 0, max: 40 })), {
      minLength: 1,
      maxLength: 12,
    });
    fc.assert(
      fc.property(spans, (all) => {
        const ordered = [...all].sort((a, b) => a[0] - b[0]);
        const { ports } = usageOf(...ordered.map(([start, hours]) => session(start, hours)));
        const busy = Array.from({ length: 72 }, (_, hour) => hour).filter((hour) =>
          all.some(([start, hours]) => start <= hour && hour < start + hours),
        );
        expect(ports[0]?.inUseSeconds ?? 0).toBe(busy.length * 3600);
      }),
    );
  });

  test("every day of the period is there, and months are the sums of their days", () => {
    const period = {
      from: new Date("2026-10-30T12:00:00Z"),
      to: new Date("2026-11-02T00:00:00Z"),
      zone: UTC,
    };
    const day = { sessions: 2, energyKwh: 3.5, chargingSeconds: 60 };
    const days = everyDay(
      [
        { day: "2026-10-31", ...day },
        { day: "2026-11-01", ...day },
      ],
      period,
    );
    expect(days.map(({ day, sessions }) => `${day} ${sessions}`)).toEqual([
      "2026-10-30 0",
      "2026-10-31 2",
      "2026-11-01 2",
    ]);
    expect(byMonth(days)).toEqual([
      { month: "2026-10", ...day },
      { month: "2026-11", ...day },
    ]);
  });
});
