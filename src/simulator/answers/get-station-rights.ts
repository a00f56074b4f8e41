import type { Draft } from "../../drivers/chargepoint/api/message.ts";
import type { getStationRights } from "../../drivers/chargepoint/api/operations/get-station-rights.ts";
import type { Group } from "../world/groups.ts";
import { groupRights } from "../world/rights.ts";
import type { Station } from "../world/station.ts";
import type { AnswerTo } from "./answer.ts";
import { portStatus } from "./get-station-status.ts";
import { pageOf } from "./page.ts";
import { seenGroups } from "./realm.ts";
import { searchStations } from "./station-search.ts";

const MOST = 100;

type Query = Parameters<AnswerTo<typeof getStationRights>["answer"]>[0]["searchQuery"];
type Rights = NonNullable<Draft<(typeof getStationRights)["response"]>["rightsData"]>[number];

/** A station is told once for every group it is directly in; pages count these entries, group by group. */
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
