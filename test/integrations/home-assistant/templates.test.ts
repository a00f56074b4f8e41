import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import {
  type Component,
  type DocumentContext,
  describeDevice,
} from "../../../src/integrations/home-assistant/documents/index.ts";
import type { DeviceInfo, Point, PointValue } from "../../../src/points/index.ts";
import { context, deviceOf, stateOf, topics } from "../../helpers/home-assistant.ts";
import { jinjaInstalled, PYTHON } from "../../helpers/python.ts";

const HARNESS = fileURLToPath(new URL("../../interop/home_assistant_templates.py", import.meta.url));

interface Rendering {
  readonly template: string;
  readonly payload: string;
}
interface Rendered {
  readonly text: string | null;
  readonly trouble: readonly string[];
}

/** In one Python process. */
function render(renderings: readonly Rendering[]): Rendered[] {
  const { stdout, stderr, status } = spawnSync(PYTHON, [HARNESS], { input: JSON.stringify(renderings) });
  expect(stderr.toString(), "the harness").toBe("");
  expect(status).toBe(0);
  return JSON.parse(stdout.toString());
}

const STATION = deviceOf("registry/chargepoint.csv", "chargepoint", {
  stationID: "1:34003",
  readsAlarms: true,
});

/** A value of each point's type, as a network might send it. */
function usual({ type, origin }: Point): PointValue {
  if (origin?.words) return origin.words[0]!;
  if (origin?.measure === "reachable") return "REACHABLE";
  if (/Duration$/.test(origin?.attribute ?? "")) return "01:30:05";
  const values: Record<Point["type"], PointValue> = {
    ...{ string: "text", integer: 1, float: 4.25, boolean: true, dictionary: { a: 1 } },
    ...{ datetime: "2026-11-21T07:30:00Z", date: "2026-11-21", time: "07:30:00" },
  };
  return values[type];
}

const odd = (point: Point): PointValue =>
  point.type === "string" ? `"'{{ x }} \\ ${"😀".repeat(300)}` : usual(point);

const valuesOf = (device: DeviceInfo, of: (point: Point) => PointValue | undefined) =>
  new Map(
    [...device.points.values()].flatMap((point) => {
      const value = of(point);
      return value === undefined ? [] : [[point.name, value] as const];
    }),
  );

const NUMBERS = /^-?\d+(\.\d+)?(e-?\d+)?$/;

/** What Home Assistant's platform does with a state, as an accusation where it would not show it. */
function complaint({ platform, config }: Component, text: string): string | undefined {
  if (text === "None") return undefined;
  if (platform === "binary_sensor" || platform === "switch")
    return ["ON", "OFF"].includes(text) ? undefined : "no payload of it";
  if (platform === "event") return JSON.parse(text).event_type ? undefined : "no event_type";
  if (config.options) return (config.options as string[]).includes(text) ? undefined : "no option of it";
  if (config.device_class === "timestamp")
    return /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(text) ? undefined : "no time with a zone";
  if (config.device_class === "date") return /^\d{4}-\d\d-\d\d$/.test(text) ? undefined : "no date";
  if (platform === "number" || config.unit_of_measurement || config.state_class)
    return NUMBERS.test(text) ? undefined : "no number";
  return [...text].length <= 255 ? undefined : "too long";
}

/** Renders every template of a device against what is published of it each time, and returns the states by key each time. */
function allStatesOf(
  device: DeviceInfo,
  published: readonly ReadonlyMap<string, string>[],
  given: DocumentContext,
): Map<string, string | null>[] {
  const { components } = describeDevice(device, given);
  const asked = published.flatMap((payloads, time) =>
    components.flatMap((component) => {
      const { state_topic: topic, value_template: template } = component.config as Record<string, string>;
      const payload = payloads.get(topic ?? "");
      return template === undefined || payload === undefined ? [] : [{ time, component, template, payload }];
    }),
  );
  const rendered = render(asked);
  const states = published.map(() => new Map<string, string | null>());
  const complaints: string[] = [];
  for (const [i, { time, component }] of asked.entries()) {
    const { text, trouble } = rendered[i]!;
    states[time]!.set(component.key, text);
    const why = text === null ? undefined : complaint(component, text);
    for (const each of [...trouble, ...(why ? [`${why}: ${text}`] : [])])
      complaints.push(`${component.key}: ${each}`);
  }
  expect(complaints).toEqual([]);
  return states;
}

