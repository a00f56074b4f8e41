const MS_PER_HOUR = 3_600_000;
/** Energies that differ by less are equal: far below a meter's resolution, far above the rounding errors of doubles. */
const KWH_TOLERANCE = 1e-7;

/**
 * The power that a vehicle takes, by the energy it has taken since it was plugged in: `maxKw` up to `taperFromKwh`, then
 * falling linearly, until it is full at `fullKwh` with a last load of `cutoffKw`.
 */
export interface Acceptance {
  readonly maxKw: number;
  readonly taperFromKwh: number;
  readonly fullKwh: number;
  readonly cutoffKw: number;
}

/** A section of time in which the load follows one formula: `kw · e^(−decayPerHour · t)`. */
export interface Stretch {
  /** Milliseconds since 1970. */
  readonly from: number;
  /** Load at `from`. */
  readonly kw: number;
  /** 0: constant. */
  readonly decayPerHour: number;
  /** Energy of the session at `from`. */
  readonly kwh: number;
}

/** Returns the power that the vehicle takes at this energy without a limit. */
export function acceptedKw(acceptance: Acceptance, kwh: number): number {
  if (kwh >= acceptance.fullKwh - KWH_TOLERANCE) return 0;
  if (kwh <= acceptance.taperFromKwh) return acceptance.maxKw;
  const { slope, end } = taper(acceptance);
  return Math.min(acceptance.maxKw, slope * (end - kwh));
}

/** Returns how the load continues under a limit, and until when (`Infinity`: until something changes). */
export function nextStretch(
  acceptance: Acceptance,
  limitKw: number,
  from: number,
  kwh: number,
): { stretch: Stretch; until: number } {
  const accepted = acceptedKw(acceptance, kwh);
  const kw = Math.min(accepted, limitKw);
  if (kw <= 0) return { stretch: { from, kw: 0, decayPerHour: 0, kwh }, until: Number.POSITIVE_INFINITY };
  const { slope, end } = taper(acceptance);
  const constantUntilKwh = Math.min(acceptance.fullKwh, end - kw / slope);
  if (kwh < constantUntilKwh - KWH_TOLERANCE) {
    const hours = (constantUntilKwh - kwh) / kw;
    return { stretch: { from, kw, decayPerHour: 0, kwh }, until: from + hours * MS_PER_HOUR };
  }
  const hours = Math.max(0, Math.log(kw / acceptance.cutoffKw) / slope);
  return { stretch: { from, kw, decayPerHour: slope, kwh }, until: from + hours * MS_PER_HOUR };
}

export function kwAt(stretch: Stretch, time: number): number {
  return stretch.decayPerHour === 0
    ? stretch.kw
    : stretch.kw * Math.exp((-stretch.decayPerHour * (time - stretch.from)) / MS_PER_HOUR);
}

/** Energy of the session at a time within the stretch: the integral of its load, in closed form. */
export function kwhAt(stretch: Stretch, time: number): number {
  const hours = (time - stretch.from) / MS_PER_HOUR;
  return stretch.decayPerHour === 0
    ? stretch.kwh + stretch.kw * hours
    : stretch.kwh - (stretch.kw / stretch.decayPerHour) * Math.expm1(-stretch.decayPerHour * hours);
}

/** The falling line, as slope (kW per kWh, which is also the decay per hour) and the energy where it meets zero. */
function taper({ maxKw, taperFromKwh, fullKwh, cutoffKw }: Acceptance): { slope: number; end: number } {
  const rest = cutoffKw / maxKw;
  const end = (fullKwh - rest * taperFromKwh) / (1 - rest);
  return { slope: maxKw / (end - taperFromKwh), end };
}
