import type { DeviceInfo } from "./point.ts";
import type { PointValue } from "./value.ts";

/**
 * Result of a command.
 * `confirmed`: read back as requested. `accepted`: the service accepted it, and nothing could be read back yet.
 * `unconfirmed`: the service accepted it, and another value was read back until the deadline; or its response was lost, and the effect
 * could not be read back.
 * `refused`: rejected by us, and nothing was sent. `failed`: rejected by the service, or lost on the way to it.
 */
export type WriteStatus = (typeof WRITE_STATUSES)[number];

/** All results of commands. */
export const WRITE_STATUSES = ["confirmed", "accepted", "unconfirmed", "refused", "failed"] as const;

/** How an attempted write ended. */
export interface WriteResult {
  readonly status: WriteStatus;
  readonly readBack?: PointValue;
  /** The service's response code. */
  readonly code?: string;
  readonly text?: string;
  /** Class of the error of a refused, failed or unanswered write, e.g. `PointReadOnlyError`. */
  readonly error?: string;
}

/** Requester and origin of a command, the same for every interface. */
export interface CommandSource {
  /** Id given by the requester, or created by the interface. */
  readonly id: string;
  readonly requester: string;
  /** `mqtt`, `cli`, `web`, `lease`, … */
  readonly via: string;
}

/** An attempted write, emitted when it is requested (`status` absent) and again with its result. */
export interface Write extends CommandSource, Partial<WriteResult> {
  readonly device: DeviceInfo;
  /** Point name; absent for the revert of a whole device. */
  readonly point?: string;
  /** `create_event` and `remove_event`: a limit that the device's network schedules. */
  readonly action: "set" | "revert" | "create_event" | "remove_event";
  readonly at: Date;
  /** Requested value; null for a revert. */
  readonly requested: PointValue;
  /** Last value read before the request; absent when there is none, and for a whole device. */
  readonly from?: PointValue;
  readonly tookMs?: number;
  /** Number of refused commands of the same requester and point that this last one represents. */
  readonly count?: number;
  /** Address of the requester, for the result of a command of a previous run. */
  readonly replyTo?: string;
}
