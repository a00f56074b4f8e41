import { Type } from "typebox";
import { closest } from "../../config/index.ts";
import { DeviceNotFoundError } from "../../devices/errors.ts";
import type { DeviceState } from "../../devices/index.ts";
import { PointNotFoundError } from "../../drivers/errors.ts";
import type { Point, PointValue } from "../../points/index.ts";
import type { Caller } from "../access/caller.ts";
import { holdingsOf, viewOf } from "../live/device-view.ts";
import type { WebParts } from "../parts.ts";
import {
  type DeviceDetails,
  deviceDetails,
  deviceView,
  type PointView,
  pointView,
  record,
} from "../schemas.ts";
import { Problem } from "../server/problem.ts";
import { type Route, route } from "../server/route.ts";
import type { PersonalData } from "./personal.ts";

/** Longest time that a read of a device may take, in milliseconds. */
const READ_MS = 60_000;

/** Devices, their ports and points, as of the last scrape. */
export function deviceRoutes(parts: WebParts, personal: PersonalData): Route[] {
  const { devices } = parts;
  const stateOf = (path: string): DeviceState => {
    const state = devices.latest.get(path);
    if (!state) throw new DeviceNotFoundError(path, closest(path, devices.byPath.keys()));
    return state;
  };
  const views = (state: DeviceState, caller: Caller): PointView[] =>
    [...state.device.points.values()].map((point) =>
      viewOfPoint(state, point, personal.isWithheld(point, caller)),
    );
  const overrideOf = (path: string): DeviceDetails["override"] => {
    const found = devices.control.overriding.overridePatterns().find((one) => one.devices.includes(path));
    return found ? { pattern: found.pattern, endsAt: found.endsAt?.toISOString() ?? null } : null;
  };
  const reservationOf = (path: string): DeviceDetails["reservation"] => {
    const at = parts.now();
    for (const { taskId, requester, slots } of devices.control.scheduling.tasks())
      for (const [device, start, end] of slots)
        if (device === path && new Date(start) <= at && at < new Date(end))
          return { task: taskId, requester, endsAt: new Date(end).toISOString() };
    return null;
  };
  return [
    route({
      method: "GET",
      path: "/devices",
      role: "view",
      tag: "devices",
      summary: "All devices with the state, load and limit of each port.",
      response: record({ devices: Type.Array(deviceView) }),
      values: true,
      async handle() {
        const holdings = holdingsOf(devices);
        const states = devices.latest.all();
        return { devices: states.map((state) => viewOf(state, holdings)) };
      },
    }),
    route({
      method: "GET",
      path: "/devices/{device}",
      role: "view",
      tag: "devices",
      summary: "A device with all its points: value, age, quality, units, and the call that reads each.",
      response: deviceDetails,
      values: true,
      handle({ params, caller }) {
        const state = stateOf(params.device!);
        const { timezone, path, stationID: station = null } = state.device;
        return {
          ...viewOf(state, holdingsOf(devices)),
          ...{ timezone, station },
          ...{ override: overrideOf(path), reservation: reservationOf(path) },
          points: views(state, caller),
        };
      },
    }),
    route({
      method: "GET",
      path: "/devices/{device}/points/{point}",
      role: "view",
      tag: "devices",
      summary: "One point: as of the last scrape, or read now.",
      query: record({
        fresh: Type.Optional(
          Type.Boolean({
            description: "Read it from the station now, past every cache. Needs the role operate.",
          }),
        ),
      }),
      response: pointView,
      values: true,
      async handle({ params, query, caller, signal }) {
        const state = stateOf(params.device!);
        const point = state.device.points.get(params.point!);
        if (!point)
          throw new PointNotFoundError(
            state.device.path,
            params.point!,
            closest(params.point!, state.device.points.keys()),
          );
        const withheld = personal.isWithheld(point, caller);
        const view = viewOfPoint(state, point, withheld);
        if (!query.fresh) return view;
        if (caller.role === "view")
          throw new Problem(403, "role_required", "reading a station now needs the role operate");
        const value = await devices.commands.get(
          state.device.path,
          point.name,
          AbortSignal.any([signal, AbortSignal.timeout(READ_MS)]),
        );
        const readAt = parts.now().toISOString();
        return { ...view, value: withheld ? null : value, readAt, quality: "good" as const, failure: null };
      },
    }),
  ];
}

function viewOfPoint(state: DeviceState, point: Point, withheld: boolean): PointView {
  const { name, units, type, writable, min = null, max = null, notes, origin } = point;
  const latest = state.values.get(name);
  const failure = state.failures.get(name) ?? null;
  return {
    point: name,
    value: withheld ? null : ((latest?.value ?? null) as PointValue),
    readAt: latest?.at.toISOString() ?? null,
    quality: failure !== null ? "failed" : latest ? qualityOf(state, latest.at) : "none",
    failure,
    ...{ units, type, writable, min, max, notes },
    register: origin?.register ?? null,
    attribute: origin?.attribute ?? null,
    port: origin?.port ?? null,
    call: origin?.call ?? null,
    measure: origin?.measure ?? null,
    personal: origin?.personal === true,
    withheld,
  };
}

function qualityOf({ availability, observedAt }: DeviceState, at: Date): "good" | "stale" {
  return availability === "online" && observedAt !== undefined && at >= observedAt ? "good" : "stale";
}
