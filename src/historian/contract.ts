import type { PointType, PointValue } from "../points/index.ts";

/** One value to keep. The key is (topic, time): the same key again replaces the value. */
export interface Sample {
  /** `<device path>/<point>`. Found again whatever the case; the latest spelling is kept. */
  readonly topic: string;
  /** Microseconds since 1970 UTC, whole (exact until the year 2255). */
  readonly time: number;
  readonly value: PointValue;
  readonly meta: TopicMeta;
}

export interface TopicMeta {
  readonly units: string;
  readonly type: PointType;
  readonly tz: string;
}
