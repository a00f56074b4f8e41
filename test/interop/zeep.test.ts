import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ChargePointClient, type Operation, operations } from "../../src/drivers/chargepoint/api/index.ts";
import type { Scalar } from "../../src/drivers/chargepoint/api/message.ts";
import type { Simulator } from "../../src/simulator/index.ts";
import { PYTHON, zeepInstalled } from "../helpers/python.ts";
import { type Network, openNetwork } from "./requests.ts";
import { mistyped, plain } from "./typed.ts";

interface Outcome {
  readonly answer?: Record<string, unknown>;
  readonly fault?: string;
}

const names = Object.keys(operations);

/** What zeep makes of each type of the schema; Python's own types are tagged by name. */
function isOf(type: Scalar, value: unknown): boolean {
  if (type === "int" || type === "long") return Number.isInteger(value);
  if (type === "double") return typeof value === "number";
  if (type === "boolean") return typeof value === "boolean";
  if (type === "string") return typeof value === "string";
  const tag = { decimal: "decimal", dateTime: "datetime", date: "date", time: "time" }[type];
  return typeof (value as Record<string, unknown>)[tag] === "string";
}

/** The same value for what our client reads and for what zeep does. */
function comparable(type: Scalar, value: unknown): unknown {
  const inside = typeof value === "object" ? Object.values(value as object)[0] : value;
  if (type === "dateTime") return new Date(inside).getTime();
  return type === "decimal" || type === "long" ? Number(inside) : inside;
}

/** zeep gives a response that has one element as that element. */
const whole = ({ coded }: Operation, answer: unknown): unknown => (coded ? answer : { CPN: answer });

describe.skipIf(!zeepInstalled)("zeep, built from the WSDL that the simulator serves", () => {
  let simulator: Simulator;
  let requests: Network["requests"];
  let outcomes: Map<string, Outcome>;

  /** In one Python process: what each call gave. */
  async function zeep(
    password: string,
    calls: readonly (readonly [operation: string, parameters: object, type?: string])[],
    settings: object = {},
  ): Promise<Outcome[]> {
    const { endpoint, username } = simulator;
    const wsdl = new URL("/cp_api_5.1.wsdl", endpoint).href;
    const child = spawn(PYTHON, [fileURLToPath(new URL("zeep_client.py", import.meta.url))], {
      timeout: 20_000,
    });
    child.stdin.end(JSON.stringify({ wsdl, username, password, settings, calls }));
    const ended = once(child, "exit");
    const [output, trouble] = await Promise.all([text(child.stdout), text(child.stderr)]);
    await ended;
    if (child.exitCode !== 0) throw new Error(trouble);
    return JSON.parse(output);
  }

  beforeAll(async () => {
    ({ simulator, requests } = await openNetwork());
    const calls = Object.entries(requests);
    const answers = await zeep(simulator.password, calls);
    outcomes = new Map(calls.map(([name], at) => [name, answers[at]!]));
  });
  afterAll(() => simulator.close());

  test.each(names)("%s: a typed answer", (name) => {
    const operation: Operation = operations[name as keyof typeof operations];
    const { answer, fault } = outcomes.get(name)!;
    expect(fault).toBeUndefined();
    expect(mistyped(operation.response, whole(operation, answer), isOf)).toEqual([]);
    if (operation.coded) expect(answer).toMatchObject({ responseCode: "100" });
  });

  test("reads what our client reads, value by value", async () => {
    const reads = Object.values<Operation>(operations).filter(({ effect }) => effect === "read");
    const requestOf = ({ name }: Operation) => requests[name as keyof typeof operations];
    const theirs = await zeep(
      simulator.password,
      reads.map((operation) => [operation.name, requestOf(operation)]),
    );
    const client = new ChargePointClient(simulator);
    try {
      for (const [at, operation] of reads.entries()) {
        const ours = await client.call(operation, requestOf(operation));
        const answer = whole(operation, theirs[at]!.answer);
        expect(plain(operation.response, answer, comparable)).toEqual(
          plain(operation.response, ours, comparable),
        );
      }
    } finally {
      await client.close();
    }
  });

  test("as VOLTTRON's driver calls: queries by the names of their types, nothing strict", async () => {
    const settings = { strict: false, xml_huge_tree: true, xsd_ignore_sequence_order: true };
    const stationID = simulator.stationIDs[0]!;
    simulator.world.raiseAlarm(stationID, "Ground Fault");
    const answers = await zeep(
      simulator.password,
      [
        ["getStations", { stationID }, "stationSearchRequestExtended"],
        ["getChargingSessionData", { stationID }, "sessionSearchdata"],
        ["getStationRights", { stationID }, "stationRightsSearchRequest"],
        ["getAlarms", { stationID }, "getAlarmsSearchQuery"],
        ["getOrgsAndStationGroups", {}, "getOrgsAndStationGroupsSearchQuery"],
        ["getUsers", { numUsers: 1 }, "getUsersSearchRequest"],
        [
          "shedLoad",
          { shedStation: { stationID, percentShedPerStation: 50 }, timeInterval: 0 },
          "shedLoadQueryInputData",
        ],
        ["clearShedState", { shedStation: { stationID } }, "shedQueryInputData"],
      ],
      settings,
    );
    expect(answers.map(({ fault, answer }) => fault ?? answer?.responseCode)).toEqual(
      answers.map(() => "100"),
    );
  });

  test("a shed is told back with its numbers", () => {
    const { answer } = outcomes.get("shedLoad")!;
    expect(answer).toMatchObject({ Success: 1, percentShedPerStation: 30, allowedLoadPerStation: null });
  });

  test("wrong credentials are a fault that it tells apart", async () => {
    const [outcome] = await zeep("wrong", [["getCPNInstances", {}]]);
    expect(outcome?.fault).toMatch(/:FailedAuthentication$/);
  });
});
