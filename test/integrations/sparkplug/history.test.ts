import { expect, it } from "vitest";
import { History } from "../../../src/integrations/sparkplug/history.ts";

const value = (at: number) => ({ name: "Port 1/portLoad", value: at, at, quality: 192 });

it("the oldest values of all devices are dropped above the limit, and counted", () => {
  const history = new History(4);
  const [a, b] = [history.ofDevice(), history.ofDevice()];
  for (const at of [1, 3, 5]) a.add(value(at));
  for (const at of [2, 4, 6]) b.add(value(at));
  expect(history).toMatchObject({ waiting: 4, dropped: 2 });
  expect(a.take(10).map(({ at }) => at)).toEqual([5]);
  expect(b.take(2).map(({ at }) => at)).toEqual([2, 4]);
  expect(history).toMatchObject({ waiting: 1, dropped: 2 });
  for (let at = 10; at < 100; at++) a.add(value(at));
  // That of b was the oldest.
  expect(b.count).toBe(0);
  expect(a.take(10).map(({ at }) => at)).toEqual([96, 97, 98, 99]);
  a.add(value(100));
  a.clear();
  expect(history).toMatchObject({ waiting: 0, dropped: 2 + 1 + 86 + 1 });
  a.add(value(101));
  expect(history.waiting).toBe(1);
});

it("with a limit of 0 nothing waits", () => {
  const history = new History(0);
  const device = history.ofDevice();
  device.add(value(1));
  expect(device.take(1)).toEqual([]);
  expect(history).toMatchObject({ waiting: 0, dropped: 1 });
});
