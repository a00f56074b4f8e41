import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ChargePointClient, operations, pages } from "../../src/drivers/chargepoint/api/index.ts";
import { chargingStations } from "../../src/drivers/econnect/api/index.ts";
import {
  chargePointFleet,
  econnectFleet,
  type FleetData,
  fleetReport,
  PARTS,
  sheetsOf,
  sqlFleet,
} from "../../src/reports/index.ts";
import { type SessionDatabase, SessionReader, syncSessions } from "../../src/sessions/index.ts";
import { startEconnectSimulator } from "../../src/simulator/econnect/simulator.ts";
import { startSimulator } from "../../src/simulator/index.ts";
import { systemClock } from "../../src/time/clock.ts";
import { Zone } from "../../src/time/zone.ts";
import { all, type DatabasePlace, places } from "../sessions/databases.ts";
import { type Simulated, START, simulated } from "../sessions/simulated.ts";
import { BERLIN, NOW as NOW_OF_FLEET, PERIOD, SESSIONS, smallFleet } from "./fleet.ts";

const UTC = new Zone("UTC");
const NOW = new Date(START);
const period = { from: new Date(START - 60 * 3_600_000), to: NOW, zone: UTC };
const wanted = { period, parts: new Set(PARTS), now: NOW };
const signal = new AbortController().signal;
const options = {
  source: "test",
  columns: ["modelInfo", "installDate", "type", "state"],
  period,
  now: NOW,
  parity: false,
  unseenDays: 7,
};

const sum = <T>(all: readonly T[], of: (one: T) => number) => all.reduce((total, one) => total + of(one), 0);
const sheet = (data: FleetData, name: string, more = {}) =>
  sheetsOf(fleetReport(data, { ...options, ...more })).find((one) => one.name === name)!;

/** Fills the tables from the site's account. */
async function sync({ account }: Simulated, database: SessionDatabase, more = {}): Promise<void> {
  await syncSessions({
    ...{ account, database, signal, ...more },
    kind: "backfill",
    from: new Date(START - 96 * 3_600_000),
    personalData: false,
    payments: false,
    intervals: false,
    nameplates: true,
    announceSince: null,
    clock: { ...systemClock, now: () => NOW.getTime() },
  });
}

