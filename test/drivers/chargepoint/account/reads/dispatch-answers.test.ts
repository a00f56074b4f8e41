import { expect, test } from "vitest";
import { dispatchAnswers } from "../../../../../src/drivers/chargepoint/account/reads/dispatch-answers.ts";

test("a page is given out in its order, whole, and others have their turn in between", async () => {
  const page = Array.from({ length: 500 }, (_, n) => n);
  const given: number[] = [];
  const seen: number[] = [];
  let over = false;
  const look = (): void => {
    seen.push(given.length);
    if (!over) setImmediate(look);
  };
  setImmediate(look);
  await dispatchAnswers(page, (record) => void given.push(record));
  over = true;
  expect(given).toEqual(page);
  expect(seen.length).toBeGreaterThanOrEqual(4);
  expect(Math.max(...seen.map((count, index) => count - (seen[index - 1] ?? 0)))).toBeLessThanOrEqual(100);
});

test("of a single station, at once", async () => {
  const given: string[] = [];
  const done = dispatchAnswers(["1:1"], (record) => void given.push(record));
  expect(given).toEqual(["1:1"]);
  await done;
});
