import { type TSchema, Type } from "typebox";
import { parseTime } from "../../historian/time.ts";
import { portsOf } from "../../points/ports.ts";
import {
  columnsOf,
  exportTable,
  type RowOf,
  type SessionReader,
  summarize,
  TABLE_EXPORTS,
  type TableName,
} from "../../sessions/index.ts";
import type { Caller } from "../access/caller.ts";
import type { WebParts } from "../parts.ts";
import { list, nameText, nullable, record, time, value, words } from "../schemas.ts";
import { download, fileName, MEDIA_TYPES } from "../server/download.ts";
import { Problem } from "../server/problem.ts";
import { type Route, route } from "../server/route.ts";
import type { PersonalData } from "./personal.ts";

const TIME = "ISO 8601 (UTC where it has no zone), or relative to now: `now -1d`.";
const range = {
  from: Type.Optional(nameText({ description: `Sessions that start at or after this. ${TIME}` })),
  to: Type.Optional(nameText({ description: `And before this. ${TIME}` })),
  station: Type.Optional(nameText({ description: "Id of the station at the network, e.g. `1:12345`." })),
};

/** Columns for the work of the bridge itself. */
const INNER: ReadonlySet<string> = new Set([
  "account",
  "to_announce",
  "intervals_at",
  "revision",
  "changed_at",
]);

const KINDS: Readonly<Record<string, TSchema>> = {
  text: Type.String(),
  long: Type.String({ description: "A whole number of up to 64 bits." }),
  integer: Type.Integer(),
  number: Type.Number(),
  money: Type.Number(),
  boolean: Type.Boolean(),
};

/** Returns the schema of a table's rows: personal columns are null for those who may not see them. */
function rowOf<N extends TableName>(table: N) {
  const properties = Object.fromEntries(
    columnsOf(table)
      .filter(([name]) => !INNER.has(name))
      .map(([name, { type, doc }]) => {
        const schema = type === "time" ? time(doc) : { ...KINDS[type]!, description: doc };
        return [name, nullable(schema as TSchema)];
      }),
  );
  return Type.Unsafe<Readonly<Record<string, unknown>>>(record(properties));
}

const session = rowOf("session");
const money = list(
  record({
    currency: nullable(Type.String()),
    gross: Type.Number({ description: "Paid by the drivers." }),
    net: Type.Number({ description: "Paid to the organisation." }),
  }),
);

