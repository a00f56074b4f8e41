import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Sample } from "../../src/historian/contract.ts";
import { findGaps } from "../../src/historian/gaps/report.ts";
import { Historian } from "../../src/historian/query/historian.ts";
import {
  availabilityTopic,
  lossTopic,
  runTopic,
  skipTopic,
  unchangedTopic,
} from "../../src/historian/record/own-topics.ts";
import { SqliteBackend } from "../../src/historian/stores/sqlite/backend.ts";

const NOON = Date.UTC(2026, 10, 21, 12);
const MINUTE = 60_000;
const DEVICE = "campus/garage/s1";
const META = { units: "", type: "float", tz: "UTC" } as const;

const at = (minute: number) => Math.round((NOON + minute * MINUTE) * 1000);
const iso = (minute: number) => new Date(NOON + minute * MINUTE).toISOString();
const text = (minute: number) => iso(minute).replace("Z", "000+00:00");

describe("B15: gaps", () => {
  let folder: string;
  let historian: Historian;
  let samples: Sample[];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "voltbridge-gaps-"));
    const backend = new SqliteBackend({
      file: join(folder, "h.sqlite"),
      durability: "normal",
      readonly: false,
    });
    historian = new Historian(backend, { now: () => new Date(NOON + 60 * MINUTE) });
    samples = [];
  });
  afterEach(async () => {
    await historian.close();
    rmSync(folder, { recursive: true });
  });

  const put = (topic: string, minute: number, value: Sample["value"]) =>
    samples.push({ topic, time: at(minute), value, meta: META });
  const run = (from: number, until: number, ended = false) =>
    put(runTopic("b"), from, { version: "1", until: iso(until), ended });
  const is = (minute: number, availability: string, reason = "", device = DEVICE) =>
    put(availabilityTopic("b", device), minute, { availability, reason, interval: 60 });
  /** Values of a device every minute, but not in these stretches (from inclusive, to exclusive). */
  const values = (missing: readonly (readonly [number, number])[], device = DEVICE, to = 60) => {
    for (let minute = 0; minute < to; minute++)
      if (!missing.some(([from, until]) => minute >= from && minute < until))
        // A scrape takes its time, now more, now less.
        put(`${device}/load`, minute + (minute % 3) / 10, minute);
  };
  const gaps = async (query: Partial<Parameters<typeof findGaps>[1]> = {}) => {
    await historian.backend.write(samples);
    return await findGaps(historian, { devices: [], start: iso(0), ...query });
  };
  const brief = async (query = {}) =>
    (await gaps(query)).flatMap((device) =>
      device.gaps.map(({ from, missing, reason, detail }) => [from.slice(11, 16), missing, reason, detail]),
    );

  it("without missing scrapes there are no gaps", async () => {
    run(-1, 60);
    is(0, "online");
    values([]);
    expect(await gaps()).toEqual([{ device: DEVICE, interval: 60, missing: 0, gaps: [] }]);
  });

  it("each outage has its reason: API, bridge, dropped, dead letter, skipped, a single miss; the sum is the number of missing scrapes", async () => {
    run(-1, 20);
    run(26, 60);
    is(0, "online");
    // The third miss makes it offline.
    is(7.1, "offline", "connection refused");
    is(10, "online");
    is(27, "online");
    put(lossTopic("b"), 34, { reason: "limit", values: 60, from: iso(30), to: iso(33) });
    put(lossTopic("b"), 38, { reason: "dead_letter", values: 2, from: iso(36), to: iso(37) });
    put(skipTopic("b", DEVICE), 45.5, "too slow");
    const missing: [number, number][] = [
      [5, 10],
      [20, 27],
      [30, 33],
      [36, 38],
      [40, 41],
      [46, 48],
    ];
    values(missing);
    const [report] = await gaps();
    expect(report?.gaps).toEqual([
      {
        from: expect.any(String),
        to: text(10.1),
        missing: 5,
        reason: "offline",
        detail: "connection refused",
      },
      { from: text(20.1), to: text(26.1), missing: 6, reason: "bridge_down", detail: "died" },
      { from: text(26.1), to: text(27), missing: 1, reason: "bridge_down", detail: "starting" },
      { from: expect.any(String), to: text(33), missing: 3, reason: "dropped", detail: "limit" },
      { from: expect.any(String), to: text(38.2), missing: 2, reason: "dead_letter", detail: "" },
      { from: expect.any(String), to: text(41.2), missing: 1, reason: "missed", detail: "" },
      { from: expect.any(String), to: text(48), missing: 2, reason: "skipped", detail: "too slow" },
    ]);
    const lost = missing.reduce((sum, [from, to]) => sum + to - from, 0);
    expect(report?.missing).toBe(lost);
  });

  it("one gap with two reasons is two", async () => {
    run(0, 10, true);
    run(20, 60);
    is(0, "online");
    is(5, "offline", "timeout");
    is(20, "offline", "HTTP 503");
    is(30, "online");
    values([[5, 30]]);
    expect(await brief()).toEqual([
      ["12:05", 5, "offline", "timeout"],
      ["12:10", 10, "bridge_down", "stopped"],
      ["12:20", 10, "offline", "HTTP 503"],
    ]);
  });

  it("a bridge that is silent at the end is down or has a waiting spool; a short silence is no gap", async () => {
    run(0, 40);
    is(0, "online");
    values([], DEVICE, 40);
    expect(await brief()).toEqual([
      ["12:40", 3, "missed", ""],
      ["12:43", 17, "bridge_down", "no sign of life, or its notes still wait in its spool"],
    ]);
    expect(await brief({ end: iso(40.9) })).toEqual([]);
  });

  it("a point that is missing alone is no gap of the device", async () => {
    run(0, 60);
    is(0, "online");
    values([[5, 10]]);
    for (let minute = 0; minute < 60; minute++) if (minute !== 7) put(`${DEVICE}/status`, minute, "x");
    expect(await brief()).toEqual([["12:07", 1, "missed", ""]]);
  });

  it("there are no gaps before a device was known and after it was removed", async () => {
    run(0, 30, true);
    run(31, 60);
    is(10, "online");
    values([[0, 10]], DEVICE, 30);
    expect(await brief()).toEqual([
      ["12:30", 1, "bridge_down", "stopped"],
      ["12:31", 28, "not_configured", ""],
    ]);
  });

  it("B8: a device whose oldest notes were removed does not count as removed", async () => {
    run(-1, 60);
    // The topic is there, its values of this time are not.
    is(70, "online");
    values([[10, 12]]);
    expect(await brief()).toEqual([["12:10", 2, "missed", ""]]);
  });

  it("without notes of a bridge the interval is what is usual, and the reason unknown", async () => {
    values([[10, 20]]);
    put("actuators/write/campus/garage/s1/load", 1, {});
    put("record/x/y", 1, {});
    expect(await gaps()).toMatchObject([
      { device: DEVICE, interval: 60, missing: 10, gaps: [{ reason: "unknown" }] },
    ]);
  });

  it("unchanged values are no gap: not those of a topic stored on change, nor of a device whose every topic is", async () => {
    run(-1, 180);
    is(0, "online");
    is(0, "online", "", "campus/garage/s2");
    // The second device stores nothing between the hours; its scrapes of 12:20 to 12:24 failed.
    for (let minute = 0; minute < 60; minute++) {
      put(`${DEVICE}/zLoad`, minute, minute);
      if (minute % 2 === 0) put(`${DEVICE}/aSerial`, minute, minute);
      if (minute >= 1 && (minute < 20 || minute > 24))
        put(unchangedTopic("b", "Campus/garage/s2"), minute, 3);
    }
    put("campus/garage/s2/serial", 0, "x");
    expect(await gaps()).toMatchObject([
      { device: DEVICE, missing: 0, gaps: [] },
      { device: "campus/garage/s2", missing: 5, gaps: [{ from: text(20), to: text(25), reason: "missed" }] },
    ]);
  });

  it("a topic with a hole every few minutes is filled by another one, and the real hole remains", async () => {
    run(-1, 60);
    is(0, "online");
    for (let minute = 0; minute < 60; minute++) {
      if (minute % 4 === 0) put(`${DEVICE}/a`, minute, 1);
      if (minute < 30 || minute >= 36) put(`${DEVICE}/b`, minute, 1);
    }
    // 12:32 has a value of the first topic.
    expect((await gaps())[0]?.gaps).toMatchObject([
      { from: text(30), to: text(32), missing: 2 },
      { from: text(33), to: text(36), missing: 3 },
    ]);
  });

  it("losses of another store explain nothing here", async () => {
    run(-1, 60);
    is(0, "online");
    put(lossTopic("b"), 34, { reason: "limit", values: 60, from: iso(30), to: iso(33), store: "cloud" });
    values([[30, 33]]);
    expect((await brief()).map(([, , reason]) => reason)).toEqual(["missed"]);
  });

  it("devices are selected by leading levels, ignoring case, and times are those of a query", async () => {
    for (const device of [DEVICE, "campus/garage/s10", "campus/office/s1"]) values([[10, 20]], device);
    const named = async (...devices: string[]) => (await gaps({ devices })).map(({ device }) => device);
    expect(await named("CAMPUS/garage")).toEqual([DEVICE, "campus/garage/s10"]);
    expect(await named("campus/garage/s1/", "campus/office")).toEqual([DEVICE, "campus/office/s1"]);
    expect(await named("campus/gar")).toEqual([]);
    expect(await brief({ devices: [DEVICE], start: iso(15), end: "now -40m" })).toEqual([
      ["12:15", 5, "unknown", ""],
    ]);
    await expect(gaps({ start: "noon" })).rejects.toThrow('start: must be a time, found "noon"');
    await expect(gaps({ start: iso(3), end: iso(2) })).rejects.toThrow("must not be before the start");
  });

  it("the bridge's own notes are in no list of topics unless requested", async () => {
    run(0, 60);
    is(0, "online");
    values([], DEVICE, 1);
    await gaps();
    expect((await historian.topics()).map(({ name }) => name)).toEqual([`${DEVICE}/load`]);
    expect(await historian.topics("voltbridge")).toEqual([]);
    expect(await historian.topics("voltbridge", undefined, { own: true })).toHaveLength(2);
  });
});
