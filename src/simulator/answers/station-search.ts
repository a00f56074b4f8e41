import type { Group } from "../world/stations/groups.ts";
import type { Outlet } from "../world/stations/models.ts";
import { fullAddress, type Site } from "../world/stations/sites.ts";
import type { Station } from "../world/stations/station.ts";
import type { World } from "../world/world.ts";
import { Refusal, type Scene } from "./answer.ts";
import { checkStationID, knownGroup, namedOrganisation, rightsOn, seesGroup } from "./realm.ts";
import { matchesPattern, sameText } from "./values.ts";

/** Searching for stations: the elements that operations share, by hardware, place and owner. */

type Text = string | null;

/** The search elements that operations share (guide §6.1.2, §7.1.2, §7.2.2, §7.6.2, §8.1.2); each has some of them. */
export interface StationSearch extends PlaceSearch {
  readonly stationID?: Text;
  readonly stationIDs?: { readonly stationID: readonly string[] } | null;
  readonly stationManufacturer?: Text;
  readonly stationModel?: Text;
  readonly stationName?: Text;
  readonly serialNumber?: Text;
  readonly demoSerialNumber?: { readonly serialNumber: readonly string[] } | null;
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

type Test = (station: Station) => boolean;

/**
 * Returns the stations that the account may see and that match all of a search, in the order of their numbers. Texts match
 * in any case; stationName takes wildcards, an address matches as part of the whole one.
 * @throws Refusal where the search itself is invalid; an unknown or foreign stationID matches nothing
 */
export function searchStations(scene: Scene, search: StationSearch): readonly Station[] {
  const seen = scene.world.stationsSeenBy(scene.account.organisation);
  return searchAmong(scene, search, seen, (station) => rightsOn(scene, station) !== null);
}

/** Does what {@link searchStations} does, among any stations; `belongs` decides about one that is requested by ID. */
function searchAmong(
  scene: Scene,
  search: StationSearch,
  all: readonly Station[],
  belongs: Test,
): readonly Station[] {
  if (search.stationID && search.stationIDs) throw new Refusal("194");
  const tests = testsOf(scene, search);
  const ids = search.stationID ? [search.stationID] : search.stationIDs?.stationID;
  if (!ids) return tests.length === 0 ? all : all.filter((station) => tests.every((test) => test(station)));
  return [...new Set(ids)]
    .map((id) => scene.world.findStation(checkStationID(id)))
    .filter((station) => station !== undefined)
    .filter((station) => belongs(station) && tests.every((test) => test(station)))
    .sort((a, b) => a.number - b.number);
}

/** Maximum number of stations in an answer, which has no pages. */
const MOST_PUBLIC = 500;

/** Returns stations that every driver can find, regardless of their owner. @throws Refusal 169 where none matches */
export function publicStations(
  scene: Scene,
  search: StationSearch,
  also: (stations: readonly Station[]) => readonly Station[] = (stations) => stations,
): readonly Station[] {
  const found = also(searchAmong(scene, search, scene.world.publicStations, ({ isPublic }) => isPublic));
  if (found.length === 0) throw new Refusal("169");
  return found.slice(0, MOST_PUBLIC);
}

/** Returns whether a search has any condition on stations. */
export function namesStations(search: StationSearch): boolean {
  return Object.values(search).some((value) => value !== null && value !== undefined);
}

function testsOf(scene: Scene, search: StationSearch): Test[] {
  return [...hardwareTests(search), ...placeTests(scene, search), ...ownerTests(scene, search)];
}

function hardwareTests(search: StationSearch): Test[] {
  const tests: Test[] = [];
  const text = (wanted: Text | undefined, of: (station: Station) => string): void => {
    if (wanted) tests.push((station) => sameText(wanted, of(station)));
  };
  const outlet = (wanted: Text | undefined, matches: (outlet: Outlet, wanted: string) => boolean): void => {
    if (wanted) tests.push(({ model }) => model.outlets.some((one) => matches(one, wanted.toLowerCase())));
  };
  const number = (wanted: Text | undefined, of: (outlet: Outlet) => number): void => {
    if (wanted && !Number.isFinite(Number(wanted))) throw new Refusal("135");
    outlet(wanted, (one, value) => of(one) === Number(value));
  };

  text(search.stationManufacturer, (station) => station.model.manufacturer);
  text(search.stationModel, (station) => station.model.name);
  text(search.serialNumber, (station) => station.serial);
  outlet(search.Connector, ({ connector }, wanted) => connector.toLowerCase() === wanted);
  outlet(search.Level, ({ levelNumber }, wanted) => levelNumber === wanted);
  number(search.Voltage, ({ volts }) => volts);
  number(search.Current, ({ amps }) => amps);
  number(search.Power, ({ kw }) => kw);
  // Modes apply to stations in Europe only, and there are none here.
  if (search.Mode) tests.push(() => false);
  const { stationName, Reservable, demoSerialNumber } = search;
  if (stationName) tests.push((station) => matchesPattern(stationName, station.name));
  if (Reservable !== null && Reservable !== undefined) {
    tests.push((station) => station.reservable === Reservable);
  }
  if (demoSerialNumber) {
    const serials = new Set(demoSerialNumber.serialNumber);
    tests.push((station) => serials.has(station.serial));
  }
  return tests;
}

function placeTests({ world }: Scene, search: StationSearch): Test[] {
  const { circle, byText } = placeOf(world, search);
  const tests: Test[] = [];
  if (circle) tests.push((station) => isWithin(circle, station.site));
  if (byText && namesPlace(search)) tests.push(({ site }) => isAt(site, search));
  return tests;
}

function ownerTests(scene: Scene, search: StationSearch): Test[] {
  const tests: Test[] = [];
  const organisation = namedOrganisation(scene, search);
  if (organisation) tests.push((station) => station.organisation === organisation);
  const groups = groupsOf(scene, search);
  if (groups) {
    const members = new Set(groups.flatMap((group) => scene.world.stationsOf(group)));
    tests.push((station) => members.has(station));
  }
  return tests;
}

function groupsOf(scene: Scene, { sgID, sgName }: StationSearch): readonly Group[] | null {
  const byID = sgID === null || sgID === undefined ? null : [knownGroup(scene, Number(sgID))];
  if (!sgName) return byID;
  const groups = byID ?? scene.world.groups.filter((group) => seesGroup(scene, group));
  return groups.filter((group) => matchesPattern(sgName, group.name));
}

/** Where to look for stations (guide §6.1.2, §7.1.2). */
interface PlaceSearch {
  readonly Address?: Text;
  readonly City?: Text;
  readonly State?: Text;
  readonly Country?: Text;
  readonly postalCode?: Text;
  readonly Proximity?: number | null;
  readonly proximityUnit?: Text;
  readonly Geo?: { readonly Lat: Text; readonly Long: Text } | null;
}

function namesPlace({ Address, City, State, Country, postalCode }: PlaceSearch): boolean {
  return Boolean(Address || City || State || Country || postalCode);
}

/**
 * Returns the circle that a search asks for, and whether the words of its address count too. A circle is around Geo, or,
 * where only a Proximity is given, around the most granular part of the address (guide §6.1.2): then the words only
 * determine its centre.
 * @throws Refusal 135 where it cannot be read, 118 where Geo and a street address are not at the same place
 */
function placeOf(world: World, search: PlaceSearch): { circle: Around | null; byText: boolean } {
  const { Geo, Proximity } = search;
  const metres = metresOf(Proximity, search.proximityUnit);
  if (Geo && Geo.Lat !== null && Geo.Long !== null) {
    const latitude = Number(Geo.Lat);
    const longitude = Number(Geo.Long);
    if (!(Math.abs(latitude) <= 90) || !(Math.abs(longitude) <= 180)) throw new Refusal("135");
    const circle = { latitude, longitude, metres };
    if (search.Address && !sitesAt(world, search).some((site) => isWithin(circle, site))) {
      throw new Refusal("118");
    }
    return { circle, byText: true };
  }
  if (Proximity === null || Proximity === undefined || !namesPlace(search)) {
    return { circle: null, byText: true };
  }
  const sites = sitesAt(world, mostGranular(search));
  // The place is unknown, so no station matches its words either.
  if (sites.length === 0) return { circle: null, byText: true };
  const middle = (of: (site: Site) => number): number =>
    sites.reduce((sum, site) => sum + of(site), 0) / sites.length;
  const circle = {
    latitude: middle(({ latitude }) => latitude),
    longitude: middle(({ longitude }) => longitude),
    metres,
  };
  return { circle, byText: false };
}

/** Returns the most specific part of an address; its wider parts only distinguish places of the same name. */
function mostGranular({ Address, City, State, Country, postalCode }: PlaceSearch): PlaceSearch {
  const wider = { State, Country };
  if (Address) return { Address, postalCode, City, ...wider };
  if (postalCode) return { postalCode, ...wider };
  return City ? { City, ...wider } : wider;
}

/** Returns the places with stations that match an address. */
function sitesAt(world: World, search: PlaceSearch): readonly Site[] {
  return world.sites.filter((site) => isAt(site, search));
}

/** Returns whether all words of an address are the site's, in any case; the street may be followed by more. */
export function isAt(site: Site, { Address, City, State, Country, postalCode }: PlaceSearch): boolean {
  return (
    sameText(City, site.city) &&
    sameText(State, site.state) &&
    sameText(Country, site.country) &&
    sameText(postalCode, site.postalCode) &&
    (!Address || fullAddress(site).toLowerCase().includes(Address.toLowerCase()))
  );
}

const EARTH_RADIUS_M = 6_371_000;
const DEFAULT_PROXIMITY = 5;
/** Metres in the units of proximityUnit (guide §7.1.2). */
const METRES: Readonly<Record<string, number>> = { M: 1609.344, N: 1852, K: 1000, F: 0.3048, I: 0.0254 };

interface Around {
  readonly latitude: number;
  readonly longitude: number;
  readonly metres: number;
}

/** Returns a radius in metres. @throws Refusal 135 for an invalid one */
function metresOf(proximity: number | null | undefined, unit: string | null | undefined): number {
  const metres = METRES[(unit ?? "M").toUpperCase()];
  const radius = proximity ?? DEFAULT_PROXIMITY;
  if (metres === undefined || radius < 0) throw new Refusal("135");
  return radius * metres;
}

/** Returns the great-circle distance between two places. */
function isWithin(circle: Around, place: { latitude: number; longitude: number }): boolean {
  const radians = (degrees: number): number => (degrees * Math.PI) / 180;
  const dLat = radians(place.latitude - circle.latitude);
  const dLong = radians(place.longitude - circle.longitude);
  const chord =
    Math.sin(dLat / 2) ** 2 +
    Math.cos(radians(circle.latitude)) * Math.cos(radians(place.latitude)) * Math.sin(dLong / 2) ** 2;
  return 2 * EARTH_RADIUS_M * Math.asin(Math.min(1, Math.sqrt(chord))) <= circle.metres;
}
