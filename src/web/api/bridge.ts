import { Type } from "typebox";
import { ROLES } from "../../config/index.ts";
import type { Access } from "../access/access.ts";
import type { Recent } from "../live/recent.ts";
import type { WebParts } from "../parts.ts";
import { noticeView, nullable, record, time, words } from "../schemas.ts";
import { type Route, route } from "../server/route.ts";
import type { PersonalData } from "./personal.ts";

/** The bridge itself: what it is, how it is, and what it reported. */
export function bridgeRoutes(
  parts: WebParts,
  access: Access,
  personal: PersonalData,
  recent: Recent,
): Route[] {
  const { settings, version, mqtt, historian, sessions, reloader, cluster, health, now } = parts;
  const startedAt = now().toISOString();
  return [
    route({
      method: "GET",
      path: "/bridge",
      role: "open",
      tag: "bridge",
      summary: "The bridge, the caller, and what the caller may do.",
      response: record({
        instance: nullable(Type.String({ description: "Name of the bridge; null before a login." })),
        version: nullable(Type.String()),
        startedAt: nullable(time("When this server started.")),
        now: time("The bridge's clock."),
        readOnly: Type.Boolean({ description: "Whether the bridge writes to no device." }),
        active: Type.Boolean({ description: "Whether this bridge is in charge of its instance name." }),
        login: Type.Boolean({ description: "Whether there are users who can log in." }),
        caller: nullable(
          record({
            name: Type.String(),
            role: words(ROLES),
            via: words(["session", "token", "proxy", "open"]),
            personalData: Type.Boolean({ description: "Whether it may see personal data." }),
          }),
        ),
        broker: nullable(
          record({
            url: Type.String({ description: "Without user and password." }),
            connected: Type.Boolean(),
            since: time("Since when it is connected, or is not."),
          }),
        ),
        has: record({
          history: Type.Boolean(),
          sessions: Type.Boolean(),
          reload: Type.Boolean(),
          cluster: Type.Boolean({ description: "Whether it is a member of an estate: /cluster." }),
        }),
      }),
      handle({ caller }) {
        const isKnown = caller.name !== "";
        const { name, role, via } = caller;
        return {
          instance: isKnown ? settings.instance : null,
          version: isKnown ? version : null,
          startedAt: isKnown ? startedAt : null,
          now: now().toISOString(),
          readOnly: settings.readOnly,
          active: mqtt.role.isActive,
          login: access.hasUsers,
          caller: isKnown ? { name, role, via, personalData: personal.maySee(caller) } : null,
          broker: isKnown
            ? { url: mqtt.url, connected: mqtt.connected, since: mqtt.turnedAt.toISOString() }
            : null,
          has: {
            history: historian !== undefined,
            sessions: sessions !== undefined,
            reload: reloader !== undefined,
            cluster: cluster !== undefined,
          },
        };
      },
    }),
    route({
      method: "GET",
      path: "/health",
      role: "view",
      tag: "bridge",
      summary: "The health message of the bridge at this moment: counters, broker, store, configs, instance.",
      response: Type.Object({}, { additionalProperties: true, description: "As on the health topic." }),
      handle: () => health(),
    }),
    route({
      method: "GET",
      path: "/notices",
      role: "view",
      tag: "bridge",
      summary: "What the bridge reported since its start, the newest first.",
      response: record({ notices: Type.Array(noticeView) }),
      handle: () => ({ notices: recent.notices() }),
    }),
  ];
}
