import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { StationSet } from "../../src/drivers/chargepoint/config.ts";
import { parseRegistry } from "../../src/registry/index.ts";
import type { Simulator } from "../../src/simulator/index.ts";
import { type Fleet, openFleet } from "../drivers/chargepoint/account/fleet.ts";
import { Site } from "../helpers/site.ts";
import { cli } from "./in-process.ts";

const ROUNDS = 4;
/** Of what takes the same number of calls whatever else an account sees. */
const REGISTRY = `Volttron Point Name,Attribute Name,Register Name,Port #,Type,Starting Value,Writable
model,stationModel,StationRegister,,string,,
network,networkStatus,StationStatusRegister,,string,,
load,stationLoad,LoadRegister,,float,,
alarm,alarmType,AlarmRegister,,string,,
session,sessionID,ChargingSessionRegister,,string,,
`;

interface Plan {
  readonly account: string;
  readonly stations: number;
  readonly sets: readonly { file: string; members: number }[];
  readonly groups?: readonly { id: number; size: number; stations: readonly string[] }[];
  readonly failure?: string;
  readonly calls: readonly {
    operation: string;
    calls: number;
    everySeconds: number;
    assumes?: string;
    cause?: string;
  }[];
}

let site: Site;
afterEach(() => site.remove());

function newSite(account: Pick<Simulator, "endpoint" | "username" | "password">): void {
  site = new Site({ ...account, stationIDs: [], bridge: {} });
  site.write("registry/fleet.csv", REGISTRY);
}

function device(
  name: string,
  { endpoint, username, password }: Pick<Simulator, "endpoint" | "username" | "password">,
  which: object,
  more: object = {},
): void {
  site.write(`configs/devices/site/${name}.json`, {
    driver_type: "chargepoint",
    driver_config: { ...which, endpoint, username, password },
    registry_config: "config://fleet.csv",
    interval: 60,
    ...more,
  });
}

async function planned(...flags: readonly string[]) {
  const { stdout, stderr, code } = await cli([
    "plan",
    "--config",
    site.config,
    "--lookup",
    "--json",
    ...flags,
  ]);
  return { plans: (stdout === "" ? [] : JSON.parse(stdout)) as Plan[], stderr, code };
}

/** Calls of the planned rounds by operation; what is seldom read is read once. */
function counted({ calls }: Plan): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { operation, calls: each, everySeconds } of calls)
    counts[operation] = (counts[operation] ?? 0) + (everySeconds === 60 ? each * ROUNDS : each);
  return counts;
}

/** What the bridge does: looks up the set, then scrapes its stations and these. */
async function scraped(fleet: Fleet, stations: StationSet, single: readonly string[] = []) {
  const { endpoint, username, password } = fleet.simulator;
  const config = { stations, endpoint, username, password } as never;
  const members = await fleet.service.findMembers!(config, AbortSignal.timeout(10_000));
  const own = [...single, ...members.map(({ id }) => id)].map((id) => fleet.device(id));
  for (let round = 0; round < ROUNDS; round++)
    await Promise.all(own.map((one) => one.scrapeAll(AbortSignal.timeout(30_000))));
  return { stations: own.length, logged: fleet.called() };
}

/** A service whose address nobody listens at. */
const DEAD = { endpoint: "http://127.0.0.1:9/none", username: "another", password: "canary-password" };

