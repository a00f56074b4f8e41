import type { Group } from "./groups.ts";
import type { Organisation } from "./organisations.ts";
import { manages, stationRights } from "./rights.ts";
import type { Site } from "./sites.ts";
import type { Station } from "./station.ts";

/** The stations of a network and their indexes. A station can be removed from it and put back. */
export class Directory {
  readonly stations: readonly Station[];
  readonly groups: readonly Group[];
  /** Places with stations. */
  readonly sites: readonly Site[];
  readonly #byID: ReadonlyMap<string, Station>;
  readonly #groupsByID: ReadonlyMap<number, Group>;
  readonly #seenBy = new Map<Organisation, readonly Station[]>();
  /** Identifiers of those that are removed at present. */
  readonly #out = new Set<string>();

  constructor(stations: readonly Station[], groups: readonly Group[]) {
    this.stations = stations;
    this.groups = groups;
    this.sites = [...new Set(stations.map(({ site }) => site))];
    this.#byID = new Map(stations.map((station) => [station.id, station]));
    this.#groupsByID = new Map(groups.map((group) => [group.id, group]));
  }

  /** Stations that every driver can find. */
  get publicStations(): readonly Station[] {
    return this.#inNetwork(this.stations).filter(({ isPublic }) => isPublic);
  }

  /** Removes a station from the network: it is not found any more. @throws where there is none */
  remove(id: string): void {
    if (!this.findStation(id)) throw new Error(`there is no station ${id}`);
    this.#out.add(id);
    this.#seenBy.clear();
  }

  /** Puts a removed station back, in its present state. @throws where none was removed */
  add(id: string): void {
    if (!this.#out.delete(id)) throw new Error(`no station ${id} was removed`);
    this.#seenBy.clear();
  }

  findStation(id: string): Station | undefined {
    return this.#out.has(id) ? undefined : this.#byID.get(id);
  }

  findGroup(id: number): Group | undefined {
    return this.#groupsByID.get(id);
  }

  /** Returns the stations on which an organisation has any rights, in the order of their numbers. */
  stationsSeenBy(organisation: Organisation): readonly Station[] {
    const seen =
      this.#seenBy.get(organisation) ??
      this.#inNetwork(this.stations).filter((station) => stationRights(organisation, station) !== null);
    this.#seenBy.set(organisation, seen);
    return seen;
  }

  /** Returns those of them with more than viewing rights. */
  stationsManagedBy(organisation: Organisation): readonly Station[] {
    return this.stationsSeenBy(organisation).filter((station) =>
      manages(stationRights(organisation, station)),
    );
  }

  /** Stations directly in a group. */
  stationsIn(group: Group): Station[] {
    return this.#numbered(group.stationNumbers);
  }

  /** Stations of a group and of the groups within it, in the order of their numbers, each once. */
  stationsOf(group: Group): Station[] {
    const numbers = new Set<number>();
    const collect = (inner: Group): void => {
      for (const number of inner.stationNumbers) numbers.add(number);
      for (const child of inner.children) collect(child);
    };
    collect(group);
    return this.#numbered([...numbers].sort((a, b) => a - b));
  }

  #numbered(numbers: readonly number[]): Station[] {
    return this.#inNetwork(numbers.map((number) => this.#byID.get(`1:${number}`)!));
  }

  #inNetwork(stations: readonly Station[]): Station[] {
    return this.#out.size === 0 ? [...stations] : stations.filter(({ id }) => !this.#out.has(id));
  }
}
