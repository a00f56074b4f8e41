import { describe, expect, test } from "vitest";
import {
  type DeviceDocument,
  describeBridge,
  describeDevice,
  formFor,
  messagesOf,
  objectIds,
  valuesNeeded,
} from "../../../src/integrations/home-assistant/documents/index.ts";
import { publishedOf, transition } from "../../../src/integrations/home-assistant/documents/transitions.ts";
import type { PointValue } from "../../../src/points/index.ts";
import { context, deviceOf } from "../../helpers/home-assistant.ts";

const HEADER =
  "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Starting Value,Writable,Notes";
const csv = (rows: string, more = "") => `${HEADER}${more}\n${rows}\n`;
const station = (rows: string, more = "", changes = {}) =>
  deviceOf(csv(rows, more), "chargepoint", { stationID: "1:34003", ...changes });
const WHOLE = deviceOf("registry/chargepoint.csv", "chargepoint", {
  stationID: "1:34003",
  readsAlarms: true,
});

const byKey = (document: DeviceDocument) =>
  Object.fromEntries(document.components.map((component) => [component.key, component]));
const configOf = (document: DeviceDocument, key: string) => byKey(document)[key]!.config;

describe("the documents of a device", () => {
  test("a station with two ports: nothing withheld, no personal data, every entity with an id and a name of its own", () => {
    const document = describeDevice(WHOLE, context());
    expect(document.refused).toEqual([]);
    const ids = document.components.map(({ config }) => config.unique_id);
    expect(new Set(ids).size).toBe(ids.length);
    const names = document.components.map(({ config }) => config.name);
    expect(new Set(names).size).toBe(names.length);
    expect(ids.every((id) => /^voltbridge_1_34003_[a-zA-Z0-9_-]+$/.test(id as string))).toBe(true);
    const personal = [...WHOLE.points.values()].filter(({ origin }) => origin?.personal);
    expect(personal.length).toBeGreaterThan(0);
    const points = new Set(document.components.map(({ point }) => point));
    expect(personal.filter(({ name }) => points.has(name))).toEqual([]);
  });

  test("a load", () => {
    const document = describeDevice(station("load,portLoad,LoadRegister,1,float,,,FALSE,"), context());
    expect(configOf(document, "port1_Load_portLoad")).toEqual({
      unique_id: "voltbridge_1_34003_port1_Load_portLoad",
      name: "Port 1 load",
      default_entity_id: "sensor.station_1_port_1_load",
      state_topic: "state/campus/garage/station-1",
      value_template: '{{ value_json.get("load") }}',
      device_class: "power",
      state_class: "measurement",
      unit_of_measurement: "kW",
      suggested_display_precision: 2,
      expire_after: 900,
    });
  });

  test("ids stay the same when the path, the names of points and the file change", () => {
    const row = (name: string) => `${name},portLoad,LoadRegister,1,float,kW,,FALSE,`;
    const ids = (document: DeviceDocument) => document.components.map(({ config }) => config.unique_id);
    const before = describeDevice(station(row("portLoad_1")), context());
    const after = describeDevice(station(row("Ladeleistung")), context());
    const moved = describeDevice(station(row("x"), "", { path: "other/place" }), context());
    expect(ids(after)).toEqual(ids(before));
    expect(ids(moved)).toEqual(ids(before));
  });

  test("ids of one device do not meet those of another", () => {
    const id = (changes: object) => describeDevice(station("", "", changes), context()).objectId;
    const ids = ["1:34003", "1_34003", "1/34003", "1 34003", "a b", "a_b", "a.b", "😀", "🚗", "ä"].map(
      (stationID) => id({ stationID }),
    );
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids[0]).toBe("voltbridge_1_34003");
    expect(ids.every((one) => /^[a-zA-Z0-9_-]+$/.test(one))).toBe(true);
    expect(id({ stationID: undefined, path: "a/b" })).not.toBe(id({ stationID: undefined, path: "a_b" }));
  });

  test("of two networks' stations with one id, the one that had it keeps it", () => {
    const [a, b] = [
      { stationID: "7", path: "a" },
      { stationID: "7", path: "b" },
    ];
    expect(objectIds([a, b], new Map())).toEqual(
      new Map([
        ["a", "voltbridge_7"],
        ["b", "voltbridge_7_b"],
      ]),
    );
    expect(objectIds([a, b], new Map([["voltbridge_7", "b"]])).get("b")).toBe("voltbridge_7");
  });

  test("names are text: quotes, emoji, 200 characters, equal ones", () => {
    const rows = "n,stationName,StationRegister,,string,,,FALSE,\nl,portLoad,LoadRegister,1,float,kW,,FALSE,";
    for (const name of ["Garage \"B\" '1'", "🚗⚡", "x".repeat(200), "Ünïcode / + #"]) {
      const document = describeDevice(station(rows), context({ latest: new Map([["n", name]]) }));
      expect(document.refused).toEqual([]);
      expect((document.shared.device as { name: string }).name).toBe(name);
      expect(configOf(document, "port1_Load_portLoad").default_entity_id).toMatch(/^sensor\.[a-z0-9_]+$/);
    }
  });

  test("names that two points would have, and two points with one value", () => {
    const two =
      "networkStatus,networkStatus,StationRegister,,string,,,FALSE,\nreach,networkStatus,StationStatusRegister,,string,,,FALSE,";
    const names = describeDevice(station(two), context()).components.map(({ config }) => config.name);
    expect(names).toEqual(["Reachable", "Reachable (reach)"]);
    const twice = "a,portLoad,LoadRegister,1,float,kW,,FALSE,\nb,portLoad,LoadRegister,1,float,kW,,FALSE,";
    const [refused] = describeDevice(station(twice), context()).refused;
    expect(refused).toMatchObject({ point: "b", rule: "same_value" });
    expect(refused!.text).toContain(
      'point "b" (LoadRegister, portLoad, port 1) reads the same value as point "a"',
    );
  });

  test("HA Class decides, keeps out, or is reported", () => {
    const more = ",HA Class";
    const row = (type: string, units: string, haClass: string) =>
      `p,someField,ChargingStationRegister,,${type},${units},,FALSE,,${haClass}`;
    const described = (type: string, units: string, haClass: string) =>
      describeDevice(
        deviceOf(csv(row(type, units, haClass), more), "econnect", { stationID: "1" }),
        context(),
      );
    const one = (type: string, units: string, haClass: string) =>
      described(type, units, haClass).components[0];
    expect(one("float", "degC", "Temperature")!.config).toMatchObject({
      ...{ device_class: "temperature", unit_of_measurement: "°C", state_class: "measurement" },
    });
    expect(one("float", "kWh", "energy")!.config).toMatchObject({ state_class: "total_increasing" });
    expect(one("boolean", "", "plug")).toMatchObject({
      platform: "binary_sensor",
      config: { device_class: "plug" },
    });
    expect(one("integer", "", "door")).toMatchObject({
      platform: "binary_sensor",
      config: { device_class: "door" },
    });
    expect(described("float", "kW", "none")).toMatchObject({ components: [], refused: [] });
    for (const [type, units, haClass] of [
      ["float", "", "heat pump"],
      ["float", "kW", "energy"],
      ["string", "", "power"],
      ["string", "", "plug"],
      ["float", "", "timestamp"],
      ["float", "", "power"],
    ] as const)
      expect(described(type, units, haClass).refused, `${type} ${haClass}`).toHaveLength(1);
  });

  test("a limit: range of the row, else of the ports, box, clear and duration", () => {
    const nominal =
      "kw1,Power,StationRegister,1,float,kW,,FALSE,,,\nkw2,Power,StationRegister,2,float,kW,,FALSE,,,";
    const limits =
      "l,allowedLoad,LoadRegister,,float,kW,,TRUE,,,\nl1,allowedLoad,LoadRegister,1,float,kW,,TRUE,,,\nl2,allowedLoad,LoadRegister,2,float,kW,,TRUE,,1,6";
    const device = station(`${nominal}\n${limits}`, ",Min,Max");
    const latest = new Map<string, PointValue>([
      ["kw1", 7.2],
      ["kw2", 11],
    ]);
    const document = describeDevice(device, context({ latest }));
    const rangeOf = (key: string) => {
      const { min, max, step, mode } = configOf(document, key);
      return { min, max, step, mode };
    };
    expect(rangeOf("station_Load_allowedLoad")).toEqual({ min: 0, max: 18.2, step: 0.1, mode: "box" });
    expect(rangeOf("port1_Load_allowedLoad")).toEqual({ min: 0, max: 7.2, step: 0.1, mode: "box" });
    expect(rangeOf("port2_Load_allowedLoad")).toEqual({ min: 1, max: 6, step: 0.1, mode: "box" });
    const components = byKey(document);
    expect(components.port1_clear_limit!.command).toEqual({ action: "revert", point: "l1" });
    expect(components.station_limit_duration!.command).toEqual({ action: "duration" });
    expect(components.port1_Load_allowedLoad!.config.command_topic).toBe(
      "voltbridge/main/home_assistant/voltbridge_1_34003/port1_Load_allowedLoad/set",
    );
    expect(valuesNeeded(device)).toEqual(["kw1", "kw2"]);
    const v4 = describeDevice(device, context({ protocolVersion: 4 }));
    expect(configOf(document, "port1_clear_limit").message_expiry_interval).toBe(60);
    expect(configOf(v4, "port1_clear_limit").message_expiry_interval).toBeUndefined();
  });

  test("a limit whose 0 can mean two things is withheld", () => {
    const device = station("l1,allowedLoad,LoadRegister,1,float,kW,,TRUE,");
    const mqtt = { state: "json", noLimit: "zero", stateRefreshSeconds: 300 } as const;
    const [refused] = describeDevice(device, context({ mqtt })).refused;
    expect(refused).toMatchObject({ rule: "no_limit", point: "l1" });
    expect(refused!.text).toContain("set mqtt.no_limit to null");
  });

  test("the bridge is a device of its own, to which the others belong", () => {
    const bridge = describeBridge(context());
    expect(bridge.refused).toEqual([]);
    const { via_device } = describeDevice(WHOLE, context()).shared.device as { via_device: string };
    expect((bridge.shared.device as { identifiers: string[] }).identifiers).toEqual([via_device]);
  });
});

