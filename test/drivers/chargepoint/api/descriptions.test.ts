import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { buildResponse, readAnswer } from "../../../../src/drivers/chargepoint/api/documents/soap.ts";
import type { Field, Fields, Operation } from "../../../../src/drivers/chargepoint/api/message.ts";
import { findOperation, operations } from "../../../../src/drivers/chargepoint/api/operations/index.ts";

/** The parameters that the guide's tables list for each operation. */
const TABLES = JSON.parse(readFileSync(new URL("guide-tables.json", import.meta.url), "utf8"));

const all = Object.entries<Operation>(operations);

/** What the guide's tables mark required, but for what public clients show is not (getLoad, clearAlarms). */
const REQUIRED: Partial<Record<keyof typeof operations, string>> = {
  shedLoad: "shedQuery/shedGroup/sgID shedQuery/shedStation/stationID shedQuery/timeInterval",
  clearShedState: "shedQuery/shedGroup/sgID",
  createLoadShedEvent: "shedEvent shedEvent/eventStartTime shedEvent/eventDuration",
  removeLoadShedEvent: "eventId",
  get15minChargingSessionData: "sessionID",
  getStationGroups: "orgID",
  getStationGroupDetails: "sgID",
  getStationRightsProfile: "sgID",
  updateUserStatus: "userID associationType Status",
  setWaitlistDone: "stationID portID userID",
  addFleetVehicle:
    "vehicle vehicle/ChargePointCards vehicle/LicensePlate vehicle/fleetName vehicle/make vehicle/model vehicle/year",
  deleteFleetVehicle: "fleetVehicleID",
  updateFleetVehicle: "vehicle vehicle/fleetVehicleID",
};

/** Every field below some fields, with its path. */
function fieldsOf(fields: Fields, path = ""): [path: string, field: Field][] {
  return Object.entries(fields).flatMap(([name, field]): [string, Field][] => {
    const element = field.kind === "list" ? field.element : field;
    const below = element.kind === "group" ? fieldsOf(element.fields, `${path}${name}/`) : [];
    return [[path + name, field], ...below];
  });
}

