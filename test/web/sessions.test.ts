import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openSessionDatabase } from "../../src/sessions/index.ts";
import { insertMissing } from "../../src/sessions/sync/inserts.ts";
import { eventually } from "../helpers/eventually.ts";
import { WebSite } from "../helpers/web.ts";

/** 250 sessions, one an hour from 1 November on, of 2 kWh and 1.10 EUR each; the last is active. */
const COUNT = 250;
const START = Date.UTC(2026, 10, 1);
const at = (hours: number) => new Date(START + hours * 3_600_000).toISOString().replace(".000", "");

describe("charging sessions, alarms, audit, plan over HTTP", () => {
  let web: WebSite;
  let station: string;
  beforeAll(async () => {
    web = await WebSite.start({
      guestRole: "operate",
      bridge: { sessions: { enabled: true, publish: false }, historian: { backend: "sqlite" } },
      web: { personal_data: "admin" },
    });
    await web.scraped();
    station = web.simulator.stationIDs[0]!;
    const database = await openSessionDatabase({
      ...{ backend: "sqlite", connection: {}, dataFolder: web.site.data, readonly: false },
    });
    const { dialect } = database;
    const sessions = Array.from({ length: COUNT }, (_, i) => ({
      ...{ session_id: String(i + 1), account: "a", station_id: i % 2 ? "9:9" : station, port_number: "1" },
      ...{ started_at: at(i), ended_at: i === COUNT - 1 ? null : at(i + 0.5), energy_kwh: 2, user_id: "u1" },
      ...{ revision: 1, changed_at: at(0) },
    }));
    const keys = <T extends object>([first]: readonly T[]) => Object.keys(first!) as (keyof T & string)[];
    const payments = sessions.map(({ session_id, started_at }) => ({
      ...{ transaction_id: session_id, session_id, station_id: "9:9", reported_at: started_at },
      ...{ currency: "EUR", gross_amount: 1.1, net_revenue_amount: 1, card_digits: "1234" },
    }));
    const intervals = [{ session_id: "1", started_at: at(0), energy_kwh: 2, peak_kw: 6, average_kw: 4 }];
    const alarms = [
      { station_id: "9:9", occurred_at: at(1), type: "GFCI Trip", port_number: "" },
      { station_id: station, occurred_at: at(2), type: "Over Current", port_number: "1" },
    ];
    await database.write([
      insertMissing(
        dialect,
        "station",
        ["station_id", "name"],
        [
          { station_id: station, name: "ONE" },
          { station_id: "9:9", name: "<script>" },
        ],
      ),
      insertMissing(
        dialect,
        "port",
        ["station_id", "port_number"],
        [
          { station_id: station, port_number: "1" },
          { station_id: "9:9", port_number: "1" },
        ],
      ),
      insertMissing(dialect, "user", ["user_id"], [{ user_id: "u1" }]),
      insertMissing(dialect, "session", keys(sessions), sessions),
      insertMissing(dialect, "payment", keys(payments), payments),
      insertMissing(dialect, "interval", keys(intervals), intervals),
      insertMissing(dialect, "alarm", keys(alarms), alarms),
    ]);
    await database.close();
  });
  afterAll(() => web?.stop());

  test("pages from the newest to the oldest, each session once, without personal data", async () => {
    const ids: string[] = [];
    for (let after = ""; ; ) {
      const { body } = await web.get(`/sessions?count=100${after}`);
      ids.push(...body.sessions.map((one: { session_id: string }) => one.session_id));
      expect(body.sessions[0]).toMatchObject({ energy_kwh: 2, user_id: null });
      if (body.next === null) break;
      after = `&after=${encodeURIComponent(body.next)}`;
    }
    expect(ids).toEqual(Array.from({ length: COUNT }, (_, i) => String(COUNT - i)));
    const range = await web.get(
      `/sessions?from=2026-11-02&to=2026-11-03&station=${encodeURIComponent(station)}`,
    );
    expect(range.body.sessions).toHaveLength(12);
    expect((await web.get("/sessions?open=true")).body.sessions).toMatchObject([{ ended_at: null }]);
    expect((await web.get("/sessions?after=x")).status).toBe(400);
    expect((await web.get("/sessions?from=yesterday")).body.detail).toContain("must be a time");
  });

  test("sums by day in a zone, by month and by station", async () => {
    const range = "from=2026-11-01T00:00:00Z&to=2026-11-12";
    const days = (await web.get(`/sessions/summary?${range}&timezone=America/Los_Angeles`)).body.rows;
    // Daylight saving time ends on 1 November: that day has 25 hours, the first of which are of October.
    expect(
      days.map(({ key, sessions }: { key: string; sessions: number }) => [key, sessions]).slice(0, 3),
    ).toEqual([
      ["2026-10-31", 7],
      ["2026-11-01", 25],
      ["2026-11-02", 24],
    ]);
    expect(days[1]).toMatchObject({ energyKwh: 50, money: [{ currency: "EUR", gross: 27.5, net: 25 }] });
    const months = (await web.get(`/sessions/summary?${range}&by=month`)).body.rows;
    expect(months).toMatchObject([{ key: "2026-11", sessions: COUNT, energyKwh: 2 * COUNT }]);
    const stations = (await web.get(`/sessions/summary?${range}&by=station`)).body.rows;
    expect(stations.map(({ key }: { key: string }) => key).toSorted()).toEqual([station, "9:9"].toSorted());
    expect(stations.find(({ key }: { key: string }) => key === "9:9").name).toBe("<script>");
    expect((await web.get("/sessions/summary?timezone=Mars/Olympus")).status).toBe(400);
    expect((await web.get("/sessions/summary?from=2020-01-01")).body.detail).toContain("400");
  });

  test("one session with its payments, quarter hours, device and curve", async () => {
    const { body } = await web.get("/sessions/1");
    expect(body).toMatchObject({
      session: { session_id: "1", user_id: null },
      payments: [{ gross_amount: 1.1, card_digits: null }],
      quarterHours: [{ peak_kw: 6 }],
      device: "site/s1",
      curve: { topic: "site/s1/portLoad_1", values: [] },
    });
    await eventually(async () => {
      const active = await web.get(`/sessions/${COUNT - 1}`);
      expect(active.body.session.station_id).toBe(station);
    });
    expect((await web.get("/sessions/999")).status).toBe(404);
    expect((await web.get("/sessions/1%20or%201")).status).toBe(404);
  });

  test("a file leaves personal columns out", async () => {
    const { body, headers } = await web.get("/sessions/download?from=2026-11-02&to=2026-11-03");
    expect(headers.get("content-disposition")).toMatch(/sessions-.*\.csv/);
    const [header, ...lines] = (body as string).trim().split("\r\n");
    expect(lines).toHaveLength(24);
    expect(header).toContain("energy_kwh");
    expect(header).not.toMatch(/user_id|credential/);
  });

  test("alarms, the newest first, with the device of the station", async () => {
    const { body } = await web.get("/alarms");
    expect(body.alarms).toEqual([
      { station, device: "site/s1", port: "1", type: "Over Current", at: at(2) },
      { station: "9:9", device: null, port: null, type: "GFCI Trip", at: at(1) },
    ]);
    expect((await web.get("/alarms?count=1")).body.alarms).toHaveLength(1);
  });

  test("audit: who wrote what, and how it ended", async () => {
    await web.post("/devices/site%2Fs1/points/allowedLoad_1/set", { value: 3, id: "audited" });
    await eventually(async () => {
      const { body } = await web.get("/audit?target=site/s1&requester=local");
      expect(body.entries).toMatchObject([
        { target: "site/s1/allowedLoad_1", requested: 3, via: "web", status: "confirmed", id: "audited" },
      ]);
    });
    expect((await web.get("/audit?status=failed")).body.entries).toEqual([]);
    expect((await web.get("/audit/download")).body).toContain("site/s1/allowedLoad_1,local,web,set");
  });

  test("plan: the calls of each account, and those that were made", async () => {
    const { body } = await web.get("/plan");
    expect(body.accounts).toMatchObject([{ stations: 2, calls: expect.anything() }]);
    expect(body.accounts[0].callsPerMinute).toBeGreaterThan(1);
    expect(body.made.chargepoint).toBeDefined();
  });

  test("reload needs the role admin", async () => {
    expect((await web.post("/reload", { preview: true })).status).toBe(403);
  });
});
