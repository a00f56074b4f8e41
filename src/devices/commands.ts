import type { Diagnostic } from "../config/index.ts";
import type { EventPlan } from "../drivers/abilities.ts";
import type { CommandSource, PointValue, Scrape, WriteResult } from "../points/index.ts";

/** A command from any interface. Its age and expiry are checked where it is written: in the actuator. */
export interface Command extends CommandSource {
  /** When the requester sent it, where known; otherwise when it arrived. */
  readonly sentAt: Date;
  readonly expiresAt?: Date;
  readonly durationMinutes?: number;
  /** Called once, early, for a write that the device accepted and that could not be read back yet; the result follows. */
  readonly onAccepted?: (result: CommandResult) => void;
  /** What the interface needs to answer after a restart; included in the {@link Write} that reports the outcome. */
  readonly replyTo?: string;
  /** Why it must not be carried out, where the interface found that out: it is refused and recorded like any other. */
  readonly refusal?: Error;
}

/** The result of a write. Never thrown: a refusal is a result too. */
export interface CommandResult extends WriteResult {
  readonly id: string;
  readonly device: string;
  /** Absent for the revert of a whole device. */
  readonly point?: string;
  readonly requested: PointValue;
  readonly tookMs: number;
  /** Set on the first result of a repeated command; nothing was sent this time. */
  readonly repeated?: true;
}

/** Commands of the interfaces (MQTT, CLI, web). */
export interface Commands {
  /** Reads one point, bypassing every cache. Rejects with PointNotFoundError, ServiceError, … */
  get(device: string, point: string, signal?: AbortSignal): Promise<PointValue>;
  set(device: string, point: string, value: unknown, command: Command): Promise<CommandResult>;
  revertPoint(device: string, point: string, command: Command): Promise<CommandResult>;
  revertDevice(device: string, command: Command): Promise<CommandResult>;
  /**
   * Throws the error that a set would be refused with now, regardless of its value: ScheduleError, OverrideError,
   * CommandExpiredError, …
   */
  checkFree(device: string, point: string, command: Command): void;
}

/** VOLTTRON's answer to a request of the scheduler. */
export interface ScheduleAnswer {
  readonly result: "SUCCESS" | "FAILURE";
  /** Empty, or the reason: `TASK_ID_ALREADY_EXISTS`, `MALFORMED_REQUEST: ValueError: …`, … */
  readonly info: string;
  /** For `CONFLICTS_WITH_EXISTING_SCHEDULES`: requester → task → `[[device, start, end], …]`. Otherwise empty. */
  readonly data: Readonly<Record<string, Readonly<Record<string, readonly (readonly string[])[]>>>>;
}

/** A task that is waiting, running, or in its time of grace. */
export interface ScheduledTask {
  readonly taskId: string;
  readonly requester: string;
  readonly priority: "HIGH" | "LOW" | "LOW_PREEMPT";
  readonly state: "waiting" | "running" | "preempted";
  /** `[device, start, end]`, times as ISO 8601 text in UTC. Slots that are over are omitted. */
  readonly slots: readonly (readonly [device: string, start: string, end: string])[];
}

/** Reservations of devices: VOLTTRON's scheduler. Requests never throw: a refusal is an answer too. */
export interface Scheduling {
  /**
   * Reserves devices for times, all or none. `slots` is `[[device, start, end], …]`; a time without a zone is in the
   * bridge's own. The parameters are `unknown` because they come from outside and are validated here.
   */
  requestNewSchedule(
    asked: { readonly taskId: unknown; readonly priority: unknown; readonly slots: unknown },
    command: ScheduleCommand,
  ): ScheduleAnswer;
  requestCancelSchedule(taskId: unknown, command: ScheduleCommand): ScheduleAnswer;
  tasks(): readonly ScheduledTask[];
}

/** The requester of a schedule request, and its times. Without a requester nothing can be reserved. */
export type ScheduleCommand = Pick<Command, "sentAt" | "expiresAt" | "refusal"> & {
  readonly requester: unknown;
};

