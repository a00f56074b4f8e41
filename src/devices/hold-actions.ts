import type { Hold } from "./hold.ts";

/** Set points that stand in devices, and the renewals of their leases. */
export interface HoldCounters {
  readonly held: number;
  readonly renewed: number;
  readonly notRenewed: number;
}

/** What is done about holds as their time passes. */
export interface HoldActions {
  /** Writes a hold again. Rejects where the device did not take it. */
  renew(hold: Hold): Promise<void>;
  /**
   * Sees to it that a hold whose time is over does not stand any more: whether it had to be cleared. Rejects where that
   * could not be found out or done.
   */
  end(hold: Hold): Promise<boolean>;
}
