import type { Sample } from "../contract.ts";

/** A message of somebody's, as it came from a broker. */
export interface IngestMessage {
  /** Without the base topic. */
  readonly topic: string;
  readonly payload: Uint8Array;
  /** What the broker had kept from before the subscription. */
  readonly retained: boolean;
  /** MQTT 5 user properties; VOLTTRON's message headers travel in them. */
  readonly userProperties: Readonly<Record<string, string>>;
  /** Microseconds since 1970 UTC. Different for every message: it is the time of those that have none of their own. */
  readonly arrivedAt: number;
}

/** Why nothing is stored though nothing is wrong. */
export const EXPECTED_REASONS = [
  /** Device topics other than `devices/<path>/all`: the same values again, point by point or breadth first. */
  "not_all",
  "actuators",
  /** A topic that no setting asks for (any more). */
  "not_captured",
  /** `device_data_filter` names no such device or point. */
  "filtered",
  /** A retained message without a time: nobody knows when it was true. */
  "retained_without_time",
] as const;

/** Why something cannot be stored. */
export const BAD_REASONS = [
  "too_large",
  "not_utf8",
  "not_json",
  "too_deep",
  "no_values",
  "bad_readings",
  "bad_time",
  /** Further from now than `time_tolerance`. */
  "time_tolerance",
  "bad_name",
  "internal_fault",
] as const;

export type IgnoreReason = (typeof EXPECTED_REASONS)[number] | (typeof BAD_REASONS)[number];

/** Something of a message that is not stored: all of it, or one point. */
export interface Ignored {
  readonly reason: IgnoreReason;
  /** What exactly, for a person. Holds nothing of the values. */
  readonly detail: string;
}

/** What becomes of a message. */
export interface Ingested {
  readonly samples: readonly Sample[];
  readonly ignored: readonly Ignored[];
}

/** Ends the reading of a message: all of it is ignored. */
export class IgnoredError extends Error implements Ignored {
  override readonly name = "IgnoredError";
  readonly reason: IgnoreReason;

  constructor(reason: IgnoreReason, detail: string) {
    super(detail);
    this.reason = reason;
  }

  get detail(): string {
    return this.message;
  }
}
