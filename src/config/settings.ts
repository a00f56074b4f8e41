import type { PublishViews } from "../points/index.ts";

/** `configs/bridge.json` checked, defaults filled in, secrets resolved, paths absolute (contracts.md: Bridge config). */
export interface BridgeSettings {
  /** The file it came from, absolute. */
  readonly file: string;
  readonly instance: string;
  /** Folder of device configs. */
  readonly devices: string;
  /** Where `config://` looks. */
  readonly registries: string;
  readonly data: string;
  /** Nothing is written to any device. */
  readonly readOnly: boolean;
  readonly driver: DriverSettings;
  readonly mqtt: MqttSettings;
  readonly historian: HistorianSettings;
  readonly sessions: SessionSettings;
  readonly actuator: ActuatorSettings;
  /** Groups of the site limit controller, by name. */
  readonly limits: Readonly<Record<string, LimitSettings>>;
  readonly web: WebSettings;
}

export interface DriverSettings {
  /** Seconds between the slots of neighbouring devices. */
  readonly scrapeSpacingSeconds: number;
  /** Seconds between groups. */
  readonly groupOffsetSeconds: number;
  readonly publish: PublishViews;
  readonly writeStartingValues: boolean;
  readonly heartbeatSeconds: number;
}

export interface MqttSettings {
  /** Either the broker's URL (mqtt, mqtts, ws, wss) or a broker inside the bridge. */
  readonly url: string;
  readonly embedded?: { readonly host: string; readonly port: number };
  readonly username?: string;
  readonly password?: string;
  /** Paths of PEM files. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly protocolVersion: 4 | 5;
  /** Put before every topic, without a slash at its end; empty for none. */
  readonly baseTopic: string;
  readonly qos: 0 | 1;
  /** Whether device topics of the VOLTTRON view are retained (state topics always are). */
  readonly retain: boolean;
  readonly keepaliveSeconds: number;
  readonly payload: "volttron" | "json";
  readonly headers: "payload" | "properties" | "both";
  readonly state: "json" | "attribute" | "both" | "off";
  readonly stateRefreshSeconds: number;
  /** What the state view says of a limit that is not in force. */
  readonly noLimit: "null" | "zero";
  /** Most that may wait on disk for the broker; the oldest go first. */
  readonly outboxLimitMb: number;
}

export interface HistorianSettings {
  /** `none` switches it off. */
  readonly backend: string;
  /** Settings of the backend, checked by its own schema, e.g. `{"path": "history.db"}`. */
  readonly connection: Readonly<Record<string, unknown>>;
  readonly retryPeriodSeconds: number;
  readonly submitSizeLimit: number;
  readonly maxTimePublishingSeconds: number;
  readonly readonly: boolean;
  readonly captureDeviceData: boolean;
  readonly captureAnalysisData: boolean;
  readonly captureLogData: boolean;
  readonly captureRecordData: boolean;
  /** Age and size at which the store's oldest data go; absent: kept for ever. */
  readonly historyLimitDays?: number;
  readonly storageLimitGb?: number;
  /** Days that values must have been coming in for before others go by age; 0: none. */
  readonly historyLimitWaitDays: number;
  /** Size at which the spool's oldest data go; absent: until the disk is full. */
  readonly backupStorageLimitGb?: number;
  /** Share of `backupStorageLimitGb` from which on it is reported, 0.0001 to 1. */
  readonly backupStorageReport: number;
  /** Text in topics to replace, without regard to case, in this order. */
  readonly topicReplaceList: readonly { readonly from: string; readonly to: string }[];
  /** Part of a device path → points to keep. Empty: everything is kept. */
  readonly deviceDataFilter: Readonly<Record<string, readonly string[]>>;
  /** Kind of data (`capture_device_data`, …) → further topics to take it from. */
  readonly customTopics: Readonly<Record<string, readonly string[]>>;
  /** Most that a message's time may differ from ours; absent: anything goes. */
  readonly timeToleranceSeconds?: number;
  readonly timeToleranceTopics: readonly string[];
  readonly cacheOnlyEnabled: boolean;
  readonly messagePublishCount: number;
  readonly gatherTimingData: boolean;
}

/** Charging sessions in SQL tables. */
export interface SessionSettings {
  readonly enabled: boolean;
  readonly backend: "sqlite" | "postgres";
  /** Settings of the database, checked by its own schema. */
  readonly connection: Readonly<Record<string, unknown>>;
  readonly intervalSeconds: number;
  readonly lookBackDays: number;
  readonly recheckDays: number;
  readonly payments: boolean;
  readonly intervals: boolean;
  /** Whether what tells who the driver is goes into the tables. */
  readonly personalData: boolean;
  readonly publish: boolean;
  readonly publishPersonalData: boolean;
}

export interface ActuatorSettings {
  readonly requireSchedule: boolean;
  readonly schedulePublishIntervalSeconds: number;
  readonly preemptGraceSeconds: number;
  /** How long a controller may be offline before what it holds is reverted. Absent: for ever. */
  readonly controllerGraceSeconds?: number;
  readonly confirmTimeoutSeconds: number;
  /** Whether a lease is renewed only where its limit is still in force. */
  readonly renewal: "if_in_force" | "always";
  readonly acceptedAfterSeconds: number;
  readonly writesPerMinute: number;
  readonly maxCommandAgeSeconds: number;
  /** Where the name of who sends a command over MQTT is taken from. */
  readonly requester: "message" | "topic";
}

/** Devices whose loads together are kept under a limit. */
export interface LimitSettings {
  /** Shell patterns of device paths. */
  readonly devices: readonly string[];
  /** Absent: no limit of the config's own. */
  readonly maxKw?: number;
  /** Least power at which a vehicle charges. */
  readonly minimumKw: number;
  /** Share of the limit that is not given out. */
  readonly marginPercent: number;
  readonly rebalanceMinutes: number;
  readonly turnMinutes: number;
  /** Most that a port can give where no point tells it. */
  readonly nominalKw: number;
  readonly points: LimitPoints;
}

/** Names of points; `*` stands for the port. */
export interface LimitPoints {
  readonly limit: string;
  readonly load: string;
  readonly state: string;
  readonly percent: string;
  readonly session: string;
  readonly status: string;
  readonly power: string;
}

interface WebSettings {
  readonly host: string;
  readonly port: number;
  readonly users: readonly { readonly name: string; readonly password: string }[];
}

/** One device config file, checked. `driverConfig` is checked against its driver type's schema too. */
export interface DeviceSettings {
  readonly file: string;
  /** Topic path. */
  readonly path: string;
  readonly driverType: string;
  readonly driverConfig: unknown;
  /** Absolute path of the registry CSV. */
  readonly registryFile: string;
  readonly intervalSeconds: number;
  readonly timezone: string;
  readonly heartbeatPoint?: string;
  readonly group: number;
  /** What the file says; the bridge's `driver` section answers for the rest. */
  readonly publish: Partial<PublishViews>;
  /** Absent: one device. There: a set of devices, and `path` is a topic template. */
  readonly set?: DeviceSetSettings;
}

export interface DeviceSetSettings {
  /** Key of `driverConfig` that describes the set, and the one that takes its place in each member's own. */
  readonly key: string;
  readonly member: string;
  readonly placeholders: readonly string[];
  /** Seconds between looking up what belongs to the set. */
  readonly refreshSeconds: number;
}
