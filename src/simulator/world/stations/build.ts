import { Random } from "../sessions/random.ts";
import type { Group, Profile } from "./groups.ts";
import { modelNamed, modelOf, type Outlet, type StationModel } from "./models.ts";
import { ORGANISATIONS, type Organisation } from "./organisations.ts";
import { type Site, siteOf } from "./sites.ts";
import type { Port, Station } from "./station.ts";

/** Default number of stations of a site. */
export const STATIONS_PER_SITE = 24;
/** Options of a network. */
export interface Layout {
  /** Stations of each site, and so of its station group. Default 24. */
  readonly stationsPerSite?: number | undefined;
  /** Name of the only model. Default: all models. */
  readonly model?: string | undefined;
}

const FIRST_STATION = 100_001;
/** First number of stations that the first organisation does not manage. */
const FIRST_BESIDE = 700_001;
const FIRST_GROUP = 20_001;
const FEWEST_WITH_OTHERS = 100;

const [OWN, GRANTING, CLOSED] = ORGANISATIONS as [Organisation, Organisation, Organisation];

interface Place {
  readonly organisation: Organisation;
  readonly site: ReturnType<typeof siteOf>;
  /** Groups that its stations are directly in. */
  readonly group: Group | null;
}

/** Builds stations and groups of a world, all ports free. */
export function buildStations(
  seed: number,
  count: number,
  layout: Layout = {},
): { stations: Station[]; groups: Group[] } {
  const network = new Network(seed, layout);
  network.openManaged(count);
  if (count >= FEWEST_WITH_OTHERS) network.openOthers(4 + Math.floor(count / 100));
  return network;
}

class Network {
  readonly stations: Station[] = [];
  readonly groups: Group[] = [];
  readonly #seed: number;
  readonly #perSite: number;
  readonly #onlyModel: StationModel | undefined;
  readonly #roots = new Map<Organisation, { readonly all: Group; readonly demand: Group }>();
  #places = 0;

  constructor(seed: number, { stationsPerSite = STATIONS_PER_SITE, model }: Layout) {
    this.#seed = seed;
    this.#perSite = stationsPerSite;
    this.#onlyModel = model === undefined ? undefined : modelNamed(model);
  }

  /** Stations that the first organisation owns, and, at every fourth site, manages for another. */
  openManaged(count: number): void {
    for (let index = 0; index < count; ) {
      const place = this.#places % 4 === 3 ? this.#granted("fleet", "station manager") : this.#owned();
      for (let position = 0; position < this.#perSite && index < count; position++, index++) {
        this.#open(place, FIRST_STATION + index, index, position);
      }
    }
  }

  /**
   * Number of stations each that the first organisation may only view, has no rights on, and of one that granted none at
   * all.
   */
  openOthers(each: number): void {
    let number = FIRST_BESIDE;
    const places = [
      () => this.#granted("visitors", "detailed usage viewer"),
      () => this.#closed(GRANTING),
      () => this.#closed(CLOSED),
    ];
    for (const next of places) {
      let place = next();
      for (let index = 0; index < each; index++, number++) {
        const position = index % this.#perSite;
        if (index > 0 && position === 0) place = next();
        this.#open(place, number, index, position);
      }
    }
  }

  #owned(): Place {
    const site = siteOf(this.#places++);
    const { all } = this.#root(OWN);
    return { organisation: OWN, site, group: this.#group(`${site.city} ${site.name}`, OWN, all) };
  }

  #granted(what: string, profile: Profile): Place {
    const site = siteOf(this.#places++);
    const whole = this.#group(`${site.city} ${site.name}`, GRANTING, this.#root(GRANTING).all);
    const group = this.#group(`${whole.name} ${what}`, GRANTING, whole);
    group.grants.set(OWN, profile);
    return { organisation: GRANTING, site, group };
  }

  #closed(organisation: Organisation): Place {
    return { organisation, site: siteOf(this.#places++), group: null };
  }

  #open({ organisation, site, group }: Place, number: number, index: number, position: number): void {
    const groups = group ? [group] : [];
    const model = this.#onlyModel ?? modelOf(index);
    // Every third station also takes part in demand response, where possible.
    if (group && index % 3 === 0 && model.canShedAbsolute && !model.panelSharing) {
      groups.push(this.#root(organisation).demand);
    }
    for (const member of groups) member.stationNumbers.push(number);
    this.stations.push(
      buildStation({ seed: this.#seed, index, number, model, position, site, organisation, groups }),
    );
  }

  #root(organisation: Organisation): { readonly all: Group; readonly demand: Group } {
    const root = this.#roots.get(organisation) ?? {
      all: this.#group("All stations", organisation, null),
      demand: this.#group("Demand response", organisation, null),
    };
    this.#roots.set(organisation, root);
    return root;
  }

  #group(name: string, organisation: Organisation, parent: Group | null): Group {
    const group: Group = {
      id: FIRST_GROUP + this.groups.length,
      name,
      organisation,
      parent,
      stationNumbers: [],
      children: [],
      grants: new Map(),
    };
    this.groups.push(group);
    parent?.children.push(group);
    return group;
  }
}

/** A station with all ports free. */
export function buildStation(from: {
  readonly seed: number;
  readonly index: number;
  readonly number: number;
  readonly model: StationModel;
  /** Within its site, from 0. */
  readonly position: number;
  readonly site: Site;
  readonly organisation: Organisation;
  readonly groups: Group[];
}): Station {
  const { seed, index, number, model, position, site, organisation, groups } = from;
  const random = new Random(seed, 0x57a7, number);
  const place = String(position + 1).padStart(2, "0");
  const macTail = (0x10000 + number).toString(16).toUpperCase().padStart(8, "0");
  // Leading zeros are common; they reveal code that treats it as a number.
  const serial = `00${String(1_841_000_000 + number * 37 + random.below(37))}`;
  return {
    id: `1:${number}`,
    number,
    model,
    site,
    organisation,
    groups,
    name: model.home ? `CP HOME / ${serial}` : `${organisation.shortName} / ${site.name} ${place}`,
    serial,
    mac: `0024:B100:${macTail.slice(0, 4)}:${macTail.slice(4)}`,
    activatedAt: Date.UTC(2021, index % 12, 1 + (index % 28), 16),
    reservable: index % 5 === 3,
    isPublic: !model.home && index % 3 === 1,
    pricing: model.home ? null : site.pricing,
    waitlist: model.home || index % 9 !== 4 ? null : index % 2 === 0 ? "move" : "remain",
    residentNumber: null,
    ports: model.outlets.map((outlet, at) => buildPort(seed, number, outlet, at)),
    tellsBattery: model.dc || model.home || index % 4 === 1,
    canShedPerPort: model.canShedPerPort,
    canShedAbsolute: model.canShedAbsolute,
    panelSharing: model.panelSharing,
    unreachableSince: null,
  };
}

function buildPort(seed: number, stationNumber: number, outlet: Outlet, at: number): Port {
  return {
    number: outlet.number,
    kw: outlet.kw,
    outlet,
    random: new Random(seed, 0x907, stationNumber, at),
    session: null,
    fault: null,
    limit: null,
    measuredKw: null,
    outdated: null,
    phase: null,
    departure: null,
    arrival: null,
  };
}
