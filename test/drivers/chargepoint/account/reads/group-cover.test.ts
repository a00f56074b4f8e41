import fc from "fast-check";
import { expect, test } from "vitest";
import {
  coverByGroups,
  type StationGroup,
} from "../../../../../src/drivers/chargepoint/account/reads/group-cover.ts";

const ids = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `1:${from + i}`);
const group = (sgID: number, stations: string[]): StationGroup => ({ sgID, stationIDs: new Set(stations) });
const chosen = (wanted: string[], groups: StationGroup[]) =>
  coverByGroups(wanted, groups).groups.map(({ sgID }) => sgID);

test("disjoint groups are all asked for, and who is in none is not covered", () => {
  const cover = coverByGroups(ids(0, 120), [group(1, ids(0, 50)), group(2, ids(50, 100))]);
  expect(cover.groups.map(({ sgID }) => sgID)).toEqual([1, 2]);
  expect(cover.groupOf.get("1:60")?.sgID).toBe(2);
  expect(ids(100, 120).some((id) => cover.groupOf.has(id))).toBe(false);
});

test("a group whose stations are in others already is not asked for", () => {
  const groups = [group(1, ids(0, 60)), group(2, ids(40, 100)), group(3, ids(50, 70))];
  expect(chosen(ids(0, 100), groups)).toEqual([1, 2]);
});

test("a huge group of mostly others' stations is not worth it; a small one is", () => {
  expect(chosen(ids(0, 3), [group(1, ids(0, 900))])).toEqual([]);
  expect(chosen(ids(0, 3), [group(1, ids(0, 6))])).toEqual([1]);
  expect(chosen(ids(0, 2000), [group(1, ids(0, 2000))])).toEqual([]);
});

test("a single station is asked for alone", () => {
  expect(chosen(["1:5"], [group(1, ["1:5"])])).toEqual([]);
});

test("whatever the groups: calls are never more than one per station, and each station is read once", () => {
  const groups = fc.array(fc.uniqueArray(fc.integer({ min: 0, max: 60 }), { maxLength: 40 }), {
    maxLength: 12,
  });
  fc.assert(
    fc.property(groups, fc.integer({ min: 1, max: 60 }), (lists, size) => {
      const wanted = ids(0, size);
      const all = lists.map((list, sgID) =>
        group(
          sgID,
          list.map((n) => `1:${n}`),
        ),
      );
      const cover = coverByGroups(wanted, all);
      for (const [id, by] of cover.groupOf) {
        expect(by.stationIDs.has(id)).toBe(true);
        expect(wanted).toContain(id);
      }
      expect(new Set(cover.groupOf.values())).toEqual(new Set(cover.groups));
      expect(cover.groups.length + size - cover.groupOf.size).toBeLessThanOrEqual(size);
      // The saving of each choice is counted anew: no group stands for fewer than two stations.
      for (const by of cover.groups) {
        expect([...cover.groupOf.values()].filter((other) => other === by).length).toBeGreaterThan(1);
      }
    }),
  );
});
