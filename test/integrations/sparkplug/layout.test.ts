import { expect, it } from "vitest";
import { DataType } from "../../../src/integrations/sparkplug/codec.ts";
import { layoutOf, metricValue, pointValue } from "../../../src/integrations/sparkplug/layout.ts";
import { device, point } from "../../mqtt/rig.ts";

const of = (port: string) => ({ origin: { register: "LoadRegister", attribute: "x", port } });

it("names that differ in case only, and names of folders, are told apart", () => {
  const { metrics } = layoutOf(
    device("a", [
      point("load_1", of("1")),
      point("Load_1", of("1")),
      point("LOAD_1", of("1")),
      point("load", of("1")),
      point("_1", of("1")),
      point("Port 1"),
      point("alarms"),
      point("Results", { writable: true }),
    ]),
  );
  expect(metrics.map(({ name }) => name)).toEqual([
    "Results/Last Refusal",
    "Alarms/Open",
    "Alarms/Names",
    "Alarms/Last Change",
    "Port 1/Lifetime Energy",
    "Port 1/load",
    "Port 1/Load_1",
    "Port 1/LOAD_1 2",
    "Port 1/load 2",
    "Port 1/_1",
    "Port 1 2",
    "alarms 2",
    "Results 2",
    "Results/Results 2/Status",
    "Results/Results 2/Id",
    "Results/Results 2/Message",
  ]);
});

it.each([
  [DataType.DateTime, "2026-11-30T08:00:00Z", Date.parse("2026-11-30T08:00:00Z")],
  [DataType.DateTime, "soon", null],
  [DataType.String, { a: [1] }, '{"a":[1]}'],
  [DataType.Double, "3.3", null],
  [DataType.Boolean, true, true],
  [DataType.Double, 0, 0],
  [DataType.String, "", ""],
  [DataType.Int64, null, null],
])("a value of type %i: %j is %j", (type, value, expected) => {
  expect(metricValue(type, value)).toBe(expected);
});

it("a written time is text again", () => {
  expect(pointValue(DataType.DateTime, 0)).toBe("1970-01-01T00:00:00.000Z");
});
