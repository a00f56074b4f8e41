import type { DeviceInfo } from "./point.ts";
import type { PointValue } from "./value.ts";

/**
 * How a command ended.
 * `confirmed`: read back as asked. `accepted`: the service took it, and nothing could be read back yet.
 * `unconfirmed`: the service took it, and until the deadline something else was read back; or its answer was lost, and what
 * became of it could not be read back.
 * `refused`: by us, nothing was sent. `failed`: by the service or on the way to it.
 */
export type WriteStatus = (typeof WRITE_STATUSES)[number];

/** Every way in which a command can end. */
export const WRITE_STATUSES = ["confirmed", "accepted", "unconfirmed", "refused", "failed"] as const;

/** Who asks, and how: the part of a command that is the same for every way in. */
export interface CommandSource {
  /** Id given by the requester, or made by the way in. */
  readonly id: string;
  readonly requester: string;
  /** `mqtt`, `cli`, `web`, `lease`, … */
  readonly via: string;
}

/** An attempted write, on the bus when it is asked (`status` absent) and again when it is answered. */
export interface Write extends CommandSource {
  readonly device: DeviceInfo;
  /** Point name; absent for the revert of a whole device. */
  readonly point?: string;
  /** The latter two: a limit that the device's network plans for later. */
  readonly action: "set" | "revert" | "create_event" | "remove_event";
  readonly at: Date;
  /** What was asked; null for a revert. */
  readonly requested: PointValue;
  /** What was read last before it was asked; absent where nothing was, and for a whole device. */
  readonly from?: PointValue;
  readonly status?: WriteStatus;
  readonly readBack?: PointValue;
  /** The service's response code, where it gave one. */
  readonly code?: string;
  readonly text?: string;
  /** Class of the error where it was refused, failed, or not answered by the device, e.g. `PointReadOnlyError`. */
  readonly error?: string;
  readonly tookMs?: number;
  /** It stands for so many refused ones of the same requester at the same point, of which it is the last. */
  readonly count?: number;
  /** The answer to a command of an earlier run: how its way in may reach who sent it. */
  readonly replyTo?: string;
}
