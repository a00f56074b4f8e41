import type { NoticeOutage } from "../log/outages.ts";

/** Data for a sink (broker, store), as text that only that sink's part reads. */
export interface NewRecord {
  readonly text: string;
  /** Text that many records share (a device's metadata); the queue stores it once. */
  readonly shared?: string;
  /** Number of values in it. All counters count values. */
  readonly samples: number;
  /** Topic or device path, for notices and lists. */
  readonly key: string;
  /** Time of the data, not of the arrival. Milliseconds since 1970 UTC. */
  readonly time: number;
}

/** A record on disk. Ids ascend in the order of arrival and are never reused. */
export interface QueuedRecord extends NewRecord {
  readonly id: number;
  /** Its shared text was lost with a damaged file; `shared` is absent. */
  readonly incomplete?: true;
}

/** Outcome of a record. `delivered` and the samples of `dead` add up to the record's samples. */
export interface Settlement {
  readonly id: number;
  readonly delivered: number;
  readonly dead?: readonly NewDeadLetter[];
}

/** Values that the sink will never accept. Has no shared text: its text is complete. */
export interface NewDeadLetter extends Omit<NewRecord, "shared"> {
  /** Stable name for counting, e.g. `type_conflict`, `not_authorized`, `too_large`. */
  readonly reason: string;
  /** The sink's own error text. */
  readonly detail: string;
}

export interface DeadLetter extends NewDeadLetter {
  readonly id: number;
  /** When it became a dead letter. */
  readonly at: Date;
  /** Number of retries of this dead letter. */
  readonly retries: number;
}

/**
 * Counters in values since the queue was created, exact across restarts and crashes. Always:
 * accepted = delivered + waiting + the sum of dropped + the sum of deadLettered.
 */
export interface QueueCounters {
  readonly accepted: number;
  readonly delivered: number;
  readonly waiting: number;
  /** By reason: `limit`, `disk`, `damaged`, `discarded`, … */
  readonly dropped: Readonly<Record<string, number>>;
  /** By reason, of the existing dead letters. */
  readonly deadLettered: Readonly<Record<string, number>>;
  readonly bytes: number;
  /** Time of the oldest waiting data; absent when nothing waits. */
  readonly oldest?: Date;
}

/**
 * A queue of records for one sink. While the disk fails, `append` and `settle` wait until it works again; methods that read or move
 * dead letters reject with a QueueError of kind `disk`, `full` or `busy`, and can be retried. `test/contracts/queue-contract.ts`
 * tests these rules.
 */
export interface Queue {
  /**
   * Accepts records. Resolves when they are on disk, in the order of the calls; calls of one turn share a commit. While the disk fails
   * they wait in bounded memory; records that exceed it are dropped, counted, and missing in the result. Rejects only after
   * {@link close}.
   */
  append(records: readonly NewRecord[]): Promise<readonly QueuedRecord[]>;
  /** Returns waiting records after id `after`, oldest first: at most `count`, and about `bytes` of text. */
  read(options: {
    readonly after?: number;
    readonly count: number;
    readonly bytes?: number;
  }): Promise<readonly QueuedRecord[]>;
  /** Removes records with their outcome. Idempotent: removed records are skipped. */
  settle(settlements: readonly Settlement[]): Promise<void>;
  /** Returns the dead letters, newest last. */
  deadLetters(options?: { readonly after?: number; readonly count?: number }): Promise<readonly DeadLetter[]>;
  /** Moves dead letters (default: all) to the end of the queue. Returns their number. */
  retry(ids?: readonly number[]): Promise<number>;
  /** Drops dead letters (default: all). Returns their number. */
  discard(ids?: readonly number[]): Promise<number>;
  counters(): Promise<QueueCounters>;
  /** Commits what waits in memory and closes the files. */
  close(): Promise<void>;
}

/** A notice to operators. Kinds: `queue_filling`, `queue_full`, `queue_blocked`, `queue_resumed`, `queue_damaged`. */
export interface QueueNotice {
  readonly severity: "info" | "warning" | "error";
  readonly kind: string;
  readonly text: string;
  readonly outage?: NoticeOutage;
}
