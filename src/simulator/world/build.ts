import { modelOf } from "./models.ts";
import { Random } from "./random.ts";
import { type Group, ORGANISATIONS, type Organisation, type Site, siteOf } from "./sites.ts";
import type { Port, Station } from "./station.ts";

const STATIONS_PER_SITE = 24;
const FIRST_STATION = 100_001;
const FIRST_GROUP = 20_001;

/** Stations and groups of a world, before anybody has plugged in. */
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
    };
    groups.push(made);
    parent?.children.push(made);
    return made;
  };

  const roots = new Map<Organisation, { all: Group; demand: Group }>();
  const sites: { site: Site; group: Group; organisation: Organisation }[] = [];
  const stations: Station[] = [];
  for (let index = 0; index < count; index++) {
    const place = Math.floor(index / STATIONS_PER_SITE);
    if (sites[place] === undefined) {
      const organisation = ORGANISATIONS[place % 4 === 3 ? 1 : 0]!;
      const root = roots.get(organisation) ?? {
        all: group("All stations", organisation, null),
        demand: group("Demand response", organisation, null),
      };
      roots.set(organisation, root);
      const site = siteOf(place);
      sites[place] = {
        site,
        group: group(`${site.city} ${site.name}`, organisation, root.all),
        organisation,
      };
    }
    const { site, group: siteGroup, organisation } = sites[place]!;
    // Every third station takes part in demand response as well.
    const memberOf = index % 3 === 0 ? [siteGroup, roots.get(organisation)!.demand] : [siteGroup];
    const station = buildStation(seed, index, site, organisation, memberOf);
    for (const member of memberOf) member.stationNumbers.push(station.number);
    stations.push(station);
  }
  return { stations, groups };
}

function buildStation(
  seed: number,
  index: number,
  site: Site,
  organisation: Organisation,
  groups: Group[],
): Station {
  const model = modelOf(index);
  const number = FIRST_STATION + index;
  const random = new Random(seed, 0x57a7, index);
  const place = String((index % STATIONS_PER_SITE) + 1).padStart(2, "0");
  const macTail = (0x10000 + number).toString(16).toUpperCase().padStart(8, "0");
  return {
    id: `1:${number}`,
    number,
    model,
    site,
    organisation,
    groups,
    name: `${organisation.shortName} / ${site.name} ${place}`,
    // Leading zeros are common; whoever makes a number of it is found out.
    serial: `00${String(1_841_000_000 + index * 37 + random.below(37))}`,
    mac: `0024:B100:${macTail.slice(0, 4)}:${macTail.slice(4)}`,
    activatedAt: Date.UTC(2021, index % 12, 1 + (index % 28), 16),
    reservable: index % 5 === 3,
    ports: model.portNumbers.map((portNumber, at) => buildPort(seed, index, portNumber, at, model.kw)),
    tellsBattery: model.dc || index % 4 === 1,
    canShedPerPort: true,
    canShedAbsolute: true,
    panelSharing: false,
    unreachableSince: null,
    random,
  };
}

function buildPort(seed: number, stationIndex: number, number: string, at: number, kw: number): Port {
  return {
    number,
    kw,
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
