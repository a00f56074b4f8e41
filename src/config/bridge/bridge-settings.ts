import { dirname, resolve } from "node:path";
import type {
  BridgeSettings,
  HistorianSettings,
  LimitPoints,
  LimitSettings,
  MqttSettings,
  SessionSettings,
} from "../settings.ts";

/** `configs/bridge.json` in its own spelling, checked, with every default filled in. */
export interface BridgeFile {
  readonly instance: string;
  readonly devices: string;
  readonly registries: string;
  readonly data: string;
  readonly read_only: boolean;
  readonly driver: {
    readonly driver_scrape_interval: number;
    readonly group_offset_interval: number;
    readonly publish_depth_first_all: boolean;
    readonly publish_breadth_first_all: boolean;
    readonly publish_depth_first: boolean;
    readonly publish_breadth_first: boolean;
    readonly write_starting_values: boolean;
    readonly heartbeat_interval: number;
  };
  readonly mqtt: {
    readonly url: string;
    readonly embedded?: { readonly host: string; readonly port: number };
    readonly username: string | null;
    readonly password: string | null;
    readonly ca: string | null;
    readonly cert: string | null;
    readonly key: string | null;
    readonly protocol_version: 4 | 5;
    readonly base_topic: string;
    readonly qos: 0 | 1;
    readonly retain: boolean;
    readonly keepalive: number;
    readonly payload: MqttSettings["payload"];
    readonly headers: MqttSettings["headers"];
    readonly state: MqttSettings["state"];
    readonly state_refresh: number;
    readonly no_limit: MqttSettings["noLimit"];
    readonly outbox_limit_mb: number;
  };
  readonly historian: {
    readonly backend: string;
    readonly connection: Readonly<Record<string, unknown>>;
    readonly retry_period: number;
    readonly submit_size_limit: number;
    readonly max_time_publishing: number;
    readonly history_limit_days: number | null;
    readonly history_limit_wait_days: number;
    readonly storage_limit_gb: number | null;
    readonly backup_storage_limit_gb: number | null;
    readonly backup_storage_report: number;
    readonly readonly: boolean;
    readonly capture_device_data: boolean;
    readonly capture_analysis_data: boolean;
    readonly capture_log_data: boolean;
    readonly capture_record_data: boolean;
    readonly topic_replace_list: HistorianSettings["topicReplaceList"];
    readonly device_data_filter: HistorianSettings["deviceDataFilter"];
    readonly custom_topics: HistorianSettings["customTopics"];
    readonly time_tolerance: number | null;
    readonly time_tolerance_topics: HistorianSettings["timeToleranceTopics"];
    readonly cache_only_enabled: boolean;
    readonly message_publish_count: number;
    readonly gather_timing_data: boolean;
  };
  readonly sessions: {
    readonly enabled: boolean;
    readonly backend: "sqlite" | "postgres";
    readonly connection: Readonly<Record<string, unknown>>;
    readonly interval: number;
    readonly look_back_days: number;
    readonly recheck_days: number;
    readonly payments: boolean;
    readonly intervals: boolean;
    readonly personal_data: boolean;
    readonly publish: boolean;
    readonly publish_personal_data: boolean;
  };
  readonly actuator: {
    readonly require_schedule: boolean;
    readonly schedule_publish_interval: number;
    readonly preempt_grace_time: number;
    readonly controller_grace_seconds: number | null;
    readonly confirm_timeout: number;
    readonly renewal: "if_in_force" | "always";
    readonly accepted_after: number;
    readonly writes_per_minute: number;
    readonly max_command_age: number;
    readonly requester: "message" | "topic";
  };
  readonly limits: Readonly<Record<string, LimitGroupFile>>;
  readonly web: BridgeSettings["web"];
}

interface LimitGroupFile {
  readonly devices: readonly string[];
  readonly max_kw: number | null;
  readonly minimum_kw: number;
  readonly margin_percent: number;
  readonly rebalance_minutes: number;
  readonly turn_minutes: number;
  readonly nominal_kw: number;
  readonly points: LimitPoints;
}

