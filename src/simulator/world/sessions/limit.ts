import type { Appointment } from "./agenda.ts";

export type ShedMode = "absolute" | "percentage";

/**
 * A load limit in force. A limit of a whole station is shared by its ports: the sum of their loads stays at or below `kw`.
 * A limit of a port applies to that port alone.
 */
export interface Limit {
  readonly mode: ShedMode;
  /** As requested: kW, or percent of the measured load to shed. */
  readonly value: number;
  readonly kw: number;
  /** Its end, where one was requested. */
  readonly end: Appointment | null;
}
