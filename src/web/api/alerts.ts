import { Type } from "typebox";
import type { WebParts } from "../parts.ts";
import { list, record, time } from "../schemas.ts";
import { type Route, route } from "../server/route.ts";

/** Alerts of the rules in the bridge config. */
export function alertRoutes({ alerts }: WebParts): Route[] {
  return [
    route({
      method: "GET",
      path: "/alerts",
      role: "view",
      tag: "alarms",
      summary: "Alerts that are active now, the newest first.",
      query: record({ count: Type.Integer({ minimum: 1, maximum: 1000, default: 100 }) }),
      response: record({
        count: Type.Integer({ description: "Number of all." }),
        alerts: list(
          record({
            id: Type.String(),
            rule: Type.String({ description: "Name of the rule." }),
            when: Type.String({ description: "Condition of the rule." }),
            severity: Type.String(),
            since: time("Since when the condition holds."),
            text: Type.String(),
            count: Type.Integer({
              description: "Number of stations, groups, stores or accounts that it is about.",
            }),
            subjects: list(record({ name: Type.String(), text: Type.String() }), {
              description: "The first of them.",
            }),
          }),
        ),
      }),
      handle({ query: { count: most } }) {
        const { active, count } = alerts.list(most);
        return {
          count,
          alerts: active.map(({ id, rule, when, severity, since, text, count: all, subjects }) => {
            return { id, rule, when, severity, since, text, count: all, subjects };
          }),
        };
      },
    }),
  ];
}
