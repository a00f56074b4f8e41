import type { Diagnostic } from "../config/diagnostic.ts";
import type { Log } from "../log/log.ts";
import type { PointValue } from "../points/index.ts";
import type { RegistryRow } from "../registry/row.ts";
import type { Verification } from "./errors.ts";

/**
 * A kind of device. One folder below `drivers/` and one line in its `index.ts`.
 * The contract suite in `test/contracts/driver-contract.ts` holds for every type.
 */
export interface DriverType<Config = unknown> {
  readonly name: string;
  /** JSON Schema (draft 2020-12) of `driver_config`, with defaults; unknown keys must be errors. */
  readonly configSchema: Record<string, unknown>;
  /**
   * Checks the rows as this type sees them: attributes, register names, ports, duplicates of meaning.
   * A row with an error is left out of the device. Never throws, never calls the device.
   */
  checkRows(rows: readonly RegistryRow[]): Diagnostic[];
  /**
   * Opens what the devices of this type share within a bridge (connections, batched reads, caches). Called once,
   * before any device is created; must not touch the network.
   */
  open(context: DriverContext): DriverService<Config>;
  /** The calls that such devices will make, where they share calls; pure. */
  plan?(devices: readonly DeviceInit<Config>[], assumed: PlanAssumptions): AccountPlan[];
  /** Which account such a device or set belongs to: what tells accounts apart, and their name in messages. */
  accountOf?(config: Config): { readonly key: string; readonly label: string };
  /**
   * Which station such a device is, for comparison and for messages. Two devices of one station would undo each other's
   * writes, so only the first runs. Absent: several devices of one station do no harm, as where nothing can be written.
   */
  identityOf?(config: Config): StationIdentity;
}

export interface StationIdentity {
  /** What the ID is unique within, e.g. the address of the service; no secret. */
  readonly network: string;
  readonly id: string;
}

export interface PlanAssumptions {
  /** Stations in each of the account's groups; 0 where there are none. */
  readonly stationsPerGroup: number;
  /** The groups as they were looked up, of one account whose devices these are; absent: they are presumed. */
  readonly groups?: KnownGroups;
  /** Sets of that account whose members are among the devices. */
  readonly sets?: readonly PlannedSet[];
}

/** Groups of an account's devices as its service tells them. */
export interface KnownGroups {
  readonly groups: readonly DeviceGroup[];
  /** Calls that it takes to learn them, beside the one that lists them. */
  readonly calls: number;
}

export interface DeviceGroup {
  readonly id: number;
  /** As in {@link SetMember}'s `id`. */
  readonly members: ReadonlySet<string>;
}

export interface PlannedSet {
  readonly file: string;
  readonly members: number;
  readonly refreshSeconds: number;
}

/** What an account's devices will ask of its service. */
export interface AccountPlan {
  /** For messages; holds no secret. */
  readonly account: string;
  readonly stations: number;
  readonly calls: readonly PlannedCall[];
  /** The most that the account is allowed; absent where nothing is known of it. */
  readonly limitPerMinute?: number;
  /** By which groups stations are read, where the groups were looked up. */
  readonly groups?: readonly PlannedGroup[];
}

export interface PlannedGroup {
  readonly id: number;
  /** Stations in it, those of others too. */
  readonly size: number;
  /** The stations that are read by it. */
  readonly stations: readonly string[];
}

/** An operation that is called every so often. */
export interface PlannedCall {
  readonly operation: string;
  readonly everySeconds: number;
  /** Each time. */
  readonly calls: number;
  /** Calls a minute if every scrape of every station were one call of the operation. */
  readonly onePerStationPerMinute: number;
  /** What makes it necessary. */
  readonly rows: readonly RegistryRow[];
  /** What makes it necessary where no row does. */
  readonly cause?: string;
  /** What the number assumes of the account. */
  readonly assumes?: string;
}

export interface DriverContext {
  readonly log: Log;
  /** Durable, small: survives restarts. Keys are the driver's own. */
  readonly state: DriverState;
  /** Says something once to the operators (log and event topic), told apart by `kind`. */
  notice(severity: "info" | "warning" | "error", kind: string, text: string, device?: string): void;
}

/** A durable map of JSON values. `set` has committed when it returns; setting `null` removes the key. */
export interface DriverState {
  get(key: string): PointValue;
  set(key: string, value: PointValue): void;
}

