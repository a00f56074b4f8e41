import { expect, test } from "vitest";
import { Zone } from "../../src/time/zone.ts";

test.each([
  [
    "Europe/Berlin",
    "2026-01-01T00:00:00Z",
    "2026-12-01T00:00:00Z",
    ["2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z"],
  ],
  // Up to a change, and from it on.
  ["Europe/Berlin", "2026-10-01T00:00:00Z", "2026-10-25T01:00:00Z", ["2026-10-25T01:00:00Z"]],
  ["Europe/Berlin", "2026-10-25T01:00:00Z", "2026-12-01T00:00:00Z", []],
  ["Australia/Lord_Howe", "2026-04-01T00:00:00Z", "2026-05-01T00:00:00Z", ["2026-04-04T15:00:00Z"]],
  ["Asia/Kolkata", "2026-01-01T00:00:00Z", "2026-12-01T00:00:00Z", []],
  ["UTC", "2026-01-01T00:00:00Z", "2026-12-01T00:00:00Z", []],
])("the clocks of %s are set, from %s to %s, at %j", (name, from, to, expected) => {
  const changes = new Zone(name).changes(Date.parse(from), Date.parse(to));
  expect(changes.map((time) => new Date(time).toISOString().replace(".000", ""))).toEqual(expected);
});
