import { Random } from "../world/sessions/random.ts";

/**
 * A charging station of the simulated service. `modelInfo`, `installDate`, `type` and `state` are documented. The service
 * has further fields, but which ones is not documented, so all others are our own invention.
 */
export interface SimulatedStation {
  readonly id: string;
  readonly name: string;
  readonly modelInfo: string;
  /** Absent while planned. */
  readonly installDate?: string;
  readonly type: "AC" | "DC";
  readonly state: string;
  readonly location: {
    readonly street: string;
    readonly postalCode: string;
    readonly city: string;
    readonly country: string;
    readonly coordinates: { readonly latitude: number; readonly longitude: number };
  };
  readonly chargingPoints: readonly { readonly evseId: string; readonly maxPowerKw: number }[];
  /** Personal data, to test that fields that were not requested are not published. */
  readonly contact: { readonly name: string; readonly phone: string };
}

const MODELS = [
  { name: "Duo wallbox 11", type: "AC", kw: 11, points: 2 },
  { name: "Street post 22", type: "AC", kw: 22, points: 2 },
  { name: "Garage wallbox 22", type: "AC", kw: 22, points: 1 },
  { name: "Fast charger 50", type: "DC", kw: 50, points: 2 },
  { name: "Highway charger 300", type: "DC", kw: 300, points: 2 },
] as const;
const CITIES = [
  { city: "Dortmund", postalCode: "44139", latitude: 51.5136, longitude: 7.4653 },
  { city: "Hamburg", postalCode: "20095", latitude: 53.5511, longitude: 9.9937 },
  { city: "Dresden", postalCode: "01067", latitude: 51.0504, longitude: 13.7373 },
  { city: "München", postalCode: "80331", latitude: 48.1351, longitude: 11.582 },
] as const;
const FIRST_DAY = Date.UTC(2018, 0, 1);
const DAYS = 2800;
const DAY_MS = 86_400_000;

/**
 * Returns the stations of a network; the same seed gives the same ones, and a larger network begins with those of a
 * smaller.
 */
export function makeStations(seed: number, count: number): SimulatedStation[] {
  return Array.from({ length: count }, (_, index) => makeStation(new Random(seed, index), index + 1));
}

function makeStation(random: Random, number: number): SimulatedStation {
  const model = random.pick(MODELS);
  const site = random.pick(CITIES);
  const state = random.chance(0.1) ? "planned" : random.chance(0.08) ? "non-operational" : "operational";
  const installed = new Date(FIRST_DAY + random.below(DAYS) * DAY_MS).toISOString().slice(0, 10);
  const id = `CS-${String(number).padStart(6, "0")}`;
  const near = (degrees: number) => Number((degrees + random.between(-0.05, 0.05)).toFixed(6));
  return {
    id,
    name: `${site.city} ${String(number).padStart(4, "0")}`,
    modelInfo: model.name,
    ...(state !== "planned" && { installDate: installed }),
    type: model.type,
    state,
    location: {
      street: `Ladestraße ${1 + random.below(120)}`,
      postalCode: site.postalCode,
      city: site.city,
      country: "DE",
      coordinates: { latitude: near(site.latitude), longitude: near(site.longitude) },
    },
    chargingPoints: Array.from({ length: model.points }, (_, point) => ({
      evseId: `DE*SIM*E${String(number).padStart(6, "0")}*${point + 1}`,
      maxPowerKw: model.kw,
    })),
    contact: { name: `Caretaker ${number}`, phone: `+49 231 ${100_000 + number}` },
  };
}
