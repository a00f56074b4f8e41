import { describe, expect, it } from "vitest";
import type { DeviceSettings } from "../../src/config/index.ts";
import { type LoadedDevice, shardsOf } from "../../src/devices/index.ts";

function device(path: string, username: string, set = false): LoadedDevice {
  const settings = {
    ...{ file: `${path}.json`, path, driverType: "chargepoint", registryFile: "r.csv", intervalSeconds: 60 },
    driverConfig: { username, password: "p", stationID: "1:1", region: "NA" },
    ...(set && {
      set: { key: "stations", member: "stationID", placeholders: ["stationID"], refreshSeconds: 60 },
    }),
  };
  return { settings: settings as object as DeviceSettings, rows: [] };
}

const all = [
  device("north/a1", "key-of-north"),
  device("north/a2", "key-of-north"),
  device("south/b1", "key-of-south"),
  device("west/c1", "key-of-west"),
];
const pathsOf = (shards: ReturnType<typeof shardsOf>) =>
  shards.map(({ devices }) => devices.map(({ settings }) => settings.path).sort()).sort();

describe("dividing devices into shards", () => {
  it("makes one of each account, with the same name in whatever order the files are read", () => {
    const shards = shardsOf(all, {});
    expect(pathsOf(shards)).toEqual([["north/a1", "north/a2"], ["south/b1"], ["west/c1"]]);
    expect(shards.map(({ stations }) => stations).sort()).toEqual([1, 1, 2]);
    const names = (some: typeof shards) => some.map(({ name }) => name);
    expect(names(shardsOf(all.toReversed(), {}))).toEqual(names(shards));
    expect(new Set(names(shards)).size).toBe(3);
  });

  it("joins the accounts of the devices of a site limit, over several groups", () => {
    const groups = {
      garage: { devices: ["north/a1", "south/*"] },
      street: { devices: ["south/b1", "west/*"] },
      empty: { devices: ["nowhere/*"] },
    };
    const shards = shardsOf(all, groups);
    expect(pathsOf(shards)).toEqual([["north/a1", "north/a2", "south/b1", "west/c1"]]);
    expect(shards[0]!.groups.toSorted()).toEqual(["empty", "garage", "street"]);
  });

  it("gives each group to one shard", () => {
    const shards = shardsOf(all, { garage: { devices: ["north/*"] }, other: { devices: ["west/c1"] } });
    expect(shards.flatMap(({ groups }) => groups).sort()).toEqual(["garage", "other"]);
    const withGarage = shards.find(({ groups }) => groups.includes("garage"));
    expect(withGarage?.devices).toHaveLength(2);
  });

  it("joins the account of a set of which a member may be covered", () => {
    const configs = [device("fleet/{stationID}", "key-of-fleet", true), device("north/a1", "key-of-north")];
    expect(shardsOf(configs, { all: { devices: ["north/*", "fleet/1*"] } })).toHaveLength(1);
    expect(shardsOf(configs, { all: { devices: ["north/*"] } })).toHaveLength(2);
  });
});