describe("from a ChargePoint account", () => {
  let site: Simulated;
  let data: FleetData;

  beforeAll(async () => {
    site = await simulated({ stations: 120, historyHours: 96 });
    data = await chargePointFleet([site.account.client], { ...wanted, signal });
  });
  afterAll(() => site?.close());

  test("the pivot is the one counted from the raw answers", async () => {
    const { client } = site.account;
    const states = new Map<string, string>();
    const models: [id: string, model: string][] = [];
    const said = (reach: string | null) => (reach === "UNREACHABLE" ? "non-operational" : "operational");
    for await (const { stationID, stationModel, networkStatus } of pages(
      client,
      operations.getStations,
      {},
    )) {
      models.push([stationID!, stationModel!]);
      states.set(stationID!, said(networkStatus));
    }
    for await (const { stationID, networkStatus, Port } of pages(client, operations.getStationStatus, {})) {
      const faults = Port.map(({ faultReason }) => faultReason !== "NONE");
      if (faults.includes(true))
        states.set(stationID!, faults.includes(false) ? "partly operational" : "non-operational");
      else states.set(stationID!, said(networkStatus));
    }
    const counts: Record<string, Record<string, number>> = {};
    for (const [id, model] of models) {
      counts[model] ??= {};
      counts[model][states.get(id)!] = (counts[model][states.get(id)!] ?? 0) + 1;
    }
    const { columns, rows } = sheet(data, "Status Pivot");
    const titles = columns.slice(1, -1).map(({ title }) => title);
    const shown = Object.fromEntries(
      rows
        .slice(0, -1)
        .map(([model, ...row]) => [
          model,
          Object.fromEntries(titles.map((state, at) => [state, row[at]]).filter(([, count]) => count !== 0)),
        ]),
    );
    expect(shown).toEqual(counts);
    expect(rows.at(-1)!.at(-1)).toBe(data.stations.length);
  });

  test("sessions, energy and alarms are those of the tables that a sync fills", async () => {
    const place = await places[0]![1]();
    const database = await place.open();
    try {
      await sync(site, database, { to: new Date(START + 1000) });
      const fromSql = await sqlFleet(database, wanted);
      const ports = (from: FleetData) =>
        from
          .usage!.ports.map((port) => ({ ...port, energyKwh: Math.round(port.energyKwh * 1e6) / 1e6 }))
          .sort((a, b) => `${a.stationID} ${a.port}`.localeCompare(`${b.stationID} ${b.port}`));
      expect(sum(data.usage!.ports, ({ sessions }) => sessions)).toBeGreaterThan(100);
      expect(ports(data)).toEqual(ports(fromSql));
      expect(data.alarms!.byType).toEqual(fromSql.alarms!.byType);
      expect(sheet(fromSql, "modelInfo_count").rows).toEqual(sheet(data, "modelInfo_count").rows);
    } finally {
      await database.close();
      await place.dispose();
    }
  });

  test("what two accounts both see counts once", async () => {
    const { client } = site.account;
    const both = await chargePointFleet([client, client], { ...wanted, signal });
    expect(both).toEqual(data);
  });

  test("the driver of a home station is in no sheet unless a column asks for it", async () => {
    const client = {
      async call(operation: { name: string }, ...rest: unknown[]) {
        const { call } = site.account.client as {
          call: (...args: unknown[]) => Promise<Record<string, unknown>>;
        };
        const answer = await call.call(site.account.client, operation, ...rest);
        if (operation.name !== "getStations") return answer;
        const stations = answer.stationData as Record<string, unknown>[];
        return { ...answer, stationData: stations.map((one) => ({ ...one, driverName: "Canary Driver" })) };
      },
    } as typeof site.account.client;
    const told = await chargePointFleet([client], { ...wanted, parts: new Set(), signal });
    expect(JSON.stringify(sheetsOf(fleetReport(told, options)))).not.toContain("Canary");
    const asked = fleetReport(told, { ...options, columns: ["driverName"] });
    expect(JSON.stringify(sheetsOf(asked))).toContain("Canary");
  });

  test("unreachable stations are listed, with their last sign of life", async () => {
    const unreachable = data.contacts!.filter(({ network }) => network === "unreachable");
    const { rows } = sheet(data, "Not seen lately");
    expect(rows.map(([station]) => station).sort()).toEqual(
      unreachable.map(({ stationID }) => stationID).sort(),
    );
  });
});

test("parts that an account may not read are omitted and listed; the rest is present", async () => {
  const simulator = await startSimulator({
    stations: 5,
    trouble: [{ operation: "getAlarms", effect: { kind: "code", code: "101" } }],
  } as Parameters<typeof startSimulator>[0]);
  const client = new ChargePointClient({ ...simulator, retries: 0 });
  try {
    const now = new Date();
    const recent = {
      period: { from: new Date(now.getTime() - 86_400_000), to: now, zone: UTC },
      now,
      parts: new Set(PARTS),
    };
    const data = await chargePointFleet([client], { ...recent, signal });
    expect(data.alarms).toBeUndefined();
    expect(data.lacks).toEqual([{ part: "alarms", reason: expect.stringContaining("101") }]);
    expect(data.usage).toBeDefined();
    expect(sheetsOf(fleetReport(data, { ...options, ...recent })).map(({ name }) => name)).not.toContain(
      "Alarms",
    );
  } finally {
    await client.close();
    await simulator.close();
  }
});

