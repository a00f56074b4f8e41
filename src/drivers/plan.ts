import type { RegistryRow } from "../registry/row.ts";

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

/** The calls that an account's devices will make. */
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
