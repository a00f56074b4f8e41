import { Type } from "typebox";
import { LimitGroupNotFoundError } from "../../devices/errors.ts";
import type { WebParts } from "../parts.ts";
import { list, nameText, nullable, record, time, value, words } from "../schemas.ts";
import { Problem } from "../server/problem.ts";
import { Reply, type Route, route } from "../server/route.ts";
import { commandOf } from "./commands.ts";

const heldLimit = record({
  device: Type.String(),
  point: Type.String(),
  port: nullable(Type.String({ description: "Null: the station itself." })),
  value,
  units: Type.String(),
  requester: Type.String(),
  state: words(["sent", "in_force", "unknown", "ended"], {
    description:
      "`in_force`: the device accepted it. `sent`: a write is being sent. `unknown`: the answer to the last write was lost.",
  }),
  since: time("When it was first written."),
  endsAt: nullable(time("When the device ends it by itself; null: never.")),
  leaseSeconds: nullable(Type.Number({ description: "Duration of its lease; null: it is not renewed." })),
  renewals: Type.Integer(),
});

const override = record({
  pattern: Type.String({ description: "`*` (also slashes), `?`, `[abc]`, `[!abc]`; case-sensitive." }),
  endsAt: nullable(time("When it ends by itself; null: never.")),
  devices: list(Type.String(), { description: "The devices that match at present." }),
});

const slot = Type.Unsafe<readonly [device: string, start: string, end: string]>({
  type: "array",
  prefixItems: [{ type: "string" }, { type: "string" }, { type: "string" }],
  items: false,
  minItems: 3,
  description: "`[device, start, end]`",
});

const reservation = record({
  taskId: Type.String(),
  requester: Type.String(),
  priority: words(["HIGH", "LOW", "LOW_PREEMPT"]),
  state: words(["waiting", "running", "preempted"]),
  slots: list(slot),
});

const scheduleAnswer = record({
  result: words(["SUCCESS", "FAILURE"]),
  info: Type.String({ description: "Empty, or why it was refused." }),
  data: Type.Unsafe<object>({
    type: "object",
    description: "Conflicts: requester → task → `[[device, start, end], …]`.",
  }),
});

const kw = (description: string) => nullable(Type.Number({ description }));

const limitGroup = record({
  group: Type.String(),
  maxKw: kw("Limit; null: none."),
  loadKw: Type.Number({ description: "Present load, as far as it is known." }),
  mayDrawKw: Type.Number({ description: "Maximum possible load with the limits in force." }),
  busy: Type.Integer(),
  waiting: Type.Integer(),
  outlets: list(
    record({
      device: Type.String(),
      point: Type.String({ description: "The point that limits it." }),
      state: words(["charging", "waiting", "idle", "unknown"]),
      loadKw: kw("Null: not known."),
      limitKw: kw("Null: no limit is known to be in force."),
      nominalKw: Type.Number(),
      trouble: Type.Optional(Type.String({ description: "Why its limit could not be set the last time." })),
    }),
  ),
});

const event = record({
  id: nullable(Type.String({ description: "Null: the network gave none." })),
  device: Type.String(),
  group: Type.Optional(Type.String({ description: "It is for this group of the device's network." })),
  startsAt: time("Start."),
  endsAt: time("End."),
  kw: Type.Optional(Type.Number()),
  percent: Type.Optional(Type.Number()),
  allowOptOut: Type.Boolean(),
  requester: Type.String(),
});

