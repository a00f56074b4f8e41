import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { cells, merge, stationAt } from "../../../src/cli/setup/public-stations.ts";
import type { PublicStation, PublicStationStatus } from "../../../src/drivers/chargepoint/api/index.ts";
import { type Simulator, startSimulator } from "../../../src/simulator/index.ts";
import { cli } from "../in-process.ts";

let simulator: Simulator;
let env: Record<string, string>;
let site: Simulator["world"]["publicStations"][number]["site"];

beforeAll(async () => {
  simulator = await startSimulator({
    stations: 120,
    traffic: false,
    incidents: false,
    password: "canary-password",
  });
  const { endpoint, username, password } = simulator;
  env = { CHARGEPOINT_ENDPOINT: endpoint, CHARGEPOINT_USERNAME: username, CHARGEPOINT_PASSWORD: password };
  site = simulator.world.publicStations[0]!.site;
});
afterEach(() => simulator.trouble.end());
afterAll(() => simulator.close());

type Found = PublicStation & { status: PublicStationStatus | null; distance: number | null };
const json = async (...args: string[]): Promise<Found[]> =>
  JSON.parse((await cli(["stations", "public", "--json", ...args], env)).stdout);
const here = () => ["--lat", String(site.latitude), "--long", String(site.longitude)];

describe("voltbridge stations public", () => {
  test("all public stations around a place with what they are, whether they are free, and how far; the nearest first", async () => {
    const expected = simulator.world.publicStations.filter((station) => station.site === site);
    simulator.world.plugIn(expected[0]!.id, "1", { kw: 5, needKwh: 50 });
    const found = await json(...here(), "--proximity", "0.01");
    expect(found.map(({ stationID }) => stationID).sort()).toEqual(expected.map(({ id }) => id).sort());
    const busy = found.find(({ stationID }) => stationID === expected[0]!.id)!;
    expect(busy.status!.Port[0]).toMatchObject({ portNumber: "1", Status: "INUSE" });
    expect(busy.distance).toBeCloseTo(0, 2);
    const around = await json(...here(), "--proximity", "200", "--unit", "K");
    const distances = around.map(({ distance }) => distance!);
    expect(distances).toEqual(distances.toSorted((a, b) => a - b));
    expect(simulator.calls.slice(-2).map(({ operation }) => operation)).toEqual([
      "getPublicStations",
      "getPublicStationStatus",
    ]);
  });

  test("by address, as the guide's example: distances from the station that stands there; a table", async () => {
    const place = [
      "--address",
      site.street,
      "--city",
      site.city,
      "--state",
      site.state,
      "--postal-code",
      site.postalCode,
    ];
    const { stdout, stderr, code } = await cli(
      ["stations", "public", ...place, "--proximity", "1", "--unit", "M"],
      env,
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(/^stationID +name +address +ports +status +price +distance\n/);
    expect(stdout).toMatch(/\bAVAILABLE\b/);
    expect(stdout).toMatch(/\d kW/);
    expect(stdout).toContain("0.00 mi");
    expect(stderr).toContain("distances are from station 1:");
    expect(stderr).toMatch(/\d+ stations\n/);
    expect(stdout + stderr).not.toContain("canary-password");
  });

  test("only those with a free port; by a city alone there is no distance, and that is said", async () => {
    const all = await json("--city", site.city);
    const free = await json("--city", site.city, "--available");
    const isFree = ({ status }: Found) => status!.Port.some(({ Status }) => Status === "AVAILABLE");
    expect(free.map(({ stationID }) => stationID)).toEqual(
      all.filter(isFree).map(({ stationID }) => stationID),
    );
    expect(all.every(({ distance }) => distance === null)).toBe(true);
    expect((await cli(["stations", "public", "--city", site.city], env)).stderr).toContain(
      "give --lat and --long",
    );
  });

  test("nothing there is no error", async () => {
    expect(await json("--lat", "0", "--long", "0", "--proximity", "1")).toEqual([]);
  });

  test("where the status cannot be had, the stations are printed all the same, and the exit code says it", async () => {
    simulator.trouble.begin({ operation: "getPublicStationStatus", effect: { kind: "code", code: "101" } });
    const { stdout, stderr, code } = await cli(["stations", "public", ...here(), "--json"], env);
    expect(code).toBe(1);
    expect((JSON.parse(stdout) as Found[]).every(({ status }) => status === null)).toBe(true);
    expect(stderr).toMatch(/getPublicStationStatus: code 101/);
  });

  test("what is missing or wrong is told, and nothing is called", async () => {
    const before = simulator.calls.length;
    expect(await cli(["stations", "public"], env)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("no place given"),
    });
    expect((await cli(["stations", "public", "--lat", "1"], env)).code).toBe(2);
    expect((await cli(["stations", "public", "--city", "x", "--unit", "F"], env)).code).toBe(2);
    expect((await cli(["stations", "public", "--city", "x"], {})).code).toBe(78);
    expect(simulator.calls).toHaveLength(before);
    simulator.trouble.begin({ effect: { kind: "code", code: "135" } });
    expect((await cli(["stations", "public", "--city", "x"], env)).code).toBe(1);
  });
});

describe("a public station in the table", () => {
  // The values of the setup guide's sample.
  const port = (portNumber: string) => ({
    portNumber,
    stationName: "CHARGEPOINT / HQ 5",
    Geo: { Lat: "37.261489868164060", Long: "-121.957534790039060" },
    Connector: "J1772",
    Power: "7.2",
  });
  const sample = {
    stationID: "1:81203",
    Address: "1692 Dell Ave",
    City: "Campbell",
    Port: [port("1"), port("2")],
    Pricing: [
      {
        Type: "None",
        minPrice: 0.5,
        maxPrice: 0,
        unitPricePerHour: 1.5,
        unitPricePerSession: 0,
        unitPricePerKWh: 0,
      },
    ],
    currencyCode: null,
    numPorts: 2,
  } as unknown as PublicStation;
  const status = {
    stationID: "1:81203",
    Port: [{ Status: "AVAILABLE" }, { Status: "INUSE" }],
  } as unknown as PublicStationStatus;

  test("has ports of a kind together, its status and its price", () => {
    const [found] = merge([sample], [status], { lat: 37.2715, long: -121.9575 }, "K");
    expect(cells(found!, "K")).toEqual([
      "1:81203",
      "CHARGEPOINT / HQ 5",
      "1692 Dell Ave, Campbell",
      "2 × J1772 7.2 kW",
      "AVAILABLE, INUSE",
      "1.50/h + 0.50 at least",
      "1.11 km",
    ]);
  });

  test("without status, price and place has dashes, and comes last", () => {
    const bare = { stationID: "1:2", Port: [], Pricing: [], numPorts: 1 } as unknown as PublicStation;
    const found = merge([bare, sample], [], { lat: 37, long: -122 }, "M");
    expect(found.map(({ stationID }) => stationID)).toEqual(["1:81203", "1:2"]);
    expect(cells(found[1]!, "M")).toEqual(["1:2", "–", "–", "1", "–", "–", "–"]);
  });

  test("is found at its address, however the street is written", () => {
    expect(stationAt([sample], "1692 Dell Avenue")).toBe(sample);
    expect(stationAt([sample], "1692 dell ave, Campbell")).toBe(sample);
    expect(stationAt([sample], "1693 Dell Avenue")).toBeUndefined();
    expect(stationAt([sample], "Dell Avenue")).toBeUndefined();
  });
});
