import type { ChargePointClient } from "../../drivers/chargepoint/api/index.ts";
import type { Wanted } from "../fleet-data.ts";

export type Client = Pick<ChargePointClient, "call">;

export interface ChargePointOptions extends Wanted {
  readonly signal: AbortSignal;
  /** Told how far reading has come. */
  readonly onProgress?: (text: string) => void;
}
