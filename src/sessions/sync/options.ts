import type { Clock } from "../../time/clock.ts";
import type { SessionDatabase } from "../database/contract.ts";
import type { Run } from "./run.ts";
import type { SessionStore } from "./store.ts";
import type { Client } from "./walk.ts";

/** A user name at an endpoint. */
export interface SessionAccount {
  /** Permanent fingerprint that reveals no secret. */
  readonly key: string;
  /** Name in messages. */
  readonly label: string;
  readonly client: Client;
}

export interface SyncOptions {
  readonly account: SessionAccount;
  readonly database: SessionDatabase;
  readonly kind: "continuous" | "backfill";
  readonly from: Date;
  /** Default: now. */
  readonly to?: Date;
  readonly personalData: boolean;
  readonly payments: boolean;
  readonly intervals: boolean;
  /** Whether to read rarely changing data too: stations, ports, prices, drivers. */
  readonly nameplates: boolean;
  /** Time from which events are published; null: none. */
  readonly announceSince: string | null;
  /** Whether to check older sessions for changes too. */
  readonly rechecks?: boolean;
  /** Ignores the progress of an interrupted run. */
  readonly restart?: boolean;
  readonly signal: AbortSignal;
  readonly clock?: Clock;
  readonly onProgress?: (progress: Progress) => void;
}

export interface SyncReport {
  /** Start of the run that this one resumes; undefined for a new run. */
  readonly resumed: string | undefined;
  /** Counts of the whole run, including its interrupted parts. */
  readonly counts: Pick<Run, "seen" | "added" | "updated" | "unchanged" | "refused">;
  /** Number of records that could not be stored in this part, by reason. */
  readonly refused: ReadonlyMap<string, number>;
  readonly stations: number;
  readonly payments: number;
  readonly alarms: number;
  /** Number of sessions whose quarter hours were read. */
  readonly intervals: number;
  /** Parts that the account's plan does not include or the service rejected; the rest was read. */
  readonly problems: readonly string[];
}

/** Progress of a sync. */
export interface Progress {
  readonly phase: "stations" | "sessions" | "payments" | "alarms" | "intervals";
  /** Time before which all sessions that started, or payments that were reported, are stored. */
  readonly reached?: string;
  readonly from: string;
  readonly to: string;
  /** Number of rows of this phase in this run. */
  readonly count: number;
}

/** What a part of a sync uses to read, store and report. */
export interface SyncPart {
  readonly client: Client;
  readonly store: SessionStore;
  readonly signal: AbortSignal;
  /** Current time in the format of the tables. */
  readonly at: string;
  refuse(reasons: ReadonlyMap<string, number>): void;
  progress(phase: Progress["phase"], count: number, reached?: string): void;
}
