/** Something to bring to a sink (broker, store), as text that only the sink's own part reads. */
export interface NewRecord {
  readonly text: string;
  /** More of it, word for word the same in many records (a device's metadata): the queue keeps it once. */
  readonly shared?: string;
  /** How many values it carries. All counters count values. */
  readonly samples: number;
  /** What it is about, for notices and lists: a topic or a device path. */
  readonly key: string;
  /** Of the data, not of the arrival. Milliseconds since 1970 UTC. */
  readonly time: number;
}

/** A record that is on disk. Ids grow in the order of arrival and are never used again. */
export interface QueuedRecord extends NewRecord {
  readonly id: number;
  /** It had a shared text, which went with a damaged file; `shared` is absent. */
  readonly incomplete?: true;
}

/** What became of a record. `delivered` and the samples of `dead` together are the record's samples. */
export interface Settlement {
  readonly id: number;
  readonly delivered: number;
  readonly dead?: readonly NewDeadLetter[];
}

/** Values that the sink will never take. Shares nothing with others: who sets it aside puts all into its text. */
export interface NewDeadLetter extends Omit<NewRecord, "shared"> {
  /** Stable word for counting, e.g. `type_conflict`, `not_authorized`, `too_large`. */
  readonly reason: string;
  /** What exactly the sink said. */
  readonly detail: string;
}

export interface DeadLetter extends NewDeadLetter {
  readonly id: number;
  /** When it was set aside. */
  readonly at: Date;
  /** How often it was tried again from here. */
  readonly retries: number;
}

/**
 * In values, since the queue was made; exact across restarts and crashes. Always:
 * accepted = delivered + waiting + the sum of dropped + the sum of deadLettered.
 */
export interface QueueCounters {
  readonly accepted: number;
  readonly delivered: number;
  readonly waiting: number;
  /** By reason: `limit`, `disk`, `damaged`, `discarded`, … */
  readonly dropped: Readonly<Record<string, number>>;
  /** By reason, of those that are still there. */
  readonly deadLettered: Readonly<Record<string, number>>;
  readonly bytes: number;
  /** Time of the data that waits longest; absent where nothing waits. */
  readonly oldest?: Date;
}

/**
 * Records on their way to one sink. While the disk fails, `append` and `settle` wait until it works again; what reads or
 * moves dead letters rejects with a QueueError of kind `disk`, `full` or `busy`, and can be tried again. `test/contracts/queue-contract.ts` proves these
 * promises.
 */
export interface Queue {
  /**
   * Accepts records. Resolves when they are on disk, in the order of the calls; calls of the same moment share one
   * commit. While the disk takes nothing they wait in bounded memory; what finds no room there is dropped and counted,
   * and is missing in the answer. Rejects only after {@link close}.
   */
  append(records: readonly NewRecord[]): Promise<readonly QueuedRecord[]>;
  /** Records that wait, oldest first, from the one after `after`: at most `count`, and about `bytes` of text. */
  read(options: {
    readonly after?: number;
    readonly count: number;
    readonly bytes?: number;
  }): Promise<readonly QueuedRecord[]>;
  /** Takes records out, with what became of them. Idempotent: a record that is not there any more is passed over. */
  settle(settlements: readonly Settlement[]): Promise<void>;
  /** Sets aside, newest last. */
  deadLetters(options?: { readonly after?: number; readonly count?: number }): Promise<readonly DeadLetter[]>;
  /** Puts dead letters back to the end of the queue, or drops them. All where no ids are given. Answers how many. */
  retry(ids?: readonly number[]): Promise<number>;
  discard(ids?: readonly number[]): Promise<number>;
  counters(): Promise<QueueCounters>;
  /** Commits what waits in memory and lets the files go. */
  close(): Promise<void>;
}

/** Something an operator should know. Kinds: `queue_filling`, `queue_full`, `queue_blocked`, `queue_resumed`, `queue_damaged`. */
export interface QueueNotice {
  readonly severity: "info" | "warning" | "error";
  readonly kind: string;
  readonly text: string;
}
