import { expect, test } from "vitest";
import { type Point, type PointOrigin, portState, portsOf } from "../../src/points/index.ts";

/** Points by name; null: a point without an origin, such as a virtual heartbeat. */
function points(
  origins: Record<string, Pick<PointOrigin, "port" | "measure"> | null>,
): ReadonlyMap<string, Point> {
  const point = (name: string, origin: Pick<PointOrigin, "port" | "measure"> | null): Point => ({
    ...{ name, type: "float", units: "", writable: false, publish: "always", notes: "", extra: {} },
    ...(origin && { origin: { register: "LoadRegister", attribute: "any", ...origin } }),
  });
  return new Map(Object.entries(origins).map(([name, origin]) => [name, point(name, origin)]));
}

test("ports stand in the order of the registry, each with the names of its points; the station has its own", () => {
  const found = portsOf(
    points({
      garageName: { measure: "name" },
      volts: { port: "2" },
      kw2: { port: "2", measure: "load" },
      kw1: { port: "1A", measure: "load" },
      kwAll: { measure: "load" },
      cut1: { port: "1A", measure: "limit_percent" },
      heartbeat: null,
    }),
  );
  expect(found).toEqual({
    station: { port: undefined, name: "garageName", load: "kwAll" },
    ports: [
      { port: "2", load: "kw2" },
      { port: "1A", load: "kw1", limitPercent: "cut1" },
    ],
  });
});

test("of two points with one meaning the first counts; devices that share points share the answer", () => {
  const shared = points({
    status: { port: "1", measure: "state" },
    publicStatus: { port: "1", measure: "state" },
  });
  expect(portsOf(shared).ports).toEqual([{ port: "1", state: "status" }]);
  expect(portsOf(shared)).toBe(portsOf(shared));
});

test.each([
  ["AVAILABLE", "available"],
  ["INUSE", "in_use"],
  ["in use", "in_use"],
  ["UNREACHABLE", "unreachable"],
  ["UNKNOWN", "unknown"],
  ["non-operational", "faulted"],
  // True of a free port and of one in use.
  ["operational", "unknown"],
  ["something new", "unknown"],
  [null, "unknown"],
  [undefined, "unknown"],
  [1, "unknown"],
])("the state %j of a network is %s", (text, state) => {
  expect(portState(text)).toBe(state);
});
