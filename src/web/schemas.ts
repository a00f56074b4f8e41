import { type Static, type TSchema, Type } from "typebox";

/** An object without further members: what a document does not list is not sent. */
export const record = <const P extends Record<string, TSchema>>(properties: P, options: object = {}) =>
  Type.Object(properties, { additionalProperties: false, ...options });

export const nullable = <T extends TSchema>(schema: T, options: { readonly description?: string } = {}) =>
  Type.Union([schema, Type.Null()], options);
/** A list that is not changed. */
export const list = <T extends TSchema>(items: T, options: object = {}) =>
  Type.Unsafe<readonly Static<T>[]>({ type: "array", items, ...options });

export const time = (description: string) =>
  Type.String({ format: "date-time", description: `${description} ISO 8601, UTC.` });

export const words = <const W extends readonly string[]>(list: W, options: object = {}) =>
  Type.Unsafe<W[number]>({ type: "string", enum: list, ...options });

/** Text of a query: no store takes a NUL. */
export const nameText = (options: object = {}) =>
  Type.String({ minLength: 1, maxLength: 1000, pattern: "^[^\\u0000]*$", ...options });

/** The value of a point: any JSON. */
export const value = Type.Unknown({ description: "Value of the point, in its units; null: none." });

export const portView = record({
  port: Type.String({ description: "`Port #` of the registry; may be `1A`." }),
  state: words(["available", "in_use", "faulted", "unreachable", "unknown"], {
    description: "State in words common to all networks.",
  }),
  stateText: nullable(Type.String({ description: "State in the network's own word." })),
  loadKw: nullable(Type.Number({ description: "Present load in kW." })),
  loadPoint: nullable(Type.String({ description: "Name of the point with the load." })),
  limit: nullable(
    record({
      kw: nullable(Type.Number({ description: "Limit in kW; null: it is a share of the load." })),
      percent: nullable(Type.Number({ description: "Share of the load that is shed, in percent." })),
      state: nullable(
        words(["sent", "in_force", "unknown"], {
          description: "State in this bridge's book of limits; null: the limit is not the bridge's.",
        }),
      ),
      requester: nullable(Type.String({ description: "Who set it; null: not this bridge." })),
      since: nullable(time("When it was set.")),
      endsAt: nullable(time("When it ends by itself; null: not known, or never.")),
    }),
  ),
  limitPoint: nullable(Type.String({ description: "Name of the writable point that limits the port." })),
  maxKw: nullable(
    Type.Number({
      description: "Largest limit that makes sense, in kW: the port's power, or the registry's Max.",
    }),
  ),
});

export const deviceView = record({
  device: Type.String({ description: "Topic path, e.g. `campus/garage/station-1`." }),
  name: nullable(Type.String({ description: "Name of the station on its network." })),
  driver: Type.String({ description: "Driver type." }),
  availability: words(["online", "stale", "offline"]),
  since: time("Since when it has this availability."),
  reason: nullable(Type.String({ description: "Why it is not online." })),
  readAt: nullable(time("When its values were read; null: never.")),
  intervalSeconds: Type.Number(),
  paused: Type.Boolean({ description: "Whether the bridge leaves it alone." }),
  loadKw: nullable(Type.Number({ description: "Present load of the station in kW." })),
  ports: Type.Array(portView),
});

export type PortView = Static<typeof portView>;
export type DeviceView = Static<typeof deviceView>;

export const pointView = record({
  point: Type.String(),
  value,
  readAt: nullable(time("When it was read; null: never.")),
  quality: words(["good", "stale", "failed", "none"], {
    description:
      "`good`: read with the last scrape. `stale`: an earlier value. `failed`: it could not be read. `none`: never read.",
  }),
  failure: nullable(Type.String({ description: "Why it could not be read." })),
  units: Type.String(),
  type: Type.String(),
  writable: Type.Boolean(),
  min: nullable(Type.Number()),
  max: nullable(Type.Number()),
  notes: Type.String(),
  register: nullable(Type.String({ description: "`Register Name` of its row." })),
  attribute: nullable(Type.String({ description: "`Attribute Name` of its row." })),
  port: nullable(Type.String()),
  call: nullable(Type.String({ description: "Call of the network that reads it." })),
  measure: nullable(
    Type.String({ description: "What the value means on every network: `load`, `limit`, `limited`, …" }),
  ),
  personal: Type.Boolean({
    description: "Personal data; the value is withheld from those who may not see it.",
  }),
  withheld: Type.Boolean({ description: "The value is null because the caller may not see it." }),
});
export type PointView = Static<typeof pointView>;

