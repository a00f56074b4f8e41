import type { Group } from "./groups.ts";
import { modelOf, type Outlet } from "./models.ts";
import { ORGANISATIONS, type Organisation } from "./organisations.ts";
import { Random } from "./random.ts";
import { type Site, siteOf } from "./sites.ts";
import type { Port, Station } from "./station.ts";

const STATIONS_PER_SITE = 24;
const FIRST_STATION = 100_001;
/** Stations on which the first organisation has no rights are numbered from here. */
const FIRST_FOREIGN_STATION = 700_001;
const FIRST_GROUP = 20_001;
const FEWEST_WITH_FOREIGN = 100;

const [OWN, GRANTING, CLOSED] = ORGANISATIONS as [Organisation, Organisation, Organisation];

/**
 * Stations and groups of a world, before anybody has plugged in. The first `count` stations are those on which the
 * first organisation has rights; where they are a hundred or more, some follow on which it has none.
 */
export function buildStations(seed: number, count: number): { stations: Station[]; groups: Group[] } {
  const groups: Group[] = [];
  const group = (name: string, organisation: Organisation, parent: Group | null): Group => {
    const made: Group = {
      id: FIRST_GROUP + groups.length,
      name,
      organisation,
      parent,
      stationNumbers: [],
      children: [],
      grants: new Map(),
    };
    groups.push(made);
    parent?.children.push(made);
    return made;
  };

  const roots = new Map<Organisation, { all: Group; demand: Group }>();
  const sites: Place[] = [];
  const openSite = (index: number): Place => {
    const organisation = index % 4 === 3 ? GRANTING : OWN;
    const root = roots.get(organisation) ?? {
      all: group("All stations", organisation, null),
      demand: group("Demand response", organisation, null),
    };
    roots.set(organisation, root);
    const site = siteOf(index);
    const all = group(`${site.city} ${site.name}`, organisation, root.all);
    const place = { site, organisation, demand: root.demand };
    if (organisation === OWN) return { ...place, main: all, visitors: all };
    const main = group(`${all.name} fleet`, organisation, all);
    const visitors = group(`${all.name} visitors`, organisation, all);
    main.grants.set(OWN, "station manager");
    visitors.grants.set(OWN, "detailed usage viewer");
    return { ...place, main, visitors };
  };

  const stations: Station[] = [];
  for (let index = 0; index < count; index++) {
    const at = Math.floor(index / STATIONS_PER_SITE);
    if (at === sites.length) sites.push(openSite(at));
    const { site, organisation, main, visitors, demand } = sites[at]!;
    const model = modelOf(index);
    const memberOf = [index % 6 === 5 ? visitors : main];
    // Every third station takes part in demand response as well, where nothing stands in the way.
    if (index % 3 === 0 && model.canShedAbsolute && !model.panelSharing) memberOf.push(demand);
    const number = FIRST_STATION + index;
    const position = index % STATIONS_PER_SITE;
    const station = buildStation({ seed, index, number, position, site, organisation, groups: memberOf });
    for (const member of memberOf) member.stationNumbers.push(station.number);
    stations.push(station);
  }
  if (count >= FEWEST_WITH_FOREIGN) stations.push(...foreignStations(seed, count, sites.length));
  return { stations, groups };
}

interface Place {
  readonly site: Site;
  readonly organisation: Organisation;
  readonly main: Group;
  readonly visitors: Group;
  readonly demand: Group;
}

/** Stations in no group, half of them of the organisation that granted rights on others only. */
function foreignStations(seed: number, count: number, sitesBefore: number): Station[] {
  const sites = new Map<number, Site>();
  return Array.from({ length: 12 + Math.floor(count / 50) }, (_, at) => {
    const organisation = at % 2 === 0 ? CLOSED : GRANTING;
    const place = sitesBefore + 2 * Math.floor(at / (2 * STATIONS_PER_SITE)) + (at % 2);
    const number = FIRST_FOREIGN_STATION + at;
    const site = sites.get(place) ?? siteOf(place);
    sites.set(place, site);
    const position = Math.floor(at / 2) % STATIONS_PER_SITE;
    return buildStation({ seed, index: number, number, position, site, organisation, groups: [] });
  });
}

function buildStation(from: {
  readonly seed: number;
  readonly index: number;
  readonly number: number;
  /** Within its site, from 0. */
  readonly position: number;
  readonly site: Site;
  readonly organisation: Organisation;
  readonly groups: Group[];
}): Station {
  const { seed, index, number, position, site, organisation, groups } = from;
  const foreign = number >= FIRST_FOREIGN_STATION;
  const model = modelOf(foreign ? number - FIRST_FOREIGN_STATION : index);
  const random = new Random(seed, 0x57a7, index);
  const place = String(position + 1).padStart(2, "0");
  const macTail = (0x10000 + number).toString(16).toUpperCase().padStart(8, "0");
  // Leading zeros are common; whoever makes a number of it is found out.
  const serial = `00${String(1_841_000_000 + index * 37 + random.below(37))}`;
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
    isPublic: !model.home && (foreign ? index % 3 !== 0 : index % 3 === 1),
    pricing: model.home ? null : site.pricing,
    waitlist: model.home || index % 9 !== 4 ? null : index % 2 === 0 ? "move" : "remain",
    residentNumber: null,
    ports: model.outlets.map((outlet, at) => buildPort(seed, index, outlet, at)),
    tellsBattery: model.dc || model.home || index % 4 === 1,
    canShedPerPort: model.canShedPerPort,
    canShedAbsolute: model.canShedAbsolute,
    panelSharing: model.panelSharing,
    unreachableSince: null,
    random,
  };
}

function buildPort(seed: number, stationIndex: number, outlet: Outlet, at: number): Port {
  return {
    number: outlet.number,
    kw: outlet.kw,
    outlet,
    random: new Random(seed, 0x907, stationIndex, at),
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
