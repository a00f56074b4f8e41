import { Type } from "typebox";
import { parseTime } from "../../historian/time.ts";
import { portsOf } from "../../points/ports.ts";
import type { WebParts } from "../parts.ts";
import { list, nameText, nullable, record, time } from "../schemas.ts";
import { type Route, route } from "../server/route.ts";

const TIME = "ISO 8601 (UTC where it has no zone), or relative to now: `now -1d`.";

/** Alarms of the stations: those that the network reported, and what the devices show now. */
export function alarmRoutes({ devices, sessions, now }: WebParts): Route[] {
  return [
    route({
      method: "GET",
      path: "/alarms",
      role: "view",
      tag: "alarms",
      summary: "Alarms: reported by the network, the newest first, and as the devices show them now.",
      query: record({
        from: Type.Optional(nameText({ description: `Alarms at or after this. ${TIME}` })),
        to: Type.Optional(nameText({ description: `And before this. ${TIME}` })),
        station: Type.Optional(nameText({ description: "Id of the station at the network." })),
        count: Type.Integer({ minimum: 1, maximum: 10_000, default: 500 }),
      }),
      response: record({
        alarms: list(
          record({
            station: Type.String({ description: "Id of the station at the network." }),
            device: nullable(Type.String({ description: "Its device, where this bridge runs it." })),
            port: nullable(Type.String({ description: "Null: of the station itself." })),
            type: Type.String(),
            at: time("When it occurred."),
          }),
          { description: "Of the session tables; empty where sessions are not read." },
        ),
        now: list(
          record({
            device: Type.String(),
            port: nullable(Type.String()),
            point: Type.String(),
            type: Type.String(),
            readAt: time("When it was read."),
          }),
          { description: "Last alarm of each port that has one, by the points of the devices." },
        ),
      }),
      values: true,
      async handle({ query: { from, to, station, count }, signal }) {
        const rows = await sessions?.newestAlarms({
          ...(from !== undefined && { from: new Date(parseTime(from, now(), "from") / 1000) }),
          ...(to !== undefined && { to: new Date(parseTime(to, now(), "to") / 1000) }),
          ...(station !== undefined && { stationID: station }),
          ...{ count, signal },
        });
        const paths = new Map(devices.infos.map(({ path, stationID }) => [stationID, path]));
        return {
          alarms: (rows ?? []).map(({ station_id, port_number, type, occurred_at }) => ({
            station: station_id,
            device: paths.get(station_id) ?? null,
            port: port_number === "" ? null : port_number,
            ...{ type, at: occurred_at },
          })),
          now: devices.latest.all().flatMap(shownAlarms).slice(0, count),
        };
      },
    }),
  ];
}

function shownAlarms({ device, values }: ReturnType<WebParts["devices"]["latest"]["all"]>[number]) {
  const { station, ports } = portsOf(device.points);
  return [station, ...ports].flatMap(({ port = null, alarm }) => {
    const latest = alarm === undefined ? undefined : values.get(alarm);
    if (alarm === undefined || !latest || typeof latest.value !== "string" || latest.value === "") return [];
    return [{ device: device.path, port, point: alarm, type: latest.value, readAt: latest.at.toISOString() }];
  });
}
