import { setImmediate as nextTurn } from "node:timers/promises";
import type { RunningDevices } from "../devices/index.ts";
import {
  type DeviceInfo,
  type PointValue,
  type PortEnergy,
  type PortPoints,
  type PortState,
  portState,
  portsOf,
} from "../points/index.ts";
import { type Families, type Family, type Series, single, watts } from "./families.ts";

export interface DeviceMetricsOptions {
  readonly latest: RunningDevices["latest"];
  readonly families: Families;
  /** Returns the lifetime energy of a station's ports. Absent: sessions are not read. */
  readonly lifetimeEnergy?: (stationID: string | undefined) => Iterable<PortEnergy>;
  readonly perPort: boolean;
  /** Maximum number of series of devices and ports. */
  readonly maxSeries: number;
}

const STATES: readonly PortState[] = ["available", "in_use", "faulted", "unreachable", "unknown"];
const JOULES_PER_KWH = 3_600_000;
/** Maximum time spent on devices before yielding to the event loop, in milliseconds. */
const TURN_MS = 10;

/** Metrics with a series for each device or port, by name: counters end with `_total`, the others are gauges. */
const EACH = {
  voltbridge_device_up: "Whether the device is online: 1, or 0 while it is stale or offline.",
  voltbridge_device_last_scrape_timestamp_seconds:
    "When the values of the last successful scrape were read; absent before the first.",
  voltbridge_device_power_watts: "Present load of the whole station.",
  voltbridge_port_up:
    "Whether the port can be used: 1 while it is available or in use, else 0; absent while its state is not known. Its average over time is the port's uptime.",
  voltbridge_port_state: "State of the port: 1 for the present one, 0 for the others.",
  voltbridge_port_power_watts: "Present load.",
  voltbridge_port_limited: "Whether a limit is in force at the port: 0 or 1.",
  voltbridge_port_limit_watts:
    "Limit in force; absent while there is none, or while it is a share of the load.",
  voltbridge_port_shed_ratio: "Share of the load that is shed, 0 to 1; absent without such a limit.",
  voltbridge_port_session_energy_joules: "Energy of the port's latest session; divide by 3600000 for kWh.",
  voltbridge_port_energy_joules_total:
    "Energy of all sessions of the port, the one under way included; absent unless sessions are read (sessions.enabled).",
  voltbridge_port_sessions_total:
    "Number of sessions of the port, the one under way included; absent unless sessions are read (sessions.enabled).",
} as const;

type Name = keyof typeof EACH;

/**
 * The latest values of devices and ports. Values older than three intervals are left out: a graph would show them as present.
 * While the network does not reach a station, only its state is shown.
 */
export class DeviceMetrics {
  readonly #options: DeviceMetricsOptions;
  readonly #totals: Readonly<Record<"ports" | "sessions" | "series" | "omitted", Family>>;

  constructor(options: DeviceMetricsOptions) {
    const { families } = options;
    this.#options = options;
    this.#totals = {
      ports: families.gauge(
        "voltbridge_ports",
        "Number of ports by state; unknown also where the state was not read within three intervals.",
        "state",
      ),
      sessions: families.gauge(
        "voltbridge_sessions_in_progress",
        "Number of ports with a session under way, by the id of the session; where the registry has none, by the state.",
      ),
      series: families.gauge(
        "voltbridge_metrics_series",
        "Number of series of devices and ports in this text; at most the setting metrics.max_series.",
      ),
      omitted: families.gauge(
        "voltbridge_metrics_series_omitted",
        "Number of series of devices and ports that are left out because of metrics.max_series.",
      ),
    };
  }

  /** Updates the totals, and returns the text of the devices' own series and how many of them were left out. */
  async update(): Promise<{ readonly text: string; readonly omitted: number }> {
    const { latest, perPort, maxSeries, lifetimeEnergy } = this.#options;
    const counts = { available: 0, in_use: 0, faulted: 0, unreachable: 0, unknown: 0 };
    let sessions = 0;
    const text = new SeriesText(maxSeries);
    let turnAt = performance.now();
    for (const { device, availability, observedAt, isRecent } of latest.summaries()) {
      const isOnline = availability === "online" && isRecent;
      const { station, places } = placesOf(device);
      const value: ValueOf = (point) =>
        point === undefined ? undefined : latest.value(device.path, point)?.value;
      if (perPort) {
        text.add("voltbridge_device_up", station.labels, availability === "online" ? 1 : 0);
        if (observedAt)
          text.add(
            "voltbridge_device_last_scrape_timestamp_seconds",
            station.labels,
            observedAt.getTime() / 1000,
          );
        if (isOnline)
          text.add("voltbridge_device_power_watts", station.labels, kilowatts(value(station.points.load)));
      }
      for (const place of places) {
        const { points } = place;
        const said = isRecent ? value(points.state) : undefined;
        const state = portState(said);
        if (points.state !== undefined) counts[state]++;
        if (isOnline && hasSession(points, value, state)) sessions++;
        if (!perPort) continue;
        if (isRecent && points.state !== undefined) addState(text, place, state, said);
        if (isOnline) addValues(text, place, value);
      }
      if (perPort) addLifetime(text, device, lifetimeEnergy?.(device.stationID) ?? []);
      text.endDevice();
      if (performance.now() - turnAt > TURN_MS) {
        await nextTurn();
        turnAt = performance.now();
      }
    }
    this.#totals.ports.set(STATES.map((state): Series => [{ state }, counts[state]]));
    this.#totals.sessions.set(single(sessions));
    this.#totals.series.set(single(text.series));
    this.#totals.omitted.set(single(text.omitted));
    return { text: perPort ? text.toString() : "", omitted: text.omitted };
  }
}

