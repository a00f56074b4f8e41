import { expect, test } from "vitest";
import { chargeThrough, type Trouble } from "../faults/garage.ts";

test("the lifetime energy of a garage never falls and is the sum of its sessions, through restarts of everything and a lost database", async () => {
  const troubles: Trouble[] = ["everything", "lost database"];
  const result = await chargeThrough(Number.POSITIVE_INFINITY, {
    ...{ seed: 1, speed: 7200 },
    nextTrouble: () => troubles.shift(),
  });
  expect(result.kwh).toBeGreaterThan(10);
});
