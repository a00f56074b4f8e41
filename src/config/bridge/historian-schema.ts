import { flag, integer, limit, lists, number, seconds, section } from "../schema/setting-kinds.ts";

/** Limits that each store has for itself. */
const LIMITS_OF_STORE = {
  history_limit_days: limit(
    "Days after which values are [removed from the store](historian.md#removing-the-oldest); null keeps them.",
  ),
  history_limit_wait_days: number(
    7,
    { minimum: 0 },
    "Days for which new values must have been stored before old ones are removed by age, in case [the clock is wrong](historian.md#removing-the-oldest); 0: none.",
  ),
  storage_limit_gb: limit(
    "Gigabytes (2³⁰ bytes) above which the store's oldest values are removed; null keeps them.",
  ),
  backup_storage_limit_gb: limit(
    "Gigabytes that may [wait on disk](historian.md#when-the-store-is-away) for the store; the oldest values are dropped first, and counted. null: until the disk is full.",
  ),
} as const;

/** An item of `historian.also`. */
const ALSO = {
  type: "object",
  properties: {
    name: {
      type: ["string", "null"],
      pattern: "^[a-z0-9][a-z0-9_-]{0,39}$",
      "x-expected": "small letters, digits, - and _, at most 40",
      default: null,
      description:
        "Name of the store in messages, in `health`, and of its file `spool-<name>.sqlite`. Default: the name of the backend.",
    },
    backend: {
      type: "string",
      minLength: 1,
      "x-literal": true,
      "x-destination": true,
      description: "Kind of store.",
    },
    connection: { type: "object", default: {}, description: "Settings of the backend." },
    ...LIMITS_OF_STORE,
  },
  required: ["backend"],
  additionalProperties: false,
} as const;

/** The `historian` section of the bridge config. The settings of the backend in `connection` are checked by its own schema. */
export const HISTORIAN = section(
  "Where the time series are kept. The names are those of VOLTTRON's historians.",
  {
    backend: {
      type: "string",
      minLength: 1,
      default: "sqlite",
      "x-literal": true,
      "x-destination": true,
      description: "Kind of store; `none` switches the historian off.",
    },
    connection: {
      type: "object",
      default: {},
      description:
        "Settings of the backend; those of `sqlite` are the next two. Those of the others: [InfluxDB](historian.md#influxdb), [PostgreSQL](historian.md#postgresql), [files of VOLTTRON's historian](historian.md#files-of-volttrons-historian).",
    },
    retry_period: seconds(
      300,
      { exclusiveMinimum: 0 },
      "Maximum pause between attempts to store, in seconds; never more than 30.",
    ),
    submit_size_limit: integer(
      1000,
      { minimum: 1 },
      "Maximum number of values sent to the store at once. Values above 20,000 count as 20,000.",
    ),
    max_time_publishing: seconds(
      30,
      { exclusiveMinimum: 0 },
      "Seconds after which a call that the store did not answer is cancelled and retried. Values above 10 count as 10.",
    ),
    ...LIMITS_OF_STORE,
    backup_storage_report: number(
      0.9,
      { minimum: 0.0001, maximum: 1 },
      "Share of `backup_storage_limit_gb` above which the fill level is reported.",
    ),
    cache_only_enabled: flag(
      false,
      "Whether values are only queued on disk. They are stored once this is false again.",
    ),
    message_publish_count: integer(
      10_000,
      { minimum: 1 },
      "Number of stored values after which their count is logged.",
    ),
    gather_timing_data: flag(
      false,
      "Whether the time that storing takes is in that log line and in `health`.",
    ),
    readonly: flag(
      false,
      "Whether the store is opened for reading only. Nothing is recorded, and the store must exist.",
    ),
    capture_device_data: flag(
      true,
      "Whether scrapes and device topics are stored. The audit of writes is always stored.",
    ),
    capture_analysis_data: flag(true, "Whether `voltbridge historian` stores `analysis/…`."),
    capture_log_data: flag(true, "Whether `voltbridge historian` stores `datalogger/…`."),
    capture_record_data: flag(true, "Whether `voltbridge historian` stores `record/…`."),
    custom_topics: lists(
      'Further topics for `voltbridge historian`, by kind: `{"capture_device_data": ["meters"]}` stores everything below `meters/` by the rules of device topics. The other kinds are `capture_analysis_data`, `capture_log_data` and `capture_record_data`. `+` and `#` work as in MQTT.',
    ),
    topic_replace_list: {
      type: "array",
      default: [],
      items: {
        type: "object",
        properties: {
          from: { type: "string", minLength: 1, description: "Text to find, in upper or lower case." },
          to: { type: "string", description: "Replacement." },
        },
        required: ["from", "to"],
        additionalProperties: false,
      },
      description:
        "Replacements in the stored names, applied one after the other to every occurrence. They apply to `devices/<path>/all`; names of points are not changed.",
    },
    device_data_filter: lists(
      "Part of a device's path (after the replacements, case-sensitive) → points of such devices to store. Devices that match no key are not stored. Empty: everything is stored.",
    ),
    time_tolerance: {
      ...limit(
        "Maximum difference between a message's own time and its arrival, in seconds, before or after; values beyond it are [set aside](historian.md#values-with-a-wrong-time) instead of stored. null accepts any time. Messages that waited at the broker are late too.",
      ),
      "x-unit": "seconds",
    },
    time_tolerance_topics: {
      type: "array",
      items: { enum: ["devices", "analysis", "datalogger", "record"] },
      default: ["devices"],
      description: "Kinds of topics to which `time_tolerance` applies.",
    },
    sync_timestamp: flag(
      false,
      "Whether device data is stored with the [aligned time](historian.md#the-time-of-a-scrape) of its scrape, equal for all devices of a round, instead of the time at which it was complete; in messages of others: `SynchronizedTimeStamp` instead of `TimeStamp`.",
    ),
    also: {
      type: "array",
      default: [],
      items: ALSO,
      description:
        "[Further stores](historian.md#several-stores) for the same values, each with its own queue on disk: `backend`, `connection`, and optionally `name`, `history_limit_days`, `history_limit_wait_days`, `storage_limit_gb`, `backup_storage_limit_gb`. Queries are answered by the store above.",
    },
    agentid: { "x-unused": "the bridge has one historian, without an identity of its own" },
    identity: { "x-unused": "the bridge has one historian, without an identity of its own" },
    all_platforms: { "x-unused": "one bridge is one platform" },
  },
);