/** The file's names become ours, with units; paths become absolute, null becomes absent. */
export function toBridgeSettings(file: string, raw: BridgeFile): BridgeSettings {
  const from = (path: string) => resolve(dirname(file), path);
  const { driver, actuator } = raw;
  return {
    file,
    instance: raw.instance,
    devices: from(raw.devices),
    registries: from(raw.registries),
    data: from(raw.data),
    readOnly: raw.read_only,
    driver: {
      scrapeSpacingSeconds: driver.driver_scrape_interval,
      groupOffsetSeconds: driver.group_offset_interval,
      publish: {
        depthFirstAll: driver.publish_depth_first_all,
        breadthFirstAll: driver.publish_breadth_first_all,
        depthFirst: driver.publish_depth_first,
        breadthFirst: driver.publish_breadth_first,
      },
      writeStartingValues: driver.write_starting_values,
      heartbeatSeconds: driver.heartbeat_interval,
    },
    mqtt: toMqttSettings(raw.mqtt, from),
    historian: toHistorianSettings(raw.historian),
    sessions: toSessionSettings(raw.sessions),
    actuator: {
      requireSchedule: actuator.require_schedule,
      schedulePublishIntervalSeconds: actuator.schedule_publish_interval,
      preemptGraceSeconds: actuator.preempt_grace_time,
      ...(actuator.controller_grace_seconds !== null && {
        controllerGraceSeconds: actuator.controller_grace_seconds,
      }),
      confirmTimeoutSeconds: actuator.confirm_timeout,
      renewal: actuator.renewal,
      acceptedAfterSeconds: actuator.accepted_after,
      writesPerMinute: actuator.writes_per_minute,
      maxCommandAgeSeconds: actuator.max_command_age,
      requester: actuator.requester,
    },
    limits: Object.fromEntries(
      Object.entries(raw.limits).map(([name, group]) => [name, toLimitSettings(group)]),
    ),
    web: raw.web,
  };
}

function toMqttSettings(mqtt: BridgeFile["mqtt"], from: (path: string) => string): MqttSettings {
  return {
    url: mqtt.embedded ? embeddedUrl(mqtt.embedded) : mqtt.url,
    ...(mqtt.embedded ? { embedded: mqtt.embedded } : {}),
    ...present("username", mqtt.username),
    ...present("password", mqtt.password),
    ...present("ca", mqtt.ca && from(mqtt.ca)),
    ...present("cert", mqtt.cert && from(mqtt.cert)),
    ...present("key", mqtt.key && from(mqtt.key)),
    // The embedded broker speaks nothing newer.
    protocolVersion: mqtt.embedded ? 4 : mqtt.protocol_version,
    baseTopic: mqtt.base_topic.replace(/\/$/, ""),
    qos: mqtt.qos,
    retain: mqtt.retain,
    keepaliveSeconds: mqtt.keepalive,
    payload: mqtt.payload,
    headers: mqtt.headers,
    state: mqtt.state,
    stateRefreshSeconds: mqtt.state_refresh,
    noLimit: mqtt.no_limit,
    outboxLimitMb: mqtt.outbox_limit_mb,
  };
}

/** Where programs of this machine reach the embedded broker. */
function embeddedUrl({ host, port }: { host: string; port: number }): string {
  const reachable = host === "0.0.0.0" || host === "::" ? "localhost" : host;
  return `mqtt://${reachable.includes(":") ? `[${reachable}]` : reachable}:${port}`;
}

function toHistorianSettings(historian: BridgeFile["historian"]): HistorianSettings {
  return {
    backend: historian.backend,
    connection: historian.connection,
    retryPeriodSeconds: historian.retry_period,
    submitSizeLimit: historian.submit_size_limit,
    maxTimePublishingSeconds: historian.max_time_publishing,
    ...present("historyLimitDays", historian.history_limit_days),
    historyLimitWaitDays: historian.history_limit_wait_days,
    ...present("storageLimitGb", historian.storage_limit_gb),
    ...present("backupStorageLimitGb", historian.backup_storage_limit_gb),
    backupStorageReport: historian.backup_storage_report,
    readonly: historian.readonly,
    captureDeviceData: historian.capture_device_data,
    captureAnalysisData: historian.capture_analysis_data,
    captureLogData: historian.capture_log_data,
    captureRecordData: historian.capture_record_data,
    topicReplaceList: historian.topic_replace_list,
    deviceDataFilter: historian.device_data_filter,
    customTopics: historian.custom_topics,
    ...present("timeToleranceSeconds", historian.time_tolerance),
    timeToleranceTopics: historian.time_tolerance_topics,
    cacheOnlyEnabled: historian.cache_only_enabled,
    messagePublishCount: historian.message_publish_count,
    gatherTimingData: historian.gather_timing_data,
  };
}

function toLimitSettings(group: LimitGroupFile): LimitSettings {
  return {
    devices: group.devices,
    ...present("maxKw", group.max_kw),
    minimumKw: group.minimum_kw,
    marginPercent: group.margin_percent,
    rebalanceMinutes: group.rebalance_minutes,
    turnMinutes: group.turn_minutes,
    nominalKw: group.nominal_kw,
    points: group.points,
  };
}

function toSessionSettings(sessions: BridgeFile["sessions"]): SessionSettings {
  return {
    enabled: sessions.enabled,
    backend: sessions.backend,
    connection: sessions.connection,
    intervalSeconds: sessions.interval,
    lookBackDays: sessions.look_back_days,
    recheckDays: sessions.recheck_days,
    payments: sessions.payments,
    intervals: sessions.intervals,
    personalData: sessions.personal_data,
    publish: sessions.publish,
    publishPersonalData: sessions.publish_personal_data,
  };
}

/** A setting that is only there where the file gives it. */
function present<K extends string, V>(name: K, value: V | null): { [key in K]?: V } {
  return value === null ? {} : ({ [name]: value } as { [key in K]?: V });
}