/** A pattern of device paths that accept no set points at present. */
export interface Override {
  /** `*` (any text, including slashes), `?`, `[abc]`, `[!abc]`; case-sensitive. */
  readonly pattern: string;
  /** When it ends by itself; absent: never. */
  readonly endsAt?: Date;
  /** The devices that match at present. */
  readonly devices: readonly string[];
}

export interface OverrideOptions {
  /** Above 0: it ends by itself. Otherwise, and by default, it lasts until it is switched off. */
  readonly durationSeconds?: number;
  /** Whether the devices are reverted to their default now. Default: true. */
  readonly failsafeRevert?: boolean;
  /** Whether they are reverted one after the other, 50 ms apart. Default: false. */
  readonly staggeredRevert?: boolean;
}

/** Overrides: while one is active, its devices accept neither set points nor reverts. Reading continues. */
export interface Overriding {
  /** Throws OverrideError, CommandExpiredError. The reverts that it triggers are announced and recorded like others. */
  setOverrideOn(pattern: string, options: OverrideOptions, command: Command): Override;
  /** Switches off the override with exactly this pattern. Throws OverrideError where there is none. */
  setOverrideOff(pattern: string, command: Command): void;
  clearOverrides(command: Command): void;
  /** Paths of the devices that are under an override. */
  overrideDevices(): readonly string[];
  overridePatterns(): readonly Override[];
}

/** Limits in force in the devices. Times are ISO 8601 text in UTC. */
export interface Sheds {
  /** Set points that this bridge holds. */
  readonly held: readonly HeldSetPoint[];
  /** Limits on its devices that this bridge did not set, as of the last scrape. */
  readonly others: readonly { readonly device: string; readonly text: string; readonly seenAt: string }[];
}

interface HeldSetPoint {
  readonly device: string;
  readonly point: string;
  readonly value: PointValue;
  readonly requester: string;
  /**
   * `in_force`: the device accepted it. `unknown`: the answer to its last write was lost, and the bridge is checking
   * whether it is in force. `sent`: a write is being sent.
   */
  readonly state: "sent" | "in_force" | "unknown" | "ended";
  /** When it was first written. */
  readonly since: string;
  /** When the device ends it by itself; null: never. */
  readonly endsAt: string | null;
  /** Duration of its lease, which is renewed before it ends; null: it is not renewed. */
  readonly leaseSeconds: number | null;
  readonly renewals: number;
}

/** A port or station that belongs to a group of the site limit controller. Power in kW. */
export interface LimitedOutlet {
  readonly device: string;
  /** The point that limits it. */
  readonly point: string;
  /** `waiting`: a vehicle waits for its turn. `idle`: no vehicle wants power. `unknown`: it could not be read. */
  readonly state: "charging" | "waiting" | "idle" | "unknown";
  /** Null: not known. */
  readonly loadKw: number | null;
  /** Null: no limit is known to be in force. */
  readonly limitKw: number | null;
  readonly nominalKw: number;
  /** Why its limit could not be set the last time. */
  readonly trouble?: string;
}

/** Devices whose total load is kept under a limit. */
export interface LimitGroup {
  readonly group: string;
  /** Null: none. */
  readonly maxKw: number | null;
  /** Present load, as far as it is known. */
  readonly loadKw: number;
  /** Maximum possible load: the sum of the limits in force, and of the maximum of those without. */
  readonly mayDrawKw: number;
  readonly busy: number;
  readonly waiting: number;
  readonly outlets: readonly LimitedOutlet[];
}

/** The site limit controller. */
export interface Limiting {
  limits(): readonly LimitGroup[];
  /**
   * Sets the limit of a group, null for none, and keeps it across restarts. Throws LimitGroupNotFoundError,
   * InvalidLimitError, CommandExpiredError, ReadOnlyBridgeError. `unknown`: what comes from outside is checked here.
   */
  setLimit(group: string, maxKw: unknown, command: Command): LimitGroup;
}

/** A load shed event that is not over. Times are ISO 8601 text in UTC. */
export interface PlannedEvent {
  /** Null where the network gave none. */
  readonly id: string | null;
  readonly device: string;
  /** It is for this group of the device's network. */
  readonly group?: string;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly kw?: number;
  readonly percent?: number;
  readonly allowOptOut: boolean;
  readonly requester: string;
}

