import { readFileSync } from "node:fs";
import type { IncomingHttpHeaders } from "node:http";
import { describe, expect, it } from "vitest";
import { decode } from "../../../../src/drivers/chargepoint/api/documents/decode.ts";
import { buildResponse, parseEnvelope } from "../../../../src/drivers/chargepoint/api/documents/soap.ts";
import {
  ChargePoint,
  ChargePointReader,
  type ChargingSession,
  operations,
  type Transaction,
  type User,
} from "../../../../src/drivers/chargepoint/api/index.ts";
import type { Operation } from "../../../../src/drivers/chargepoint/api/message.ts";
import { connect, type Reply, type Service, serve, xml } from "./service.ts";

const CASES = new URL("../../../cases/chargepoint-api/", import.meta.url);
const json = (path: string) => JSON.parse(readFileSync(new URL(path, CASES), "utf8"));

/** The operation that a request calls. */
const called = ({ soapaction }: IncomingHttpHeaders): string =>
  /\/(\w+)"$/.exec(String(soapaction))?.[1] ?? "";

/** Answers every operation with the guide's sample, as the last page. */
const samples: Reply = (response, request) => {
  const document = readFileSync(new URL(`${called(request.headers)}/response.xml`, CASES), "utf8");
  xml(response, document.replaceAll("<moreFlag>1<", "<moreFlag>0<"));
};

function account(service: Service): ChargePoint {
  return connect(service.endpoint, {}, ChargePoint).client;
}

async function all<T>(walk: AsyncIterable<T>): Promise<T[]> {
  const records: T[] = [];
  for await (const record of walk) records.push(record);
  return records;
}

/** A query without what walks its pages, and without what says nothing. */
function bare(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bare);
  if (!(value instanceof Object)) return value;
  const kept = Object.entries(value)
    .map(([key, item]) => [key, bare(item)] as const)
    .filter(([key, item]) => !/^(startRecord|num\w+)$/.test(key) && item !== null && !isEmpty(item));
  return Object.fromEntries(kept);
}
const isEmpty = (value: unknown): boolean => value instanceof Object && Object.keys(value).length === 0;

/** What a service received last. */
function lastQuery({ received }: Service): unknown {
  const { body, headers } = received.at(-1)!;
  const operation: Operation = operations[called(headers) as keyof typeof operations];
  return decode(operation.request, parseEnvelope(body).body!);
}

const response = (name: keyof typeof operations) => json(`${name}/response.json`);
const request = (name: keyof typeof operations) => json(`${name}/request.json`);

type Case = [name: keyof typeof operations, call: (api: ChargePoint) => unknown, expected: unknown];

/** Every operation by the method that has its name, called with the guide's query. */
const CALLS: Case[] = [
  ["getCPNInstances", (api) => api.cpnInstances(), response("getCPNInstances").CPN],
  ["shedLoad", (api) => api.shedLoad(request("shedLoad").shedQuery), response("shedLoad")],
  [
    "clearShedState",
    (api) => api.clearShedState(request("clearShedState").shedQuery),
    response("clearShedState"),
  ],
  ["getLoad", (api) => api.load({ stationID: "1:12345" }), response("getLoad")],
  ["createLoadShedEvent", (api) => api.createLoadShedEvent(request("createLoadShedEvent").shedEvent), 123456],
  ["removeLoadShedEvent", (api) => api.removeLoadShedEvent(123456), "Success"],
  [
    "getChargingSessionData",
    (api) => all(api.chargingSessions({ fromTimeStamp: "2021-09-07T21:57:07Z" })),
    response("getChargingSessionData").ChargingSessionData,
  ],
  [
    "get15minChargingSessionData",
    (api) => api.sessionIntervals("123456781"),
    response("get15minChargingSessionData"),
  ],
  [
    "getTransactionData",
    (api) => all(api.transactions({ transactionID: "1234567", anonymousCreditCardNumber: "1234" })),
    response("getTransactionData").transactions.transactionData,
  ],
  ["getStations", (api) => all(api.stations({ stationID: "1:12345" })), response("getStations").stationData],
  [
    "getStationStatus",
    (api) => all(api.stationStatus({ stationIDs: { stationID: ["1:12345", "1:12346"] }, portDetails: true })),
    response("getStationStatus").stationData,
  ],
  ["getStationGroups", (api) => api.stationGroups("1:ORG123456"), response("getStationGroups").groupData],
  ["getStationGroupDetails", (api) => api.stationGroupDetails(12345), response("getStationGroupDetails")],
  [
    "getOrgsAndStationGroups",
    (api) => api.orgsAndStationGroups({ orgID: "1:ORG00000" }),
    response("getOrgsAndStationGroups").orgData,
  ],
  ["getStationRights", (api) => all(api.stationRights()), response("getStationRights").rightsData],
  [
    "getStationRightsProfile",
    (api) => api.stationRightsProfile(12345),
    response("getStationRightsProfile").taskList,
  ],
  ["getAlarms", (api) => all(api.alarms()), response("getAlarms").Alarms],
  ["clearAlarms", (api) => api.clearAlarms(request("clearAlarms").searchQuery), true],
  ["getUsers", (api) => all(api.users()), response("getUsers").users.user],
  [
    "updateUserStatus",
    (api) => api.updateUserStatus({ userID: "12345", associationType: "CONNECTION", Status: "APPROVED" }),
    undefined,
  ],
  ["setWaitlistDone", (api) => api.setWaitlistDone(request("setWaitlistDone")), undefined],
  [
    "addFleetVehicle",
    (api) => api.addFleetVehicle(request("addFleetVehicle").vehicle),
    ["1:12345", "1:12346"],
  ],
  ["deleteFleetVehicle", (api) => api.deleteFleetVehicle("1:12345"), undefined],
  [
    "updateFleetVehicle",
    (api) => api.updateFleetVehicle(request("updateFleetVehicle").vehicle),
    response("updateFleetVehicle").vehicle,
  ],
  [
    "getFleetVehicles",
    (api) => all(api.fleetVehicles({ fleetName: "Delivery Fleet" })),
    response("getFleetVehicles").FleetVehicle,
  ],
  ["getFleetUsageData", (api) => all(api.fleetUsage()), response("getFleetUsageData").fleetUsageData],
  [
    "getPublicStations",
    (api) => api.publicStations(request("getPublicStations").searchQuery),
    response("getPublicStations").stationData,
  ],
  [
    "getPublicStationStatus",
    (api) => api.publicStationStatus(request("getPublicStationStatus").searchQuery),
    response("getPublicStationStatus").stationStatusData,
  ],
];