/** Charging sessions, as the bridge read them from the network into its tables. */
export function chargingSessionRoutes(parts: WebParts, personal: PersonalData): Route[] {
  const { devices, historian, now } = parts;
  const log = parts.log.part("web");
  const tag = "sessions";
  const reader = (): SessionReader => {
    if (parts.sessions) return parts.sessions;
    throw noSessions();
  };
  const rangeOf = ({ from, to, station }: { from?: string; to?: string; station?: string }) => ({
    ...(from !== undefined && { from: new Date(parseTime(from, now(), "from") / 1000) }),
    ...(to !== undefined && { to: new Date(parseTime(to, now(), "to") / 1000) }),
    ...(station !== undefined && { stationID: station }),
  });
  const shown = (table: TableName, row: object, caller: Caller): Readonly<Record<string, unknown>> => {
    const maySee = personal.maySee(caller);
    const known = row as Readonly<Record<string, unknown>>;
    return Object.fromEntries(
      columnsOf(table)
        .filter(([name]) => !INNER.has(name))
        .map(([name, column]) => [name, column.personal && !maySee ? null : (known[name] ?? null)]),
    );
  };

  return [
    route({
      method: "GET",
      path: "/sessions",
      role: "view",
      tag,
      summary: "Charging sessions, the newest first, page by page.",
      query: record({
        ...range,
        open: Type.Optional(Type.Boolean({ description: "Only active sessions, or only ended ones." })),
        count: Type.Integer({ minimum: 1, maximum: 1000, default: 100 }),
        after: Type.Optional(nameText({ description: "`next` of the page before." })),
      }),
      response: record({
        sessions: list(session),
        next: nullable(Type.String({ description: "`after` of the next page; null: this is the last." })),
      }),
      values: true,
      async handle({ query: { open, count, after, ...selected }, caller, signal }) {
        const rows = await reader().page({
          ...rangeOf(selected),
          ...{ isOpen: open, count: count + 1, signal },
          after: after === undefined ? undefined : cursorOf(after),
        });
        const page = rows.slice(0, count);
        const last = page.at(-1);
        const next = rows.length > count && last ? `${last.started_at}_${last.session_id}` : null;
        return { sessions: page.map((row) => shown("session", row, caller)), next };
      },
    }),
    route({
      method: "GET",
      path: "/sessions/summary",
      role: "view",
      tag,
      summary:
        "Energy, sessions and money by day, month or station; the last 30 days (by month: 365) by default.",
      query: record({
        ...range,
        by: words(["day", "month", "station"], { default: "day" }),
        timezone: Type.String({
          maxLength: 100,
          default: "UTC",
          description: "Of the calendar, e.g. `Europe/Berlin`.",
        }),
      }),
      response: record({
        by: words(["day", "month", "station"]),
        from: time("Start of the range."),
        to: time("End of the range."),
        rows: list(
          record({
            key: Type.String({ description: "`2026-11-21`, `2026-11`, or the id of the station." }),
            name: nullable(Type.String({ description: "Name of the station." })),
            sessions: Type.Integer(),
            energyKwh: Type.Number(),
            connectedSeconds: Type.Number(),
            chargingSeconds: Type.Number(),
            money,
          }),
        ),
      }),
      values: true,
      async handle({
        query: { by, timezone, from = by === "month" ? "-365d" : "-30d", to = "now", station },
        signal,
      }) {
        const asked = { ...rangeOf({ from, to, ...(station !== undefined && { station }) }), by, signal };
        const { from: start, to: end } = asked as typeof asked & { from: Date; to: Date };
        try {
          const rows = await summarize(reader(), { ...asked, from: start, to: end, timeZone: timezone });
          return { by, from: start.toISOString(), to: end.toISOString(), rows };
        } catch (error) {
          if (error instanceof RangeError) throw new Problem(400, "bad_request", error.message);
          throw error;
        }
      },
    }),
    route({
      method: "GET",
      path: "/sessions/download",
      role: "view",
      tag,
      summary:
        "Sessions as a file of any length, the oldest first; without personal columns for those who may not see them.",
      query: record({ ...range, format: words(TABLE_EXPORTS, { default: "csv" }) }),
      content: ["text/csv", MEDIA_TYPES.jsonl, MEDIA_TYPES.parquet],
      async handle({ query: { format, ...selected }, caller, signal, node }) {
        const rows = reader().rows("session", { ...rangeOf(selected), signal });
        const maySee = personal.maySee(caller);
        const pieces = exportTable("session", rows, format, (column) => column.personal === true && !maySee);
        const file = { name: fileName("sessions", now(), format), type: MEDIA_TYPES[format] };
        return await download(pieces, file, { outgoing: node.outgoing, log });
      },
    }),
    route({
      method: "GET",
      path: "/sessions/{id}",
      role: "view",
      tag,
      summary: "One session with its payments, its quarter hours, and its power curve at full resolution.",
      response: record({
        session,
        payments: list(rowOf("payment")),
        quarterHours: list(rowOf("interval")),
        device: nullable(
          Type.String({ description: "Device of its station; null: not one of this bridge." }),
        ),
        curve: nullable(
          record({
            topic: Type.String(),
            values: list(
              Type.Unsafe<readonly [string, unknown]>({
                type: "array",
                prefixItems: [{ type: "string", format: "date-time" }, value],
                minItems: 2,
                maxItems: 2,
              }),
            ),
          }),
        ),
      }),
      values: true,
      async handle({ params, caller, signal }) {
        const id = /^\d{1,19}$/.test(params.id!) ? params.id! : undefined;
        const sessions = reader();
        const [found] = id === undefined ? [] : await sessions.ofSession("session", id, signal);
        if (!found || id === undefined)
          throw new Problem(404, "session_not_found", `there is no session ${params.id!.slice(0, 100)}`);
        const rows = async (table: "payment" | "interval") =>
          (await sessions.ofSession(table, id, signal)).map((row) => shown(table, row, caller));
        const device = deviceOf(found.station_id);
        return {
          session: shown("session", found, caller),
          payments: await rows("payment"),
          quarterHours: await rows("interval"),
          device: device ?? null,
          curve: await curveOf(found, device, signal),
        };
      },
    }),
  ];

  /** Returns the path of a station's device. */
  function deviceOf(stationID: string): string | undefined {
    for (const device of devices.byPath.values()) if (device.stationID === stationID) return device.path;
    return undefined;
  }

  async function curveOf(
    { port_number, started_at, ended_at }: RowOf<"session">,
    device: string | undefined,
    signal: AbortSignal,
  ) {
    const info = device === undefined ? undefined : devices.byPath.get(device);
    if (!info || !historian) return null;
    const { ports, station } = portsOf(info.points);
    const load = (ports.find(({ port }) => port === port_number) ?? station).load;
    if (load === undefined) return null;
    const topic = `${info.path}/${load}`;
    const end = ended_at ?? now().toISOString();
    const { values } = await historian.query({ topic, start: started_at, end, count: MOST_CURVE }, signal);
    return { topic, values: Object.values(values)[0] ?? [] };
  }
}

/** Maximum number of values of a curve: a day at one a second. */
const MOST_CURVE = 86_400;

export function noSessions(): Problem {
  return new Problem(
    503,
    "no_sessions",
    "this bridge reads no charging sessions: set sessions.enabled in its config and restart it",
  );
}

function cursorOf(text: string): readonly [start: string, id: string] {
  const [, start, id] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)_(\d{1,19})$/.exec(text) ?? [];
  if (start !== undefined && id !== undefined) return [start, id];
  throw new Problem(400, "bad_request", "after must be `next` of the page before");
}
