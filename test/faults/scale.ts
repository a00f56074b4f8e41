const factor = Number(process.env.FAULTS_SCALE ?? 1);

/** Milliseconds of an outage that lasts so many seconds in a run of ordinary length. */
export function seconds(ordinary: number): number {
  return Math.max(2, ordinary * factor) * 1000;
}

/** How many rounds of something that has so many in a run of ordinary length. */
export function rounds(ordinary: number): number {
  return Math.max(2, Math.round(ordinary * factor));
}

/** Whether the long form runs of what `npm test` has a quick form of. */
export const isFull = process.env.FAULTS === "1";

/** The same for a test that `npm test` runs too, with so few. */
export function roundsOf({ ordinary, few }: { readonly ordinary: number; readonly few: number }): number {
  return isFull ? rounds(ordinary) : few;
}

export const soakMinutes = Number(process.env.FAULTS_SOAK_MINUTES ?? 3 * factor);

/** Minutes of random trouble with set points. */
export const controlMinutes = Number(process.env.FAULTS_CONTROL_MINUTES ?? 0.75 * factor);