describe("messages", () => {
  const document = describeDevice(WHOLE, context());

  test("both forms tell the same of each entity", () => {
    const [{ topic, payload }] = messagesOf(document, "device", "homeassistant") as [
      { topic: string; payload: string },
    ];
    expect(topic).toBe("homeassistant/device/voltbridge_1_34003/config");
    const { components, ...shared } = JSON.parse(payload);
    const single = messagesOf(document, "component", "homeassistant");
    expect(single).toHaveLength(Object.keys(components).length);
    for (const { topic: one, payload: text } of single) {
      const [, platform, objectId, key, end] = one.split("/");
      expect([objectId, end]).toEqual(["voltbridge_1_34003", "config"]);
      expect({ ...shared, ...components[key!] }).toEqual({ platform, ...JSON.parse(text) });
    }
  });

  test("a document that is too large for a broker's limit goes out in many messages", () => {
    const rows = Array.from(
      { length: 1000 },
      (_, i) => `p${i},field${i},ChargingStationRegister,,float,kW,,FALSE,`,
    );
    const large = describeDevice(deviceOf(csv(rows.join("\n")), "econnect", { stationID: "1" }), context());
    expect(formFor(document, "device", "homeassistant")).toBe("device");
    expect(formFor(document, "component", "homeassistant")).toBe("component");
    expect(formFor(large, "device", "homeassistant")).toBe("component");
    const sizes = messagesOf(large, "component", "homeassistant").map(({ payload }) =>
      Buffer.byteLength(payload),
    );
    expect(Math.max(...sizes)).toBeLessThan(4096);
  });
});

