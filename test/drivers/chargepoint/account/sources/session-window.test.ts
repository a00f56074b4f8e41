import { expect, test } from "vitest";
import type { SessionsAnswer } from "../../../../../src/drivers/chargepoint/account/answers.ts";
import { SessionWindow } from "../../../../../src/drivers/chargepoint/account/sources/sessions-source.ts";

const now = new Date("2026-11-21T12:00:00Z");

function session(
  sessionID: string,
  portNumber: string,
  startTime: string,
  endTime: string | null,
): SessionsAnswer[number] {
  return { sessionID, portNumber, startTime, endTime } as SessionsAnswer[number];
}

test("the first read looks back seven days", () => {
  expect(new SessionWindow().from(now)).toBe("2026-11-14T12:00:00Z");
});

test("later reads ask from the newest session on, or from the oldest that is still open", () => {
  const window = new SessionWindow();
  window.merge([
    session("1", "1", "2026-11-20T08:00:00Z", "2026-11-20T10:00:00Z"),
    session("2", "2", "2026-11-21T09:00:00Z", "2026-11-21T11:00:00Z"),
  ]);
  expect(window.from(now)).toBe("2026-11-21T09:00:00Z");
  window.merge([session("3", "1", "2026-11-21T08:30:00Z", null)]);
  expect(window.from(now)).toBe("2026-11-21T08:30:00Z");
  const newest = window.merge([session("3", "1", "2026-11-21T08:30:00Z", "2026-11-21T11:30:00Z")]);
  expect(newest.map((s) => [s.portNumber, s.sessionID, s.endTime])).toEqual([
    ["1", "3", "2026-11-21T11:30:00Z"],
    ["2", "2", "2026-11-21T11:00:00Z"],
  ]);
  expect(window.from(now)).toBe("2026-11-21T09:00:00Z");
});

test("a session that is open for weeks does not make the window grow", () => {
  const window = new SessionWindow();
  window.merge([session("1", "1", "2026-10-01T08:00:00Z", null)]);
  expect(window.from(now)).toBe("2026-11-14T12:00:00Z");
});
