import type { Sheds } from "../../devices/commands.ts";
import type { DeviceState, RunningDevices } from "../../devices/index.ts";
import { type Point, type PointValue, type PortPoints, portState, portsOf } from "../../points/index.ts";
import type { DeviceView, PortView } from "../schemas.ts";

/** Limits that the bridge holds, by device and point, and the paused devices: what a view needs besides the latest values. */
export interface Holdings {
  readonly held: ReadonlyMap<string, readonly Sheds["held"][number][]>;
  readonly paused: ReadonlySet<string>;
}

/** Returns the holdings at this moment. */
export function holdingsOf({ control }: Pick<RunningDevices, "control">): Holdings {
  return {
    held: Map.groupBy(
      control.sheds().held.filter(({ state }) => state !== "ended"),
      ({ device }) => device,
    ),
    paused: new Set(control.pausing.paused().map(({ device }) => device)),
  };
}

/** Returns a device and its ports in words common to all networks. */
export function viewOf(state: DeviceState, { held, paused }: Holdings): DeviceView {
  const { device, availability, since, reason, observedAt } = state;
  const { station, ports } = portsOf(device.points);
  const limits = held.get(device.path) ?? [];
  // A registry can list more ports than the station has.
  const real = observedAt === undefined ? ports : ports.filter((points) => wasRead(points, state));
  const views = real.map((points) => portView(points, station, state, limits));
  const loads = views.map(({ loadKw }) => loadKw).filter((load) => load !== null);
  const own = numberAt(state, station.load);
  return {
    device: device.path,
    name: textAt(state, station.name),
    driver: device.driverType,
    availability,
    since: since.toISOString(),
    reason: reason ?? null,
    readAt: observedAt?.toISOString() ?? null,
    intervalSeconds: device.intervalSeconds,
    paused: paused.has(device.path),
    loadKw: own ?? (loads.length > 0 ? loads.reduce((sum, load) => sum + load, 0) : null),
    ports: views,
  };
}

function wasRead({ port: _, ...points }: PortPoints, { values }: DeviceState): boolean {
  return Object.values(points).some((point) => point !== undefined && values.has(point));
}

function portView(
  points: PortPoints,
  station: PortPoints,
  state: DeviceState,
  held: readonly Sheds["held"][number][],
): PortView {
  const stateText = textAt(state, points.state);
  const fault = faultOf(textAt(state, points.fault));
  const isOut = state.availability === "offline" && state.observedAt !== undefined;
  const { limitPoint, maxKw } = limitPointOf(points, station, state.device.points);
  const nominalKw = numberAt(state, points.nominal);
  return {
    port: points.port ?? "",
    state: isOut ? "unreachable" : fault === null ? portState(stateText) : "faulted",
    stateText: fault ?? stateText,
    loadKw: numberAt(state, points.load),
    loadPoint: points.load ?? null,
    limit: limitOf(points, station, state, held),
    limitPoint,
    maxKw: nominalKw !== null && nominalKw < (maxKw ?? Infinity) ? nominalKw : maxKw,
  };
}

/** Returns the reason why a port is out of order; null where the network says that there is none. */
function faultOf(text: string | null): string | null {
  return text === null || /^(none|no[_ ]?error)$/i.test(text) ? null : text;
}

/** Returns the point that limits a port: its own, else the station's; with the largest value that may be written. */
function limitPointOf(own: PortPoints, station: PortPoints, points: ReadonlyMap<string, Point>) {
  const names = [own.limit, station.limit];
  const name = names.find((one) => one !== undefined && points.get(one)?.writable);
  return { limitPoint: name ?? null, maxKw: (name !== undefined && points.get(name)?.max) || null };
}

function limitOf(
  own: PortPoints,
  station: PortPoints,
  state: DeviceState,
  held: readonly Sheds["held"][number][],
): PortView["limit"] {
  const mine = [own, station]
    .flatMap(({ limit, limitPercent, limited }) => [limit, limitPercent, limited])
    .flatMap((point) => held.find((one) => one.point === point) ?? []);
  const [hold] = mine;
  const isLimited = numberAt(state, own.limited);
  const percent = numberAt(state, own.limitPercent);
  const kw = numberAt(state, own.limit);
  const shows = isLimited === null ? (kw ?? 0) > 0 : isLimited === 1;
  if (!shows && !hold) return null;
  const isShare = (percent ?? 0) > 0;
  return {
    kw: shows ? (isShare ? null : kw) : heldKw(hold, own, station),
    percent: shows && isShare ? percent : null,
    state: hold && hold.state !== "ended" ? hold.state : null,
    requester: hold?.requester ?? null,
    since: hold?.since ?? null,
    // A lease is renewed before it ends.
    endsAt: hold?.leaseSeconds === null ? hold.endsAt : null,
  };
}

/** Returns the limit of a hold that the station does not show yet. */
function heldKw(hold: Sheds["held"][number] | undefined, ...places: readonly PortPoints[]): number | null {
  const isKw = places.some(({ limit }) => limit === hold?.point);
  return isKw && typeof hold?.value === "number" ? hold.value : null;
}

function valueAt(state: DeviceState, point: string | undefined): PointValue | undefined {
  return point === undefined ? undefined : state.values.get(point)?.value;
}

function numberAt(state: DeviceState, point: string | undefined): number | null {
  const value = valueAt(state, point);
  return typeof value === "number" ? value : null;
}

function textAt(state: DeviceState, point: string | undefined): string | null {
  const value = valueAt(state, point);
  return typeof value === "string" && value !== "" ? value : null;
}
