import type { SessionStore } from "./store.ts";
import type { Client } from "./walk.ts";

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
