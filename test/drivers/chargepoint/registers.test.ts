import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { originOf, registerClasses } from "../../../src/drivers/chargepoint/registers/index.ts";
import { portsOf } from "../../../src/points/index.ts";
import { readRegistry } from "../../../src/registry/index.ts";
import { registryRows } from "../../devices/rows.ts";

function read(register: string, attribute: string, answer: unknown, port?: string): unknown {
  const found = registerClasses[register]?.attributes[attribute];
  if (!found) throw new Error(`no ${attribute} in ${register}`);
  return found.read(answer as never, port);
}

/** The table "Register classes, attributes, level" of the design's facts. */
const TABLE: Record<string, { S?: string; P?: string; SP?: string }> = {
  StationRegister: {
    S: "stationID stationManufacturer stationModel stationMacAddr stationSerialNum Address City State Country postalCode numPorts mainPhone orgID organizationName sgID sgName currencyCode Type startTime endTime minPrice maxPrice unitPricePerHour unitPricePerSession unitPricePerKWh unitPriceForFirst unitPricePerHourThereafter sessionTime stationActivationDate lastModifiedDate modTimeStamp timezoneOffset warrantyExpirationDate warrantyService siteValidated siteValidationDate wanIpAddress networkStatus stationFirmware stationReception radioGroupID",
    P: "portNumber Reservable Level Mode Connector Voltage Current Power estimatedCost",
    SP: "stationName Lat Long Description",
  },
  StationStatusRegister: {
    P: "Status TimeStamp faultReason FaultReason Connector Power",
    S: "networkStatus",
  },
  LoadRegister: {
    P: "portLoad userID credentialID lastBatteryPercent sessionID",
    S: "stationLoad",
    SP: "shedState allowedLoad percentShed",
  },
  AlarmRegister: { SP: "alarmType alarmTime clearAlarms" },
  StationRightsRegister: { S: "stationRightsProfile" },
  ChargingSessionRegister: {
    SP: "sessionID startTime endTime Energy userID credentialID rfidSerialNumber driverAccountNumber driverName totalChargingDuration totalSessionDuration startBatteryPercentage stopBatteryPercentage endedBy vehicleMake vehicleModel vehicleModelYear vehiclePortMAC vehicleID",
  },
  PublicStationRegister: {
    S: "stationID stationManufacturer stationModel stationMacAddr stationSerialNum Address City State Country postalCode numPorts mainPhone modTimeStamp timezoneOffset currencyCode Type startTime endTime minPrice maxPrice unitPricePerHour unitPricePerSession unitPricePerKWh unitPriceForFirst unitPricePerHourThereafter sessionTime networkStatus",
    P: "portNumber Reservable Level Mode Connector Voltage Current Power estimatedCost Status TimeStamp faultReason",
    SP: "stationName Lat Long Description",
  },
};

// What there is besides is in docs/registry.md, which test/generated.test.ts compares.
test("every register class has every attribute of the table, at its level", () => {
  const levels = { S: "station", P: "port", SP: "either" };
  const expected = Object.entries(TABLE).flatMap(([register, byLevel]) =>
    Object.entries(byLevel).flatMap(([level, names]) =>
      names.split(" ").map((name) => [register, name, levels[level as keyof typeof levels]]),
    ),
  );
  const actual = expected.map(([register, name]) => [
    register,
    name,
    registerClasses[register!]?.attributes[name!]?.level,
  ]);
  expect(actual).toEqual(expected);
});

describe("StationRegister", () => {
  const port = (portNumber: string, fields: object = {}) => ({
    portNumber,
    stationName: null,
    Description: null,
    Geo: null,
    ...fields,
  });

  test("C7: a station without Pricing or Geo reads null there, and the rest", () => {
    const answer = { stationID: "1:1", stationName: "ORG / A", Geo: null, Pricing: [], Port: [port("1A")] };
    expect(read("StationRegister", "minPrice", answer)).toBeNull();
    expect(read("StationRegister", "Lat", answer)).toBeNull();
    expect(read("StationRegister", "stationName", answer)).toBe("ORG / A");
    expect(read("StationRegister", "portNumber", answer, "1A")).toBe("1A");
  });

  test("stationName and Geo are found on the station or on the port, wherever the row looks", () => {
    const older = {
      stationID: "1:1",
      stationName: null,
      Port: [port("1", { stationName: "ORG / OLD", Geo: { Lat: "37.1", Long: "-121.9" } })],
    };
    const newer = {
      stationID: "1:1",
      stationName: "ORG / NEW",
      Geo: { Lat: "37.2", Long: "-121.8" },
      Port: [port("1")],
    };
    expect(read("StationRegister", "stationName", older)).toBe("ORG / OLD");
    expect(read("StationRegister", "Lat", older)).toBe("37.1");
    expect(read("StationRegister", "stationName", newer, "1")).toBe("ORG / NEW");
    expect(read("StationRegister", "Long", newer, "1")).toBe("-121.8");
  });

  test("C7: ports are matched by number, never by position, and a missing one is an error that names those there", () => {
    const answer = { stationID: "1:1", Port: [port("2", { Power: "7.2" }), port("1", { Power: "6.6" })] };
    expect(read("StationRegister", "Power", answer, "1")).toBe("6.6");
    expect(() => read("StationRegister", "Power", answer, "3")).toThrow(
      'station 1:1 has no port "3"; it has 2, 1',
    );
  });
});

