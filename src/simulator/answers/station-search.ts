import { fullAddress, type Group, ORGANISATIONS } from "../world/sites.ts";
import type { Station } from "../world/station.ts";
import type { World } from "../world/world.ts";
import { Refusal } from "./answer.ts";
import { around, isWithin } from "./distance.ts";
import { matchesPattern } from "./values.ts";

type Text = string | null;

/** The search elements that operations share (guide §6.1.2, §7.1.2, §7.2.2, §7.6.2, §8.1.2); each has some of them. */
export interface StationSearch {
  readonly stationID?: Text;
  readonly stationIDs?: { readonly stationID: readonly string[] } | null;
  readonly stationManufacturer?: Text;
  readonly stationModel?: Text;
  readonly stationName?: Text;
  readonly serialNumber?: Text;
  readonly demoSerialNumber?: { readonly serialNumber: readonly string[] } | null;
  readonly Address?: Text;
  readonly City?: Text;
  readonly State?: Text;
  readonly Country?: Text;
  readonly postalCode?: Text;
  readonly Proximity?: number | null;
  readonly proximityUnit?: Text;
  readonly Geo?: { readonly Lat: Text; readonly Long: Text } | null;
  readonly Connector?: Text;
  readonly Voltage?: Text;
  readonly Current?: Text;
  readonly Power?: Text;
  readonly Reservable?: boolean | null;
  readonly Level?: Text;
  readonly Mode?: Text;
  readonly orgID?: Text;
  readonly organizationName?: Text;
  readonly sgID?: string | number | null;
  readonly sgName?: Text;
}

/**
 * Stations that match all of a search, in the order of their numbers. Texts match in any case; stationName takes
 * wildcards, an address matches as part of the whole one.
 *
 * @throws Refusal where the search itself is not sound; an unknown stationID just matches nothing
 */
export function searchStations(world: World, search: StationSearch): Station[] {
  const tests = testsOf(world, search);
  return candidates(world, search).filter((station) => tests.every((test) => test(station)));
}

/** Whether a search names anything that a station must have. */
export function namesStations(search: StationSearch): boolean {
  return Object.values(search).some((value) => value !== null && value !== undefined);
}

/** The station of an ID. @throws Refusal 152 for another form, 103 for one that is not there */
export function knownStation(world: World, id: string): Station {
  const station = world.findStation(checkStationID(id));
  if (!station) throw new Refusal("103");
  return station;
}

/** The group of an ID. @throws Refusal 121 for no number above 0, 129 for one that is not there */
export function knownGroup(world: World, id: number): Group {
  if (!(id > 0)) throw new Refusal("121");
  const group = world.findGroup(id);
  if (!group) throw new Refusal("129");
  return group;
}

function checkStationID(id: string): string {
  if (!/^\d+:\d+$/.test(id)) throw new Refusal("152");
  return id;
}

function candidates(world: World, search: StationSearch): readonly Station[] {
  const ids = search.stationID ? [search.stationID] : search.stationIDs?.stationID;
  if (!ids) return world.stations;
  const found = [...new Set(ids)].map((id) => world.findStation(checkStationID(id)));
  return found.filter((station) => station !== undefined).sort((a, b) => a.number - b.number);
}

function testsOf(world: World, search: StationSearch): ((station: Station) => boolean)[] {
  const tests: ((station: Station) => boolean)[] = [];
  const text = (wanted: Text | undefined, of: (station: Station) => string): void => {
    if (wanted) tests.push((station) => of(station).toLowerCase() === wanted.toLowerCase());
  };
  const number = (wanted: Text | undefined, of: (station: Station) => number): void => {
    if (!wanted) return;
    const value = Number(wanted);
    if (!Number.isFinite(value)) throw new Refusal("135");
    tests.push((station) => of(station) === value);
  };

  text(search.stationManufacturer, (station) => station.model.manufacturer);
  text(search.stationModel, (station) => station.model.name);
  text(search.serialNumber, (station) => station.serial);
  text(search.City, (station) => station.site.city);
  text(search.State, (station) => station.site.state);
  text(search.Country, (station) => station.site.country);
  text(search.postalCode, (station) => station.site.postalCode);
  text(search.Connector, (station) => station.model.connector);
  text(search.Level, (station) => station.model.levelNumber);
  text(search.organizationName, (station) => station.organisation.name);
  number(search.Voltage, (station) => station.model.volts);
  number(search.Current, (station) => station.model.amps);
  number(search.Power, (station) => station.model.kw);
  // Modes are told of stations in Europe only, and there are none here.
  if (search.Mode) tests.push(() => false);
  const { stationName, Address, Reservable, demoSerialNumber } = search;
  if (stationName) tests.push((station) => matchesPattern(stationName, station.name));
  if (Address) {
    const part = Address.toLowerCase();
    tests.push((station) => fullAddress(station.site).toLowerCase().includes(part));
  }
  if (Reservable !== null && Reservable !== undefined) {
    tests.push((station) => station.reservable === Reservable);
  }
  if (demoSerialNumber) {
    const serials = new Set(demoSerialNumber.serialNumber);
    tests.push((station) => serials.has(station.serial));
  }
  const circle = around(search);
  if (circle) tests.push((station) => isWithin(circle, station.site));
  if (search.orgID) {
    const organisation = knownOrganisation(search.orgID);
    tests.push((station) => station.organisation.id === organisation);
  }
  const groups = groupsOf(world, search);
  if (groups) {
    const members = new Set(groups.flatMap((group) => world.stationsOf(group)));
    tests.push((station) => members.has(station));
  }
  return tests;
}

/** @throws Refusal 158 for another form, 159 for one that is not there */
function knownOrganisation(id: string): string {
  if (!/^\d+:\w+$/.test(id)) throw new Refusal("158");
  if (!ORGANISATIONS.some((organisation) => organisation.id === id)) throw new Refusal("159");
  return id;
}

function groupsOf(world: World, search: StationSearch): Group[] | null {
  const { sgID, sgName } = search;
  const byID = sgID === null || sgID === undefined ? null : [knownGroup(world, Number(sgID))];
  if (!sgName) return byID;
  return (byID ?? world.groups).filter((group) => matchesPattern(sgName, group.name));
}
