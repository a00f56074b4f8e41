import type { Clock } from "../../time/clock.ts";
import type { SessionDatabase } from "../database/contract.ts";
import type { Run } from "./run.ts";
import type { SessionStore } from "./store.ts";
import type { Client } from "./walk.ts";

/** One user name at one endpoint. */
export interface SessionAccount {
  /** Fingerprint that stays the same for good and tells no secret. */
  readonly key: string;
  /** For messages. */
  readonly label: string;
  readonly client: Client;
}

export interface SyncOptions {
  readonly account: SessionAccount;
  readonly database: SessionDatabase;
  readonly kind: "continuous" | "backfill";
  readonly from: Date;
  /** Absent: up to now. */
  readonly to?: Date;
  readonly personalData: boolean;
  readonly payments: boolean;
  readonly intervals: boolean;
  /** Whether what seldom changes is read too: stations, ports, prices, drivers. */
  readonly nameplates: boolean;
  /** Events since then are to be published; null: none. */
  readonly announceSince: string | null;
  /** Whether it looks through older sessions for changes too. */
  readonly rechecks?: boolean;
  /** Begins anew, whatever an interrupted run has stored. */
  readonly restart?: boolean;
  readonly signal: AbortSignal;
  readonly clock?: Clock;
  readonly onProgress?: (progress: Progress) => void;
}

export interface SyncReport {
  /** When the run began that this one goes on with; undefined for one that began now. */
  readonly resumed: string | undefined;
  /** Of the whole run, its interrupted parts included. */
  readonly counts: Pick<Run, "seen" | "added" | "updated" | "unchanged" | "refused">;
  /** Why records could not be stored, with how many there were in this part. */
  readonly refused: ReadonlyMap<string, number>;
  readonly stations: number;
  readonly payments: number;
  readonly alarms: number;
  /** Sessions whose quarter hours were read. */
  readonly intervals: number;
  /** What the account's plan does not include, or the service would not answer; the rest was read. */
  readonly problems: readonly string[];
}

/** How far a sync has come. */
export interface Progress {
  readonly phase: "stations" | "sessions" | "payments" | "alarms" | "intervals";
  /** Sessions that start before this, or payments reported before, are stored. */
  readonly reached?: string;
  readonly from: string;
  readonly to: string;
  /** Rows of this phase in this run. */
  readonly count: number;
}

/** How a part of a sync reads and tells. */
export interface Reading {
  readonly client: Client;
  readonly store: SessionStore;
  readonly signal: AbortSignal;
  /** Now, as the tables have it. */
  readonly at: string;
  refuse(reasons: ReadonlyMap<string, number>): void;
  progress(phase: Progress["phase"], count: number, reached?: string): void;
}