describe("from eConnect", () => {
  test("the pivots, ours and pandas', are those counted from the service's own stations", async () => {
    const simulator = await startEconnectSimulator({ stations: 250 });
    try {
      const data = await econnectFleet(chargingStations({ ...simulator }), wanted);
      const recount = (counts: (station: (typeof simulator.stations)[number]) => boolean) => {
        const found = new Map<string, number>();
        for (const station of simulator.stations)
          if (counts(station)) {
            const key = `${station.modelInfo} / ${station.state}`;
            found.set(key, (found.get(key) ?? 0) + 1);
          }
        return [...found].sort();
      };
      const shown = (parity: boolean) => {
        const { columns, rows } = sheet(data, "Status Pivot", { parity });
        return rows
          .filter(([model]) => model !== "Total")
          .flatMap(([model, ...row]) =>
            row.map((count, at) => [`${model} / ${columns[at + 1]!.title}`, count]),
          )
          .filter(([key, count]) => count !== 0 && !String(key).endsWith("/ Total"))
          .sort();
      };
      expect(shown(false)).toEqual(recount(() => true));
      expect(shown(true)).toEqual(recount(({ installDate }) => installDate !== undefined));
      expect(data.lacks.map(({ part }) => part).sort()).toEqual([...PARTS].sort());
      const text = JSON.stringify(sheetsOf(fleetReport(data, options)));
      for (const { contact } of simulator.stations) expect(text).not.toContain(contact.phone);
      const city = sheet(data, "values", { columns: ["location.city", "chargingPoints[0].evseId"] });
      expect(city.rows[0]!.slice(2)).toEqual([
        simulator.stations[0]!.location.city,
        simulator.stations[0]!.chargingPoints[0]!.evseId,
      ]);
    } finally {
      await simulator.close();
    }
  });
});

