import type { LimitPoints } from "../config/index.ts";
import type { DeviceInfo, PointValue } from "../points/index.ts";
import type { Reading } from "./outlet.ts";

/** The points of a device for one outlet, including the one that limits it. */
export interface Source {
  readonly id: string;
  readonly device: DeviceInfo;
  /** Name of the limiting point; writable, kW. */
  readonly limit: string;
  readonly load: string;
  readonly state: string | undefined;
  readonly percent: string | undefined;
  /** One for each port of the outlet; empty where the registry has none. */
  readonly sessions: readonly string[];
  readonly statuses: readonly string[];
  readonly powers: readonly string[];
}

/** Returns the outlets of a device: one for each port matched by the `*` in the names; without a `*`, the whole device. */
export function sourcesOf(device: DeviceInfo, points: LimitPoints): Source[] {
  const writable = [...device.points.values()].filter((point) => point.writable).map(({ name }) => name);
  return writable.flatMap((limit) => {
    const port = portIn(limit, points.limit);
    if (port === undefined) return [];
    const named = (pattern: string) =>
      all(device, points.limit.includes("*") ? fill(pattern, port) : pattern);
    const [load] = named(points.load);
    if (load === undefined) return [];
    return {
      id: `${device.path}/${limit}`,
      device,
      limit,
      load,
      state: named(points.state)[0],
      percent: named(points.percent)[0],
      sessions: named(points.session),
      statuses: named(points.status),
      powers: named(points.power),
    };
  });
}

/** Returns an outlet's values in a scrape. Points that could not be read are omitted. */
export function read(source: Source, values: ReadonlyMap<string, PointValue>, at: number): Reading {
  const loadKw = numberOf(values.get(source.load));
  const limitKw = limitOf(source, values);
  const nominalKw = nominalOf(source, values);
  return {
    at,
    ...(loadKw !== undefined && { loadKw }),
    ...(limitKw !== undefined && { limitKw }),
    ...(nominalKw !== undefined && { nominalKw }),
    ...presence(source, values),
  };
}

/**
 * Returns the absolute limit in force; null for none, and for a share of an unknown load, which may be all. A limit reads 0
 * where there is none, so 0 without a state is not conclusive.
 */
function limitOf(source: Source, values: ReadonlyMap<string, PointValue>): number | null | undefined {
  const limit = numberOf(values.get(source.limit));
  if (source.state === undefined) return limit === 0 ? undefined : limit;
  const state = numberOf(values.get(source.state));
  if (state === undefined) return undefined;
  if (state === 0) return null;
  const percent = source.percent === undefined ? 0 : (numberOf(values.get(source.percent)) ?? 0);
  return percent > 0 ? null : limit;
}

/** Returns the sum over the ports, where all are known. */
function nominalOf({ powers }: Source, values: ReadonlyMap<string, PointValue>): number | undefined {
  const all = powers.map((power) => numberOf(values.get(power)));
  if (all.length === 0 || all.some((kw) => kw === undefined || kw <= 0)) return undefined;
  return (all as number[]).reduce((total, kw) => total + kw, 0);
}

/** Returns whether there is a vehicle: by its session, else by the port's status. An idle port has session 0 or none. */
function presence(
  { sessions, statuses }: Source,
  values: ReadonlyMap<string, PointValue>,
): Pick<Reading, "connected" | "session"> {
  if (sessions.length > 0 && sessions.every((name) => values.has(name))) {
    const open = sessions.map((name) => String(values.get(name) ?? "0")).filter((id) => !/^0*$/.test(id));
    return open.length > 0 ? { connected: true, session: open.join(" ") } : { connected: false };
  }
  const said = statuses.map((name) => values.get(name));
  if (said.includes("INUSE")) return { connected: true };
  return said.length > 0 && said.every((status) => status === "AVAILABLE") ? { connected: false } : {};
}

function numberOf(value: PointValue | undefined): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

/** Returns the text matched by the pattern's `*` in a name; undefined where the name does not match. */
function portIn(name: string, pattern: string): string | undefined {
  const [before, after] = pattern.split("*") as [string, string?];
  if (after === undefined) return name === pattern ? "" : undefined;
  if (name.length <= before.length + after.length) return undefined;
  if (!name.startsWith(before) || !name.endsWith(after)) return undefined;
  return name.slice(before.length, name.length - after.length);
}

function fill(pattern: string, port: string): string {
  return pattern.replace("*", () => port);
}

function all(device: DeviceInfo, pattern: string): string[] {
  return [...device.points.keys()].filter((name) => portIn(name, pattern) !== undefined);
}