function statesOf(device: DeviceInfo, payloads: ReadonlyMap<string, string>, given: DocumentContext) {
  return allStatesOf(device, [payloads], given)[0]!;
}

const FORMS = ["json", "attribute", "both"] as const;
const withState = (state: (typeof FORMS)[number]) =>
  context({ mqtt: { state, noLimit: "null", stateRefreshSeconds: 300 } });

describe.skipIf(!jinjaInstalled)("templates, rendered by jinja2 against the state view", () => {
  const devices: Record<string, DeviceInfo> = {
    "a station with two ports": STATION,
    "the example registry, of the fake driver": deviceOf("registry/example.csv", "fake"),
    "the smallest registry": deviceOf("registry/chargepoint-minimal.csv", "chargepoint", {
      stationID: "1:2",
    }),
    "an eConnect station": deviceOf("registry/econnect.csv", "econnect", { stationID: "DE*123" }),
  };
  for (const [name, device] of Object.entries(devices))
    for (const state of FORMS)
      test(`${name}: usual values, odd ones, nulls and missing ones are states that Home Assistant takes (${state})`, () => {
        const given = withState(state);
        const published = [usual, odd, () => null, () => undefined].map((of) =>
          stateOf(device, valuesOf(device, of), given),
        );
        for (const states of allStatesOf(device, published, given)) expect(states.size).toBeGreaterThan(0);
      });

  test("a state tells what the value means", () => {
    const values = valuesOf(STATION, usual);
    values.set("Status_1", "INUSE").set("portLoad_2", 0).set("faultReason_2", "NONE");
    values.set("allowedLoad_1", 0).set("Status_2", "SOMETHING NEW").set("reachability", "UNREACHABLE");
    values.set("session_startTime_1", null);
    const states = statesOf(STATION, stateOf(STATION, values), context());
    expect(states.get("port1_StationStatus_Status")).toBe("INUSE");
    expect(states.get("port1_plugged")).toBe("ON");
    expect(states.get("port1_charging")).toBe("ON");
    expect(states.get("port2_StationStatus_Status")).toBe("None");
    expect(states.get("port2_plugged")).toBe("None");
    expect(states.get("port2_charging")).toBe("OFF");
    expect(states.get("station_StationStatus_networkStatus")).toBe("OFF");
    expect(states.get("port1_Load_portLoad")).toBe("4.25");
    expect(states.get("port1_Load_allowedLoad"), "a limit that stops charging").toBe("0");
    expect(states.get("port1_ChargingSession_totalChargingDuration")).toBe("5405");
  });

  test("a text is at most 255 characters, and quotes and emoji in a point's name are only a name", () => {
    const name = `kW "now" '}} {% 🚗`;
    const csv = `Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Starting Value,Writable,Notes\n"${name.replaceAll('"', '""')}",faultReason,StationStatusRegister,1,string,,,FALSE,\n`;
    const device = deviceOf(csv, "chargepoint", { stationID: "1:1" });
    for (const state of FORMS) {
      const given = withState(state);
      const payloads = stateOf(device, new Map([[name, "x".repeat(400)]]), given);
      expect(statesOf(device, payloads, given).get("port1_StationStatus_faultReason")).toBe("x".repeat(255));
    }
  });

  test("no limit is unknown and never 0, with mqtt.no_limit zero too", () => {
    const given = context({ mqtt: { state: "json", noLimit: "zero", stateRefreshSeconds: 300 } });
    const limits = (shedState: number, allowedLoad: number, percentShed: number) => {
      const values = valuesOf(STATION, usual);
      values
        .set("shedState_1", shedState)
        .set("allowedLoad_1", allowedLoad)
        .set("percentShed_1", percentShed);
      const states = statesOf(STATION, stateOf(STATION, values, given), given);
      return [states.get("port1_Load_allowedLoad"), states.get("port1_Load_percentShed")];
    };
    expect(limits(0, 0, 0)).toEqual(["None", "None"]);
    expect(limits(1, 0, 0), "stopped").toEqual(["0", "None"]);
    expect(limits(1, 3.3, 0)).toEqual(["3.3", "None"]);
    expect(limits(1, 0, 40)).toEqual(["None", "40"]);
  });

  test("when a limit ends, alarms, energy and the last command, as they are published", () => {
    const given = context({ energyPorts: new Set(["1"]) });
    const ends = '"ends":{"allowedLoad_1":"2026-11-21T09:00:00.000Z","allowedLoad_2":null}';
    const alarm = (state: string) =>
      JSON.stringify({
        id: "a",
        port: "1",
        alarm: 'Ground "fault" 😀',
        state,
        raisedAt: "x",
        at: null,
        text: "t",
      });
    const payloads = new Map([
      [topics.state(STATION.path), `{"observedAt":null,"quality":"good",${ends}}`],
      [topics.ofDevice("alarm", STATION.path), alarm("raised")],
      [topics.ofDevice("alarms", STATION.path), '{"open":2,"isCut":false,"alarms":[]}'],
      [
        topics.session("energy", "1:34003", "1"),
        '{"stationID":"1:34003","port":"1","energyKwh":8.626706,"sessions":3}',
      ],
      [
        topics.integration("home_assistant", "voltbridge_1_34003/answer"),
        '{"status":"confirmed","text":"done"}',
      ],
    ]);
    const states = statesOf(STATION, payloads, given);
    expect(states.get("port1_Load_allowedLoad_ends")).toBe("2026-11-21T09:00:00.000Z");
    expect(states.get("port2_Load_allowedLoad_ends")).toBe("None");
    expect(states.get("station_Load_allowedLoad_ends")).toBe("None");
    expect(states.get("station_open_alarms")).toBe("2");
    expect(states.get("port1_lifetime_energy")).toBe("8.626706");
    expect(states.get("station_last_command")).toBe("confirmed");
    const raised = JSON.parse(states.get("station_alarm")!);
    expect(raised).toMatchObject({ event_type: "raised", alarm: 'Ground "fault" 😀', port: "1", at: null });
    payloads.set(topics.ofDevice("alarm", STATION.path), alarm("cleared"));
    expect(JSON.parse(statesOf(STATION, payloads, given).get("station_alarm")!).event_type).toBe("cleared");
  });

  test("the start of a session is a time, or empty while it is not known", () => {
    const { components } = describeDevice(STATION, context());
    const energy = components.find(({ key }) => key === "port1_ChargingSession_Energy")!;
    const template = energy.config.last_reset_value_template as string;
    const payload = (value: PointValue) =>
      stateOf(STATION, new Map([["session_startTime_1", value]])).get(topics.state(STATION.path))!;
    const [known, unknown] = render([
      { template, payload: payload("2026-11-21T07:30:00Z") },
      { template, payload: payload(null) },
    ]);
    expect(known).toEqual({ text: "2026-11-21T07:30:00Z", trouble: [] });
    expect(unknown).toEqual({ text: "", trouble: [] });
  });

  test("availability is Home Assistant's two words", () => {
    const { shared } = describeDevice(STATION, context());
    const template = (shared.availability as { value_template?: string }[])[1]!.value_template!;
    const words = ["online", "stale", "offline"].map((payload) => ({ template, payload }));
    expect(render(words).map(({ text }) => text)).toEqual(["online", "offline", "offline"]);
  });
});