describe("voltbridge plan --lookup", () => {
  let fleet: Fleet;
  beforeEach(async () => {
    fleet = await openFleet(0, { simulator: { stations: 180, stationsPerSite: 60 }, registry: REGISTRY });
    newSite(fleet.simulator);
  });
  afterEach(() => fleet.close());

  test("plans what the simulator logs over some scrapes: a set of all stations, read by their groups", async () => {
    const set = { stationName: "*" };
    device("all", fleet.simulator, { stations: set }, { topic: "fleet/{stationID}" });
    const { plans, code, stderr } = await planned();
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const asked = fleet.called();
    expect(Object.keys(asked).sort()).toEqual(["getOrgsAndStationGroups", "getStationGroups", "getStations"]);

    const { stations, logged } = await scraped(fleet, set);
    expect(plans[0]).toMatchObject({ stations, sets: [{ members: stations }] });
    expect(counted(plans[0]!)).toEqual(logged);
    expect(logged.getLoad).toBeLessThanOrEqual(3 * ROUNDS);
  });

  test("plans what the simulator logs: a set of one group, and a single station that no group saves a call for", async () => {
    const single = fleet.simulator.stationIDs[0]!;
    const other = fleet.simulator.stationIDs.at(-1)!;
    device("other", fleet.simulator, { stationID: single });
    const sgID = await smallestGroupOf(fleet, other);
    device("group", fleet.simulator, { stations: { sgID } }, { topic: "fleet/{stationID}" });
    fleet.called();
    const { plans, code } = await planned();
    expect(code).toBe(0);
    fleet.called();

    const { stations, logged } = await scraped(fleet, { sgID }, [single]);
    expect(plans[0]!.stations).toBe(stations);
    expect(counted(plans[0]!)).toEqual(logged);
    expect(logged.getLoad).toBe(2 * ROUNDS);
    expect(plans[0]!.groups).toMatchObject([{ id: Number(sgID) }]);
    expect(plans[0]!.groups![0]!.stations).toHaveLength(stations - 1);
  });

  test("single stations profit: the groups that cover them are asked for", async () => {
    const ids = fleet.simulator.stationIDs.slice(0, 30);
    for (const [index, stationID] of ids.entries()) device(`s${index}`, fleet.simulator, { stationID });
    const { plans } = await planned();
    expect(plans[0]!.calls.find(({ operation }) => operation === "getLoad")).toMatchObject({ calls: 1 });
    expect(plans[0]!.groups).toMatchObject([{ stations: expect.arrayContaining(ids) }]);
    const { stdout } = await cli(["plan", "--config", site.config, "--lookup"]);
    expect(stdout).toMatch(/loads by station groups \d+ \(30 of its \d+ stations\)/);
  });

  test("without --lookup nobody is asked, and sets are said not to be counted", async () => {
    device("all", fleet.simulator, { stations: { stationName: "*" } });
    device("one", fleet.simulator, { stationID: fleet.simulator.stationIDs[0] });
    const { stdout, stderr, code } = await cli(["plan", "--config", site.config]);
    expect(stderr).toMatch(/all\.json: its set of stations is not counted.*--lookup/);
    expect(stdout).toMatch(/: 1 station$/m);
    expect({ code, called: fleet.called() }).toEqual({ code: 0, called: {} });
  });

  test("an account that cannot be asked is one line and exit code 1; the rest, and its single stations, are planned", async () => {
    device("all", fleet.simulator, { stations: { stationName: "*" } }, { topic: "fleet/{stationID}" });
    device("dead-a", DEAD, { stations: { sgID: "1" } }, { topic: "dead-a/{stationID}" });
    device("dead-b", DEAD, { stations: ["1:7"] }, { topic: "dead-b/{stationID}" });
    device("dead-c", DEAD, { stationID: "1:8" });
    device("dead-d", DEAD, { stationID: "1:9" });
    const { plans, code, stderr } = await planned("--timeout", "20");
    expect(code).toBe(1);
    const lines = stderr
      .trim()
      .split("\n")
      .filter((line) => line.includes("could not be asked"));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/127\.0\.0\.1:9.*dead-a\.json.*dead-b\.json.*station groups/);
    expect(stderr).not.toContain("canary");
    expect(plans.map(({ stations, failure }) => [stations, failure !== undefined])).toEqual([
      [expect.any(Number), false],
      [2, true],
    ]);
  });

  test("one that accepts and never answers is left at --timeout", async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as AddressInfo;
    device("silent", { ...DEAD, endpoint: `http://127.0.0.1:${port}/` }, { stations: { sgID: "1" } });
    const { plans, code, stderr } = await planned("--timeout", "0.3");
    silent.closeAllConnections();
    silent.close();
    expect(code).toBe(1);
    expect(stderr).toMatch(/could not be asked \(nothing of it is planned\): .*took longer than 0\.3 s/);
    expect(plans).toMatchObject([{ stations: 0, calls: [] }]);
  });

  test("refused credentials are said with the account", async () => {
    device("all", { ...fleet.simulator, password: "canary-password" }, { stations: { stationName: "*" } });
    const { code, stderr } = await planned();
    expect(code).toBe(1);
    expect(stderr).toMatch(/account .* could not be asked .*all\.json/);
    expect(stderr).not.toContain("canary");
  });

  test("stations that cannot be devices are left out and told", async () => {
    device("all", fleet.simulator, { stations: { stationName: "*" } }, { topic: "fleet/{model}" });
    const { plans, code, stderr } = await planned();
    expect(code).toBe(0);
    expect(stderr).toMatch(/is not run: topic path .* belongs to .*\(and \d+ more\)/);
    expect(plans[0]!.stations).toBeLessThan(180);
  });
});

/** The group with the fewest stations, of those that the station is in. */
async function smallestGroupOf(fleet: Fleet, stationID: string): Promise<string> {
  const { username, password, endpoint } = fleet.simulator;
  const groups = await fleet.service.findGroups!(
    fleet.simulator.stationIDs.map((id) => ({
      ...{ path: id, intervalSeconds: 60, rows: parseRegistry(Buffer.from(REGISTRY), "fleet.csv").rows },
      config: { stationID: id, username, password, endpoint } as never,
    })),
    AbortSignal.timeout(10_000),
  );
  const own = groups.groups.filter(({ members }) => members.has(stationID));
  return String(own.toSorted((a, b) => a.members.size - b.members.size)[0]!.id);
}