function addState(
  text: SeriesText,
  { labels, states }: Place,
  state: PortState,
  said: PointValue | undefined,
): void {
  for (const [name, ofState] of states) text.add("voltbridge_port_state", ofState, name === state ? 1 : 0);
  text.add("voltbridge_port_up", labels, isUp(state, said));
}

function addValues(text: SeriesText, { labels, points }: Place, value: ValueOf): void {
  text.add("voltbridge_port_power_watts", labels, kilowatts(value(points.load)));
  const limit = limitOf(points, value);
  if (limit) {
    text.add("voltbridge_port_limited", labels, limit.isLimited ? 1 : 0);
    text.add("voltbridge_port_limit_watts", labels, kilowatts(limit.kw));
    text.add("voltbridge_port_shed_ratio", labels, limit.percent && limit.percent / 100);
  }
  const energy = value(points.energy);
  if (typeof energy === "number")
    text.add("voltbridge_port_session_energy_joules", labels, Math.round(energy * JOULES_PER_KWH));
}

function addLifetime(text: SeriesText, { path }: DeviceInfo, energies: Iterable<PortEnergy>): void {
  for (const { port, energyKwh, sessions } of energies) {
    const labels = `{device="${escaped(path)}",port="${escaped(port)}"}`;
    text.add("voltbridge_port_energy_joules_total", labels, Math.round(energyKwh * JOULES_PER_KWH));
    text.add("voltbridge_port_sessions_total", labels, sessions);
  }
}

/**
 * The text of many series, which the library would write several times slower. Once the series of one device exceed the
 * maximum, those of all later devices are left out, so that the same ones are shown each time.
 */
class SeriesText {
  readonly #max: number;
  readonly #lines: Record<Name, string[]>;
  #own: [Name, line: string][] = [];
  series = 0;
  omitted = 0;

  constructor(max: number) {
    this.#max = max;
    this.#lines = Object.fromEntries(NAMES.map((name) => [name, [] as string[]])) as Record<Name, string[]>;
  }

  add(name: Name, labels: string, value: number | undefined): void {
    if (value !== undefined) this.#own.push([name, `${name}${labels} ${value}`]);
  }

  endDevice(): void {
    const own = this.#own;
    this.#own = [];
    if (this.omitted > 0 || this.series + own.length > this.#max) {
      this.omitted += own.length;
      return;
    }
    this.series += own.length;
    for (const [name, line] of own) this.#lines[name].push(line);
  }

  toString(): string {
    return NAMES.map(
      (name) =>
        `# HELP ${name} ${EACH[name]}\n# TYPE ${name} ${name.endsWith("_total") ? "counter" : "gauge"}\n${this.#lines[name].map((line) => `${line}\n`).join("")}`,
    ).join("\n");
  }
}

const NAMES = Object.keys(EACH) as Name[];

/** A port, or a station whose registry names none, with the text of its labels. */
interface Place {
  readonly points: PortPoints;
  readonly labels: string;
  readonly states: readonly (readonly [state: PortState, labels: string])[];
}

interface Places {
  readonly station: Place;
  readonly places: readonly Place[];
}

const known = new WeakMap<DeviceInfo, Places>();

function placesOf(device: DeviceInfo): Places {
  const before = known.get(device);
  if (before) return before;
  const { station, ports } = portsOf(device.points);
  const ofDevice = `device="${escaped(device.path)}"`;
  const place = (points: PortPoints): Place => {
    const own = points.port === undefined ? ofDevice : `${ofDevice},port="${escaped(points.port)}"`;
    const states = STATES.map((state) => [state, `{${own},state="${state}"}`] as const);
    return { points, labels: `{${own}}`, states };
  };
  const stationPlace = place(station);
  const found = { station: stationPlace, places: ports.length > 0 ? ports.map(place) : [stationPlace] };
  known.set(device, found);
  return found;
}

/** Escapes the value of a label (text format 0.0.4). */
function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}

type ValueOf = (point: string | undefined) => PointValue | undefined;

/** Networks send 0 or nothing as the id while no session is under way. */
function hasSession({ session }: PortPoints, value: ValueOf, state: PortState): boolean {
  if (session === undefined) return state === "in_use";
  const id = value(session) ?? "";
  return id !== "" && String(id) !== "0";
}

/** UNKNOWN is what a network says of a port that is out of order; a word that has no meaning here says nothing. */
function isUp(state: PortState, text: PointValue | undefined): number | undefined {
  if (state !== "unknown") return state === "available" || state === "in_use" ? 1 : 0;
  return typeof text === "string" && text.toUpperCase() === "UNKNOWN" ? 0 : undefined;
}

interface LimitInForce {
  readonly isLimited: boolean;
  readonly kw?: number;
  readonly percent?: number;
}

/** Returns undefined where the registry has no point that tells. */
function limitOf({ limited, limit, limitPercent }: PortPoints, value: ValueOf): LimitInForce | undefined {
  const kw = value(limit);
  const percent = value(limitPercent);
  const flag = value(limited);
  if (typeof kw !== "number" && typeof percent !== "number" && flag === undefined) return undefined;
  const isPercent = typeof percent === "number" && percent > 0;
  const isLimited = flag === undefined ? isPercent || (typeof kw === "number" && kw > 0) : Number(flag) === 1;
  if (!isLimited) return { isLimited };
  if (isPercent) return { isLimited, percent };
  return { isLimited, kw: typeof kw === "number" ? kw : undefined };
}

function kilowatts(value: PointValue | undefined): number | undefined {
  return typeof value === "number" ? watts(value) : undefined;
}
