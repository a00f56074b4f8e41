import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { Type } from "typebox";
import type { Access } from "../access/access.ts";
import { type Feed, type FeedClient, MOST_CLIENTS } from "../live/feed.ts";
import { record } from "../schemas.ts";
import { webRequest } from "../server/app.ts";
import { Problem } from "../server/problem.ts";
import { type Route, route } from "../server/route.ts";

/** Live events. The texts are made by the feed, once for all clients. */
export function liveRoutes(feed: Feed, access: Access): Route[] {
  return [
    route({
      method: "GET",
      path: "/live",
      role: "view",
      tag: "live",
      summary:
        "Server-sent events: `devices` (those that changed), `read` (read again, nothing else changed), `gone`, `write` (a command got further), `reservations` (some changed: load them again), `notice` (also of every override that changes), `reset` (the event asked for is too old: load again).",
      query: record({
        lastEventId: Type.Optional(
          Type.String({
            description: "Continue after this event; the header `Last-Event-ID` takes precedence.",
          }),
        ),
      }),
      content: ["text/event-stream"],
      handle({ raw, query, caller, node }) {
        if (feed.clients >= MOST_CLIENTS)
          throw new Problem(503, "too_many_clients", `${MOST_CLIENTS} clients are connected already`, {
            headers: { "retry-after": "10" },
          });
        const { outgoing } = node;
        outgoing.writeHead(200, {
          "content-type": "text/event-stream",
          "cache-control": "no-store",
          "x-content-type-options": "nosniff",
          // nginx would collect the events otherwise.
          "x-accel-buffering": "no",
        });
        const request = webRequest(raw, node);
        const client: FeedClient = {
          isAllowed: () => access.isStill(request, caller),
          write: (text) => void outgoing.write(text),
          get unsentBytes() {
            return outgoing.writableLength;
          },
          end: () => void outgoing.destroy(),
        };
        outgoing.on("close", () => feed.remove(client));
        outgoing.on("error", () => feed.remove(client));
        feed.add(client, raw.headers.get("last-event-id") ?? query.lastEventId);
        return RESPONSE_ALREADY_SENT;
      },
    }),
  ];
}
