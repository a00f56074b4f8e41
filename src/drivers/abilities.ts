import type { Diagnostic } from "../config/files/diagnostic.ts";
import type { PointOrigin, PointType, PointValue } from "../points/index.ts";
import type { RegistryRow } from "../registry/row.ts";
import type {
  DeviceInit,
  DriverContext,
  DriverDevice,
  DriverService,
  DriverType,
  Reading,
  WriteOptions,
  WriteOutcome,
} from "./driver.ts";
import type { AccountPlan, KnownGroups, PlanAssumptions } from "./plan.ts";

/** A driver type with any of the abilities below. The bridge asks for each where it uses it. */
export interface AbleType<Config = unknown>
  extends DriverType<Config>,
    Partial<
      IdentifiesStations<Config> &
        NamesAccounts<Config> &
        PlansCalls<Config> &
        TestsAccounts<Config> &
        ListsAttributes &
        TracesPoints &
        NotesRows
    > {
  open(context: DriverContext): AbleService<Config>;
}

export interface AbleService<Config = unknown>
  extends DriverService<Config>,
    Partial<FindsMembers<Config> & FindsGroups<Config> & Counts & SharesAccounts & ReportsAccounts> {
  createDevice(init: WritingInit<Config>): AbleDevice;
}

export interface AbleDevice
  extends DriverDevice,
    Partial<
      ScrapesFleets &
        ExplainsReadings &
        HasMovingTimes &
        HasSwitches &
        ReadsAlarms &
        ForeseesOutcomes &
        ComparesHolds &
        PlansEvents &
        Closes
    > {}

/**
 * Identifies the station that a config means. Two devices of one station would undo each other's writes, so only the first
 * runs. Every type that writes should have it.
 */
export interface IdentifiesStations<Config> {
  identityOf(config: Config): StationIdentity;
}

export interface StationIdentity {
  /** The namespace in which the ID is unique, e.g. the address of the service. Holds no secret. */
  readonly network: string;
  readonly id: string;
}

/** Names the account of a device or set: `key` distinguishes accounts, `label` is for messages. */
export interface NamesAccounts<Config> {
  accountOf(config: Config): { readonly key: string; readonly label: string };
}

/** Tests an account without a running bridge, for `voltbridge doctor`. */
export interface TestsAccounts<Config> {
  /** Returns the address of the account's service. */
  serviceOf(config: Config): string;
  /**
   * Tests the account of these devices or sets with a few calls that change nothing, at most one of each kind that their
   * rows need. Calls `found` with each finding. Rejects only with the reason of `signal`.
   */
  testAccount(
    devices: readonly DeviceInit<Config>[],
    found: (finding: AccountFinding) => void,
    signal: AbortSignal,
  ): Promise<void>;
}

export interface AccountFinding {
  readonly outcome: "ok" | "warning" | "failed";
  readonly text: string;
  /** What to do; absent where nothing is wrong, or where the text says it. */
  readonly remedy?: string;
}

/** Lists what the rows of a registry can name. */
export interface ListsAttributes {
  attributes(): readonly ListedAttribute[];
}

export interface ListedAttribute {
  /** `Register Name` and `Attribute Name` of the rows. */
  readonly register: string;
  readonly attribute: string;
  /** Whether the rows have no `Port #`, need one, or may have one. */
  readonly level: "station" | "port" | "either";
  /** Absent: any, or unknown. */
  readonly type?: PointType | undefined;
  readonly unit?: string | undefined;
  readonly meaning: string;
  readonly writable: boolean;
  /** Master data, which is stored on change by default. */
  readonly nameplate?: boolean;
  /** The call that reads it, and how often it is made; absent where reading costs no call. */
  readonly call?: { readonly operation: string; readonly cost: string };
}

/** Tells where the values of rows come from and what they mean, for views and metrics. Every type with ports should have it. */
export interface TracesPoints {
  /** Returns the origin of the value of a valid row. Called once for all devices that share the row. */
  originOf(row: RegistryRow): PointOrigin;
}

/** Predicts the calls that devices will make, where they share calls. Pure. */
export interface PlansCalls<Config> {
  plan(devices: readonly DeviceInit<Config>[], assumed: PlanAssumptions): AccountPlan[];
}

/** Notes what is worth knowing about rows that are right, for `check`: e.g. those that cost a call of their own. Pure. */
export interface NotesRows {
  noteRows(rows: readonly RegistryRow[]): Diagnostic[];
}

/**
 * Looks up, for a plan, the groups by which the devices of one account would be read. Sends no call where there would be
 * none.
 */
export interface FindsGroups<Config> {
  findGroups(devices: readonly DeviceInit<Config>[], signal: AbortSignal): Promise<KnownGroups>;
}

/** Expands one config into a set of devices (`x-set` of the config schema). */
export interface FindsMembers<Config> {
  /**
   * Returns all members of a set, or rejects. `config` is that of the set; a member's own config has the schema's `member`
   * key in place of the set's.
   */
  findMembers(config: Config, signal: AbortSignal): Promise<readonly SetMember[]>;
}

export interface SetMember {
  /** Value of the schema's `member` key, e.g. a stationID; identifies the member permanently. */
  readonly id: string;
  /** Known values of the placeholders of a topic template; never empty text. */
  readonly names: Readonly<Record<string, string>>;
}

/** Running totals for the health topic, e.g. `calls` and `errors`; they never decrease. */
export interface Counts {
  counters(): Readonly<Record<string, number>>;
}

/** Reports whether the services of its accounts answer, for metrics. */
export interface ReportsAccounts {
  accountStates(): readonly AccountState[];
}

export interface AccountState {
  /** For messages; holds no secret. */
  readonly label: string;
  /** Whether calls are paused after failures. */
  readonly isPaused: boolean;
  /** Whether reads wait because the calls of the last minute are used up. Absent: the driver has no such limit. */
  readonly isUsedUp?: boolean;
}

