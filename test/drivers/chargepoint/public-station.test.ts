import { afterEach, beforeEach, expect, test } from "vitest";
import type { ChargePointConfig } from "../../../src/drivers/chargepoint/config.ts";
import { chargepoint } from "../../../src/drivers/chargepoint/index.ts";
import type { DeviceInit } from "../../../src/drivers/driver.ts";
import { parseRegistry } from "../../../src/registry/index.ts";
import { openRig, type Rig } from "./rig.ts";

const HEADER =
  "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Starting Value,Writable,Notes";
const rowOf = (attribute: string, port = "", register = "PublicStationRegister", type = "string") =>
  `${attribute}_${port},${attribute},${register},${port},${type},,,FALSE,`;
const registry = (...rows: string[]) => `${[HEADER, ...rows].join("\n")}\n`;
const STATUS = registry(rowOf("Status", "1"), rowOf("Status", "2"), rowOf("networkStatus"));
const BOTH = registry(
  rowOf("Status", "1"),
  rowOf("Connector", "1"),
  rowOf("stationName"),
  rowOf("Lat", "", "PublicStationRegister", "float"),
  rowOf("City"),
  rowOf("Power", "9"),
);

let rig: Rig;
/** Public stations with two ports, which no account needs to own. */
let stations: { id: string; name: string; city: string; connector: string }[];
const signal = () => AbortSignal.timeout(10_000);

beforeEach(async () => {
  rig = await openRig({ simulator: { stations: 200 } });
  stations = rig.simulator.world.publicStations
    .filter(({ ports }) => ports.length === 2)
    .map(({ id, name, site, ports }) => ({
      id,
      name,
      city: site.city,
      connector: ports[0]!.outlet.connector,
    }));
  expect(stations.length).toBeGreaterThan(20);
  rig.called();
});
afterEach(() => rig.close());

test("a public station: what it is, whether its ports are free, at station and port level", async () => {
  const [station] = stations;
  const device = rig.another({ stationID: station!.id }, BOTH);
  rig.simulator.world.plugIn(station!.id, "1", { kw: 5, needKwh: 50 });
  const { values, failures } = await device.scrapeAll(signal());
  expect(Object.fromEntries(values)).toEqual({
    Status_1: "INUSE",
    Connector_1: station!.connector,
    stationName_: station!.name,
    Lat_: expect.closeTo(rig.simulator.world.findStation(station!.id)!.site.latitude, 5),
    City_: station!.city,
  });
  expect([...failures.keys()]).toEqual(["Power_9"]);
  expect(failures.get("Power_9")!.message).toContain('has no port "9"');
});

test("only the operation that a row needs is called, and a fleet's status is one call", async () => {
  const devices = stations.slice(0, 20).map(({ id }) => rig.another({ stationID: id }, STATUS));
  for (let round = 0; round < 2; round++) {
    const readings = await Promise.all(devices.map((device) => device.scrapeAll(signal())));
    expect(readings.every(({ failures }) => failures.size === 0)).toBe(true);
    expect(rig.called()).toEqual(["getPublicStationStatus"]);
  }
});

test("what seldom changes is read once in nameplate_interval, station by station; the status at each scrape", async () => {
  const devices = stations.slice(0, 3).map(({ id }) => rig.another({ stationID: id }, BOTH));
  const round = async () => {
    await Promise.all(devices.map((device) => device.scrapeAll(signal())));
    return rig.called().sort();
  };
  expect(await round()).toEqual(["getPublicStationStatus", ...Array(3).fill("getPublicStations")]);
  expect(await round()).toEqual(["getPublicStationStatus"]);
});

test("a station that is not public fails alone", async () => {
  const devices = ["1:999999", stations[0]!.id].map((stationID) => rig.another({ stationID }, BOTH));
  const [gone, there] = await Promise.allSettled(devices.map((device) => device.scrapeAll(signal())));
  expect(gone).toMatchObject({
    status: "rejected",
    reason: { message: expect.stringContaining("1:999999") },
  });
  expect(there!.status).toBe("fulfilled");
});

test("an operation that fails takes only its own points", async () => {
  const device = rig.another({ stationID: stations[0]!.id }, BOTH);
  rig.simulator.trouble.begin({ operation: "getPublicStations", effect: { kind: "code", code: "101" } });
  const { values, failures } = await device.scrapeAll(signal());
  expect([...values.keys()]).toEqual(["Status_1"]);
  expect(failures.size).toBe(5);
});

test("voltbridge plan counts one call for 500 statuses and one for each nameplate", () => {
  const { rows } = parseRegistry(Buffer.from(BOTH), "public.csv");
  const config = {
    username: "user",
    password: "word",
    region: "NA",
    cacheExpiration: 0,
  } as ChargePointConfig;
  const devices: DeviceInit<ChargePointConfig>[] = Array.from({ length: 600 }, (_, index) => ({
    path: `p/${index}`,
    config: { ...config, stationID: `1:${index}` },
    rows,
    intervalSeconds: 60,
  }));
  const [plan] = chargepoint.plan!(devices, { stationsPerGroup: 0 });
  expect(plan!.calls.map(({ operation, calls, everySeconds }) => [operation, calls, everySeconds])).toEqual([
    ["getPublicStations", 600, 3600],
    ["getPublicStationStatus", 2, 60],
  ]);
  expect(plan!.calls.map((call) => call.rows.length)).toEqual([5, 1]);
});
