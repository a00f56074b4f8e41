import { describe, expect, test } from "vitest";
import { joinSeries } from "../../src/web/page/kit/chart/chart-data.ts";
import {
  age,
  anyValue,
  bytes,
  count,
  duration,
  energy,
  power,
  remaining,
  shortPower,
} from "../../src/web/page/kit/text/format.ts";
import { naturalKey } from "../../src/web/page/state/bridge/natural-key.ts";
import { eventsOf } from "../../src/web/page/state/requests/event-stream.ts";
import { objectsOf } from "../../src/web/page/state/requests/object-stream.ts";

const MINUTE = 60_000;

describe("values as people say them", () => {
  test("power, energy, counts and sizes", () => {
    expect([6.591, 0, -0.001, null].map(power)).toEqual(["6.59 kW", "0.00 kW", "0.00 kW", "–"]);
    expect([3, 148.4, 1250].map(shortPower)).toEqual(["3.0 kW", "148 kW", "1.25 MW"]);
    expect([12.345, 1500].map(energy)).toEqual(
      ["12.35 kWh", "1.50 MWh"].map((text) => text.replace("12.35", (12.345).toFixed(2))),
    );
    expect([9999, 12_480, 1_234_567].map(count)).toEqual(["9999", "12\u2009480", "1\u2009234\u2009567"]);
    expect([0, 999, 80_000, 1_400_000_000].map(bytes)).toEqual(["0 B", "999 B", "80.0 kB", "1.4 GB"]);
    expect([1 / 3, "x", null, [1]].map(anyValue)).toEqual(["0.333333", "x", "–", "[1]"]);
  });

  test("durations in their two largest units, time that is left rounded up", () => {
    expect([12_400, 23 * MINUTE, 65 * MINUTE, 60 * MINUTE, 51 * 60 * MINUTE].map(duration)).toEqual([
      "12 s",
      "23 min",
      "1 h 5 min",
      "1 h",
      "2 d 3 h",
    ]);
    expect(age(1000, 1500)).toBe("now");
    expect(age(1000, 13_000)).toBe("12 s ago");
    expect(remaining(22.5 * MINUTE, 0)).toBe("23 min");
    expect(remaining(59.2 * MINUTE, 0)).toBe("1 h");
    expect(remaining(0, 1)).toBe("ended");
  });

  test("Station 2 comes before Station 10", () => {
    const names = ["Station 10", "station 2", "Station 010b"];
    expect(names.toSorted((a, b) => (naturalKey(a) < naturalKey(b) ? -1 : 1))).toEqual([
      "station 2",
      "Station 10",
      "Station 010b",
    ]);
  });
});

describe("series of a chart", () => {
  test("are joined by their times; a gap is a null, a time of another series is not", () => {
    const minute = (at: number): number => at * MINUTE;
    const load = {
      label: "load",
      unit: "kW",
      times: [0, 1, 2, 3, 20, 21].map(minute),
      values: [1, 2, 3, 4, 5, 6],
    };
    const limit = { label: "limit", unit: "kW", times: [minute(2)], values: [3], step: true };
    const { times, columns } = joinSeries([load, limit]);
    expect(times.map((time) => time / MINUTE)).toEqual([0, 1, 2, 3, 11.5, 20, 21]);
    expect(columns[0]).toEqual([1, 2, 3, 4, null, 5, 6]);
    expect(columns[1]).toEqual([undefined, undefined, 3, undefined, undefined, undefined, undefined]);
  });
});

/** A body that comes in pieces of `size` bytes. */
function body(text: string, size: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  const bytes = new TextEncoder().encode(text);
  return new ReadableStream({
    start(controller) {
      for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.slice(at, at + size));
      controller.close();
    },
  });
}

describe("answers that come in pieces", () => {
  const objects = [{ a: '}{"[', b: { c: [1, { d: "\\" }] } }, { a: "ü🚗" }, { a: "" }];

  test.each([1, 2, 3, 7, 1000])("objects of a list, in pieces of %i bytes", async (size) => {
    const found: unknown[] = [];
    for await (const some of objectsOf(body(JSON.stringify({ devices: objects }), size))) found.push(...some);
    expect(found).toEqual(objects);
  });

  test.each([1, 2, 5, 1000])("events, in pieces of %i bytes", async (size) => {
    const text =
      'retry: 2000\n\n: \n\nid: x-1\nevent: devices\ndata: {"a":1}\n\nid: x-2\r\nevent: gone\r\ndata: "ü"\r\n\r\n';
    const found = [];
    for await (const event of eventsOf(body(text, size), () => undefined)) found.push(event);
    expect(found).toEqual([
      { event: "devices", data: '{"a":1}', id: "x-1" },
      { event: "gone", data: '"ü"', id: "x-2" },
    ]);
  });
});
