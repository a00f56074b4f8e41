import { manages } from "../world/rights.ts";
import type { Station } from "../world/station.ts";
import { Refusal, type Scene } from "./answer.ts";
import { shownShed } from "./get-load.ts";
import { knownGroup, managedStation, rightsOn } from "./realm.ts";

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
 * @throws Refusal 187 for both, 199 for neither, 172 without ID, 103, 115, 119, 121, 122, 125, 129, 131, 152
 */
export function shedTarget<
  G extends { readonly sgID: number | null },
  S extends { readonly stationID: string | null },
>(scene: Scene, group: G | null, station: S | null): Target<G, S> {
  if (group && station) throw new Refusal("187");
  if (group) {
    if (group.sgID === null) throw new Refusal("172");
    const stations = managedStations(scene, group.sgID);
    const reachable = stations.filter(({ unreachableSince }) => unreachableSince === null);
    if (reachable.length === 0) throw new Refusal("115");
    return { kind: "group", group, sgID: group.sgID, stations: reachable };
  }
  if (station) {
    if (station.stationID === null) throw new Refusal("172");
    const found = managedStation(scene, station.stationID);
    if (found.unreachableSince !== null) throw new Refusal("115");
    return { kind: "station", query: station, station: found };
  }
  throw new Refusal("199");
}

/** Stations of a group, all of which the account may control. @throws Refusal 121, 122, 125, 129, 131 */
export function managedStations(scene: Scene, sgID: number): Station[] {
  const stations = scene.world.stationsOf(knownGroup(scene, sgID));
  if (stations.length === 0) throw new Refusal("122");
  if (!stations.every((station) => manages(rightsOn(scene, station)))) throw new Refusal("131");
  return stations;
}

/** To be called before a station's shed is changed: where writes are to show late, the old state goes on being told. */
export function keepOldReading({ lateSeconds, world }: Scene, station: Station): void {
  const lateMs = lateSeconds(station.id) * 1000;
  if (lateMs === 0) return;
  for (const port of station.ports) {
    port.outdated = { reading: shownShed(port, world.now), until: world.now + lateMs };
  }
}