export interface DriverService<Config = unknown> {
  /** Makes a device. Must not touch the network and must not write: nothing is written while loading. */
  createDevice(init: DeviceInit<Config>): DriverDevice;
  /**
   * Looks up what belongs to a set of devices (`x-set` of the config schema): all of it, or rejects. `config` is that of
   * the set; a member's own has the schema's `member` key in place of the set's.
   */
  findMembers?(config: Config, signal: AbortSignal): Promise<readonly SetMember[]>;
  /** Looks up the groups that such devices, of one account, would be read by; asks nothing where none would be. For a plan. */
  findGroups?(devices: readonly DeviceInit<Config>[], signal: AbortSignal): Promise<KnownGroups>;
  /** Running totals for the health topic, e.g. `calls` and `errors`; they only grow. */
  counters?(): Readonly<Record<string, number>>;
  /** The accounts that devices have been made for, for who reads of them what is no device's. */
  accounts?(): readonly DriverAccount[];
  /** Ends every call under way and closes the connections. */
  close(): Promise<void>;
}

/** What devices of one account share, for other readers of the same account. */
export interface DriverAccount {
  /** Tells accounts apart for good, and no secret. */
  readonly key: string;
  /** For messages. */
  readonly label: string;
  /** What calls the service within the account's limits; its type is the driver type's own. */
  readonly client: object;
}

/** One device of a set. */
export interface SetMember {
  /** Value of the schema's `member` key, e.g. a stationID; tells the members apart for good. */
  readonly id: string;
  /** What the placeholders of a topic template stand for, as far as it is known; never empty text. */
  readonly names: Readonly<Record<string, string>>;
}

export interface DeviceInit<Config = unknown> {
  /** Topic path; for messages only. */
  readonly path: string;
  /** The config file; for messages only. */
  readonly file?: string;
  /** Checked against the type's `configSchema`, defaults filled in, secrets resolved. */
  readonly config: Config;
  /** Sound rows only, in file order, one per point name. */
  readonly rows: readonly RegistryRow[];
  readonly intervalSeconds: number;
  /** What this bridge wrote to the device. Absent: nothing is known of it. */
  readonly own?: OwnWrites;
}

/** What this bridge wrote to a device, by the keys of the driver's holds. While a write is on its way: what was before it. */
export interface OwnWrites {
  /** The last write under the key. */
  get(key: string): OwnWrite | undefined;
  /** Keys of what is in force, or may be. */
  standing(): string[];
}

export interface OwnWrite {
  /** As the driver gave it with the write's `hold`; null where it gave none. From disk: to be checked. */
  readonly detail: PointValue;
  /** It is in force, or may be. */
  readonly standing: boolean;
  /** When the device ends it by itself, milliseconds since 1970; absent: never. */
  readonly endsAt?: number | undefined;
  /** When it ended, milliseconds since 1970; absent while it is in force, or may be. */
  readonly endedAt?: number;
}

/**
 * One device. It knows nothing of time, topics, storage or other devices. Every method throws when it cannot do
 * what it says; an abort of `signal` rejects soon.
 */
export interface DriverDevice {
  /** Points that hold times which move from reading to reading though nothing has changed. */
  readonly movingTimes?: ReadonlySet<string>;
  /**
   * Reads every point. A point is in `values` (null: the device has no value for it) or in `failures`. Rejects only
   * where nothing at all could be read.
   */
  scrapeAll(signal: AbortSignal): Promise<Reading>;
  /**
   * {@link DriverDevice.scrapeAll} for large fleets, whose promises V8 would copy again and again while they wait: `sink` is
   * told once, now or later. Never throws. Absent: scrapeAll is called.
   */
  scrapeInto?(sink: ReadingSink, signal: AbortSignal): void;
  /** Reads one point, past every cache. */
  getPoint(point: string, signal: AbortSignal): Promise<PointValue>;
  /**
   * Writes one point. `value` has the point's type and lies within Min and Max (the actuator saw to it).
   * Resolves when the device took it; rejects where it did not or where that is not known.
   */
  setPoint(point: string, value: PointValue, options: WriteOptions): Promise<WriteOutcome>;
  /** Whether a writable point is off or on, 0 or 1: a command may then say `false` or `true` too. Absent: none is. */
  isSwitch?(point: string): boolean;
  /** Back to the device's own default, or to the row's Starting Value where there is one. */
  revertPoint(point: string, options: WriteOptions): Promise<WriteOutcome>;
  /**
   * The outcome that such a write has once the device took it (`value` undefined: a revert). Nothing is sent: its `verify`
   * tells whether the device stands so now. Absent: a point that reads the value does. Throws where no such write can be.
   */
  outcomeOf?(
    point: string,
    value: PointValue | undefined,
    options: Pick<WriteOptions, "durationMinutes">,
  ): WriteOutcome;
  /**
   * Compares what the bridge believes to stand here with what the device showed in its last reading, which is asked for again
   * only where it is not there any more. Writes nothing. Absent: it cannot tell.
   */
  compareHolds?(held: readonly HeldWrite[], signal: AbortSignal): Promise<HoldComparison>;
  /** Absent: its network plans no events. */
  readonly events?: DeviceEvents;
  /** The device is gone while the bridge runs on: lets go of what is kept for it. Must not touch the network. */
  close?(): void;
}

