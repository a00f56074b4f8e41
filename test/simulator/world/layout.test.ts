import { expect, test } from "vitest";
import { SteppedClock } from "../../../src/simulator/clock.ts";
import { World, type WorldOptions } from "../../../src/simulator/world/world.ts";

const world = (options: Partial<WorldOptions>) =>
  new World({
    ...{
      seed: 1,
      stations: 90,
      clock: new SteppedClock(),
      traffic: false,
      incidents: false,
      historyHours: 0,
    },
    ...options,
  });

test("sites, and so their groups, have as many stations as asked for", () => {
  const sizes = world({ stationsPerSite: 40 }).groups.map(({ stationNumbers }) => stationNumbers.length);
  expect(sizes.filter((size) => size === 40)).toHaveLength(2);
  expect(Math.max(...sizes)).toBe(40);
});

test("all stations are of the model that is asked for; an unknown one is refused with those that there are", () => {
  const models = new Set(world({ model: "CT4021-GW1" }).stations.map(({ model }) => model.name));
  expect([...models]).toEqual(["CT4021-GW1"]);
  expect(() => world({ model: "CT9" })).toThrow(/no model "CT9"; there are CT4021-GW1, /);
});
