import type { Draft } from "../../drivers/chargepoint/api/message.ts";
import type { getStations } from "../../drivers/chargepoint/api/operations/get-stations.ts";
import type { Station } from "../world/station.ts";
import type { AnswerTo, Scene } from "./answer.ts";
import { networkStatus } from "./get-station-status.ts";
import { pageOf } from "./page.ts";
import { seenGroups } from "./realm.ts";
import { describePublicly, descriptionOf, type Estimate, estimateOf } from "./station-record.ts";
import { searchStations } from "./station-search.ts";
import { requestTime, seconds, wireTime } from "./values.ts";

const MOST = 500;
const WARRANTY = "Parts and Labor";
const WARRANTY_YEARS = 6;

type Record = NonNullable<Draft<(typeof getStations)["response"]>["stationData"]>[number];

export const answerGetStations: AnswerTo<typeof getStations> = {
  answer({ searchQuery }, scene) {
    const search = searchQuery ?? ({} as NonNullable<typeof searchQuery>);
    const estimate = estimateOf(search.Pricing);
    const activated = requestTime(search.stationActivationDate);
    const warranty = search.warrantyService?.toLowerCase();
    const found = searchStations(scene, search);
    const stations =
      activated === null && !warranty
        ? found
        : found.filter(
            (station) =>
              (activated === null || seconds(station.activatedAt) === activated) &&
              (!warranty || warranty === warrantyOf(station).toLowerCase()),
          );
    const page = pageOf(
      stations,
      { startRecord: search.startRecord, size: search.numStations },
      { most: MOST, beyond: "189", none: "102" },
    );
    return {
      stationData: page.records.map(({ record, recordNumber }) => ({
        recordNumber,
        ...describeStation(scene, record, estimate),
      })),
      moreFlag: page.moreFlag,
    };
  },
};

function describeStation(scene: Scene, station: Station, estimate: Estimate | null): Record {
  const { model, organisation } = station;
  const groups = seenGroups(scene, station);
  const activated = wireTime(station.activatedAt);
  const expires = new Date(station.activatedAt);
  expires.setUTCFullYear(expires.getUTCFullYear() + WARRANTY_YEARS);
  return {
    ...describePublicly(station, estimate),
    stationName: station.name,
    Description: descriptionOf(station),
    stationActivationDate: activated,
    lastModifiedDate: activated,
    orgID: organisation.id,
    organizationName: organisation.name,
    sgID: groups.map((group) => group.id).join(", "),
    sgName: groups.map((group) => group.name).join(", "),
    warrantyService: warrantyOf(station),
    ...(model.home ? {} : { warrantyExpirationDate: wireTime(expires.getTime()) }),
    siteValidated: String(!model.home),
    ...(model.home ? {} : { siteValidationDate: activated }),
    wanIpAddress: `10.${(station.number >> 16) & 255}.${(station.number >> 8) & 255}.${station.number & 255}`,
    networkStatus: networkStatus(station),
    stationFirmware: model.firmware,
    stationReception: String(-(60 + (station.number % 40))),
    radioGroupID: String(groups[0]?.id ?? ""),
  };
}

function warrantyOf({ model }: Station): string {
  return model.home ? "None" : WARRANTY;
}
