import { type FleetData, fleetReport, type Period, sheetsOf } from "../../src/reports/index.ts";
import { UsageSums } from "../../src/reports/usage.ts";
import { Zone } from "../../src/time/zone.ts";

/** A fleet of few stations with known sessions, alarms and payments: what a report of it must show can be said by heart. */

export const BERLIN = new Zone("Europe/Berlin");
/** A day of 25 hours, the 25th, lies in it. */
export const PERIOD: Period = {
  from: new Date("2026-10-23T22:00:00Z"),
  to: new Date("2026-10-26T23:00:00Z"),
  zone: BERLIN,
};
export const NOW = new Date("2026-10-27T08:30:00Z");

export const SESSIONS: readonly [start: string, hours: number, kwh: number, station: string][] = [
  // Before and after midnight in Berlin.
  ["2026-10-24T21:30:00Z", 1, 10, "s1"],
  ["2026-10-24T22:30:00Z", 2, 20, "s1"],
  // Half past two in the night, twice: the clocks are set back between them.
  ["2026-10-25T00:30:00Z", 0.5, 1, "s2"],
  ["2026-10-25T01:30:00Z", 0.5, 2, "s2"],
  ["2026-10-25T22:30:00Z", 1, 4, "s2"],
  ["2026-10-25T23:30:00Z", 1, 8.5, "s2"],
];

export function smallFleet(period: Period = PERIOD): FleetData {
  const sums = new UsageSums(period);
  for (const [start, hours, energyKwh, stationID] of SESSIONS) {
    const at = Date.parse(start);
    sums.add({
      ...{ stationID, port: "1", start: at, end: at + hours * 3_600_000, energyKwh },
      chargingSeconds: hours * 3600,
    });
  }
  const unused = { port: "1", sessions: 0, energyKwh: 0, chargingSeconds: 0, inUseSeconds: 0 };
  const usage = sums.usage();
  const station = (id: string, name: string, site: string, modelInfo: string, state: string) => ({
    ...{ id, name, site, ports: 1, activatedAt: undefined },
    fields: { modelInfo, state, type: "AC", installDate: "2020-01-02" },
  });
  return {
    stations: [
      station("s1", "GARAGE / ÄÖ & <1>", "main street", "CT4000", "operational"),
      station("s2", "GARAGE / 2", "main street", "CT4000", "partly operational"),
      station("s3", "LOT / 1", "side street", "CPE250", "non-operational"),
    ],
    timeColumns: new Set(["installDate"]),
    usage: { ...usage, ports: [...usage.ports, { stationID: "s3", ...unused }] },
    alarms: {
      byType: [
        { type: "fault cleared", isEnding: true, count: 9, stations: 2, latest: NOW },
        {
          ...{ type: "GFCI Trip", isEnding: false, count: 3, stations: 1 },
          latest: new Date("2026-10-25T00:30:00Z"),
        },
      ],
      newest: [{ at: new Date("2026-10-25T00:30:00Z"), stationID: "s1", port: "1", type: "GFCI Trip" }],
    },
    contacts: [
      { stationID: "s1", network: "reachable", lastSeen: NOW },
      { stationID: "s3", network: "unreachable", lastSeen: new Date("2026-10-24T22:15:00Z") },
    ],
    revenue: [{ currency: "EUR", payments: 5, gross: 12.5, net: 11.25 }],
    lacks: [],
  };
}

export function smallReport(period: Period = PERIOD, more: { readonly parity?: boolean } = {}) {
  const report = fleetReport(smallFleet(period), {
    ...{ source: "test", columns: ["modelInfo", "installDate", "type", "state"] },
    ...{ period, now: NOW, parity: false, unseenDays: 7, ...more },
  });
  return { report, sheets: sheetsOf(report) };
}
