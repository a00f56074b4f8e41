import type { Draft } from "../../drivers/chargepoint/api/message.ts";
import type { getStations } from "../../drivers/chargepoint/api/operations/get-stations.ts";
import { feeOf, type PricingRule } from "../world/pricing.ts";
import type { Port, Station } from "../world/station.ts";
import { Refusal } from "./answer.ts";
import { wireTime } from "./values.ts";

/** What getStations and getPublicStations both tell of a station (guide §7.1.3). */

const SUPPORT_PHONE = "+1-800-555-0100";
/** Hours; what the pricing rules allow. */
const LONGEST_SESSION = "14";

type Record = NonNullable<Draft<(typeof getStations)["response"]>["stationData"]>[number];

/** A session that somebody wants to know the price of. */
export interface Estimate {
  readonly hours: number;
  readonly kwh: number;
}

/** @throws Refusal 166 where the four elements are not all there */
export function estimateOf(
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

export function describePublicly(station: Station, estimate: Estimate | null) {
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

export function descriptionOf(station: Station): string {
  const ports = station.ports.length === 1 ? "one port" : `${station.ports.length} ports`;
  return `${station.model.home ? "HOME" : station.site.name}, ${ports}`;
}

export function geoOf({ site }: Station): { Lat: string; Long: string } {
  return { Lat: site.latitude.toFixed(6), Long: site.longitude.toFixed(6) };
}

// Older stations carry name, description and place in the port, newer ones in the station; these do both.
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
