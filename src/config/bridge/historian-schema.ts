import type { Schema } from "../schema/schema.ts";
import { flag, limit, lists, section } from "../schema/setting-kinds.ts";

export const HISTORIAN_BACKEND: Schema = {
  type: "string",
  minLength: 1,
  default: "sqlite",
  "x-literal": true,
  description: "Kind of store; none switches the historian off.",
};

/** The `historian` section of the bridge config, its backend's own settings unchecked. */
export const HISTORIAN = section(
  "Where the time series are kept. The names are those of VOLTTRON's historians.",
  {
    backend: HISTORIAN_BACKEND,
    connection: { type: "object", default: {}, description: "Settings of the backend." },
    retry_period: {
      type: "number",
      exclusiveMinimum: 0,
      default: 300,
      description: "Longest pause, in seconds, between tries to store; never more than 30.",
    },
    submit_size_limit: {
      type: "integer",
      minimum: 1,
      default: 1000,
      description: "Most values that go to the store at once.",
    },
    max_time_publishing: {
      type: "number",
      exclusiveMinimum: 0,
      default: 30,
      description:
        "Seconds after which a call that the store did not answer is given up; never more than 10.",
    },
    history_limit_days: limit("Days after which data are removed from the store; null keeps them."),
    history_limit_wait_days: {
      type: "number",
      minimum: 0,
      default: 7,
      description:
        "Days that values must have been coming in for before others are removed by age, in case the clock is wrong; 0: none.",
    },
    storage_limit_gb: limit("Gigabytes at which the store's oldest data are removed; null keeps them."),
    backup_storage_limit_gb: limit(
      "Gigabytes that may wait on disk for the store; the oldest go first. null: until the disk is full.",
    ),
    backup_storage_report: {
      type: "number",
      minimum: 0.0001,
      maximum: 1,
      default: 0.9,
      description: "Share of backup_storage_limit_gb from which on its filling is reported.",
    },
    readonly: flag(false, "Whether the store is only queried."),
    capture_device_data: flag(true, "Whether scrapes and device topics are stored."),
    capture_analysis_data: flag(true, "Whether analysis topics are stored."),
    capture_log_data: flag(true, "Whether datalogger topics are stored."),
    capture_record_data: flag(true, "Whether record topics are stored."),
    topic_replace_list: {
      type: "array",
      default: [],
      items: {
        type: "object",
        properties: {
          from: { type: "string", minLength: 1, description: "Text to look for, without regard to case." },
          to: { type: "string", description: "Text to put in its place." },
        },
        required: ["from", "to"],
        additionalProperties: false,
      },
      description: "Replacements in the names that are stored, done one after the other.",
    },
    device_data_filter: lists(
      "Part of a device's path → points of such devices to store. Empty: everything is stored.",
    ),
    custom_topics: lists("Kind of data (capture_device_data, …) → further topics to take such data from."),
    time_tolerance: limit("Seconds that a message's time may be away from now; null takes any time."),
    time_tolerance_topics: {
      type: "array",
      items: { enum: ["devices", "analysis", "datalogger", "record"] },
      default: ["devices"],
      description: "Kinds of topics that time_tolerance holds for.",
    },
    cache_only_enabled: flag(false, "Whether data are only collected on disk and not stored yet."),
    message_publish_count: {
      type: "integer",
      minimum: 1,
      default: 10_000,
      description: "Stored values after which the log tells their number.",
    },
    gather_timing_data: flag(false, "Whether the time that storing takes is measured and logged."),
    all_platforms: { "x-unused": "one bridge is one platform" },
    sync_timestamp: { "x-unused": "scrapes are stored with the time at which they were complete" },
  },
);
