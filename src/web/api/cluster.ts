import { Type } from "typebox";
import type { WebParts } from "../parts.ts";
import { list, nullable, record, time, words } from "../schemas.ts";
import { Problem } from "../server/problem.ts";
import { type Route, route } from "../server/route.ts";

/** The estate that the bridge is a member of. */
export function clusterRoutes({ cluster }: WebParts): Route[] {
  return [
    route({
      method: "GET",
      path: "/cluster",
      role: "view",
      tag: "bridge",
      summary:
        "Members and shards of the estate: bridges that share the work; 404 where this bridge is alone.",
      response: record({
        member: Type.String({ description: "The member that answers." }),
        estate: nullable(Type.String({ description: "Id of the estate." })),
        revision: nullable(Type.String({ description: "Revision of the configuration that members run." })),
        members: list(
          record({
            id: Type.String(),
            host: Type.String(),
            version: Type.String(),
            startedAt: time("By the member's own clock."),
            weight: Type.Number({ description: "Its share of the stations, relative to the others'." }),
            draining: Type.Boolean({ description: "Whether it gives up its shards, and gets none." }),
            revision: nullable(Type.String({ description: "Revision that it runs; null: none." })),
            files: Type.String({ description: "Revision of its files." }),
            state: words(["active", "pending", "applying", "lacking"], {
              description:
                "`active`: runs the active revision. `pending`: runs it, and its files are another. `applying`: has it, and does not run it yet. `lacking`: has it nowhere, and gets no shards.",
            }),
            url: nullable(Type.String({ description: "Address of its page." })),
            shards: list(Type.String(), { description: "Names of the shards that it owns." }),
            stations: Type.Integer({ description: "Stations in them." }),
          }),
        ),
        shards: list(
          record({
            name: Type.String(),
            accounts: list(Type.String()),
            stations: nullable(
              Type.Integer({ description: "Null: this member's configuration has no shard of this name." }),
            ),
            owner: nullable(Type.String({ description: "Member that has it; null: none." })),
            epoch: nullable(Type.String({ description: "Number of its claim; it grows with each." })),
            pinned: nullable(Type.String({ description: "Member that an operator has chosen for it." })),
          }),
        ),
        problems: list(record({ severity: words(["error", "warning"]), text: Type.String() })),
      }),
      handle() {
        if (!cluster)
          throw new Problem(
            404,
            "no_cluster",
            "this bridge is alone: cluster.backend in its config is none; docs/cluster.md says what an estate is",
          );
        const status = cluster.status();
        if (!status)
          throw new Problem(
            503,
            "cluster_unavailable",
            "the cluster service has not answered since the start of this bridge; is it running, and has it a quorum?",
          );
        const { settings: _, ...shown } = status;
        return { member: cluster.member, ...shown };
      },
    }),
  ];
}
