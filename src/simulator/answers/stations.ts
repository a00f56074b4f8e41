import type { Draft } from "../../drivers/chargepoint/api/message.ts";
import type { getCPNInstances } from "../../drivers/chargepoint/api/operations/get-cpn-instances.ts";
import type { getPublicStations } from "../../drivers/chargepoint/api/operations/get-public-stations.ts";
import type { getStations } from "../../drivers/chargepoint/api/operations/get-stations.ts";
import { feeOf, type PricingRule } from "../world/stations/pricing.ts";
import type { Port, Station } from "../world/stations/station.ts";
import { type AnswerTo, Refusal, type Scene } from "./answer.ts";
import { pageOf } from "./page.ts";
import { INSTANCES, seenGroups } from "./realm.ts";
import { publicStations, searchStations } from "./station-search.ts";
import { networkStatus } from "./station-status.ts";
import { requestTime, seconds, wireTime } from "./values.ts";

/** Guide §4.1 and §7.1, and getPublicStations, which is not in the guide: the instances of the network, and its stations. */

export const answerGetCPNInstances: AnswerTo<typeof getCPNInstances> = {
  answer: () => ({ CPN: INSTANCES }),
};

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

/** Stations that every driver can find, regardless of their owner. */
export const answerGetPublicStations: AnswerTo<typeof getPublicStations> = {
  answer({ searchQuery }, scene) {
    const estimate = estimateOf(searchQuery?.Pricing);
    return {
      stationData: publicStations(scene, searchQuery ?? {}).map((station) =>
        describePublicly(station, estimate),
      ),
    };
  },
};

const SUPPORT_PHONE = "+1-800-555-0100";
/** Duration in hours allowed by the pricing rules. */
const LONGEST_SESSION = "14";

/** A session whose price is requested. */
interface Estimate {
  readonly hours: number;
  readonly kwh: number;
}

/** Reads the estimate. @throws Refusal 166 where not all four elements are given */
function estimateOf(
  pricing:
    | { startTime: unknown; Duration: number | null; energyRequired: number | null; vehiclePower: unknown }
    | null
    | undefined,
): Estimate | null {
  if (!pricing) return null;
  const { startTime, Duration, energyRequired, vehiclePower } = pricing;
  if (startTime === null || Duration === null || energyRequired === null || vehiclePower === null) {
    throw new Refusal("166");
  }
  return { hours: Duration, kwh: energyRequired };
}

/** The elements that getStations and getPublicStations have in common (guide §7.1.3). */
function describePublicly(station: Station, estimate: Estimate | null) {
  const { model, site, pricing } = station;
  return {
    stationID: station.id,
    stationManufacturer: model.manufacturer,
    stationModel: model.name,
    stationMacAddr: station.mac,
    stationSerialNum: station.serial,
    Address: site.street,
    City: site.city,
    State: site.state,
    Country: site.country,
    postalCode: site.postalCode,
    Port: station.ports.map((port) => describePort(station, port, estimate)),
    ...(pricing ? { Pricing: [describePricing(pricing)] } : {}),
    numPorts: station.ports.length,
    mainPhone: SUPPORT_PHONE,
    modTimeStamp: wireTime(station.activatedAt),
    timezoneOffset: offset(site.offsetHours),
    currencyCode: site.currency,
  } satisfies Record;
}

function descriptionOf(station: Station): string {
  const ports = station.ports.length === 1 ? "one port" : `${station.ports.length} ports`;
  return `${station.model.home ? "HOME" : station.site.name}, ${ports}`;
}

export function geoOf({ site }: Station): { Lat: string; Long: string } {
  return { Lat: site.latitude.toFixed(6), Long: site.longitude.toFixed(6) };
}

// Older stations have name, description and place in the port, newer ones in the station; these have both.
function describePort(
  station: Station,
  port: Port,
  estimate: Estimate | null,
): NonNullable<Record["Port"]>[number] {
  const { outlet } = port;
  return {
    portNumber: port.number,
    stationName: station.name,
    Geo: geoOf(station),
    Description: descriptionOf(station),
    Reservable: station.reservable ? 1 : 0,
    Level: outlet.level,
    Mode: null,
    Connector: outlet.connector,
    Voltage: String(outlet.volts),
    Current: String(outlet.amps),
    Power: port.kw.toFixed(3),
    estimatedCost: estimate && station.pricing ? feeOf(station.pricing, estimate) : 0,
  };
}

function describePricing(rule: PricingRule): NonNullable<Record["Pricing"]>[number] {
  return {
    Type: rule.type,
    startTime: "00:00:00",
    endTime: "23:59:59",
    minPrice: rule.minPrice,
    maxPrice: rule.maxPrice,
    initialUnitPriceDuration: rule.firstMinutes,
    unitPriceForFirst: rule.forFirst,
    unitPricePerHour: rule.perHour,
    unitPricePerHourThereafter: rule.perHourThereafter,
    unitPricePerSession: rule.perSession,
    unitPricePerKWh: rule.perKWh,
    sessionTime: LONGEST_SESSION,
  };
}

/** `-08:00` */
function offset(hours: number): string {
  return `${hours < 0 ? "-" : "+"}${String(Math.abs(hours)).padStart(2, "0")}:00`;
}
