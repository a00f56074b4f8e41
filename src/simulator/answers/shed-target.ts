import type { Station } from "../world/station.ts";
import type { World } from "../world/world.ts";
import { Refusal, type Scene } from "./answer.ts";
import { shownShed } from "./get-load.ts";
import { knownGroup, knownStation } from "./station-search.ts";

type Target<G, S> =
  | {
      readonly kind: "group";
      readonly group: G;
      readonly sgID: number;
      readonly stations: readonly Station[];
    }
  | { readonly kind: "station"; readonly query: S; readonly station: Station };

/**
 * What a shedLoad or clearShedState is about: one group or one station that the network can reach.
 *
 * @throws Refusal 187 for both, 199 for neither, 172 without ID, 103, 115, 121, 122, 129, 152
 */
export function shedTarget<
  G extends { readonly sgID: number | null },
  S extends { readonly stationID: string | null },
>(world: World, group: G | null, station: S | null): Target<G, S> {
  if (group && station) throw new Refusal("187");
  if (group) {
    if (group.sgID === null) throw new Refusal("172");
    const stations = world.stationsOf(knownGroup(world, group.sgID));
    if (stations.length === 0) throw new Refusal("122");
    const reachable = stations.filter(({ unreachableSince }) => unreachableSince === null);
    if (reachable.length === 0) throw new Refusal("115");
    return { kind: "group", group, sgID: group.sgID, stations: reachable };
  }
  if (station) {
    if (station.stationID === null) throw new Refusal("172");
    const found = knownStation(world, station.stationID);
    if (found.unreachableSince !== null) throw new Refusal("115");
    return { kind: "station", query: station, station: found };
  }
  throw new Refusal("199");
}

/** To be called before a station's shed is changed: where writes are to show late, the old state goes on being told. */
export function keepOldReading({ lateSeconds, world }: Scene, station: Station): void {
  const lateMs = lateSeconds(station.id) * 1000;
  if (lateMs === 0) return;
  for (const port of station.ports) {
    port.outdated = { reading: shownShed(port, world.now), until: world.now + lateMs };
  }
}