describe("the account's API by name", () => {
  it("has a method for every operation", () => {
    expect(CALLS.map(([name]) => name)).toEqual(Object.keys(operations));
  });

  it.each(CALLS)("%s", async (name, call, expected) => {
    const service = await serve(samples);
    expect(await call(account(service))).toEqual(expected);
    expect(service.received.map(({ headers }) => called(headers))).toEqual([name]);
    expect(bare(lastQuery(service))).toEqual(bare(request(name)));
  });

  it("a reader has no method that changes anything", () => {
    const methods = (type: object) =>
      Object.getOwnPropertyNames(type).filter((name) => name !== "constructor");
    const writes = Object.values<Operation>(operations).filter(({ effect }) => effect === "write");
    expect(methods(ChargePoint.prototype).sort()).toEqual(writes.map(({ name }) => name).sort());
    expect(methods(ChargePointReader.prototype)).toHaveLength(28 - writes.length);
  });

  it("records are typed as they are read", async () => {
    const service = await serve(samples);
    const api = account(service);
    const [session]: ChargingSession[] = await all(api.chargingSessions());
    const [transaction]: Transaction[] = await all(api.transactions());
    const [user]: User[] = await all(api.users());
    const id: string | null | undefined = session?.sessionID;
    const gross: number | null | undefined = transaction?.grossAmount;
    const home: string | null | undefined = user?.homeStationDetails?.stationSerialNumber;
    expect([id, gross, home]).toEqual(["912345681", 11.4, "221441027821"]);
  });

  it("more stationIDs than a call takes go in several", async () => {
    const service = await serve((reply, _request, nth) =>
      xml(
        reply,
        buildResponse(operations.getStationStatus, {
          responseCode: "100",
          stationData: [{ stationID: `1:${nth}` }],
        }),
      ),
    );
    const ids = Array.from({ length: 1_001 }, (_, at) => `1:${at}`);
    const found = await all(account(service).stationStatus({ stationIDs: { stationID: ids } }));
    expect(found.map(({ stationID }) => stationID)).toEqual(["1:1", "1:2", "1:3"]);
    expect(service.received.map(({ body }) => body.match(/<stationID>/g)?.length)).toEqual([500, 500, 1]);
  });

  it("C10: where nothing matches walks end, lists are empty, and clearing no alarms is done", async () => {
    const empty = async (name: keyof typeof operations, code: string) =>
      account(
        await serve((reply) =>
          xml(reply, buildResponse(operations[name] as Operation, { responseCode: code })),
        ),
      );
    expect(await all((await empty("getUsers", "180")).users())).toEqual([]);
    expect(await all((await empty("getTransactionData", "201")).transactions())).toEqual([]);
    expect(await (await empty("getStationGroups", "120")).stationGroups("1:ORG1")).toEqual([]);
    expect(await (await empty("get15minChargingSessionData", "134")).sessionIntervals("1")).toMatchObject({
      fifteenminData: [],
    });
    expect(await (await empty("clearAlarms", "153")).clearAlarms({ stationID: "1:2" })).toBe(false);
  });

  it("a vehicle that was not deleted is an error whatever the code", async () => {
    const service = await serve((reply) =>
      xml(reply, buildResponse(operations.deleteFleetVehicle, { responseCode: "100", Results: false })),
    );
    await expect(account(service).deleteFleetVehicle("1:7")).rejects.toMatchObject({
      name: "ApiError",
      kind: "not done",
      operation: "deleteFleetVehicle",
    });
  });
});
