import { setTimeout as pause } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { LoopDelay } from "../../../src/devices/scraping/loop-delay.ts";
import { eventually } from "../../helpers/eventually.ts";

test("tells how long the event loop was held up, the block that has just ended included, to everybody who asks", async () => {
  const delay = new LoopDelay();
  onTestFinished(() => delay.stop());
  delay.start();
  await pause(50);
  const until = performance.now() + 200;
  while (performance.now() < until);
  const { p99, max } = delay.recent();
  expect(max).toBeGreaterThan(150);
  expect(p99).toBeGreaterThan(0);
  expect(p99).toBeLessThanOrEqual(max);
  expect(delay.recent().max).toBeGreaterThanOrEqual(max);
});

test("a delay is forgotten after two windows", async () => {
  const delay = new LoopDelay({ windowMs: 100 });
  onTestFinished(() => delay.stop());
  delay.start();
  const until = performance.now() + 300;
  while (performance.now() < until);
  expect(delay.recent().max).toBeGreaterThan(250);
  await eventually(() => expect(delay.recent().max).toBeLessThan(250));
});

test("nothing was sampled yet: zeros", () => {
  expect(new LoopDelay().recent()).toEqual({ p99: 0, max: 0 });
});