/** Gives other parts access to the accounts of the devices, within the accounts' limits. */
export interface SharesAccounts {
  accounts(): readonly DriverAccount[];
}

export interface DriverAccount {
  /** Identifies the account permanently; holds no secret. */
  readonly key: string;
  /** For messages. */
  readonly label: string;
  /** Calls the service within the account's limits; its type is specific to the driver type. */
  readonly client: object;
}

/** Scrapes without promises: V8 would copy those of a large fleet repeatedly while they wait. Called instead of `scrapeAll`. */
export interface ScrapesFleets {
  /** Calls one method of `sink` once, now or later. Never throws. */
  scrapeInto(sink: ReadingSink, signal: AbortSignal): void;
}

/** The receiver of a reading. Must not throw. */
export interface ReadingSink {
  read(reading: Reading): void;
  /** Called when nothing could be read, or when the signal was aborted. */
  failed(error: unknown): void;
}

/** Reads as {@link DriverDevice.scrapeAll} does, and tells where each value comes from: for people who write registries. */
export interface ExplainsReadings {
  explain(signal: AbortSignal): Promise<{ reading: Reading; sources: ReadonlyMap<string, ValueSource> }>;
}

export interface ValueSource {
  /** The call that brought it, e.g. `getLoad`. */
  readonly call: string;
  /** What the service sent for the point; absent where the call failed. */
  readonly sent?: unknown;
  readonly ageSeconds?: number;
  /** Why the value is null; absent where it is not, and where the point could not be read. */
  readonly missing?: string;
}

/** Names the points whose timestamps change with each reading although nothing else has changed. */
export interface HasMovingTimes {
  readonly movingTimes: ReadonlySet<string>;
}

/** Tells whether its readings have `alarms`. */
export interface ReadsAlarms {
  readonly readsAlarms: boolean;
}

/** Returns whether a writable point is a switch, 0 or 1: commands for it may also send `false` or `true`. */
export interface HasSwitches {
  isSwitch(point: string): boolean;
}

/** Releases what is kept for a device that is removed while the bridge runs. Must not touch the network. */
export interface Closes {
  close(): void;
}

/** Predicts the outcome of a write, for points that do not simply read back what was written. */
export interface ForeseesOutcomes {
  /**
   * Returns the outcome that a write has once the device accepted it (`value` undefined: a revert). Sends nothing: its
   * `verify` checks whether the device is in that state now. Throws where no such write is possible.
   */
  outcomeOf(
    point: string,
    value: PointValue | undefined,
    options: Pick<WriteOptions, "durationMinutes">,
  ): WriteOutcome;
}

/** What devices receive that look up their own earlier writes. */
export interface WritingInit<Config = unknown> extends DeviceInit<Config> {
  /** Absent: earlier writes are unknown. */
  readonly own?: OwnWrites;
  /** Time within which a reading shows a write (`actuator.confirm_timeout`); absent: the driver type's default. */
  readonly confirmTimeoutSeconds?: number;
}

/** What this bridge wrote to a device, by the keys of the driver's holds. While a write is being sent: the state before it. */
export interface OwnWrites {
  /** Returns the last write under the key. */
  get(key: string): OwnWrite | undefined;
  /** Returns the keys of writes that are, or may be, in force. */
  active(): string[];
}

export interface OwnWrite {
  /** The `detail` of the write's `hold`, null where it had none. Read from disk: validate it. */
  readonly detail: PointValue;
  /** Whether it is, or may be, in force. */
  readonly active: boolean;
  /** When the device ends it, milliseconds since 1970; absent: never. */
  readonly endsAt?: number | undefined;
  /** When it ended, milliseconds since 1970; absent while it is, or may be, in force. */
  readonly endedAt?: number;
}

/** Checks by a reading whether what the bridge wrote is still in force. */
export interface ComparesHolds {
  /** Compares with the last reading; reads again only where that is no longer kept. Writes nothing. */
  compareHolds(held: readonly HeldWrite[], signal: AbortSignal): Promise<HoldComparison>;
}

/** A write that is in force as far as the bridge knows. */
export interface HeldWrite {
  /** As in {@link WriteOutcome}'s `hold`. */
  readonly key: string;
  readonly point: string;
  readonly value: PointValue;
}

export interface HoldComparison {
  /** Keys of writes that are no longer in force or differ from what was written. */
  readonly gone: readonly string[];
  /** Keys of writes that are only partly in force, e.g. a station's limit at some of its ports. */
  readonly inPart?: readonly string[];
  /**
   * Limits in force that this bridge did not set: a description for messages, and the place as a hold's key. `within`: the
   * key of a hold that covers the same place.
   */
  readonly foreign: readonly {
    readonly key: string;
    readonly within?: string;
    readonly text: string;
  }[];
}

/** Supports limits that the network carries out later by itself (demand response). */
export interface PlansEvents {
  readonly events: DeviceEvents;
}

export interface DeviceEvents {
  /** Plans an event. `id`: the identifier for {@link DeviceEvents.remove}; absent where the network returned none. */
  create(plan: EventPlan, signal: AbortSignal): Promise<{ id?: string; code?: string; text?: string }>;
  /** Removes an event that has not begun. */
  remove(id: string, signal: AbortSignal): Promise<{ code?: string; text?: string }>;
}

export interface EventPlan {
  /** The event applies to a group of the device's network instead of the device. */
  readonly group?: string;
  readonly startsAt: Date;
  readonly durationMinutes: number;
  readonly allowOptOut: boolean;
  /** Maximum power of each port, or the share of its load that each station is to shed. */
  readonly limit: { readonly kw: number } | { readonly percent: number };
}
