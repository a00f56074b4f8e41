import { expect, test } from "vitest";
import { OwnLimits } from "../../../../src/drivers/chargepoint/control/own-limits.ts";

test.each([
  { confirmSeconds: undefined, mayShow: false },
  { confirmSeconds: 120, mayShow: true },
])("a limit that ended 90 s ago may still show: $mayShow at confirm_timeout $confirmSeconds", (given) => {
  const ended = { detail: null, active: false, endedAt: Date.now() - 90_000 };
  const own = { get: () => ended, active: () => [] };
  expect(new OwnLimits(own, null, given.confirmSeconds).endedLately("1")).toBe(given.mayShow);
});
