import type { ChargePointClient } from "../../drivers/chargepoint/api/index.ts";
import type { Wanted } from "../fleet-data.ts";

export type Client = Pick<ChargePointClient, "call">;

export interface ChargePointOptions extends Wanted {
  readonly signal: AbortSignal;
  /** Called with the number of records of one kind so far, and the time up to which they are read. */
  readonly onProgress?: (kind: string, count: number, reached?: string) => void;
}
