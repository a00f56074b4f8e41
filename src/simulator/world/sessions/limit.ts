import type { Appointment } from "./agenda.ts";

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
