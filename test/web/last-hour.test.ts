import { describe, expect, test } from "vitest";
import { Bus } from "../../src/bus.ts";
import type { Historian } from "../../src/historian/index.ts";
import type { DeviceInfo, Point, PointValue } from "../../src/points/index.ts";
import { LastHour, STEP_MS, STEPS } from "../../src/web/live/last-hour.ts";

const point = (name: string, port: string | undefined): Point =>
  ({
    name,
    units: "kW",
    type: "float",
    origin: { register: name, attribute: name, port, measure: "load" },
  }) as unknown as Point;

function site() {
  let now = 10_000 * STEP_MS;
  const bus = new Bus((_, error) => {
    throw error;
  });
  const hour = new LastHour(bus, () => new Date(now));
  const device = (path: string, ...points: Point[]) =>
    ({ path, points: new Map(points.map((one) => [one.name, one])) }) as unknown as DeviceInfo;
  const read = (of: DeviceInfo, values: Record<string, PointValue>) => {
    const at = new Date(now);
    bus.emit("scrape", {
      ...{ device: of, synchronizedAt: at, takenAt: at },
      ...{ values: new Map(Object.entries(values)), failures: new Map() },
    });
  };
  const wait = (steps: number) => {
    now += steps * STEP_MS;
  };
  return { bus, hour, device, read, wait, now: () => now };
}

describe("the load of the last hour", () => {
  test("is the mean of each step, with gaps where nothing was read", () => {
    const { hour, device, read, wait } = site();
    const one = device("a", point("load_1", "1"), point("load_2", "2"));
    read(one, { load_1: 2, load_2: 1 });
    read(one, { load_1: 4, load_2: null });
    wait(2);
    read(one, { load_1: 6, load_2: 5 });
    const [first, second] = hour.ports("a");
    expect(first).toMatchObject({ port: "1" });
    expect(first!.loadKw.slice(-3)).toEqual([3, null, 6]);
    expect(second!.loadKw.slice(-3)).toEqual([1, null, 5]);
    expect(hour.total().slice(-3)).toEqual([4, null, 11]);
  });

  test("is filled with what the store has of the time before", async () => {
    const { hour, device, read, now } = site();
    const one = device("a", point("load_1", "1"));
    const ago = (steps: number) => new Date(now() - steps * STEP_MS).toISOString();
    const historian = {
      query: async ({ topic }: { topic: string[] }) => ({
        values: {
          [topic[0]!]: [
            [ago(1), 4],
            [ago(1), 6],
            [ago(STEPS - 1), 1],
            [ago(STEPS), 9],
            [ago(2), "?"],
          ],
        },
      }),
    } as unknown as Historian;
    read(one, { load_1: 2 });
    await hour.fill(historian, [one], new AbortController().signal);
    const [curve] = hour.ports("a");
    expect(curve!.loadKw.slice(-3)).toEqual([null, 5, 2]);
    expect(curve!.loadKw[0]).toBe(1);
    expect(hour.total().slice(-2)).toEqual([5, 2]);
  });

  test("forgets what is older than an hour, and devices that are gone", () => {
    const { bus, hour, device, read, wait } = site();
    const one = device("a", point("load_1", "1"));
    read(one, { load_1: 2 });
    wait(STEPS - 1);
    expect(hour.ports("a")[0]!.loadKw[0]).toBe(2);
    wait(1);
    expect(hour.ports("a")[0]!.loadKw.every((value) => value === null)).toBe(true);
    bus.emit("membership", { device: one, change: "gone" } as never);
    expect(hour.ports("a")).toEqual([]);
  });

  test("counts a station's own load once, not with its ports", () => {
    const { hour, device, read } = site();
    const one = device("a", point("load", undefined), point("load_1", "1"), point("load_2", "2"));
    read(one, { load: 7, load_1: 3, load_2: 3 });
    expect(hour.total().at(-1)).toBe(7);
  });

  test("a clock that was set back begins again", () => {
    const { hour, device, read, wait } = site();
    const one = device("a", point("load_1", "1"));
    read(one, { load_1: 2 });
    wait(-5);
    read(one, { load_1: 4 });
    expect(hour.ports("a")[0]!.loadKw.filter((value) => value !== null)).toEqual([4]);
  });
});
