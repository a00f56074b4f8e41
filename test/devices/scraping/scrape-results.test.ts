import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { rig, type ScriptedDevice } from "../rig.ts";

/** Points enough that their scrape takes its listeners long. */
const rows = Array.from({ length: 20_000 }, (_, i) => ({ name: `p${i}`, attribute: "x" }));
const prepare = (device: ScriptedDevice) => {
  for (const { name } of rows) device.values.set(name, 1);
};

test("F2: the listeners of a scrape of many values have a turn of the event loop each", async () => {
  const { bus, devices, clock } = rig({ rows, prepare });
  let turn = 0;
  let counting = true;
  void (async () => {
    for (; counting; turn++) await nextTurn();
  })();
  const heard: number[] = [];
  for (let i = 0; i < 3; i++) bus.on("scrape", () => heard.push(turn));
  devices.start();
  await clock.advance(0);
  await expect.poll(() => heard.length).toBe(3);
  counting = false;
  expect(new Set(heard).size).toBe(3);
  await devices.stop();
});

test("a stop waits until every listener has the last scrape", async () => {
  const { bus, devices, clock } = rig({ rows, prepare });
  let heard = 0;
  for (let i = 0; i < 50; i++) bus.on("scrape", () => heard++);
  devices.start();
  await clock.advance(0);
  await expect.poll(() => heard).toBeGreaterThan(0);
  await devices.stop();
  expect(heard).toBe(50);
});
