import type { Group } from "../world/groups.ts";
import type { Outlet } from "../world/models.ts";
import type { Station } from "../world/station.ts";
import { Refusal, type Scene } from "./answer.ts";
import { isWithin } from "./distance.ts";
import { isAt, namesPlace, type PlaceSearch, placeOf } from "./place.ts";
import { checkStationID, knownGroup, namedOrganisation, rightsOn, seesGroup } from "./realm.ts";
import { matchesPattern, sameText } from "./values.ts";

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
 * Stations that the account may see and that match all of a search, in the order of their numbers. Texts match in any
 * case; stationName takes wildcards, an address matches as part of the whole one.
 *
 * @throws Refusal where the search itself is not sound; an unknown or foreign stationID just matches nothing
 */
export function searchStations(scene: Scene, search: StationSearch): readonly Station[] {
  const seen = scene.world.stationsSeenBy(scene.account.organisation);
  return searchAmong(scene, search, seen, (station) => rightsOn(scene, station) !== null);
}

/** As {@link searchStations}, among others than those the account may see; `belongs` tells of one that is asked for by ID. */
export function searchAmong(
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

/** Whether a search names anything that a station must have. */
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
  // Modes are told of stations in Europe only, and there are none here.
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
