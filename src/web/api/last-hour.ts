import { Type } from "typebox";
import { type LastHour, STEP_MS } from "../live/last-hour.ts";
import { nullable, record, time } from "../schemas.ts";
import { type Route, route } from "../server/route.ts";

/** Maximum number of devices asked for at once. */
const MOST_DEVICES = 100;

/** The small curves of the page: load in the last hour, from memory. */
export function lastHourRoutes(lastHour: LastHour): Route[] {
  const curve = (description: string) => Type.Array(nullable(Type.Number()), { description });
  return [
    route({
      method: "GET",
      path: "/last-hour",
      role: "view",
      tag: "devices",
      summary:
        "Mean load in each two minutes of the last hour, of all devices together and of the ports of some; since the start of the bridge.",
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
          devices: (query.device ?? []).map((device) => ({ device, ports: lastHour.ports(device) })),
        };
      },
    }),
  ];
}
