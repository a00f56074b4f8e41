import type { Session } from "../world/sessions/session.ts";
import type { Group, Profile } from "../world/stations/groups.ts";
import { ORGANISATIONS, type Organisation } from "../world/stations/organisations.ts";
import { groupRights, manages, stationRights } from "../world/stations/rights.ts";
import type { Station } from "../world/stations/station.ts";
import { Refusal, type Scene } from "./answer.ts";

/** What the account may read and change: its own, and what other organisations have granted its organisation. */

/** Instances of the network, those of the guide's sample (§4.1.5); IDs begin with one of them. */
export const INSTANCES = [
  { cpnID: "1", cpnName: "USA", cpnDescription: "ChargePoint North America" },
  { cpnID: "2", cpnName: "EU", cpnDescription: "ChargePoint Europe" },
  { cpnID: "3", cpnName: "AU", cpnDescription: "ChargePoint Australia" },
  { cpnID: "4", cpnName: "CA", cpnDescription: "ChargePoint Canada" },
];

export function rightsOn({ account }: Scene, station: Station): Profile | null {
  return stationRights(account.organisation, station);
}

/** Returns the station of an ID. @throws Refusal 152, 119, 103, 131 */
export function knownStation(scene: Scene, id: string): Station {
  const station = scene.world.findStation(checkStationID(id));
  if (!station) throw new Refusal("103");
  if (rightsOn(scene, station) === null) throw new Refusal("131");
  return station;
}

/** Does what {@link knownStation} does, for a station with more than viewing rights. @throws Refusal 131 */
export function managedStation(scene: Scene, id: string): Station {
  const station = knownStation(scene, id);
  if (!manages(rightsOn(scene, station))) throw new Refusal("131");
  return station;
}

/** Checks the form of an ID. @throws Refusal 152 for another form than `CPNID:number`, 119 for another network's */
export function checkStationID(id: string): string {
  if (!/^\d+:\d+$/.test(id)) throw new Refusal("152");
  const [instance] = id.split(":");
  if (!INSTANCES.some(({ cpnID }) => cpnID === instance)) throw new Refusal("119");
  return id;
}

/** Whether the account may see a group. */
export function seesGroup({ account }: Scene, group: Group): boolean {
  return groupRights(account.organisation, group) !== null;
}

/** Groups that a station is directly in and the account may see. */
export function seenGroups(scene: Scene, station: Station): readonly Group[] {
  return station.groups.filter((group) => seesGroup(scene, group));
}

/**
 * Returns the group of an ID.
 * @throws Refusal 121 for a number that is not above 0, 129 for an unknown one, 125 for a foreign one
 */
export function knownGroup(scene: Scene, id: number): Group {
  if (!(id > 0)) throw new Refusal("121");
  const group = scene.world.findGroup(id);
  if (!group) throw new Refusal("129");
  if (!seesGroup(scene, group)) throw new Refusal("125");
  return group;
}

/** Stations of a group and the groups within it, as far as the account may see them. */
export function stationsOf(scene: Scene, group: Group): Station[] {
  return scene.world.stationsOf(group).filter((station) => rightsOn(scene, station) !== null);
}

/**
 * Returns the organisation that a request names by ID, name or both; null where it names none.
 * @throws Refusal 158 for another form of ID, 159 for an unknown one, 149 for an unknown name or one that does not belong
 * to the ID, 178 for one on whose stations the account has no rights
 */
export function namedOrganisation(
  { account, world }: Scene,
  { orgID, organizationName }: { readonly orgID?: string | null; readonly organizationName?: string | null },
): Organisation | null {
  if (!orgID && !organizationName) return null;
  if (orgID && !/^\d+:\w+$/.test(orgID)) throw new Refusal("158");
  const byID = ORGANISATIONS.find(({ id }) => id === orgID);
  if (orgID && !byID) throw new Refusal("159");
  const byName = ORGANISATIONS.find(({ name }) => name.toLowerCase() === organizationName?.toLowerCase());
  if (organizationName && (!byName || (byID && byID !== byName))) throw new Refusal("149");
  const organisation = (byID ?? byName)!;
  const own = organisation === account.organisation;
  const granted = () =>
    world.stationsSeenBy(account.organisation).some((station) => station.organisation === organisation);
  if (!own && !granted()) throw new Refusal("178");
  return organisation;
}

/** Returns the session of a number, active or over. @throws Refusal 132 for an unknown one, 133 for a foreign one */
export function knownSession(scene: Scene, id: string): { session: Session; station: Station } {
  const session = scene.world.findSession(Number(id));
  if (!session) throw new Refusal("132");
  const station = scene.world.findStation(session.stationID)!;
  if (rightsOn(scene, station) === null) throw new Refusal("133");
  return { session, station };
}
