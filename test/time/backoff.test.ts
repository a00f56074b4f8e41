import { expect, test } from "vitest";
import { backoff, jittered } from "../../src/time/backoff.ts";

test("pauses double from the first to the longest, and stay there however often it fails", () => {
  const pauses = { first: 250, longest: 5000 };
  expect([1, 2, 3, 5, 6, 7, 5000].map((failures) => backoff(pauses, failures))).toEqual([
    250, 500, 1000, 4000, 5000, 5000, 5000,
  ]);
});

test("chance takes up to half of a pause", () => {
  expect([0, 0.5, 1].map((chance) => jittered(1000, () => chance))).toEqual([500, 750, 1000]);
});
