import type { Sample } from "../contract.ts";

/** A message of any publisher, as received from a broker. */
export interface IngestMessage {
  /** Without the base topic. */
  readonly topic: string;
  readonly payload: Uint8Array;
  /** Whether the broker sent it as a retained message. */
  readonly retained: boolean;
  /** MQTT 5 user properties, which carry VOLTTRON's message headers. */
  readonly userProperties: Readonly<Record<string, string>>;
  /** Microseconds since 1970 UTC. Unique for each message: it is the time of values without their own. */
  readonly arrivedAt: number;
}

/** Reasons for which valid messages are not stored. */
export const EXPECTED_REASONS = [
  /** Device topics other than `devices/<path>/all`, which repeat the values point by point or breadth first. */
  "not_all",
  "actuators",
  /** A topic that no setting captures. */
  "not_captured",
  /** `device_data_filter` excludes the device or point. */
  "filtered",
  /** A retained message without a time, whose age is unknown. */
  "retained_without_time",
] as const;

/** Reasons for which invalid messages cannot be stored. */
export const BAD_REASONS = [
  "too_large",
  "not_utf8",
  "not_json",
  "too_deep",
  "no_values",
  "bad_readings",
  "bad_time",
  "bad_name",
  "internal_fault",
] as const;

export type IgnoreReason = (typeof EXPECTED_REASONS)[number] | (typeof BAD_REASONS)[number];

/** A message or one of its points that is not stored. */
export interface Ignored {
  readonly reason: IgnoreReason;
  /** Explanation for people. Contains no values. */
  readonly detail: string;
}

/** Result of reading a message. */
export interface Ingested {
  readonly samples: readonly Sample[];
  /** Samples whose time is further from now than `time_tolerance`: they are kept, but not stored. */
  readonly late: LateSamples;
  readonly ignored: readonly Ignored[];
}

export interface LateSamples {
  readonly samples: readonly Sample[];
  /** Explanation for people; empty without samples. */
  readonly detail: string;
}

export const NONE_LATE: LateSamples = { samples: [], detail: "" };

/** Thrown to ignore a whole message. */
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