/** What holds the devices: limits in force, overrides, reservations, site limits, planned load shed events. */
export function controlRoutes(parts: WebParts): Route[] {
  const { devices, limits, now } = parts;
  const { sheds, overriding, scheduling, eventing } = devices.control;
  const tag = "control";
  const overrides = () =>
    overriding.overridePatterns().map(({ pattern, endsAt, devices }) => ({
      ...{ pattern, devices },
      endsAt: endsAt?.toISOString() ?? null,
    }));
  const placeOf = ({ device, point }: { readonly device: string; readonly point: string }) => {
    const known = devices.byPath.get(device)?.points.get(point);
    return { port: known?.origin?.port ?? null, units: known?.units ?? "" };
  };
  const done = { 204: undefined };
  const byPattern = record({
    pattern: Type.Optional(nameText({ description: "The override with exactly this pattern." })),
    all: Type.Optional(Type.Boolean({ description: "`true`: all overrides." })),
  });
  return [
    route({
      method: "GET",
      path: "/holds",
      role: "view",
      tag,
      summary: "Limits in force: those this bridge holds, and those on its devices that it did not set.",
      response: record({
        held: list(heldLimit),
        others: list(
          record({
            device: Type.String(),
            text: Type.String(),
            seenAt: time("Scrape that found it."),
          }),
        ),
      }),
      values: true,
      handle() {
        const { held, others } = sheds();
        return { held: held.map((one) => ({ ...one, ...placeOf(one) })), others };
      },
    }),
    route({
      method: "GET",
      path: "/overrides",
      role: "view",
      tag,
      summary: "Patterns of devices that accept no set points at present.",
      response: record({ overrides: list(override) }),
      handle: () => ({ overrides: overrides() }),
    }),
    route({
      method: "POST",
      path: "/overrides",
      role: "operate",
      tag,
      summary:
        "Switches an override on: matching devices are reverted, and accept no set points until it ends.",
      body: record({
        pattern: nameText(),
        durationSeconds: Type.Optional(
          Type.Number({ minimum: 0, description: "When it ends by itself. Default, and 0: never." }),
        ),
        failsafeRevert: Type.Optional(
          Type.Boolean({ description: "Whether the devices are reverted now. Default: true." }),
        ),
        staggeredRevert: Type.Optional(
          Type.Boolean({ description: "Whether they are reverted one after the other. Default: false." }),
        ),
      }),
      others: { 201: override },
      handle({ body: { pattern, ...options }, caller }) {
        overriding.setOverrideOn(pattern, options, commandOf(caller, {}, now()));
        return new Reply(
          201,
          overrides().find((one) => one.pattern === pattern),
        );
      },
    }),
    route({
      method: "DELETE",
      path: "/overrides",
      role: "operate",
      tag,
      summary: "Switches one override off, or all.",
      query: byPattern,
      others: done,
      handle({ query: { pattern, all }, caller }) {
        if ((pattern === undefined) === (all !== true))
          throw new Problem(400, "bad_request", "give either pattern, or all=true");
        const command = commandOf(caller, {}, now());
        if (pattern === undefined) overriding.clearOverrides(command);
        else overriding.setOverrideOff(pattern, command);
        return new Reply(204);
      },
    }),
    route({
      method: "GET",
      path: "/reservations",
      role: "view",
      tag,
      summary: "Reservations of devices (VOLTTRON's schedules) that are not over.",
      response: record({ reservations: list(reservation) }),
      handle: () => ({ reservations: scheduling.tasks() }),
    }),
    route({
      method: "POST",
      path: "/reservations",
      role: "operate",
      tag,
      summary: "Reserves devices for times, all or none. Refused with 409, and what conflicts in `schedule`.",
      body: record({
        taskId: nameText(),
        priority: words(["HIGH", "LOW", "LOW_PREEMPT"]),
        slots: list(slot, { minItems: 1, maxItems: 1000 }),
      }),
      others: { 201: scheduleAnswer },
      handle: ({ body, caller }) =>
        new Reply(201, scheduled(scheduling.requestNewSchedule(body, commandOf(caller, {}, now())))),
    }),
    route({
      method: "DELETE",
      path: "/reservations/{taskId}",
      role: "operate",
      tag,
      summary: "Ends a reservation of the caller.",
      response: scheduleAnswer,
      handle: ({ params, caller }) =>
        scheduled(scheduling.requestCancelSchedule(params.taskId, commandOf(caller, {}, now()))),
    }),
    route({
      method: "GET",
      path: "/limits",
      role: "view",
      tag,
      summary: "Site limits: each group with its demand and limit, and the share of each port.",
      response: record({ groups: list(limitGroup) }),
      values: true,
      handle: () => ({ groups: limits.limits() }),
    }),
    route({
      method: "PUT",
      path: "/limits/{group}",
      role: "operate",
      tag,
      summary: "Sets the limit of a group, kept across restarts; null: none.",
      body: record({ kw: nullable(Type.Number({ minimum: 0 })) }),
      response: limitGroup,
      values: true,
      handle: ({ params, body, caller }) =>
        limits.setLimit(params.group!, body.kw, commandOf(caller, {}, now())),
    }),
    route({
      method: "GET",
      path: "/limits/{group}",
      role: "view",
      tag,
      summary: "One group of the site limits.",
      response: limitGroup,
      values: true,
      handle({ params }) {
        const groups = limits.limits();
        const found = groups.find(({ group }) => group === params.group);
        if (found) return found;
        const known = groups.map(({ group }) => group);
        throw new LimitGroupNotFoundError(params.group!, known);
      },
    }),
    route({
      method: "GET",
      path: "/events",
      role: "view",
      tag,
      summary: "Load shed events planned here that are not over, by their start.",
      response: record({ events: list(event) }),
      handle: () => ({ events: eventing.events() }),
    }),
    route({
      method: "POST",
      path: "/events",
      role: "operate",
      tag,
      summary: "Plans a load shed event, which the network of the device carries out.",
      body: record({
        device: nameText(),
        startsAt: time("Start."),
        durationMinutes: Type.Number({ exclusiveMinimum: 0 }),
        kw: Type.Optional(Type.Number({ minimum: 0 })),
        percent: Type.Optional(Type.Number({ minimum: 0, maximum: 100 })),
        group: Type.Optional(nameText({ description: "For this group of the device's network." })),
        allowOptOut: Type.Boolean({ default: true }),
      }),
      others: { 201: event },
      async handle({ body: { device, startsAt, kw, percent, ...rest }, caller }) {
        if ((kw === undefined) === (percent === undefined))
          throw new Problem(400, "bad_request", "give either kw or percent");
        const limit = kw === undefined ? { percent: percent! } : { kw };
        const plan = { ...rest, startsAt: new Date(startsAt), limit };
        return new Reply(201, await eventing.createEvent(device, plan, commandOf(caller, {}, now())));
      },
    }),
    route({
      method: "DELETE",
      path: "/events/{id}",
      role: "operate",
      tag,
      summary: "Removes a planned load shed event.",
      others: done,
      async handle({ params, caller }) {
        if (!eventing.events().some(({ id }) => id === params.id))
          throw new Problem(404, "event_not_found", "this bridge has planned no such event that is not over");
        await eventing.removeEvent(params.id!, commandOf(caller, {}, now()));
        return new Reply(204);
      },
    }),
  ];
}

type ScheduleAnswer = ReturnType<WebParts["devices"]["control"]["scheduling"]["requestCancelSchedule"]>;

/** Returns an answer of the scheduler that took the request; a refusal is a problem that has it. */
function scheduled(answer: ScheduleAnswer): ScheduleAnswer {
  if (answer.result === "SUCCESS") return answer;
  const isMalformed = /^(MALFORMED|MISSING|INVALID)/.test(answer.info);
  const isUnknown = answer.info.includes("DOES_NOT_EXIST");
  const status = isMalformed ? 400 : isUnknown ? 404 : 409;
  throw new Problem(status, "schedule", `the reservation was refused: ${answer.info}`, { schedule: answer });
}