describe.each(places)("from %s", (_, make) => {
  let place: DatabasePlace;
  let site: Simulated;
  beforeAll(async () => {
    place = await make();
    site = await simulated({ stations: 20, historyHours: 96 });
  });
  afterAll(async () => {
    await site?.close();
    await place?.dispose();
  });

  test("the report's totals are those of SQL; time in use is each port's own", async () => {
    const database = await place.open();
    try {
      await sync(site, database);
      const data = await sqlFleet(database, wanted);
      const reader = new SessionReader(database);
      const found = await all(reader.rows("session", period));
      const sessions = found.length;
      const energy = sum(found, ({ energy_kwh }) => energy_kwh ?? 0);
      expect(sessions).toBeGreaterThan(20);
      for (const name of ["Utilisation", "Energy per day", "Energy per month"]) {
        const { columns, rows } = sheet(data, name);
        const at = (title: string) => columns.findIndex((column) => column.title === title);
        expect(
          sum(rows, (row) => Number(row[at("sessions")])),
          name,
        ).toBe(sessions);
        expect(
          sum(rows, (row) => Number(row[at("energy (kWh)")])),
          name,
        ).toBeCloseTo(energy, 6);
      }
      const { rows } = sheet(data, "Utilisation");
      const ports = await reader.all("port");
      expect(rows.length).toBe(ports.length);
      // Counted one session after the other.
      const inUse = new Map<string, number>();
      for await (const { station_id, port_number, started_at, ended_at } of reader.rows("session")) {
        const start = Math.max(Date.parse(started_at), period.from.getTime());
        const end = Math.min(ended_at === null ? NOW.getTime() : Date.parse(ended_at), period.to.getTime());
        const key = `${station_id} ${port_number}`;
        inUse.set(key, (inUse.get(key) ?? 0) + Math.max(0, end - start) / 3_600_000);
      }
      for (const [station, , port, , , hours] of rows)
        expect(Number(hours)).toBeCloseTo(inUse.get(`${station} ${port}`) ?? 0, 6);
    } finally {
      await database.close();
    }
  });

  test("days and hours are those of a zone whose clocks are set back; payments are summed by currency", async () => {
    // A year before, when the clocks were set back at the same weekday and hour.
    const earlier = (time: Date | string) => new Date(new Date(time).getTime() - 364 * 86_400_000);
    const wire = (time: Date | string | number) => new Date(time).toISOString().replace(".000", "");
    const database = await place.open();
    try {
      const run = (sql: string) => database.write([{ sql, rows: [[]] }]);
      await run(`INSERT INTO station (station_id, name) VALUES ('s1', 'S1'), ('s2', 'S2')`);
      const rows = SESSIONS.map(([start, hours, kwh, station], at) => {
        const [from, to] = [wire(earlier(start)), wire(earlier(start).getTime() + hours * 3_600_000)];
        return `(${9000 + at}, 'a', '${station}', NULL, '${from}', '${to}', ${kwh}, ${hours * 3600}, 1, '${from}')`;
      });
      await run(
        `INSERT INTO session (session_id, account, station_id, port_number, started_at, ended_at, energy_kwh, charging_seconds, revision, changed_at)
         VALUES ${rows.join(", ")}`,
      );
      const paid = (id: number, at: Date, currency: string | null, gross: number) =>
        `(${id}, 's1', '${wire(at)}', ${currency === null ? "NULL" : `'${currency}'`}, ${gross}, ${gross / 2})`;
      const last = earlier(PERIOD.to);
      await run(
        `INSERT INTO payment (transaction_id, station_id, reported_at, currency, gross_amount, net_revenue_amount) VALUES
         ${[paid(1, earlier(PERIOD.from), "EUR", 0.1), paid(2, earlier(NOW_OF_FLEET), "EUR", 9), paid(3, earlier(PERIOD.from), "EUR", 0.2), paid(4, new Date(last.getTime() - 1000), null, 4), paid(5, last, "EUR", 8)].join(", ")}`,
      );
      const calendar = { from: earlier(PERIOD.from), to: last, zone: BERLIN };
      const { usage, revenue } = await sqlFleet(database, { ...wanted, period: calendar });
      const expected = smallFleet().usage!;
      const byHour = (all: readonly { readonly hour: number }[]) => all.toSorted((a, b) => a.hour - b.hour);
      expect(usage!.days.map(({ day, ...rest }) => ({ ...rest, day: day.slice(0, 5) }))).toEqual(
        expected.days.map(({ day: _, ...rest }) => ({ ...rest, day: "2025-" })),
      );
      expect(usage!.days.map(({ day }) => day)).toEqual(["2025-10-25", "2025-10-26", "2025-10-27"]);
      expect(byHour(usage!.hours)).toEqual(byHour(expected.hours));
      expect(revenue).toEqual([
        { currency: null, payments: 1, gross: 4, net: 2 },
        { currency: "EUR", payments: 2, gross: 0.3, net: 0.15 },
      ]);
    } finally {
      await database.close();
    }
  });

  test("sessions that overlap on a port count once in its time, and twice in its energy", async () => {
    const database = await place.open();
    const at = (hour: number) =>
      new Date(START - 24 * 3_600_000 + hour * 3_600_000).toISOString().replace(".000", "");
    const session = (id: number, from: number, to: number | null, port: string | null) =>
      `(${id}, 'a', 's', ${port ? `'${port}'` : "NULL"}, '${at(from)}', ${to === null ? "NULL" : `'${at(to)}'`}, 2.5, 60, 1, '${at(0)}')`;
    try {
      const run = (sql: string) => database.write([{ sql, rows: [[]] }]);
      await run(`INSERT INTO station (station_id, name) VALUES ('s', 'S')`);
      await run(`INSERT INTO port (station_id, port_number) VALUES ('s', '1'), ('s', '2')`);
      await run(
        `INSERT INTO session (session_id, account, station_id, port_number, started_at, ended_at, energy_kwh, charging_seconds, revision, changed_at)
         VALUES ${[session(1, -60, 2, "1"), session(2, 1, 5, "1"), session(3, 3, 4, "1"), session(4, 22, null, "1"), session(5, 6, 7, null)].join(", ")}`,
      );
      const short = { from: new Date(START - 24 * 3_600_000), to: NOW, zone: UTC };
      const { usage } = await sqlFleet(database, { ...wanted, period: short });
      const port = (name: string | null) => usage!.ports.find((one) => one.port === name);
      expect(port("1")).toEqual({
        stationID: "s",
        port: "1",
        sessions: 3,
        energyKwh: 7.5,
        chargingSeconds: 180,
        inUseSeconds: 7 * 3600,
      });
      expect(port("2")).toMatchObject({ sessions: 0, inUseSeconds: 0 });
      expect(port(null)).toMatchObject({ sessions: 1, inUseSeconds: 3600 });
    } finally {
      await database.close();
    }
  });
});

test("the source names no operation that changes something", () => {
  const text = readFileSync(new URL("../../src/reports/sources/chargepoint.ts", import.meta.url), "utf8");
  const named = [...text.matchAll(/operations\.(\w+)/g)].map((match) => match[1] as keyof typeof operations);
  for (const name of named) expect(operations[name].effect).toBe("read");
});
