import { randomUUID } from "node:crypto";
import { Type } from "typebox";
import type { Command, CommandResult } from "../../devices/commands.ts";
import type { Caller } from "../access/caller.ts";
import { type Recent, resultOf } from "../live/recent.ts";
import type { WebParts } from "../parts.ts";
import { type CommandView, commandView, record, time, value } from "../schemas.ts";
import { kindOf, Problem, statusOf } from "../server/problem.ts";
import { Reply, type Route, route } from "../server/route.ts";

const id = Type.Optional(
  Type.String({
    minLength: 1,
    maxLength: 200,
    description: "Id of the command: sent again, it is not carried out twice. Default: a new one.",
  }),
);
const expiresAt = Type.Optional(time("When it is not to be carried out any more."));

/** Commands to devices. Every answer is the truth: what the station shows, or that it is not known yet. */
export function commandRoutes(parts: WebParts, recent: Recent): Route[] {
  const { devices, now } = parts;
  const { commands, control } = devices;
  const others = { 202: commandView };
  const tag = "commands";
  return [
    route({
      method: "POST",
      path: "/devices/{device}/points/{point}/set",
      role: "operate",
      tag,
      summary:
        "Sets a point. 200: the outcome. 202: the network took it, and the station does not show it yet; GET /commands/{id} and the live events have the outcome.",
      body: record({
        value,
        durationMinutes: Type.Optional(
          Type.Integer({ minimum: 1, description: "When it ends by itself, in minutes." }),
        ),
        id,
        expiresAt,
      }),
      response: commandView,
      others,
      handle: ({ params, body, caller }) =>
        carryOut("set", commandOf(caller, body, now()), now, (command) =>
          commands.set(params.device!, params.point!, body.value, {
            ...command,
            ...(body.durationMinutes !== undefined && { durationMinutes: body.durationMinutes }),
          }),
        ),
    }),
    route({
      method: "POST",
      path: "/devices/{device}/points/{point}/revert",
      role: "operate",
      tag,
      summary: "Sets a point back to its Starting Value, or clears it. Answers as `set` does.",
      body: record({ id, expiresAt }),
      response: commandView,
      others,
      handle: ({ params, body, caller }) =>
        carryOut("revert", commandOf(caller, body, now()), now, (command) =>
          commands.revertPoint(params.device!, params.point!, command),
        ),
    }),
    route({
      method: "POST",
      path: "/devices/{device}/revert",
      role: "operate",
      tag,
      summary: "Sets all points of a device back. Answers as `set` does.",
      body: record({ id, expiresAt }),
      response: commandView,
      others,
      handle: ({ params, body, caller }) =>
        carryOut("revert", commandOf(caller, body, now()), now, (command) =>
          commands.revertDevice(params.device!, command),
        ),
    }),
    route({
      method: "GET",
      path: "/commands",
      role: "view",
      tag,
      summary: "The last commands of every interface since the start of the bridge, the newest first.",
      query: record({ device: Type.Optional(Type.String()) }),
      response: record({ commands: Type.Array(commandView) }),
      handle: ({ query }) => ({
        commands: recent.commands().filter(({ device }) => (query.device ?? device) === device),
      }),
    }),
    route({
      method: "GET",
      path: "/commands/{id}",
      role: "view",
      tag,
      summary: "How far a command got.",
      response: commandView,
      handle({ params }) {
        const command = recent.command(params.id!);
        if (command) return command;
        throw new Problem(
          404,
          "command_not_found",
          "there is no command with this id since the start of the bridge; GET /audit lists earlier ones",
        );
      },
    }),
    route({
      method: "POST",
      path: "/devices/{device}/pause",
      role: "operate",
      tag,
      summary: "Leaves a device alone, neither read nor written, until it is resumed.",
      body: record({}),
      response: record({ device: Type.String(), since: time("Since when."), requester: Type.String() }),
      handle: ({ params, caller }) => control.pausing.pause(params.device!, commandOf(caller, {}, now())),
    }),
    route({
      method: "POST",
      path: "/devices/{device}/resume",
      role: "operate",
      tag,
      summary: "Ends the pause of a device.",
      body: record({}),
      response: record({ device: Type.String() }),
      handle({ params, caller }) {
        control.pausing.resume(params.device!, commandOf(caller, {}, now()));
        return { device: params.device! };
      },
    }),
  ];
}

/** Returns a command of this caller; a role or a session is nothing that other parts know. */
export function commandOf(
  { name }: Caller,
  given: { readonly id?: string; readonly expiresAt?: string },
  sentAt: Date,
): Command {
  return {
    id: given.id ?? randomUUID(),
    requester: name,
    via: "web",
    sentAt,
    ...(given.expiresAt !== undefined && { expiresAt: new Date(given.expiresAt) }),
  };
}

/** Answers with the outcome, or early where the network took it and the station does not show it yet. */
async function carryOut(
  action: CommandView["action"],
  command: Command,
  now: () => Date,
  write: (command: Command) => Promise<CommandResult>,
): Promise<CommandView | Reply> {
  const { requester } = command;
  const early = Promise.withResolvers<CommandResult>();
  const outcome = write({ ...command, onAccepted: early.resolve });
  const first = await Promise.race([
    outcome.then((result) => ({ result, final: true })),
    early.promise.then((result) => ({ result, final: false })),
  ]);
  const at = now().toISOString();
  const view = resultOf(first.result, { action, requester, at, final: first.final });
  if (!first.final) return new Reply(202, view);
  const { status, error, text } = view;
  if (status !== "refused" && status !== "failed") return view;
  const detail = text ?? `the command was ${status}`;
  throw new Problem(statusOf(error ?? ""), kindOf(error ?? status), detail, { command: view });
}