describe("LoadRegister at station level", () => {
  const answer = (ports: object[]) => ({ stationID: "1:1", stationLoad: 5, Port: ports });
  const unshed = { portNumber: "1", shedState: 0, allowedLoad: 7, percentShed: 0 };
  const shed = (portNumber: string, allowedLoad: number) => ({
    portNumber,
    shedState: 1,
    allowedLoad,
    percentShed: 0,
  });

  test("the largest limit among the ports in shed state, and 1 when any is", () => {
    const some = answer([unshed, shed("2", 3), shed("3", 4.5)]);
    expect(read("LoadRegister", "allowedLoad", some)).toBe(4.5);
    expect(read("LoadRegister", "shedState", some)).toBe(1);
    expect(read("LoadRegister", "percentShed", some)).toBe(0);
  });

  test("0 when no port is in shed state, null when the answer has no port", () => {
    expect(read("LoadRegister", "allowedLoad", answer([unshed]))).toBe(0);
    expect(read("LoadRegister", "shedState", answer([unshed]))).toBe(0);
    expect(read("LoadRegister", "shedState", answer([]))).toBeNull();
  });
});

describe("AlarmRegister and ChargingSessionRegister", () => {
  const alarms = [
    { portNumber: "1", alarmType: "newer", alarmTime: "2026-11-21T10:00:00Z" },
    { portNumber: null, alarmType: "newest", alarmTime: "2026-11-21T12:00:00" },
    { portNumber: "2", alarmType: "older", alarmTime: "2026-11-21T09:00:00Z" },
  ];

  test("the newest alarm by its time, whatever its place; a port's own only for a port", () => {
    expect(read("AlarmRegister", "alarmType", alarms)).toBe("newest");
    expect(read("AlarmRegister", "alarmType", alarms, "1")).toBe("newer");
    expect(read("AlarmRegister", "alarmType", alarms, "3")).toBeNull();
    expect(read("AlarmRegister", "alarmType", [])).toBeNull();
    expect(read("AlarmRegister", "clearAlarms", alarms)).toBe(0);
  });

  test("the session that began last", () => {
    const sessions = [
      { portNumber: "1", sessionID: "2", startTime: "2026-11-21T10:00:00Z", endTime: null },
      { portNumber: "1", sessionID: "1", startTime: "2026-11-21T08:00:00Z", endTime: "2026-11-21T09:00:00Z" },
    ];
    expect(read("ChargingSessionRegister", "sessionID", sessions, "1")).toBe("2");
    expect(read("ChargingSessionRegister", "endTime", sessions)).toBeNull();
    expect(read("ChargingSessionRegister", "sessionID", sessions, "2")).toBeNull();
  });
});

test("StationRightsRegister gives a dictionary by station group", () => {
  const rights = [
    {
      sgID: "39491",
      sgName: "Garage",
      stationRightsProfile: "network manager",
      stationData: [{ stationID: "1:1" }],
    },
  ];
  expect(read("StationRightsRegister", "stationRightsProfile", rights)).toEqual({ "39491": rights[0] });
});

describe("the origin of a point", () => {
  const origin = (register: string, attribute: string, port?: string) =>
    originOf(registryRows([{ name: "point", register, attribute, port }])[0]!);

  test("names the call that reads it, what it means, and whether it is personal data", () => {
    expect(origin("LoadRegister", "portLoad", "2")).toEqual({
      ...{ register: "LoadRegister", attribute: "portLoad", port: "2", call: "getLoad", measure: "load" },
    });
    expect(origin("PublicStationRegister", "Status", "1")).toMatchObject({
      ...{ call: "getPublicStationStatus", measure: "state" },
    });
    expect(origin("ChargingSessionRegister", "driverName")).toEqual({
      ...{ register: "ChargingSessionRegister", attribute: "driverName", call: "getChargingSessionData" },
      personal: true,
    });
  });

  test("the shipped registry has every measure of its ports and station", async () => {
    const file = fileURLToPath(new URL("../../../registry/chargepoint.csv", import.meta.url));
    const { rows } = await readRegistry(file);
    const points = new Map(rows.map((row) => [row.point.name, { ...row.point, origin: originOf(row) }]));
    const { station, ports } = portsOf(points);
    const name = (port: string) => ({
      port,
      load: `portLoad_${port}`,
      state: `Status_${port}`,
      limit: `allowedLoad_${port}`,
      limitPercent: `percentShed_${port}`,
      limited: `shedState_${port}`,
      energy: `session_Energy_${port}`,
      session: `loadSessionID_${port}`,
    });
    expect(ports).toMatchObject([name("1"), name("2")]);
    expect(station).toMatchObject({ load: "stationLoad", name: "stationName", reachable: "networkStatus" });
  });
});
