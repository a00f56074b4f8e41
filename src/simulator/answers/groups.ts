import type { Draft } from "../../drivers/chargepoint/api/message.ts";
import type { getOrgsAndStationGroups } from "../../drivers/chargepoint/api/operations/get-orgs-and-station-groups.ts";
import type { getStationGroupDetails } from "../../drivers/chargepoint/api/operations/get-station-group-details.ts";
import type { getStationGroups } from "../../drivers/chargepoint/api/operations/get-station-groups.ts";
import type { getStationRights } from "../../drivers/chargepoint/api/operations/get-station-rights.ts";
import type { getStationRightsProfile } from "../../drivers/chargepoint/api/operations/get-station-rights-profile.ts";
import type { Group } from "../world/stations/groups.ts";
import { PROFILES } from "../world/stations/groups.ts";
import { ORGANISATIONS } from "../world/stations/organisations.ts";
import { groupRights } from "../world/stations/rights.ts";
import { fullAddress } from "../world/stations/sites.ts";
import type { Station } from "../world/stations/station.ts";
import { type AnswerTo, Refusal } from "./answer.ts";
import { pageOf } from "./page.ts";
import { knownGroup, knownStation, namedOrganisation, rightsOn, seenGroups, seesGroup } from "./realm.ts";
import { searchStations } from "./station-search.ts";
import { portStatus } from "./station-status.ts";
import { geoOf } from "./stations.ts";
import { matchesPattern } from "./values.ts";

/** Guide §7.3–7.7: groups of stations, and the rights on them. */

/** Guide §7.3: the groups of an organisation that the account may see, each with the stations directly in it. */
export const answerGetStationGroups: AnswerTo<typeof getStationGroups> = {
  answer({ orgID }, scene) {
    if (!orgID) throw new Refusal("172");
    const { world } = scene;
    const organisation = namedOrganisation(scene, { orgID })!;
    const groups = world.groups.filter(
      (group) => group.organisation === organisation && seesGroup(scene, group),
    );
    if (groups.length === 0) throw new Refusal("120");
    return {
      groupData: groups.map((group) => ({
        sgID: group.id,
        orgID: organisation.id,
        sgName: group.name,
        organizationName: organisation.name,
        stationData: world
          .stationsIn(group)
          .filter((station) => rightsOn(scene, station) !== null)
          .map((station) => ({ stationID: station.id, Geo: geoOf(station) })),
      })),
    };
  },
};

/** Guide §7.4: the direct contents of a group. */
export const answerGetStationGroupDetails: AnswerTo<typeof getStationGroupDetails> = {
  badValues: { sgID: "121" },
  answer({ sgID, stationID }, scene) {
    if (sgID === null) throw new Refusal("172");
    const group = knownGroup(scene, sgID);
    const wanted = stationID === null ? null : knownStation(scene, stationID);
    const stations = scene.world
      .stationsIn(group)
      .filter((station) => rightsOn(scene, station) !== null && (wanted === null || station === wanted));
    if (wanted !== null && stations.length === 0) throw new Refusal("122");
    const children = group.children.filter((child) => seesGroup(scene, child));
    return {
      groupName: group.name,
      numStations: stations.length,
      groupData: children.map((child) => ({ sgID: child.id, sgName: child.name })),
      stationData: stations.map((station) => ({
        stationID: station.id,
        stationName: station.name,
        Address: fullAddress(station.site),
      })),
    };
  },
};

