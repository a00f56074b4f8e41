import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openHistorian } from "../../src/historian/index.ts";
import { createLog } from "../../src/log/log.ts";
import { eventually } from "../helpers/eventually.ts";
import { readParquet } from "../helpers/parquet.ts";
import { WebSite } from "../helpers/web.ts";
import { SETTINGS } from "../historian/settings.ts";

const LOAD = "site/s1/portLoad_1";
const START = Date.UTC(2026, 9, 1);
const MINUTE = 60_000;
/** Days of one value a minute in `old/garage/load`, with a gap in the second. */
const DAYS = 30;
const OLD = "old/garage/load";
const ISO = (at: number) => new Date(at).toISOString().replace("Z", "000+00:00");

describe("history over HTTP", () => {
  let web: WebSite;
  beforeAll(async () => {
    web = await WebSite.start();
    await web.scraped();
    const historian = await openHistorian(SETTINGS, web.site.data, { log: createLog({ level: "silent" }) });
    const times = Array.from({ length: DAYS * 1440 }, (_, i) => i).filter((i) => i < 2000 || i >= 2300);
    const sample = (topic: string, i: number, value: number | string) => ({
      ...{ topic, value, time: (START + i * MINUTE) * 1000 },
      meta: { units: "kW", type: typeof value === "number" ? "float" : "string", tz: "UTC" } as const,
    });
    await historian.backend.write(times.map((i) => sample(OLD, i, i === 1234 ? 99 : i % 7)));
    await historian.backend.write([sample("old/garage/user", 1, "Zoë")]);
    await historian.close();
    await eventually(async () => {
      const { status, body } = await web.get(`/history?topic=${LOAD}`);
      expect(status).toBe(200);
      expect(body.values[LOAD]?.length).toBeGreaterThan(1);
    });
  });
  afterAll(() => web?.stop());

  test("lists the topics that a pattern finds, without personal data for those who may not see it", async () => {
    const { body } = await web.get("/history/topics?pattern=s1/portload");
    expect(body.topics[0]).toEqual({ topic: LOAD, units: "kW", type: "float", tz: expect.any(String) });
    const all = (await web.get("/history/topics?pattern=^(old|site/s1)/")).body;
    expect(all.total).toBe(all.topics.length);
    const names = all.topics.map(({ topic }: { topic: string }) => topic);
    expect(names).toContain(OLD);
    expect(names).not.toContain("old/garage/user");
    expect((await web.get("/history/topics?count=1")).body.topics).toHaveLength(1);
  });

  test("takes VOLTTRON's arguments, several topics, and refuses what they cannot be", async () => {
    const range = `topic=${OLD}&start=2026-10-01&end=2026-10-01T01:00:00Z`;
    const { body } = await web.get(`/history?${range}&skip=1&count=2&order=LAST_TO_FIRST`);
    expect(body.values[OLD]).toEqual([
      [ISO(START + 58 * MINUTE), 2],
      [ISO(START + 57 * MINUTE), 1],
    ]);
    expect(body.metadata[OLD]).toEqual({ units: "kW", type: "float", tz: "UTC" });
    const both = await web.get(`/history?${range}&topic=${LOAD}&agg_type=MAX&agg_period=1h`);
    expect(both.body.values).toEqual({ [OLD]: [[ISO(START), 6]], [LOAD]: [] });
    for (const [query, text] of [
      ["", "topics or a pattern"],
      [`topic=${OLD}&pattern=x`, "topics or a pattern"],
      [`topic=${OLD}&start=yesterday`, "must be a time"],
      [`topic=${OLD}&agg_type=AVG`, "agg_period"],
      ["pattern=(", "pattern"],
      [`topic=${OLD}&order=up`, "FIRST_TO_LAST"],
      [`topic=${OLD}&points=20&count=1`, "cannot be combined"],
      [`topic=${OLD}&cuont=1`, 'did you mean "count"'],
    ])
      expect(await web.get(`/history?${query}`)).toMatchObject({
        status: 400,
        body: { detail: expect.stringContaining(text!) },
      });
  });

  test("takes a zone, a window, a minimum count, values that hold, and combines topics", async () => {
    const days = `topic=${OLD}&start=2026-10-02&end=2026-10-04&tz=Asia/Kolkata&agg_type=COUNT&agg_period=1d`;
    const first = Date.UTC(2026, 9, 1, 18, 30);
    expect((await web.get(`/history?${days}`)).body.values[OLD]).toEqual([
      [ISO(first), 1140],
      [ISO(first + 1440 * MINUTE), 1440],
    ]);
    expect((await web.get(`/history?${days}&min_count=1200`)).body.values[OLD]).toHaveLength(1);
    const rolling = `topic=${OLD}&agg_type=COUNT&agg_period=10m&window=30m`;
    const range = `start=${new Date(START + 2300 * MINUTE).toISOString()}&count=4`;
    expect((await web.get(`/history?${rolling}&${range}`)).body.values[OLD]).toEqual([
      ...[10, 20, 30, 30].map((count, i) => [ISO(START + (2310 + i * 10) * MINUTE), count]),
    ]);
    const together = `topic=${OLD}&topic=${LOAD}&agg_type=MAX&agg_period=1d&together=MAX&count=1`;
    expect((await web.get(`/history?${together}`)).body).toEqual({
      values: { "max of 2 topics": [[ISO(START), 99]] },
      metadata: { "max of 2 topics": { units: "kW", type: "float", tz: "UTC" } },
    });
    const at = new Date(START + 2050.5 * MINUTE).toISOString();
    const held = await web.get(`/history?topic=${OLD}&start=${at}&count=1&fill=previous`);
    expect(held.body.values[OLD]).toEqual([[ISO(Date.parse(at)), 1999 % 7]]);
    for (const [query, text] of [
      [`topic=${OLD}&tz=Mars`, "tz: unknown time zone"],
      [`topic=${OLD}&points=20&fill=previous`, "cannot be combined"],
      [`topic=${OLD}&together=SUM`, "together: requires agg_type"],
    ])
      expect(await web.get(`/history?${query}`)).toMatchObject({
        status: 400,
        body: { detail: expect.stringContaining(text!) },
      });
  });

  test("an unknown topic is named with the nearest one; a point without values yet is empty", async () => {
    const { status, body } = await web.get("/history?topic=old/garage/laod");
    expect(status).toBe(404);
    expect(body.detail).toContain(`did you mean "${OLD}"`);
    expect((await web.get("/history?topic=old/garage/user")).status).toBe(403);
    expect((await web.get("/history/download?topic=old/garage/user")).status).toBe(403);
  });

  test("a plot of 30 days has about the points asked for, every peak, and null where values are missing", async () => {
    const { body } = await web.get(`/history?topic=${OLD}&points=800`);
    const rows: [string, number | null][] = body.values[OLD];
    expect(rows.length).toBeLessThan(900);
    expect(rows.length).toBeGreaterThan(300);
    expect(rows).toContainEqual([ISO(START + 1234 * MINUTE), 99]);
    expect(rows.filter(([, value]) => value === null)).toEqual([[ISO(START + 2000 * MINUTE), null]]);
    expect(rows.at(-1)![0]).toBe(ISO(START + (DAYS * 1440 - 1) * MINUTE));
    const zoomed = await web.get(
      `/history?topic=${OLD}&points=400&start=2026-10-02T09:00Z&end=2026-10-02T15:00Z`,
    );
    const close: [string, number | null][] = zoomed.body.values[OLD];
    expect(close.filter(([, value]) => value === null)).toHaveLength(1);
    expect(close).toHaveLength(61);
  });

  test("more rows than an answer holds are refused with what to do", async () => {
    const { status, body } = await web.get(`/history?topic=${OLD}&topic=${LOAD}&points=10000`);
    expect(status).toBe(200);
    expect(body.values[OLD].length).toBeLessThan(11_000);
    const many = await web.get("/history?pattern=site|old&points=10000");
    expect(many).toMatchObject({ status: 400, body: { detail: expect.stringContaining("ask for fewer") } });
  });

  test("downloads CSV, JSON and Parquet with the same rows", async () => {
    const ask = `topic=${OLD}&count=5000`;
    const csv = await web.get(`/history/download?${ask}`);
    expect(csv.headers.get("content-disposition")).toMatch(
      /^attachment; filename="history-\d{4}-\d\d-\d\d\.csv"$/,
    );
    const lines = (csv.body as string).split("\r\n");
    expect(lines).toHaveLength(5002);
    expect(lines[2]).toBe(`${OLD},${ISO(START + MINUTE)},1,kW`);
    expect((await web.get(`/history/download?${ask}&format=json`)).body.values[OLD]).toHaveLength(5000);
    const response = await fetch(`${web.url}/api/v1/history/download?${ask}&format=parquet`);
    const file = join(web.site.folder, "h.parquet");
    writeFileSync(file, Buffer.from(await response.arrayBuffer()));
    const parquet = await readParquet(file);
    expect(parquet).toHaveLength(5000);
    expect(parquet[1]).toMatchObject({ topic: OLD, time: new Date(START + MINUTE), value: 1, text: null });
    expect((await web.get(`/history/download?topic=${OLD}&format=xml`)).status).toBe(400);
  });

  test("gaps: when values of a device are missing", async () => {
    const { body } = await web.get("/gaps?device=old&start=2026-10-01&end=2026-10-03");
    expect(body.devices).toHaveLength(1);
    expect(body.devices[0]).toMatchObject({ device: "old/garage", interval: 60, missing: 300 });
  });

  test("a bridge without a store says so", async () => {
    const bare = await WebSite.start({ stations: 1, bridge: { historian: { backend: "none" } } });
    try {
      for (const path of ["/history?pattern=x", "/history/topics", "/history/download?pattern=x", "/gaps"])
        expect(await bare.get(path)).toMatchObject({
          status: 503,
          body: { type: "urn:voltbridge:problem:no_store" },
        });
    } finally {
      await bare.stop();
    }
  });
});
