import { PRICING_RULES, type PricingRule } from "./pricing.ts";

/** A place with stations. */
export interface Site {
  readonly name: string;
  readonly street: string;
  readonly city: string;
  readonly state: string;
  readonly postalCode: string;
  readonly country: string;
  readonly latitude: number;
  readonly longitude: number;
  /** Offset from UTC, the same all year. */
  readonly offsetHours: number;
  readonly pricing: PricingRule;
  /** ISO 4217. */
  readonly currency: "USD" | "CAD";
  /** US dollars for one unit of the currency. */
  readonly dollars: number;
  /** Share of the net amount. */
  readonly taxRate: number;
}

const usa = { country: "United States", currency: "USD", dollars: 1 } as const;
const canada = { country: "Canada", currency: "CAD", dollars: 0.73 } as const;

interface City extends Omit<Site, "name" | "pricing"> {}

const CITIES: readonly City[] = [
  {
    ...usa,
    city: "Richland",
    state: "Washington",
    postalCode: "99352",
    street: "Innovation Blvd",
    latitude: 46.3446,
    longitude: -119.2791,
    offsetHours: -8,
    taxRate: 0.087,
  },
  {
    ...usa,
    city: "Allston",
    state: "Massachusetts",
    postalCode: "02134",
    street: "Cambridge St",
    latitude: 42.3553,
    longitude: -71.1324,
    offsetHours: -5,
    taxRate: 0.0625,
  },
  {
    ...usa,
    city: "Golden",
    state: "Colorado",
    postalCode: "80401",
    street: "Denver West Pkwy",
    latitude: 39.7555,
    longitude: -105.2211,
    offsetHours: -7,
    taxRate: 0.075,
  },
  {
    ...usa,
    city: "Austin",
    state: "Texas",
    postalCode: "78701",
    street: "Congress Ave",
    latitude: 30.2711,
    longitude: -97.7437,
    offsetHours: -6,
    taxRate: 0.0825,
  },
  {
    ...usa,
    city: "Sacramento",
    state: "California",
    postalCode: "95814",
    street: "Capitol Mall",
    latitude: 38.5804,
    longitude: -121.4938,
    offsetHours: -8,
    taxRate: 0.0875,
  },
  {
    ...usa,
    city: "Portland",
    state: "Oregon",
    postalCode: "97201",
    street: "Harbor Way",
    latitude: 45.5078,
    longitude: -122.6897,
    offsetHours: -8,
    taxRate: 0,
  },
  {
    ...canada,
    city: "Burnaby",
    state: "British Columbia",
    postalCode: "V5H 2A9",
    street: "Kingsway",
    latitude: 49.2276,
    longitude: -123.0076,
    offsetHours: -8,
    taxRate: 0.12,
  },
];

const PARKINGS = [
  "NORTH GARAGE",
  "SOUTH GARAGE",
  "VISITOR LOT",
  "LAB LOT",
  "DEPOT",
  "PARK AND RIDE",
  "WEST LOT",
];

/** Returns the site at this position of the list; sites repeat the cities without end. */
export function siteOf(index: number): Site {
  const city = CITIES[index % CITIES.length]!;
  const round = Math.floor(index / CITIES.length);
  const parking = PARKINGS[(index + round) % PARKINGS.length]!;
  return {
    ...city,
    name: round === 0 ? parking : `${parking} ${round + 1}`,
    street: `${100 + 12 * index} ${city.street}`,
    latitude: city.latitude + 0.004 * round,
    longitude: city.longitude - 0.003 * round,
    pricing: PRICING_RULES[index % PRICING_RULES.length]!,
  };
}

/** Street, city, state, postal code and country in one line. */
export function fullAddress(site: Site): string {
  return `${site.street}, ${site.city}, ${site.state}, ${site.postalCode}, ${site.country}`;
}
