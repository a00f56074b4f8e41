import { expect, test } from "vitest";
import { Reported } from "../../src/log/notices.ts";
import { ManualClock } from "../helpers/manual-clock.ts";

test("a thing is reported once: again with another text, or after it had ended", () => {
  const reported = new Reported();
  expect(reported.isNew("broker", "refused")).toBe(true);
  expect(reported.isNew("broker", "refused")).toBe(false);
  expect(reported.isNew("store", "refused")).toBe(true);
  expect(reported.isNew("broker", "away")).toBe(true);
  expect(reported.ended("broker")).toBe(true);
  expect(reported.ended("broker")).toBe(false);
  expect(reported.isNew("broker", "away")).toBe(true);
});

test("with a time, it is reported again when that is over; with a bound, all are forgotten at it", async () => {
  const clock = new ManualClock();
  const reported = new Reported(clock, 1000, 2);
  expect([reported.isNew("a"), reported.isNew("b"), reported.isNew("a")]).toEqual([true, true, false]);
  await clock.advance(1000);
  expect(reported.isNew("a")).toBe(true);
  expect(reported.isNew("a")).toBe(false);
  expect(reported.isNew("c")).toBe(true);
  expect(reported.isNew("b")).toBe(true);
});