/** A limit for later that the network of a device carries out by itself (demand response). */
export interface EventPlan {
  /** Of a whole group of the device's network instead of the device. */
  readonly group?: string;
  readonly startsAt: Date;
  readonly durationMinutes: number;
  readonly allowOptOut: boolean;
  /** Most that a port may draw, or the share of its load that each station is to give up. */
  readonly limit: { readonly kw: number } | { readonly percent: number };
}

export interface DeviceEvents {
  /** `id`: what {@link DeviceEvents.remove} asks for; absent where the network told none. */
  create(plan: EventPlan, signal: AbortSignal): Promise<{ id?: string; code?: string; text?: string }>;
  /** Until it begins. */
  remove(id: string, signal: AbortSignal): Promise<{ code?: string; text?: string }>;
}

/** A write that stands, as far as the bridge knows. */
export interface HeldWrite {
  /** As in {@link WriteOutcome}'s `hold`. */
  readonly key: string;
  readonly point: string;
  readonly value: PointValue;
}

export interface HoldComparison {
  /** Keys of what does not stand any more, or differs from what was written. */
  readonly gone: readonly string[];
  /** Keys of what stands in part only, as a station's limit at some of its ports. */
  readonly inPart?: readonly string[];
  /**
   * What stands there besides, not by this bridge: what, for people, and where, as a hold's key. `within`: the key of a hold
   * that covers that place too.
   */
  readonly foreign: readonly {
    readonly key: string;
    readonly within?: string;
    readonly text: string;
  }[];
}

export interface Reading {
  readonly values: ReadonlyMap<string, PointValue>;
  readonly failures: ReadonlyMap<string, Error>;
  /** Points of limits that are not in force: their values stand for "none". */
  readonly noLimit?: ReadonlySet<string>;
  /** Why the network cannot reach the device, so that the values are what it last said; absent where it can. */
  readonly unreachable?: string;
  /**
   * Age in seconds of the oldest value among those that scrapes ask for, where it comes from a cache; absent: they were read
   * for this reading. What is read at intervals of its own (names, models) does not count beside them.
   */
  readonly ageSeconds?: number;
}

/** Who a reading is for. Must not throw. */
export interface ReadingSink {
  read(reading: Reading): void;
  /** Nothing at all could be read, or the signal was aborted. */
  failed(error: unknown): void;
}

export interface WriteOptions {
  readonly signal: AbortSignal;
  /** The write ends by itself after so long (minutes, whole, > 0). Refused where the point knows no end. */
  readonly durationMinutes?: number;
}

export interface WriteOutcome {
  /** The service's code and text, where it gave them. */
  readonly code?: string;
  readonly text?: string;
  /** Things the caller should know though the write went well. */
  readonly warnings?: readonly string[];
  /** Reads back past every cache; called again until confirmed or out of time. */
  verify(signal: AbortSignal): Promise<Verification>;
  /**
   * What now stands in the device until it is renewed or ends by itself. Writes with the same key replace each other.
   * `leaseSeconds`: the device ends it after so long unless the point is set again; absent: it stands until cleared.
   * `detail`: what the driver is to find of it in {@link OwnWrites}, across restarts.
   */
  readonly hold?: { readonly key: string; readonly leaseSeconds?: number; readonly detail?: PointValue };
  /** Keys of holds that this write ended. */
  readonly releases?: readonly string[];
}