describe("from what was published to what is wanted", () => {
  const wanted = (rows: string, form: "device" | "component" = "device", changes = {}) => {
    const document = describeDevice(station(rows, "", changes), context());
    return { document, form, prefix: "ha" };
  };
  const LOAD = "a,portLoad,LoadRegister,1,float,kW,,FALSE,";
  const FAULT = "b,faultReason,StationStatusRegister,1,string,,,FALSE,";
  const read = (text: string) => (text === "" ? "" : JSON.parse(text));
  const steps = (...[before, after]: Parameters<typeof transition>) =>
    transition(before, after).map(({ topic, payload }) => [topic, read(payload)] as const);
  const DEVICE = "ha/device/voltbridge_1_34003/config";
  const COMPONENT = (platform: string, key: string) => `ha/${platform}/voltbridge_1_34003/${key}/config`;

  test("a new device, and one that is gone", () => {
    expect(steps(undefined, wanted(LOAD)).map(([topic]) => topic)).toEqual([DEVICE]);
    expect(steps(publishedOf(wanted(LOAD)), undefined)).toEqual([[DEVICE, ""]]);
    const gone = steps(publishedOf(wanted(LOAD, "component")), undefined);
    expect(gone).toEqual([
      [COMPONENT("sensor", "port1_Load_portLoad"), ""],
      [COMPONENT("binary_sensor", "port1_charging"), ""],
    ]);
  });

  test("an entity that goes is named by its platform first, then left out", () => {
    const [first, second, ...more] = steps(publishedOf(wanted(`${LOAD}\n${FAULT}`)), wanted(LOAD));
    expect(more).toEqual([]);
    expect(first![1].components.port1_StationStatus_faultReason).toEqual({ platform: "sensor" });
    expect(Object.keys(second![1].components)).toEqual(["port1_Load_portLoad", "port1_charging"]);
  });

  test("an entity that changes its platform goes and comes", () => {
    const readOnly = "s,enabled,FakeRegister,,boolean,,,FALSE,";
    const fake = (row: string) => describeDevice(deviceOf(csv(row), "fake"), context());
    const before = publishedOf({ document: fake(readOnly), form: "device", prefix: "ha" });
    const after = {
      document: fake(readOnly.replace("FALSE", "TRUE")),
      form: "device",
      prefix: "ha",
    } as const;
    const messages = transition(before, after).map(({ payload }) => JSON.parse(payload).components);
    expect(messages).toHaveLength(2);
    expect(messages[0].station_Fake_enabled).toEqual({ platform: "binary_sensor" });
    expect(messages[1].station_Fake_enabled.platform).toBe("switch");
  });

  test("from one form to the other and back, entities are migrated", () => {
    const topics = [COMPONENT("sensor", "port1_Load_portLoad"), COMPONENT("binary_sensor", "port1_charging")];
    const migrate = { migrate_discovery: true };
    const toDevice = steps(publishedOf(wanted(`${LOAD}\n${FAULT}`, "component")), wanted(LOAD));
    expect(toDevice.map(([topic, body]) => [topic, body.components ? "document" : body])).toEqual([
      [COMPONENT("sensor", "port1_StationStatus_faultReason"), ""],
      ...topics.map((topic) => [topic, migrate]),
      [DEVICE, "document"],
      ...topics.map((topic) => [topic, ""]),
    ]);
    const toComponents = steps(publishedOf(wanted(LOAD)), wanted(LOAD, "component"));
    expect(toComponents.map(([topic]) => topic)).toEqual([DEVICE, ...topics, DEVICE]);
    expect(toComponents[0]![1]).toEqual(migrate);
    expect(toComponents.at(-1)![1]).toBe("");
  });

  test("another id or prefix: the old one goes first", () => {
    const before = publishedOf(wanted(LOAD, "device", { stationID: undefined }));
    const [first, second] = steps(before, wanted(LOAD));
    expect(first).toEqual([`ha/device/${before.objectId}/config`, ""]);
    expect(second![0]).toBe(DEVICE);
  });
});
