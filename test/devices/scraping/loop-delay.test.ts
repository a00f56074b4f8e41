import { setTimeout as pause } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { LoopDelay } from "../../../src/devices/scraping/loop-delay.ts";

const delay = new LoopDelay();
afterEach(() => delay.stop());

test("tells how long the event loop was held up, the block that has just ended included, and begins anew", async () => {
  delay.start();
  await pause(50);
  delay.take();
  const until = performance.now() + 200;
  while (performance.now() < until);
  const { p99, max } = delay.take();
  expect(max).toBeGreaterThan(150);
  expect(p99).toBeGreaterThan(0);
  expect(p99).toBeLessThanOrEqual(max);
  expect(delay.take().max).toBeLessThan(150);
});

test("nothing was sampled yet: zeros", () => {
  expect(new LoopDelay().take()).toEqual({ p99: 0, max: 0 });
});
