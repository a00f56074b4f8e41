/** `driver_config` of a fake device. */
export interface FakeConfig {
  /** Every call to the device takes so long. */
  readonly latency_ms: number;
  /** Points that can be neither read nor written, to see what the bridge makes of it; `*` is the whole device. */
  readonly fail: readonly string[];
  /** A written value goes back to the point's default after so long unless it is set again; 0: it stays. */
  readonly lease_seconds: number;
}

/** The same for the check: unknown keys are errors, what is left out has a default. */
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
        "Seconds after which a written value goes back to its default unless it is set again; 0: never.",
    },
  },
};
