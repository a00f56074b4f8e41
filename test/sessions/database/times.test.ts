import { expect, test } from "vitest";
import { toWireTime, wireTime } from "../../../src/sessions/database/times.ts";

test("times of the service become UTC to the second; an invalid one becomes null", () => {
  expect(toWireTime("2026-10-25T02:30:00+02:00")).toBe("2026-10-25T00:30:00Z");
  expect(toWireTime("2026-10-25T02:30:00")).toBe("2026-10-25T02:30:00Z");
  expect(toWireTime("2026-10-25 02:30:00.900Z")).toBe("2026-10-25T02:30:00Z");
  expect(toWireTime("2026-10-25T02:30:00Z")).toBe("2026-10-25T02:30:00Z");
  for (const none of ["yesterday", "", null, undefined]) expect(toWireTime(none)).toBeNull();
  expect(wireTime(new Date(0))).toBe("1970-01-01T00:00:00Z");
});
