/** What the bridge says of itself, in the parts that the view shows. */

/** Values on their way to the broker or the store. */
export interface ValueCounts {
  readonly accepted: number;
  readonly delivered: number;
  readonly waiting: number;
  /** By reason. */
  readonly dropped: Readonly<Record<string, number>>;
  readonly deadLettered: Readonly<Record<string, number>>;
}

/** `GET health`: the health message at this moment. */
export interface Health {
  readonly at: string;
  readonly startedAt: string;
  readonly devices?: Readonly<Record<"online" | "stale" | "offline", number>>;
  readonly mqtt: { readonly published: number; readonly dropped: number; readonly refused: number };
  readonly outbox: ValueCounts & { readonly bytes: number; readonly oldest?: string };
  readonly instance?: { readonly role: string; readonly others: Readonly<Record<string, unknown>> };
  /** The time of the test, and each check with `ok` or what is wrong. */
  readonly selfTest?: Readonly<Record<string, string>>;
  readonly scrapes: Readonly<Record<"ok" | "failed" | "skipped" | "pointFailures", number>>;
  readonly writes: Readonly<Record<string, number>>;
  readonly eventLoopDelayMs?: { readonly p99: number; readonly max: number };
  readonly historian?: StoreCounts & { readonly also?: Readonly<Record<string, StoreCounts>> };
  readonly config?: {
    readonly state: "ok" | "config_error" | "unconfirmed";
    readonly loadedAt: string;
    readonly text?: string;
    readonly problemCount: number;
    readonly problems: readonly string[];
    readonly afterRestart: readonly string[];
  };
}

/** Counters of a store, and why it takes no values. */
export interface StoreCounts extends ValueCounts {
  readonly lagSeconds: number;
  readonly failing?: { readonly since: string; readonly error: string };
}

/** `GET bridge`, as far as it changes while the page is open. */
export interface Bridge {
  readonly instance: string;
  readonly version: string;
  readonly startedAt: string;
  readonly readOnly: boolean;
  readonly active: boolean;
  readonly has: { readonly cluster: boolean };
  readonly broker: { readonly url: string; readonly connected: boolean; readonly since: string };
}

/** `GET plan` */
export interface Plan {
  readonly accounts: readonly PlannedAccount[];
  readonly now: readonly CalledAccount[];
}

export interface PlannedAccount {
  readonly account: string;
  readonly stations: number;
  readonly callsPerMinute: number;
  readonly limitPerMinute: number | null;
  readonly onePerStationPerMinute: number;
  readonly calls: readonly PlannedCall[];
}

export interface PlannedCall {
  readonly operation: string;
  readonly everySeconds: number;
  readonly calls: number;
  readonly callsPerMinute: number;
  readonly cause: string | null;
  readonly rows: readonly {
    readonly file: string;
    readonly lines: readonly number[];
    readonly attributes: readonly string[];
  }[];
}

export interface CalledAccount {
  readonly driver: string;
  readonly account: string;
  readonly paused: boolean;
  readonly perMinute: number;
  readonly recentErrors: number;
  readonly calls: number;
  readonly errors: number;
}

/** `GET cluster` */
export interface Estate {
  /** The member that answered. */
  readonly member: string;
  readonly revision: string | null;
  readonly members: readonly EstateMember[];
  readonly shards: readonly EstateShard[];
  readonly problems: readonly { readonly severity: "error" | "warning"; readonly text: string }[];
}

export interface EstateMember {
  readonly id: string;
  readonly host: string;
  readonly version: string;
  readonly startedAt: string;
  readonly weight: number;
  readonly draining: boolean;
  readonly files: string;
  readonly state: "active" | "pending" | "applying" | "lacking";
  readonly url: string | null;
  readonly shards: readonly string[];
  readonly stations: number;
}

export interface EstateShard {
  readonly name: string;
  readonly accounts: readonly string[];
  readonly stations: number | null;
  readonly owner: string | null;
  readonly epoch: string | null;
  readonly pinned: string | null;
}