describe("descriptions", () => {
  it("there are 28, listed under their own names, each with a sentence and a section", () => {
    expect(all).toHaveLength(28);
    for (const [name, operation] of all) {
      expect(operation).toMatchObject({ name, doc: expect.stringMatching(/^[A-Z].*[^.]$/) });
      expect(operation.section).toMatch(/^\d+\.\d$|^setup guide$|^published schema$/);
    }
  });

  it("writes are what changes something", () => {
    const writes = all.filter(([, { effect }]) => effect === "write").map(([name]) => name);
    expect(writes.filter((name) => name.startsWith("get"))).toEqual([]);
    expect(writes).toHaveLength(10);
  });

  it.each(all)("%s marks what the guide requires", (name, { request }) => {
    const required = fieldsOf(request).filter(([, field]) => field.required);
    expect(required.map(([path]) => path).join(" ")).toBe(REQUIRED[name as keyof typeof REQUIRED] ?? "");
  });

  it.each(Object.entries<{ request: string; response: string }>(TABLES))(
    "%s has every parameter of the guide's tables",
    (name, tables) => {
      for (const side of ["request", "response"] as const) {
        const known = fieldsOf(findOperation(name)![side]).flatMap(([path, { also }]) => [
          path.slice(path.lastIndexOf("/") + 1),
          ...also,
        ]);
        const missing = tables[side]
          .split(" ")
          .filter((parameter) => parameter !== "" && !known.includes(parameter));
        expect(missing).toEqual([]);
      }
    },
  );

  it.each(all)("%s spells no element twice", (_name, { request, response }) => {
    const groups = [request, response].flatMap((side) => [
      side,
      ...fieldsOf(side).flatMap(([, field]) => {
        const element = field.kind === "list" ? field.element : field;
        return element.kind === "group" ? [element.fields] : [];
      }),
    ]);
    for (const fields of groups) {
      const spellings = Object.entries(fields).flatMap(([name, { also }]) => [name, ...also]);
      expect(spellings).toEqual([...new Set(spellings)]);
    }
  });

  it.each(all.filter(([, { paging }]) => paging))(
    "%s has the elements by which its pages are walked",
    (_n, o) => {
      const { records, recordsIn, sizeElement, countedElement, moreElement, moreIn } = o.paging!;
      const response = fieldsOf(o.response).map(([path]) => path);
      const query = fieldsOf(o.request).map(([path]) => path);
      const list = recordsIn === undefined ? records : `${recordsIn}/${records}`;
      expect(response).toContain(list);
      expect(response).toContain(moreIn === undefined ? moreElement : `${moreIn}/${moreElement}`);
      if (countedElement) expect(response).toContain(`${list}/${countedElement}`);
      expect(query).toContain("searchQuery/startRecord");
      if (sizeElement) expect(query).toContain(`searchQuery/${sizeElement}`);
    },
  );

  it("an operation is found by each of its names, and answers under each", () => {
    const usage = operations.getFleetUsageData;
    expect(findOperation("getFleetVehicleUsageData")).toBe(usage);
    expect(findOperation("getFleetUsageData")).toBe(usage);
    expect(findOperation("getFleet")).toBeUndefined();
    const answer = buildResponse(usage, { responseCode: "100" }, "getFleetVehicleUsageData");
    expect(answer).toContain("getFleetVehicleUsageDataResponse");
    expect(readAnswer(usage, Buffer.from(answer))).toMatchObject({ value: { responseCode: "100" } });
  });

  it.each([
    [
      "getUsers",
      "<users><user><homeStationDetails><stationMACAddress>m</stationMACAddress></homeStationDetails></user><MoreFlag>1</MoreFlag></users>",
      { users: { user: [{ homeStationDetails: { stationMacAddress: "m" } }], moreFlag: 1 } },
    ],
    [
      "getUsers",
      "<users><user><lastModifiedTimeStamp>t</lastModifiedTimeStamp></user></users>",
      { users: { user: [{ lastModifiedTimestamp: "t" }] } },
    ],
    [
      "getOrgsAndStationGroups",
      "<orgData><sgData><parentGroupId>0</parentGroupId></sgData></orgData>",
      { orgData: [{ sgData: [{ parentGroupID: "0" }] }] },
    ],
    [
      "getFleetVehicles",
      "<FleetVehicle><License>l</License><FleetName>f</FleetName><Year>2015</Year><vehicleChargingStatus>Fault</vehicleChargingStatus></FleetVehicle>",
      { FleetVehicle: [{ license: "l", fleetName: "f", year: "2015", vehicleChargingState: "Fault" }] },
    ],
    [
      "getFleetUsageData",
      "<fleetUsageData><LicensePlate>l</LicensePlate></fleetUsageData>",
      { fleetUsageData: [{ License: "l" }] },
    ],
    ["getTransactionData", "<transactions/><moreFlag>1</moreFlag>", { transactions: null, MoreFlag: 1 }],
    ["removeLoadShedEvent", "<Response>gone</Response>", { response: "gone" }],
    ["deleteFleetVehicle", "<Results>1</Results>", { Results: true }],
  ] as const)("%s reads the spellings of the guide's tables and of its samples: %s", (name, xml, value) => {
    const document = `<Envelope><Body><${name}Response>${xml}</${name}Response></Body></Envelope>`;
    expect(readAnswer(operations[name] as Operation, Buffer.from(document))).toMatchObject({ value });
  });

  it("a value that no document lists is read like any other", () => {
    const { Status } = operations.updateUserStatus.request;
    expect(Status.values).toEqual(["APPROVED", "REJECTED", "REMOVED"]);
    const document =
      "<Envelope><Body><getTransactionDataResponse><transactions><transactionData><transactionType>Refund" +
      "</transactionType></transactionData></transactions></getTransactionDataResponse></Body></Envelope>";
    expect(readAnswer(operations.getTransactionData, Buffer.from(document))).toMatchObject({
      value: { transactions: { transactionData: [{ transactionType: "Refund" }] } },
    });
  });
});
