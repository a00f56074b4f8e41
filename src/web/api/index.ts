import { Type } from "typebox";
import type { Access } from "../access/access.ts";
import type { AccountCalls } from "../live/account-calls.ts";
import type { Feed } from "../live/feed.ts";
import type { LastHour } from "../live/last-hour.ts";
import type { Recent } from "../live/recent.ts";
import type { WebParts } from "../parts.ts";
import { openApi } from "../server/openapi.ts";
import { type Route, route } from "../server/route.ts";
import { alarmRoutes } from "./alarms.ts";
import { alertRoutes } from "./alerts.ts";
import { auditRoutes } from "./audit.ts";
import { bridgeRoutes } from "./bridge.ts";
import { clusterRoutes } from "./cluster.ts";
import { commandRoutes } from "./commands.ts";
import { configRoutes } from "./configs.ts";
import { controlRoutes } from "./control.ts";
import { deviceRoutes } from "./devices.ts";
import { historyRoutes } from "./history.ts";
import { lastHourRoutes } from "./last-hour.ts";
import { liveRoutes } from "./live.ts";
import { PersonalData } from "./personal.ts";
import { planRoutes } from "./plan.ts";
import { registryRoutes } from "./registries.ts";
import { sessionRoutes } from "./session.ts";
import { chargingSessionRoutes } from "./sessions.ts";

/** What handlers need besides the parts of the bridge. */
export interface ApiContext {
  readonly parts: WebParts;
  readonly access: Access;
  readonly feed: Feed;
  readonly recent: Recent;
  readonly lastHour: LastHour;
  readonly calls: AccountCalls;
}

/** THE LIST of routes, and last the document that describes them. */
export function apiRoutes({ parts, access, feed, recent, lastHour, calls }: ApiContext): Route[] {
  const personal = new PersonalData(parts);
  const routes = [
    ...bridgeRoutes(parts, access, personal, recent),
    ...clusterRoutes(parts),
    ...sessionRoutes(access),
    ...deviceRoutes(parts, personal),
    ...commandRoutes(parts, recent),
    ...lastHourRoutes(parts, lastHour),
    ...controlRoutes(parts),
    ...historyRoutes(parts, personal),
    ...auditRoutes(parts),
    ...chargingSessionRoutes(parts, personal),
    ...alarmRoutes(parts),
    ...alertRoutes(parts),
    ...planRoutes(parts, calls),
    ...liveRoutes(feed, access),
    ...registryRoutes(parts),
    ...configRoutes(parts),
  ];
  const document = route({
    method: "GET",
    path: "/openapi.json",
    role: "open",
    tag: "bridge",
    summary: "This document.",
    response: Type.Object({}, { additionalProperties: true }),
    handle: () => described,
  });
  const all = [...routes, document];
  const described = openApi(all);
  return all;
}
