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

/** A radius in metres. @throws Refusal 135 where it is none */
export function metresOf(proximity: number | null | undefined, unit: string | null | undefined): number {
  const metres = METRES[(unit ?? "M").toUpperCase()];
  const radius = proximity ?? DEFAULT_PROXIMITY;
  if (metres === undefined || radius < 0) throw new Refusal("135");
  return radius * metres;
}

/** By the great circle between the two. */
export function isWithin(circle: Around, place: { latitude: number; longitude: number }): boolean {
  const radians = (degrees: number): number => (degrees * Math.PI) / 180;
  const dLat = radians(place.latitude - circle.latitude);
  const dLong = radians(place.longitude - circle.longitude);
  const chord =
    Math.sin(dLat / 2) ** 2 +
    Math.cos(radians(circle.latitude)) * Math.cos(radians(place.latitude)) * Math.sin(dLong / 2) ** 2;
  return 2 * EARTH_RADIUS_M * Math.asin(Math.min(1, Math.sqrt(chord))) <= circle.metres;
}