/** Load shed events: limits for later that the network of a device carries out. Rejects where it did not take them. */
export interface Eventing {
  createEvent(device: string, plan: EventPlan, command: Command): Promise<PlannedEvent>;
  removeEvent(id: string, command: Command): Promise<void>;
  /** What was planned here and is not over, by their start. */
  events(): readonly PlannedEvent[];
}

/** Controllers that say whether they are there, themselves or by their will. */
export interface Controllers {
  /** `name` is the requester's; `state` is `online`, `offline`, or empty where it says nothing any more. */
  heard(name: string, state: string): void;
}

/** What a reload does, or would do, to one device. */
export interface DeviceChange {
  readonly kind: "added" | "removed" | "renamed" | "changed";
  /** Topic path; of a renamed device, the new one. */
  readonly device: string;
  readonly file: string;
  /** What differs, for people. */
  readonly text: string;
}

/**
 * The result of a reload. `invalid`: nothing was changed. `unconfirmed`: nothing was changed, because more than half of the
 * devices would be removed. Files with an error keep what runs: they are in `problems`, and the rest is applied.
 */
export interface ReloadReport {
  readonly result: "unchanged" | "applied" | "invalid" | "unconfirmed";
  readonly changes: readonly DeviceChange[];
  /** Settings of the bridge config that were changed, e.g. `limits`. */
  readonly settings: readonly string[];
  /** Changed settings that take effect after a restart. */
  readonly afterRestart: readonly string[];
  readonly problems: readonly Diagnostic[];
}

/** Applies changed config files and registries while the bridge runs. */
export interface Reloading {
  /** `confirm`: removes more than half of the devices too. `preview`: only reports what it would do. */
  reload(options?: { readonly confirm?: boolean; readonly preview?: boolean }): Promise<ReloadReport>;
}

/** A device that is neither read nor written. */
export interface PausedDevice {
  readonly device: string;
  /** ISO 8601 text in UTC. */
  readonly since: string;
  readonly requester: string;
}

/** Devices that the bridge leaves alone, also after a restart, until they are resumed. */
export interface Pausing {
  /** Throws DeviceNotFoundError, CommandExpiredError; LimitInForceError while the bridge holds a limit in it. */
  pause(device: string, command: Command): PausedDevice;
  /** Throws DeviceNotFoundError, CommandExpiredError. */
  resume(device: string, command: Command): void;
  paused(): readonly PausedDevice[];
}

/** The store, as VOLTTRON's historian. */
export interface History {
  /** Calls a method of VOLTTRON's historian with arguments by name. Rejects for a bad query, a store that is away, and an answer that is too long. */
  call(
    method:
      | "get_topic_list"
      | "get_topics_by_pattern"
      | "get_topics_metadata"
      | "get_aggregate_topics"
      | "query",
    args: Readonly<Record<string, unknown>>,
    signal?: AbortSignal,
  ): Promise<unknown>;
  /** Stores records `{topic, headers, message}`. Rejects where not all of them are stored, and says which. */
  insert(records: readonly PointValue[]): Promise<void>;
}

/** Everything beside the {@link Commands} that the ways in may ask for. */
export interface Control {
  /** Throws where a command must not be carried out: CommandExpiredError, or the interface's own refusal. */
  checkCommand(command: Command): void;
  /** Absent where the configs are not loaded from files. */
  readonly reloading?: Reloading;
  readonly pausing: Pausing;
  readonly scheduling: Scheduling;
  readonly overriding: Overriding;
  /** Absent where no site limit controller runs. */
  readonly limiting?: Limiting;
  readonly eventing: Eventing;
  /** Absent where there is no store. */
  readonly history?: History | undefined;
  /** Absent where nothing follows from it. */
  readonly controllers?: Controllers;
  sheds(): Sheds;
  /** Reads a whole device now. Rejects with DeviceNotFoundError, or why nothing could be read. */
  scrapeAll(device: string, signal?: AbortSignal): Promise<Scrape>;
}
