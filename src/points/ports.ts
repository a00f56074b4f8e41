import type { Measure, Point } from "./point.ts";
import type { PointValue } from "./value.ts";

/** Names of the points of a port, or of the station itself, by what they mean. */
export interface PortPoints {
  /** Absent: the station itself. */
  readonly port: string | undefined;
  readonly load?: string;
  readonly state?: string;
  readonly limit?: string;
  readonly limitPercent?: string;
  readonly limited?: string;
  readonly energy?: string;
  readonly session?: string;
  readonly reachable?: string;
  readonly name?: string;
  readonly alarm?: string;
  readonly fault?: string;
  readonly nominal?: string;
}

export interface DevicePorts {
  readonly station: PortPoints;
  /** In the order of the registry. */
  readonly ports: readonly PortPoints[];
}

/** Devices of one registry share their points. */
const known = new WeakMap<ReadonlyMap<string, Point>, DevicePorts>();

/** Returns which points of a device are the load, the state, … of each port. Of several with one meaning, the first counts. */
export function portsOf(points: ReadonlyMap<string, Point>): DevicePorts {
  const found = known.get(points) ?? findPorts(points);
  known.set(points, found);
  return found;
}

type Names = { -readonly [Key in keyof PortPoints]: PortPoints[Key] };

const KEYS = {
  load: "load",
  state: "state",
  limit: "limit",
  limit_percent: "limitPercent",
  limited: "limited",
  energy: "energy",
  session: "session",
  reachable: "reachable",
  name: "name",
  alarm: "alarm",
  fault: "fault",
  nominal: "nominal",
} as const satisfies Record<Measure, keyof PortPoints>;

function findPorts(points: ReadonlyMap<string, Point>): DevicePorts {
  const station: Names = { port: undefined };
  const ports = new Map<string, Names>();
  for (const { name, origin } of points.values()) {
    if (!origin) continue;
    const { port, measure } = origin;
    const names = port === undefined ? station : (ports.get(port) ?? { port });
    if (port !== undefined) ports.set(port, names);
    if (measure) names[KEYS[measure]] ??= name;
  }
  return { station, ports: [...ports.values()] };
}

/** State of a port in words common to all networks. */
export type PortState = "available" | "in_use" | "faulted" | "unreachable" | "unknown";

/**
 * Words of the networks for states. eConnect's `operational` is not among them: it is true of a free port and of one in use.
 */
const STATES: ReadonlyMap<string, PortState> = new Map([
  ["AVAILABLE", "available"],
  ["INUSE", "in_use"],
  ["CHARGING", "in_use"],
  ["FAULTED", "faulted"],
  ["NONOPERATIONAL", "faulted"],
  ["OUTOFORDER", "faulted"],
  ["UNREACHABLE", "unreachable"],
]);

/** Returns the state that a network's text means; `unknown` for a text without a common word, and for no text. */
export function portState(text: PointValue | undefined): PortState {
  if (typeof text !== "string") return "unknown";
  return STATES.get(text.toUpperCase().replace(/[\s_-]/g, "")) ?? "unknown";
}
