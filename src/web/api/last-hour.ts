import { Type } from "typebox";
import type { LimitGroup } from "../../devices/index.ts";
import { type LastHour, STEP_MS } from "../live/last-hour.ts";
import type { WebParts } from "../parts.ts";
import { nullable, record, time } from "../schemas.ts";
import { type Route, route } from "../server/route.ts";

/** Maximum number of devices asked for at once. */
const MOST_DEVICES = 100;

/** The small curves of the page: load in the last hour, from memory. */
export function lastHourRoutes(
  { devices, limits }: Pick<WebParts, "devices" | "limits">,
  lastHour: LastHour,
): Route[] {
  const curve = (description: string) => Type.Array(nullable(Type.Number()), { description });
  return [
    route({
      method: "GET",
      path: "/last-hour",
      role: "view",
      tag: "devices",
      summary:
        "Mean load in each two minutes of the last hour, of all devices together and of the ports of some; the time before the start of the bridge comes from the store.",
      query: record({
        device: Type.Optional(
          Type.Array(Type.String(), {
            maxItems: MOST_DEVICES,
            description: "Devices whose ports are wanted.",
          }),
        ),
      }),
      response: record({
        stepSeconds: Type.Number(),
        endsAt: time("End of the last step, which is under way."),
        totalKw: curve("The oldest first; null where nothing was read."),
        limitKw: nullable(
          Type.Number({ description: "Sum of the site limits; null where they do not cover all devices." }),
        ),
        devices: Type.Array(
          record({
            device: Type.String(),
            ports: Type.Array(record({ port: Type.String(), loadKw: curve("As `totalKw`.") })),
          }),
        ),
      }),
      values: true,
      handle({ query }) {
        return {
          stepSeconds: STEP_MS / 1000,
          endsAt: lastHour.endsAt.toISOString(),
          totalKw: lastHour.total(),
          limitKw: siteLimit(limits.limits(), devices.byPath),
          devices: (query.device ?? []).map((device) => ({ device, ports: lastHour.ports(device) })),
        };
      },
    }),
  ];
}

/** Returns the limit of all devices together; null where some of them are under none. */
function siteLimit(groups: readonly LimitGroup[], devices: ReadonlyMap<string, unknown>): number | null {
  const limited = groups.filter(({ maxKw }) => maxKw !== null);
  const covered = new Set(limited.flatMap(({ outlets }) => outlets.map(({ device }) => device)));
  if (limited.length === 0 || [...devices.keys()].some((device) => !covered.has(device))) return null;
  return limited.reduce((sum, { maxKw }) => sum + maxKw!, 0);
}
