import { afterAll, beforeAll, expect, test } from "vitest";
import { type Simulator, startSimulator } from "../../../src/simulator/index.ts";
import { cli } from "../in-process.ts";
import { Workplace } from "../workplace.ts";

const HEADER = "Volttron Point Name,Attribute Name,Register Name,Port #,Type\n";

let simulator: Simulator;
let place: Workplace;
let env: Record<string, string>;

beforeAll(async () => {
  simulator = await startSimulator({ stations: 1, traffic: false, incidents: false });
  simulator.world.plugIn(simulator.stationIDs[0]!, "1", { kw: 7.2, needKwh: 500 });
  const { endpoint, username, password } = simulator;
  env = { CHARGEPOINT_ENDPOINT: endpoint, CHARGEPOINT_USERNAME: username, CHARGEPOINT_PASSWORD: password };
  place = new Workplace({
    "r.csv": `${HEADER}load,portLoad,LoadRegister,1,float\nword,Status,StationStatusRegister,1,float\nnine,portLoad,LoadRegister,9,float\nended,endTime,ChargingSessionRegister,1,datetime\nodd,portLod,LoadRegister,1,float\n`,
    "station.json": {
      driver_type: "chargepoint",
      driver_config: { stationID: simulator.stationIDs[0], endpoint, username, password },
      registry_config: "r.csv",
    },
  });
});
afterAll(async () => {
  await simulator.close();
  place.remove();
});

const tryOut = (...args: string[]) => cli(["registry", "try", place.at("r.csv"), ...args], env);

test("a station of the account: each point, what was sent by which call, and why a value is missing", async () => {
  const { code, stdout, stderr } = await tryOut("--station", simulator.stationIDs[0]!);
  expect(stdout).toMatch(/^load +7\.2 +float +7\.2 +getLoad +\d+ s$/m);
  expect(stdout).toMatch(/^word +– +float +INUSE +getStationStatus +\d+ s$/m);
  expect(stdout).toMatch(/^nine +\(not read\) +float +– +getLoad +\d+ s$/m);
  expect(stdout).toMatch(/\nnot read: nine\n {2}station \S+ has no port "9"; it has 1, 2\n/);
  expect(stdout).toMatch(/\nno value: word\n {2}the service sent "INUSE"; Type float expects a number\n/);
  expect(stdout).toMatch(/\nno value: ended\n {2}the service sent no value\n/);
  expect(stderr).toMatch(/r\.csv:6:5: error \[unknown_attribute\].*did you mean "portLoad"\?\n$/);
  expect(code).toBe(0);
});

test("--json, with the account of a device config", async () => {
  const { stdout } = await cli([
    "registry",
    "try",
    place.at("r.csv"),
    "--device",
    place.at("station.json"),
    "--json",
  ]);
  const { values, failures, sources } = JSON.parse(stdout);
  expect(values).toMatchObject({ load: 7.2, word: null, ended: null });
  expect(Object.keys(failures)).toEqual(["nine"]);
  expect(sources.load).toEqual({ call: "getLoad", sent: 7.2, ageSeconds: expect.any(Number) });
  expect(sources.word).toMatchObject({ call: "getStationStatus", sent: "INUSE" });
});

test("what cannot be tried: the reason and its exit code", async () => {
  expect(await tryOut()).toMatchObject({ code: 2, stderr: expect.stringContaining("--station") });
  expect(await tryOut("--station", "12345")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("1:12345"),
  });
  const unknown = await tryOut("--station", "1:999");
  expect(unknown).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("no such station") });
  const none = await cli(["registry", "try", place.at("none.csv"), "--station", "1:1"], env);
  expect(none).toMatchObject({ code: 78, stderr: expect.stringContaining("does not exist") });
});
