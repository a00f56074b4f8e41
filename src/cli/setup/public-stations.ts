import type { PublicStation, PublicStationStatus } from "../../drivers/chargepoint/api/index.ts";
import { formatValue } from "../terminal/table.ts";

export interface Place {
  /** Degrees. */
  readonly lat: number;
  readonly long: number;
}

export type DistanceUnit = "M" | "K";

/** A public station with all that is known of it. */
export interface FoundPublicStation extends PublicStation {
  /** Null when the service did not return one. */
  readonly status: PublicStationStatus | null;
  /** From the place of the search, as the crow flies; null where either place is unknown. */
  readonly distance: number | null;
}

const EARTH_RADIUS = { M: 3958.8, K: 6371 } as const;
const AVAILABLE = "AVAILABLE";

/** Returns stations with their status and distance, the nearest first; those without a distance last, in the service's order. */
export function merge(
  stations: readonly PublicStation[],
  statuses: readonly PublicStationStatus[],
  from: Place | undefined,
  unit: DistanceUnit,
): FoundPublicStation[] {
  const byID = new Map(statuses.map((status) => [status.stationID, status]));
  const far = (distance: number | null) => distance ?? Number.POSITIVE_INFINITY;
  return stations
    .map((station) => ({
      ...station,
      status: byID.get(station.stationID) ?? null,
      distance: distanceBetween(from, placeOf(station), unit),
    }))
    .sort((a, b) => (a.distance === b.distance ? 0 : far(a.distance) - far(b.distance)));
}

/** Returns the place of a station, which its ports carry. */
export function placeOf(station: PublicStation): Place | undefined {
  for (const { Geo } of station.Port) {
    const lat = Number(Geo?.Lat ?? Number.NaN);
    const long = Number(Geo?.Long ?? Number.NaN);
    if (Number.isFinite(lat) && Number.isFinite(long)) return { lat, long };
  }
  return undefined;
}

/** Returns the first station at an address: same house number, and the same beginning of the street (`Dell Ave` is `Dell Avenue`). */
export function stationAt(stations: readonly PublicStation[], address: string): PublicStation | undefined {
  const [number, street] = addressParts(address);
  if (number === undefined || street === undefined) return undefined;
  return stations.find((station) => {
    const [otherNumber, otherStreet] = addressParts(station.Address ?? "");
    if (otherNumber !== number || otherStreet === undefined) return false;
    return street.startsWith(otherStreet) || otherStreet.startsWith(street);
  });
}

function addressParts(address: string): [number?: string, street?: string] {
  const [, number, street] = /^\s*(\d\S*)\s+([^,]*[^,\s.])/.exec(address.toLowerCase()) ?? [];
  return [number, street];
}

function distanceBetween(from: Place | undefined, to: Place | undefined, unit: DistanceUnit): number | null {
  if (!from || !to) return null;
  const radians = (degrees: number) => (degrees * Math.PI) / 180;
  const chord =
    Math.sin(radians(to.lat - from.lat) / 2) ** 2 +
    Math.cos(radians(from.lat)) * Math.cos(radians(to.lat)) * Math.sin(radians(to.long - from.long) / 2) ** 2;
  const distance = 2 * EARTH_RADIUS[unit] * Math.asin(Math.min(1, Math.sqrt(chord)));
  return Number(distance.toFixed(3));
}

/** Returns whether any port is free. */
export function isAvailable({ status }: FoundPublicStation): boolean {
  return (status?.Port ?? []).some(({ Status }) => Status === AVAILABLE);
}

export const HEADER = ["stationID", "name", "address", "ports", "status", "price", "distance"];

export function cells(station: FoundPublicStation, unit: DistanceUnit): string[] {
  const name = station.Port.find(({ stationName }) => stationName)?.stationName ?? null;
  const address = [station.Address, station.City].filter(Boolean).join(", ");
  const { distance } = station;
  return [
    formatValue(station.stationID),
    formatValue(name),
    address === "" ? "–" : address,
    portsOf(station),
    statusOf(station),
    priceOf(station),
    distance === null ? "–" : `${distance.toFixed(2)} ${unit === "M" ? "mi" : "km"}`,
  ];
}

/** `2 × J1772 7.2 kW, CHAdeMO 50 kW` */
function portsOf({ Port, numPorts }: PublicStation): string {
  const kinds = Port.map(({ Connector, Power }) =>
    [Connector, Power === null ? null : `${Number(Power)} kW`].filter(Boolean).join(" "),
  );
  const listed = counts(kinds.filter((kind) => kind !== ""));
  return listed === "" ? formatValue(numPorts ?? Port.length) : listed;
}

/** `AVAILABLE, INUSE`, `2 × AVAILABLE`; the network status of a station without ports. */
function statusOf({ status }: FoundPublicStation): string {
  if (!status) return "–";
  if (status.Port.length === 0) return formatValue(status.networkStatus);
  return counts(status.Port.map(({ Status }) => Status ?? "UNKNOWN"));
}

function counts(words: readonly string[]): string {
  return [...Map.groupBy(words, (word) => word)]
    .map(([word, { length }]) => (length === 1 ? word : `${length} × ${word}`))
    .join(", ");
}

/** Formats the first price rule, and the number of further ones. */
function priceOf({ Pricing, currencyCode }: PublicStation): string {
  const [rule, ...others] = Pricing;
  if (!rule) return "–";
  const parts = [
    [rule.unitPricePerKWh, "/kWh"],
    [rule.unitPricePerHour, "/h"],
    [rule.unitPriceForFirst, "/h at first"],
    [rule.unitPricePerHourThereafter, "/h after"],
    [rule.unitPricePerSession, "/session"],
    [rule.minPrice, " at least"],
  ] as const;
  const priced = parts.flatMap(([price, per]) => (price ? [`${price.toFixed(2)}${per}`] : []));
  const text = priced.length === 0 ? "free" : [priced.join(" + "), currencyCode].filter(Boolean).join(" ");
  return others.length === 0 ? text : `${text} (${others.length} more by time of day)`;
}
