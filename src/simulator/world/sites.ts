/** Who owns stations. */
export interface Organisation {
  /** `CPNID:ORGnumber`. */
  readonly id: string;
  readonly name: string;
  /** First line of its stations' displays. */
  readonly shortName: string;
  /** What the account may do with its stations. */
  readonly rightsProfile: string;
}

/** A custom station group. Stations of a nested group are in the outer one too. */
export interface Group {
  readonly id: number;
  readonly name: string;
  readonly organisation: Organisation;
  readonly parent: Group | null;
  /** Directly in it. */
  readonly stationNumbers: number[];
  readonly children: Group[];
}

export interface PricingRule {
  readonly type: "kWh" | "Hourly" | "Session";
  readonly minPrice: number;
  readonly maxPrice: number;
  /** Each 0 where the rule does not use it. */
  readonly perHour: number;
  readonly perHourThereafter: number;
  readonly forFirst: number;
  /** Minutes of the first portion. */
  readonly firstMinutes: number;
  readonly perSession: number;
  readonly perKWh: number;
}

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
  /** From UTC, the whole year. */
  readonly offsetHours: number;
  readonly pricing: PricingRule;
}

export const ORGANISATIONS: readonly Organisation[] = [
  { id: "1:ORG10001", name: "Riverbend Campus", shortName: "RIVERBEND", rightsProfile: "network manager" },
  {
    id: "1:ORG10002",
    name: "Harbor Fleet Services",
    shortName: "HARBOR FLEET",
    rightsProfile: "detailed usage viewer",
  },
];

const CITIES = [
  ["Richland", "Washington", "99352", 46.3446, -119.2791, -8, "Innovation Blvd"],
  ["Allston", "Massachusetts", "02134", 42.3553, -71.1324, -5, "Cambridge St"],
  ["Golden", "Colorado", "80401", 39.7555, -105.2211, -7, "Denver West Pkwy"],
  ["Austin", "Texas", "78701", 30.2711, -97.7437, -6, "Congress Ave"],
  ["Sacramento", "California", "95814", 38.5804, -121.4938, -8, "Capitol Mall"],
  ["Portland", "Oregon", "97201", 45.5078, -122.6897, -8, "Harbor Way"],
] as const;

const PARKINGS = ["NORTH GARAGE", "SOUTH GARAGE", "VISITOR LOT", "LAB LOT", "DEPOT", "PARK AND RIDE"];

const free = { perHour: 0, perHourThereafter: 0, forFirst: 0, firstMinutes: 0, perSession: 0, perKWh: 0 };
const PRICING: readonly PricingRule[] = [
  { ...free, type: "kWh", minPrice: 0, maxPrice: 40, perKWh: 0.25 },
  {
    ...free,
    type: "Hourly",
    minPrice: 1,
    maxPrice: 30,
    perHour: 1.5,
    forFirst: 1.5,
    firstMinutes: 240,
    perHourThereafter: 5,
  },
  { ...free, type: "Session", minPrice: 4, maxPrice: 4, perSession: 4 },
];

/** The site with this place in the list; they go round the cities, and never run out. */
export function siteOf(index: number): Site {
  const [city, state, postalCode, latitude, longitude, offsetHours, street] = CITIES[index % CITIES.length]!;
  const round = Math.floor(index / CITIES.length);
  const parking = PARKINGS[(index + round) % PARKINGS.length]!;
  return {
    name: round === 0 ? parking : `${parking} ${round + 1}`,
    street: `${100 + 12 * index} ${street}`,
    city,
    state,
    postalCode,
    country: "United States",
    latitude: latitude + 0.004 * round,
    longitude: longitude - 0.003 * round,
    offsetHours,
    pricing: PRICING[index % PRICING.length]!,
  };
}

/** Street, city, state, postal code and country in one line. */
export function fullAddress(site: Site): string {
  return `${site.street}, ${site.city}, ${site.state}, ${site.postalCode}, ${site.country}`;
}
