import type { RegistryRow } from "../registry/row.ts";

export interface PlanAssumptions {
  /** Stations in each of the account's groups; 0 where there are none. */
  readonly stationsPerGroup: number;
  /** The groups as looked up, of the one account that owns these devices; absent: they are presumed. */
  readonly groups?: KnownGroups;
  /** Sets of that account whose members are among the devices. */
  readonly sets?: readonly PlannedSet[];
}

/** Groups of an account's devices as its service reports them. */
export interface KnownGroups {
  readonly groups: readonly DeviceGroup[];
  /** Calls needed to look them up, in addition to the one that lists them. */
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
  /** Limit of the account; absent where it is unknown. */
  readonly limitPerMinute?: number;
  /** Groups by which stations are read, where the groups were looked up. */
  readonly groups?: readonly PlannedGroup[];
}

export interface PlannedGroup {
  readonly id: number;
  /** Number of stations in it, including those of others. */
  readonly size: number;
  /** The stations that are read by it. */
  readonly stations: readonly string[];
}

/** An operation that is called periodically. */
export interface PlannedCall {
  readonly operation: string;
  readonly everySeconds: number;
  /** Calls in each period. */
  readonly calls: number;
  /** Calls per minute if every scrape of every station made one call of the operation. */
  readonly onePerStationPerMinute: number;
  /** Rows that need it. */
  readonly rows: readonly RegistryRow[];
  /** Why it is needed where no row needs it. */
  readonly cause?: string;
  /** What the number assumes of the account. */
  readonly assumes?: string;
}
