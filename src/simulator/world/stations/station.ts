import type { Appointment } from "../sessions/agenda.ts";
import type { Limit } from "../sessions/limit.ts";
import type { Random } from "../sessions/random.ts";
import type { Session } from "../sessions/session.ts";
import type { Group } from "./groups.ts";
import type { Outlet, StationModel } from "./models.ts";
import type { Organisation } from "./organisations.ts";
import type { PricingRule } from "./pricing.ts";
import type { Site } from "./sites.ts";

/** A port's shed as the network reports it. */
export interface ShedReading {
  readonly shedState: 0 | 1;
  readonly allowedLoad: number;
  readonly percentShed: number;
}

export interface Port {
  /** Text: ports can be `1A`. */
  readonly number: string;
  readonly kw: number;
  readonly outlet: Outlet;
  /** Source of random events at this port. */
  readonly random: Random;
  session: Session | null;
  /** Whether it is out of order since a fault; then it delivers nothing. */
  fault: string | null;
  limit: Limit | null;
  /** Load when the shed in force was first requested; percentages refer to it (guide §5.1). Null while not shed. */
  measuredKw: number | null;
  /** Reported instead of the present state until then, where writes show late. */
  outdated: { readonly reading: ShedReading; readonly until: number } | null;
  /** Times at which its load changes, its vehicle leaves, the next one arrives. */
  phase: Appointment | null;
  departure: Appointment | null;
  arrival: Appointment | null;
}

export interface Station {
  /** `CPNID:number`. */
  readonly id: string;
  readonly number: number;
  readonly model: StationModel;
  readonly site: Site;
  readonly organisation: Organisation;
  /** Groups it is directly in. */
  readonly groups: Group[];
  /** Organisation and station, as on its display. */
  readonly name: string;
  readonly serial: string;
  readonly mac: string;
  readonly activatedAt: number;
  readonly reservable: boolean;
  /** Whether drivers find it on the map. */
  readonly isPublic: boolean;
  /** Null: charging is free, and nothing is settled. */
  readonly pricing: PricingRule | null;
  /** What a driver does by its waitlist policy when notified that the session is complete; null: it has no waitlist. */
  readonly waitlist: "move" | "remain" | null;
  /** The one driver of a home unit. */
  residentNumber: number | null;
  readonly ports: readonly Port[];
  /** Whether it reports the charge of a vehicle's battery. */
  readonly tellsBattery: boolean;
  /** Unsupported features; ordinary stations have none. */
  canShedPerPort: boolean;
  canShedAbsolute: boolean;
  panelSharing: boolean;
  /** Since when it has no supply and does not communicate. */
  unreachableSince: number | null;
}

/** Returns the maximum power of the station, in kW. */
export function maximumKw({ model, ports }: Station): number {
  return Math.min(
    model.sharedKw ?? Number.POSITIVE_INFINITY,
    ports.reduce((sum, port) => sum + port.kw, 0),
  );
}

export function portLoadKw(port: Port, now: number): number {
  return port.session?.kwAt(now) ?? 0;
}

export function stationLoadKw(station: Station, now: number): number {
  return station.ports.reduce((sum, port) => sum + portLoadKw(port, now), 0);
}

/** Returns the limit that binds the port; none while its driver has opted out of it. */
export function bindingLimit(port: Port): Limit | null {
  return port.session !== null && port.session.optedOutOf === port.limit ? null : port.limit;
}

export function shedReading(port: Port): ShedReading {
  const limit = bindingLimit(port);
  if (limit === null) return { shedState: 0, allowedLoad: 0, percentShed: 0 };
  return limit.mode === "absolute"
    ? { shedState: 1, allowedLoad: limit.value, percentShed: 0 }
    : { shedState: 1, allowedLoad: 0, percentShed: limit.value };
}
