import type { Acceptance } from "./curve.ts";
import type { Vehicle } from "./driver.ts";
import type { Random } from "./random.ts";

const MS_PER_HOUR = 3_600_000;

/** A vehicle with its driver at a port: its energy demand, and the length of its stay. */
export interface Visit {
  /** `driver()` returns the driver. */
  readonly driverNumber: number;
  readonly acceptance: Acceptance;
  readonly batteryKwh: number;
  /** State of charge on arrival. */
  readonly startPercent: number;
  /** Length of the stay, regardless of the load, as drivers do. `Infinity`: until `unplug`. */
  readonly stayMs: number;
}

/** A vehicle planned by hand, for tests and demonstrations. */
export interface PlannedVisit {
  /** Power that it takes until it is nearly full. Default: the maximum of the port. */
  readonly kw?: number;
  /** Energy until it is full. Default 60. */
  readonly needKwh?: number;
  /** Energy from which on its power falls. Default: the last tenth of `needKwh`. */
  readonly taperFromKwh?: number;
  /** Default: until `unplug`. */
  readonly stayMinutes?: number;
  readonly driverNumber?: number;
}

/** Returns a random visit. */
export function drawVisit(
  random: Random,
  driverNumber: number,
  vehicle: Vehicle,
  port: { readonly kw: number; readonly dc: boolean },
): Visit {
  // The mains voltage is rarely nominal, and chargers differ slightly.
  const maxKw =
    random.between(0.93, 1) * Math.min(port.kw, port.dc ? (vehicle.dcKw ?? vehicle.acKw) : vehicle.acKw);
  const startShare = random.between(0.2, 0.8);
  const targetShare = random.chance(0.7) ? 1 : Math.max(startShare + 0.1, random.between(0.8, 0.95));
  const taperShare = port.dc ? 0.65 : 0.9;
  const fullKwh = (targetShare - startShare) * vehicle.batteryKwh;
  const acceptance: Acceptance = {
    maxKw,
    taperFromKwh: Math.min(0.95 * fullKwh, Math.max(0, (taperShare - startShare) * vehicle.batteryKwh)),
    fullKwh,
    cutoffKw: maxKw * (port.dc ? 0.25 : 0.07),
  };
  // Approximates the time to the end of the taper, exactly enough to decide when a driver returns.
  const chargingHours = (1.15 * fullKwh) / maxKw;
  const stayHours = random.chance(0.75)
    ? chargingHours + random.exponential(port.dc ? 0.1 : 1)
    : chargingHours * random.between(0.4, 0.95);
  return {
    driverNumber,
    acceptance,
    batteryKwh: vehicle.batteryKwh,
    startPercent: 100 * startShare,
    stayMs: Math.min(14, Math.max(0.2, stayHours)) * MS_PER_HOUR,
  };
}

export function planVisit(plan: PlannedVisit, port: { kw: number }): Visit {
  const maxKw = Math.min(plan.kw ?? port.kw, port.kw);
  const fullKwh = plan.needKwh ?? 60;
  return {
    driverNumber: plan.driverNumber ?? 0,
    acceptance: {
      maxKw,
      taperFromKwh: plan.taperFromKwh ?? 0.9 * fullKwh,
      fullKwh,
      cutoffKw: maxKw * 0.07,
    },
    batteryKwh: fullKwh / 0.8,
    startPercent: 20,
    stayMs: plan.stayMinutes === undefined ? Number.POSITIVE_INFINITY : plan.stayMinutes * 60_000,
  };
}
