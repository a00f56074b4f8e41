import type { Draft } from "../../drivers/chargepoint/api/message.ts";
import type { getStations } from "../../drivers/chargepoint/api/operations/get-stations.ts";
import type { PricingRule } from "../world/sites.ts";
import type { Port, Station } from "../world/station.ts";
import { type AnswerTo, Refusal } from "./answer.ts";
import { pageOf } from "./page.ts";
import { searchStations } from "./station-search.ts";
import { requestTime, seconds, wireTime } from "./values.ts";

const MOST = 500;
const SUPPORT_PHONE = "+1-800-555-0100";
const WARRANTY = "Parts and Labor";
const WARRANTY_YEARS = 6;
/** Hours; what the pricing rules allow. */
const LONGEST_SESSION = "14";

type Record = NonNullable<Draft<(typeof getStations)["response"]>["stationData"]>[number];
type Estimate = { readonly hours: number; readonly kwh: number };

export const answerGetStations: AnswerTo<typeof getStations> = {
  answer({ searchQuery }, { world }) {
    const search = searchQuery ?? ({} as NonNullable<typeof searchQuery>);
    const estimate = estimateOf(search.Pricing);
    const activated = requestTime(search.stationActivationDate);
    const warranty = search.warrantyService?.toLowerCase();
    const stations = searchStations(world, search).filter(
      (station) =>
        (activated === null || seconds(station.activatedAt) === activated) &&
        (!warranty || warranty === WARRANTY.toLowerCase()),
    );
    const page = pageOf(
      stations,
      { startRecord: search.startRecord, size: search.numStations },
      { most: MOST, refuseLarger: true, none: "102" },
    );
    return {
      stationData: page.records.map(({ record, recordNumber }) => ({
        recordNumber,
        ...describeStation(record, estimate),
      })),
      moreFlag: page.moreFlag,
    };
  },
};

function describeStation(station: Station, estimate: Estimate | null): Record {
  const { model, site, organisation, groups } = station;
  const activated = wireTime(station.activatedAt);
  const expires = new Date(station.activatedAt);
  expires.setUTCFullYear(expires.getUTCFullYear() + WARRANTY_YEARS);
  return {
    stationID: station.id,
    stationManufacturer: model.manufacturer,
    stationModel: model.name,
    stationMacAddr: station.mac,
    stationSerialNum: station.serial,
    stationName: station.name,
    Description: descriptionOf(station),
    Geo: geoOf(station),
    stationActivationDate: activated,
    Address: site.street,
    City: site.city,
    State: site.state,
    Country: site.country,
    postalCode: site.postalCode,
    Port: station.ports.map((port) => describePort(station, port, estimate)),
    Pricing: [describePricing(site.pricing)],
    numPorts: station.ports.length,
    lastModifiedDate: activated,
    mainPhone: SUPPORT_PHONE,
    modTimeStamp: activated,
    timezoneOffset: offset(site.offsetHours),
    currencyCode: "USD",
    orgID: organisation.id,
    organizationName: organisation.name,
    sgID: groups.map((group) => group.id).join(", "),
    sgName: groups.map((group) => group.name).join(", "),
    warrantyExpirationDate: wireTime(expires.getTime()),
    warrantyService: WARRANTY,
    siteValidated: "true",
    siteValidationDate: activated,
    wanIpAddress: `10.${(station.number >> 16) & 255}.${(station.number >> 8) & 255}.${station.number & 255}`,
    networkStatus: station.unreachableSince === null ? "REACHABLE" : "UNREACHABLE",
    stationFirmware: model.firmware,
    stationReception: String(-(60 + (station.number % 40))),
    radioGroupID: String(groups[0]?.id ?? ""),
  };
}

// Older stations carry name, description and place in the port, newer ones in the station; these do both.
function describePort(
  station: Station,
  port: Port,
  estimate: Estimate | null,
): NonNullable<Record["Port"]>[number] {
  const { model, site } = station;
  return {
    portNumber: port.number,
    stationName: station.name,
    Geo: geoOf(station),
    Description: descriptionOf(station),
    Reservable: station.reservable ? 1 : 0,
    Level: model.level,
    Mode: null,
    Connector: model.connector,
    Voltage: String(model.volts),
    Current: String(model.amps),
    Power: port.kw.toFixed(3),
    estimatedCost: estimate === null ? 0 : cost(site.pricing, estimate),
  };
}

function descriptionOf(station: Station): string {
  return `${station.site.name}, ${station.ports.length === 1 ? "one port" : `${station.ports.length} ports`}`;
}

function geoOf({ site }: Station): { Lat: string; Long: string } {
  return { Lat: site.latitude.toFixed(6), Long: site.longitude.toFixed(6) };
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

/** @throws Refusal 166 where the four elements are not all there */
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

function cost(rule: PricingRule, { hours, kwh }: Estimate): number {
  const firstHours = rule.firstMinutes / 60;
  const byTime =
    rule.forFirst * Math.min(hours, firstHours) +
    (rule.perHourThereafter || rule.perHour) * Math.max(0, hours - firstHours);
  const sum = rule.perSession + rule.perKWh * kwh + byTime;
  return Math.round(Math.min(rule.maxPrice, Math.max(rule.minPrice, sum)) * 100) / 100;
}

/** `-08:00` */
function offset(hours: number): string {
  return `${hours < 0 ? "-" : "+"}${String(Math.abs(hours)).padStart(2, "0")}:00`;
}
