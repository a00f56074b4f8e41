import type { PointValue } from "../points/index.ts";
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
    Partial<IdentifiesStations<Config> & NamesAccounts<Config> & PlansCalls<Config>> {
  open(context: DriverContext): AbleService<Config>;
}

export interface AbleService<Config = unknown>
  extends DriverService<Config>,
    Partial<FindsMembers<Config> & FindsGroups<Config> & Counts & SharesAccounts> {
  createDevice(init: WritingInit<Config>): AbleDevice;
}

export interface AbleDevice
  extends DriverDevice,
    Partial<
      ScrapesFleets & HasMovingTimes & HasSwitches & ForeseesOutcomes & ComparesHolds & PlansEvents & Closes
    > {}

/**
 * Tells which station a config means. Two devices of one station would undo each other's writes, so only the first runs.
 * Every type that writes should have it.
 */
export interface IdentifiesStations<Config> {
  identityOf(config: Config): StationIdentity;
}

export interface StationIdentity {
  /** What the ID is unique within, e.g. the address of the service; no secret. */
  readonly network: string;
  readonly id: string;
}

/** Tells which account a device or set belongs to: `key` tells accounts apart, `label` is for messages. */
export interface NamesAccounts<Config> {
  accountOf(config: Config): { readonly key: string; readonly label: string };
}

/** Foresees the calls that devices will make, where they share calls. Pure. */
export interface PlansCalls<Config> {
  plan(devices: readonly DeviceInit<Config>[], assumed: PlanAssumptions): AccountPlan[];
}

/** Looks up the groups that devices of one account would be read by, for a plan; asks nothing where there would be none. */
export interface FindsGroups<Config> {
  findGroups(devices: readonly DeviceInit<Config>[], signal: AbortSignal): Promise<KnownGroups>;
}

/** Makes one config stand for a set of devices (`x-set` of the config schema). */
export interface FindsMembers<Config> {
  /**
   * Looks up all members of a set, or rejects. `config` is that of the set; a member's own has the schema's `member` key in
   * place of the set's.
   */
  findMembers(config: Config, signal: AbortSignal): Promise<readonly SetMember[]>;
}

export interface SetMember {
  /** Value of the schema's `member` key, e.g. a stationID; tells the members apart for good. */
  readonly id: string;
  /** What the placeholders of a topic template stand for, as far as it is known; never empty text. */
  readonly names: Readonly<Record<string, string>>;
}

/** Running totals for the health topic, e.g. `calls` and `errors`; they only grow. */
export interface Counts {
  counters(): Readonly<Record<string, number>>;
}

/** Lets other parts read from the accounts that devices were made for, within the accounts' limits. */
export interface SharesAccounts {
  accounts(): readonly DriverAccount[];
}

export interface DriverAccount {
  /** Tells accounts apart for good, and no secret. */
  readonly key: string;
  /** For messages. */
  readonly label: string;
  /** What calls the service within the account's limits; its type is the driver type's own. */
  readonly client: object;
}

/**
 * Scrapes without promises: V8 would copy those of a large fleet again and again while they wait. Called in place of
 * `scrapeAll`.
 */
export interface ScrapesFleets {
  /** Calls one method of `sink` once, now or later. Never throws. */
  scrapeInto(sink: ReadingSink, signal: AbortSignal): void;
}

/** The receiver of a reading. Must not throw. */
export interface ReadingSink {
  read(reading: Reading): void;
  /** Nothing at all could be read, or the signal was aborted. */
  failed(error: unknown): void;
}

/** Names the points that hold times which move from reading to reading though nothing has changed. */
export interface HasMovingTimes {
  readonly movingTimes: ReadonlySet<string>;
}

/** Tells whether a writable point is off or on, 0 or 1: a command may then say `false` or `true` too. */
export interface HasSwitches {
  isSwitch(point: string): boolean;
}

/** Lets go of what is kept for a device that is removed while the bridge runs. Must not touch the network. */
export interface Closes {
  close(): void;
}

/** Knows what a write will have done, for points that do not simply read what was written. */
export interface ForeseesOutcomes {
  /**
   * The outcome that such a write has once the device took it (`value` undefined: a revert). Sends nothing: its `verify`
   * tells whether the device is in that state now. Throws where there can be no such write.
   */
  outcomeOf(
    point: string,
    value: PointValue | undefined,
    options: Pick<WriteOptions, "durationMinutes">,
  ): WriteOutcome;
}

/** What the bridge gives to devices that look up their own earlier writes. */
export interface WritingInit<Config = unknown> extends DeviceInit<Config> {
  /** Absent: nothing is known of them. */
  readonly own?: OwnWrites;
  /** Within so long a reading shows what was written (`actuator.confirm_timeout`); absent: the type's own assumption holds. */
  readonly confirmTimeoutSeconds?: number;
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

/** Sees from a reading whether what the bridge wrote is still in force. */
export interface ComparesHolds {
  /** Compares with the last reading, and reads again only where that is no longer kept. Writes nothing. */
  compareHolds(held: readonly HeldWrite[], signal: AbortSignal): Promise<HoldComparison>;
}

/** A write that is in force, as far as the bridge knows. */
export interface HeldWrite {
  /** As in {@link WriteOutcome}'s `hold`. */
  readonly key: string;
  readonly point: string;
  readonly value: PointValue;
}

export interface HoldComparison {
  /** Keys of what is not in force any more, or differs from what was written. */
  readonly gone: readonly string[];
  /** Keys of what is in force in part only, as a station's limit at some of its ports. */
  readonly inPart?: readonly string[];
  /**
   * What else is in force there, not by this bridge: what, for people, and where, as a hold's key. `within`: the key of a hold
   * that covers that place too.
   */
  readonly foreign: readonly {
    readonly key: string;
    readonly within?: string;
    readonly text: string;
  }[];
}

/** Has a network that carries out limits for later by itself (demand response). */
export interface PlansEvents {
  readonly events: DeviceEvents;
}

export interface DeviceEvents {
  /** `id`: what {@link DeviceEvents.remove} asks for; absent where the network gave none. */
  create(plan: EventPlan, signal: AbortSignal): Promise<{ id?: string; code?: string; text?: string }>;
  /** Until it begins. */
  remove(id: string, signal: AbortSignal): Promise<{ code?: string; text?: string }>;
}

export interface EventPlan {
  /** Of a whole group of the device's network instead of the device. */
  readonly group?: string;
  readonly startsAt: Date;
  readonly durationMinutes: number;
  readonly allowOptOut: boolean;
  /** Most that a port may draw, or the share of its load that each station is to give up. */
  readonly limit: { readonly kw: number } | { readonly percent: number };
}