export const deviceDetails = record({
  ...deviceView.properties,
  timezone: Type.String(),
  station: nullable(Type.String({ description: "Id of its station at the network, as in /sessions." })),
  override: nullable(
    record(
      { pattern: Type.String(), endsAt: nullable(time("When it ends by itself; null: never.")) },
      { description: "The override that the device is under: it takes no set points and reverts." },
    ),
  ),
  reservation: nullable(
    record(
      { task: Type.String(), requester: Type.String(), endsAt: time("When it ends.") },
      { description: "The reservation that is in force: only its requester sets and reverts." },
    ),
  ),
  points: Type.Array(pointView),
});
export type DeviceDetails = Static<typeof deviceDetails>;

/** A command and how far it got. */
export const commandView = record({
  id: Type.String(),
  device: Type.String(),
  point: nullable(Type.String({ description: "Null: the whole device." })),
  action: words(["set", "revert", "create_event", "remove_event"]),
  requested: value,
  requester: Type.String(),
  via: Type.String({ description: "Interface it came through: `web`, `mqtt`, `lease`, …" }),
  status: words(["sent", "confirmed", "accepted", "unconfirmed", "refused", "failed"], {
    description:
      "`sent`: under way. `accepted`: the network took it, and it was not read back yet. `confirmed`: read back as requested. `unconfirmed`: another value was read back, or the answer was lost. `refused`: nothing was sent. `failed`: the network rejected it.",
  }),
  final: Type.Boolean({ description: "Whether this is the last word on it." }),
  at: time("When it got this far: was sent, was accepted, or its outcome was known."),
  readBack: Type.Optional(value),
  code: nullable(Type.String({ description: "The network's response code." })),
  text: nullable(Type.String()),
  error: nullable(Type.String({ description: "Class of the error, e.g. `PointReadOnlyError`." })),
  tookMs: nullable(Type.Number()),
});
export type CommandView = Static<typeof commandView>;

export const noticeView = record({
  at: time("When it was reported."),
  severity: words(["info", "warning", "error"]),
  kind: Type.String({ description: "Stable name for programs, e.g. `credentials_refused`." }),
  text: Type.String(),
  device: nullable(Type.String()),
  outage: nullable(
    Type.Object(
      {
        of: Type.String({ description: "Name of what does not work, the same in the notice of the end." }),
        ended: Type.Boolean({ description: "Whether it works again." }),
        seconds: Type.Number({ description: "Duration so far." }),
        failures: Type.Number({ description: "Number of failed attempts so far." }),
      },
      { description: "Present where something does not work, or works again." },
    ),
  ),
});
export type NoticeView = Static<typeof noticeView>;

export const problem = Type.Object(
  {
    type: Type.String({ description: "`urn:voltbridge:problem:<kind>`" }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String({ description: "What is wrong and what to do." }),
  },
  { description: "Problem details (RFC 9457).", additionalProperties: true },
);

/** A problem in a config or a registry. */
export const diagnosticView = record({
  code: Type.String({ description: "Stable code, see docs/diagnostics.md." }),
  severity: words(["error", "warning", "note"]),
  file: Type.String(),
  line: Type.Integer({ description: "From 1." }),
  column: Type.Integer({ description: "From 1, in UTF-16 units." }),
  cell: nullable(Type.String({ description: "Cell of a registry as a spreadsheet names it, e.g. `J8`." })),
  path: nullable(Type.String({ description: "Setting, or column of a registry." })),
  message: Type.String(),
  found: nullable(Type.String()),
  expected: nullable(Type.String()),
  suggestion: nullable(Type.String()),
});

/** What a reload did, or would do. */
export const deviceChangeView = record({
  kind: words(["added", "removed", "renamed", "changed"]),
  device: Type.String({ description: "Topic path; of a renamed device, the new one." }),
  file: Type.String(),
  text: Type.String({ description: "What differs." }),
});

export const reloadReport = record({
  result: words(["unchanged", "applied", "invalid", "unconfirmed"], {
    description:
      "`invalid`: files have errors, and nothing was changed. `unconfirmed`: more than half of the devices would be removed, so nothing was changed.",
  }),
  changes: Type.Array(deviceChangeView),
  settings: Type.Array(Type.String({ description: "Section of the bridge config that was changed." })),
  afterRestart: Type.Array(
    Type.String({ description: "Changed section that takes effect after a restart." }),
  ),
  problems: Type.Array(diagnosticView),
});
