import type { Appointment } from "./agenda.ts";
import type { StationModel } from "./models.ts";
import type { Random } from "./random.ts";
import type { Session } from "./session.ts";
import type { Group, Organisation, Site } from "./sites.ts";

export type ShedMode = "absolute" | "percentage";

/**
 * A load limit in force. One made for a whole station binds its ports together: the sum of their loads stays at or
 * under `kw`. One made for a port binds that port alone.
 */
export interface Limit {
  readonly mode: ShedMode;
  /** As asked for: kW, or percent of the measured load to take away. */
  readonly value: number;
  readonly kw: number;
  /** Its end, where one was asked for. */
  readonly end: Appointment | null;
}

/** What the network tells of a port's shed. */
export interface ShedReading {
  readonly shedState: 0 | 1;
  readonly allowedLoad: number;
  readonly percentShed: number;
}

export interface Port {
  /** Text: ports can be `1A`. */
  readonly number: string;
  readonly kw: number;
  /** What happens at this port by chance. */
  readonly random: Random;
  session: Session | null;
  /** Out of order since a fault; such a port gives nothing. */
  fault: string | null;
  limit: Limit | null;
  /** Load when the shed in force was first asked for; percentages refer to it (guide §5.1). Null while not shed. */
  measuredKw: number | null;
  /** Told instead of the truth until then, where writes are to show late. */
  outdated: { readonly reading: ShedReading; readonly until: number } | null;
  /** When its load changes course, its vehicle leaves, the next one comes. */
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
  readonly ports: readonly Port[];
  /** Whether it can tell the charge of a vehicle's battery. */
  readonly tellsBattery: boolean;
  /** What it cannot do; ordinary stations can do all. */
  canShedPerPort: boolean;
  canShedAbsolute: boolean;
  panelSharing: boolean;
  /** Without supply, and silent, since then. */
  unreachableSince: number | null;
  readonly random: Random;
}

/** Most the station can draw, kW. */
export function maximumKw(station: Station): number {
  return station.ports.reduce((sum, port) => sum + port.kw, 0);
}

export function portLoadKw(port: Port, now: number): number {
  return port.session?.kwAt(now) ?? 0;
}

export function stationLoadKw(station: Station, now: number): number {
  return station.ports.reduce((sum, port) => sum + portLoadKw(port, now), 0);
}

export function shedReading(port: Port): ShedReading {
  const { limit } = port;
  if (limit === null) return { shedState: 0, allowedLoad: 0, percentShed: 0 };
  return limit.mode === "absolute"
    ? { shedState: 1, allowedLoad: limit.value, percentShed: 0 }
    : { shedState: 1, allowedLoad: 0, percentShed: limit.value };
}
