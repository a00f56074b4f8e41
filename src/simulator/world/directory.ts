import type { Group } from "./groups.ts";
import type { Organisation } from "./organisations.ts";
import { manages, stationRights } from "./rights.ts";
import type { Site } from "./sites.ts";
import type { Station } from "./station.ts";

/** The stations of a network, and by what they are found. Which there are does not change. */
export class Directory {
  readonly stations: readonly Station[];
  readonly groups: readonly Group[];
  /** Places with stations. */
  readonly sites: readonly Site[];
  /** Stations that every driver can find. */
  readonly publicStations: readonly Station[];
  readonly #byID: ReadonlyMap<string, Station>;
  readonly #groupsByID: ReadonlyMap<number, Group>;
  readonly #seenBy = new Map<Organisation, readonly Station[]>();

  constructor(stations: readonly Station[], groups: readonly Group[]) {
    this.stations = stations;
    this.groups = groups;
    this.sites = [...new Set(stations.map(({ site }) => site))];
    this.publicStations = stations.filter(({ isPublic }) => isPublic);
    this.#byID = new Map(stations.map((station) => [station.id, station]));
    this.#groupsByID = new Map(groups.map((group) => [group.id, group]));
  }

  findStation(id: string): Station | undefined {
    return this.#byID.get(id);
  }

  findGroup(id: number): Group | undefined {
    return this.#groupsByID.get(id);
  }

  /** Stations on which an organisation has rights, if only to look, in the order of their numbers. */
  stationsSeenBy(organisation: Organisation): readonly Station[] {
    const seen =
      this.#seenBy.get(organisation) ??
      this.stations.filter((station) => stationRights(organisation, station) !== null);
    this.#seenBy.set(organisation, seen);
    return seen;
  }

  /** Of them, those with which it may do more than look. */
  stationsManagedBy(organisation: Organisation): readonly Station[] {
    return this.stationsSeenBy(organisation).filter((station) =>
      manages(stationRights(organisation, station)),
    );
  }

  /** Stations directly in a group. */
  stationsIn(group: Group): Station[] {
    return group.stationNumbers.map((number) => this.#byID.get(`1:${number}`)!);
  }

  /** Stations of a group and of the groups within it, in the order of their numbers, each once. */
  stationsOf(group: Group): Station[] {
    const numbers = new Set<number>();
    const collect = (inner: Group): void => {
      for (const number of inner.stationNumbers) numbers.add(number);
      for (const child of inner.children) collect(child);
    };
    collect(group);
    return [...numbers].sort((a, b) => a - b).map((number) => this.#byID.get(`1:${number}`)!);
  }
}
