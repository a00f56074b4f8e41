import { Refusal } from "./answer.ts";

const EARTH_RADIUS_M = 6_371_000;
const DEFAULT_PROXIMITY = 5;
/** Metres in the units of proximityUnit (guide §7.1.2). */
const METRES: Readonly<Record<string, number>> = { M: 1609.344, N: 1852, K: 1000, F: 0.3048, I: 0.0254 };

export interface Around {
  readonly latitude: number;
  readonly longitude: number;
  readonly metres: number;
}

/** The circle that a search asks for; null where it names no point. @throws Refusal 135 where it cannot be read */
export function around(search: {
  readonly Geo?: { readonly Lat: string | null; readonly Long: string | null } | null;
  readonly Proximity?: number | null;
  readonly proximityUnit?: string | null;
}): Around | null {
  const { Geo } = search;
  if (!Geo || Geo.Lat === null || Geo.Long === null) return null;
  const unit = METRES[(search.proximityUnit ?? "M").toUpperCase()];
  const latitude = Number(Geo.Lat);
  const longitude = Number(Geo.Long);
  const proximity = search.Proximity ?? DEFAULT_PROXIMITY;
  if (unit === undefined || !Number.isFinite(latitude) || !Number.isFinite(longitude) || proximity < 0) {
    throw new Refusal("135");
  }
  return { latitude, longitude, metres: proximity * unit };
}

export function isWithin(circle: Around, place: { latitude: number; longitude: number }): boolean {
  const radians = (degrees: number): number => (degrees * Math.PI) / 180;
  const dLat = radians(place.latitude - circle.latitude);
  const dLong = radians(place.longitude - circle.longitude);
  const chord =
    Math.sin(dLat / 2) ** 2 +
    Math.cos(radians(circle.latitude)) * Math.cos(radians(place.latitude)) * Math.sin(dLong / 2) ** 2;
  return 2 * EARTH_RADIUS_M * Math.asin(Math.min(1, Math.sqrt(chord))) <= circle.metres;
}
