/** `driver_config` of a fake device. */
export interface FakeConfig {
  /** Duration of every call to the device, in milliseconds. */
  readonly latency_ms: number;
  /** Points whose reads and writes fail, to test how the bridge handles it; `*` is the whole device. */
  readonly fail: readonly string[];
  /** Time after which a written value returns to the point's default unless it is set again, in seconds; 0: never. */
  readonly lease_seconds: number;
}

/** The JSON Schema of it: unknown keys are errors, omitted ones have a default. */
export const configSchema = {
  type: "object",
  additionalProperties: false,
  properties: {
    latency_ms: {
      type: "number",
      minimum: 0,
      maximum: 3_600_000,
      default: 0,
      description: "Duration of every call to the device, in milliseconds.",
    },
    fail: {
      type: "array",
      items: { type: "string" },
      default: [],
      description: "Points that can be neither read nor written; `*` is the whole device.",
    },
    lease_seconds: {
      type: "number",
      minimum: 0,
      default: 0,
      description:
        "Time after which a written value returns to its default unless it is set again, in seconds; 0: never.",
    },
  },
};
