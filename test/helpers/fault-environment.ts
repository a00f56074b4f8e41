/**
 * - `committed`: records are on disk, the one who handed them over has not heard yet (nothing is published)
 * - `confirmed`: the sink has confirmed, and that is not on disk yet
 * - `migration`: the tables of a new version are made, and not committed yet
 */
export type FaultPoint = "committed" | "confirmed" | "migration";

export interface Faults {
  /** Where what goes into the queues is written down. */
  readonly tap?: string;
  /** Dies at this point of this queue or file, the n-th time. */
  readonly point?: readonly [point: FaultPoint, queue: string, times: number];
}

/** Environment of a process that has the fault points of `fault-points.ts`. */
export function faultEnvironment({ tap, point }: Faults): Record<string, string> {
  return {
    NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ""} --import ${new URL("./fault-points.ts", import.meta.url).href}`,
    ...(tap !== undefined && { FAULTS_TAP: tap }),
    ...(point && { FAULTS_POINT: point.join(" ") }),
  };
}
