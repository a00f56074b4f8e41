/**
 * The client of the web services beside node-soap, over the same simulator, which is a process of its own: requests in
 * a second and processor time per request, for answers with 1 and with 500 stations; and what the simulator spends on
 * an answer. Every round takes turns, so that whatever else the machine does meets both.
 *
 * node-soap is built from the WSDL that the simulator serves, keeps its connections, and reads the same answers.
 *
 * Run by hand: node bench/api.ts [--seconds 2] [--rounds 3]
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Client, createClientAsync, WSSecurity } from "soap";
import { ChargePointClient, operations } from "../src/drivers/chargepoint/api/index.ts";
import type { Operation } from "../src/drivers/chargepoint/api/message.ts";
import { startSimulator } from "../src/simulator/index.ts";

const { getLoad, getStations, getStationStatus } = operations;
const STATIONS = 500;
const IN_FLIGHT = { one: 8, page: 2 };
const GOALS = { clientRatio: 3, oneStation: 1500, page: 20 };

interface Service {
  readonly endpoint: string;
  readonly username: string;
  readonly password: string;
  readonly stationID: string;
}

/** Rate, and processor time of this process and of the simulator's, per request. */
interface Measure {
  readonly perSecond: number;
  readonly cpuUs: number;
  readonly simulatorUs: number;
}

if (process.send) await serve();
else await compare();

/** The simulator: says where it is, then tells its processor time whenever asked. */
async function serve(): Promise<void> {
  const { endpoint, username, password, stationIDs } = await startSimulator({ stations: STATIONS });
  process.on("message", () => process.send!(cpuMicroseconds()));
  process.send!({ endpoint, username, password, stationID: stationIDs[0]! } satisfies Service);
}

async function compare(): Promise<void> {
  const { values: flags } = parseArgs({
    options: { seconds: { type: "string", default: "2" }, rounds: { type: "string", default: "3" } },
  });
  const [seconds, rounds] = [Number(flags.seconds), Number(flags.rounds)];
  const child = fork(fileURLToPath(import.meta.url));
  const [service] = (await once(child, "message")) as [Service];
  const simulatorCpu = async (): Promise<number> => {
    child.send("cpu");
    return (await once(child, "message"))[0] as number;
  };
  const ours = new ChargePointClient(service);
  const theirs = await createClientAsync(`${service.endpoint}?wsdl`);
  theirs.setEndpoint(service.endpoint);
  theirs.setSecurity(new WSSecurity(service.username, service.password, { hasTimeStamp: false }));

  const one = { searchQuery: { stationID: service.stationID } };
  const cases: readonly (readonly [Operation, Record<string, unknown>, size: "one" | "page"])[] = [
    [getLoad, one, "one"],
    [getStationStatus, one, "one"],
    [getStations, one, "one"],
    [getStationStatus, { searchQuery: { numStations: STATIONS } }, "page"],
    [getStations, { searchQuery: { numStations: STATIONS } }, "page"],
  ];
  const measure = async (call: () => Promise<unknown>, inFlight: number): Promise<Measure> => {
    const begun = performance.now();
    const end = begun + seconds * 1000;
    const before = cpuMicroseconds();
    const simulatorBefore = await simulatorCpu();
    let requests = 0;
    const caller = async (): Promise<void> => {
      for (; performance.now() < end; requests++) await call();
    };
    await Promise.all(Array.from({ length: inFlight }, caller));
    const simulatorUs = ((await simulatorCpu()) - simulatorBefore) / requests;
    const cpuUs = (cpuMicroseconds() - before) / requests;
    return { perSecond: requests / ((performance.now() - begun) / 1000), cpuUs, simulatorUs };
  };

  console.log(
    "operation         stations  client      requests/s  CPU us/request  simulator CPU us  answers/s of a core",
  );
  for (const [operation, request, size] of cases) {
    const check = (records: readonly unknown[] | undefined): void => {
      const expected = size === "one" ? 1 : STATIONS;
      if (records?.length !== expected) throw new Error(`${operation.name}: ${records?.length} stations`);
    };
    const callOurs = async () => check((await ours.call(operation, request as never)).stationData as never);
    const callTheirs = async () => check(await callNodeSoap(theirs, operation.name, request));
    const measures: { ours: Measure[]; theirs: Measure[] } = { ours: [], theirs: [] };
    // The first round warms up code, connections and caches and does not count.
    for (let round = 0; round <= rounds; round++) {
      measures.ours[round] = await measure(callOurs, IN_FLIGHT[size]);
      measures.theirs[round] = await measure(callTheirs, IN_FLIGHT[size]);
    }
    const mine = median(measures.ours.slice(1));
    const other = median(measures.theirs.slice(1));
    const stations = size === "one" ? 1 : STATIONS;
    print(operation.name, stations, "voltbridge", mine);
    print(operation.name, stations, "node-soap", other);
    const ratio = other.cpuUs / mine.cpuUs;
    const answers = 1e6 / mine.simulatorUs;
    const goal = size === "one" ? GOALS.oneStation : GOALS.page;
    console.log(
      `  ${ratio.toFixed(1)} times less CPU than node-soap${size === "one" ? verdict(ratio, GOALS.clientRatio) : ""}; ` +
        `${answers.toFixed(0)} answers/s of one core${verdict(answers, goal)}`,
    );
  }
  await ours.close();
  child.kill();
}

async function callNodeSoap(client: Client, operation: string, request: unknown): Promise<unknown[]> {
  const call = client[`${operation}Async`] as (request: unknown, options: object) => Promise<[Answer]>;
  const [{ responseCode, stationData }] = await call.call(client, request, { forever: true });
  if (responseCode !== "100") throw new Error(`${operation}: code ${responseCode}`);
  return [stationData].flat();
}

interface Answer {
  readonly responseCode: string;
  readonly stationData: unknown;
}

function verdict(found: number, goal: number): string {
  return ` (goal ${goal}: ${found >= goal ? "met" : "missed"})`;
}

function print(operation: string, stations: number, client: string, measure: Measure): void {
  const { perSecond, cpuUs, simulatorUs } = measure;
  console.log(
    operation.padEnd(18) +
      String(stations).padStart(8) +
      `  ${client.padEnd(10)}` +
      perSecond.toFixed(0).padStart(12) +
      cpuUs.toFixed(0).padStart(16) +
      simulatorUs.toFixed(0).padStart(18) +
      (1e6 / simulatorUs).toFixed(0).padStart(21),
  );
}

function median(measures: readonly Measure[]): Measure {
  const sorted = [...measures].sort((a, b) => a.cpuUs - b.cpuUs);
  return sorted[sorted.length >> 1]!;
}

function cpuMicroseconds(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