/** Guide §7.5: organisations and groups on which the account has rights. */
export const answerGetOrgsAndStationGroups: AnswerTo<typeof getOrgsAndStationGroups> = {
  badValues: { sgID: "154" },
  answer({ searchQuery }, scene) {
    const { orgID, organizationName, sgID, sgName } = searchQuery ?? {};
    const organisation = namedOrganisation(scene, { orgID, organizationName });
    const seen = scene.world.groups.filter((group) => seesGroup(scene, group));
    const byID = seen.filter((group) => sgID === null || sgID === undefined || group.id === sgID);
    if (byID.length < seen.length && byID.length === 0) throw new Refusal("154");
    const byName = byID.filter((group) => !sgName || matchesPattern(sgName, group.name));
    if (byName.length < byID.length && byName.length === 0) throw new Refusal("155");
    const groups = byName.filter((group) => organisation === null || group.organisation === organisation);
    if (groups.length === 0) throw new Refusal("156");
    const seenIDs = new Set(seen.map((group) => group.id));
    return {
      orgData: ORGANISATIONS.map((owner) => ({
        orgID: owner.id,
        organizationName: owner.name,
        sgData: groups
          .filter((group) => group.organisation === owner)
          .map((group) => ({
            sgID: group.id,
            sgName: group.name,
            parentGroupID: String(group.parent && seenIDs.has(group.parent.id) ? group.parent.id : 0),
          })),
      })).filter(({ sgData }) => sgData.length > 0),
    };
  },
};

const MOST = 100;

type Query = Parameters<AnswerTo<typeof getStationRights>["answer"]>[0]["searchQuery"];
type Rights = NonNullable<Draft<(typeof getStationRights)["response"]>["rightsData"]>[number];

/** Lists a station once for every group it is directly in; pages count these entries, group by group. */
export const answerGetStationRights: AnswerTo<typeof getStationRights> = {
  answer({ searchQuery }, scene) {
    const entries = searchStations(scene, searchQuery ?? {})
      .filter((station) => matchesState(station, searchQuery))
      .flatMap((station) => seenGroups(scene, station).map((group) => ({ station, group })))
      .sort((a, b) => a.group.id - b.group.id || a.station.number - b.station.number);
    const page = pageOf(
      entries,
      { startRecord: searchQuery?.startRecord, size: searchQuery?.numStations },
      { most: MOST, beyond: "189", none: "102" },
    );
    const byGroup = new Map<Group, Rights>();
    for (const { station, group } of page.records.map(({ record }) => record)) {
      const rights = byGroup.get(group) ?? {
        sgID: String(group.id),
        sgName: group.name,
        stationRightsProfile: groupRights(scene.account.organisation, group),
        stationData: [],
      };
      byGroup.set(group, rights);
      rights.stationData!.push({
        stationID: station.id,
        stationName: station.name,
        stationSerialNum: station.serial,
        stationMacAddr: station.mac,
        companyID: station.organisation.id,
      });
    }
    return { rightsData: [...byGroup.values()], moreFlag: page.moreFlag };
  },
};

function matchesState(station: Station, query: Query): boolean {
  if (!query) return true;
  const same = (wanted: string | null, found: readonly string[]): boolean =>
    wanted === null || found.some((text) => text.toLowerCase() === wanted.toLowerCase());
  const { startDate, endDate } = query.provisionDateRange ?? { startDate: null, endDate: null };
  const activated = new Date(station.activatedAt).toISOString().slice(0, 10);
  return (
    same(
      query.currentFault,
      station.ports.map((port) => port.fault ?? ""),
    ) &&
    same(
      query.portStatus,
      station.ports.map((port) => portStatus(station, port)),
    ) &&
    same(query.networkStatus, [station.unreachableSince === null ? "Reachable" : "Unreachable"]) &&
    same(query.provisionStatus, ["Provisioned"]) &&
    (startDate === null || activated >= startDate.slice(0, 10)) &&
    (endDate === null || activated <= endDate.slice(0, 10))
  );
}

/** Guide §7.7: the account's rights on a group. If a profile is named, it must be the account's. */
export const answerGetStationRightsProfile: AnswerTo<typeof getStationRightsProfile> = {
  badValues: { sgID: "121" },
  answer({ sgID, stationRightsProfile: wanted }, scene) {
    if (sgID === null) throw new Refusal("172");
    const profile = groupRights(scene.account.organisation, knownGroup(scene, sgID))!;
    if (wanted !== null && wanted.toLowerCase() !== profile) throw new Refusal("167");
    return {
      taskList: PROFILES[profile].map(({ name, description }) => ({ Task: name, Description: description })),
    };
  },
};
