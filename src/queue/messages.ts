import type { DeadLetter, NewDeadLetter, QueueCounters, QueuedRecord, QueueNotice } from "./contract.ts";
import type { FailureKind } from "./failure.ts";

/** Start parameters of the thread. */
export interface QueueSettings {
  readonly file: string;
  readonly limitBytes: number | undefined;
  readonly durability: "full" | "normal";
  /** Another process owns this queue: only read it and move dead letters. */
  readonly shared: boolean;
  readonly reserveBytes: number;
  readonly tickMs: number;
}

/** New records as columns, which are fast to transfer between threads. */
export interface AppendBatch {
  /** Ascending number. A repeated batch that was already committed is answered from the file. */
  readonly number: number;
  readonly texts: readonly string[];
  readonly keys: readonly string[];
  readonly samples: Float64Array<ArrayBuffer>;
  readonly times: Float64Array<ArrayBuffer>;
  /** Distinct shared texts. */
  readonly shared: readonly string[];
  /** Index in `shared` of each record; -1 for none. */
  readonly sharing: Int32Array<ArrayBuffer>;
  /** Values that exceeded the memory since the previous batch. */
  readonly lost: number;
}

export interface SettleBatch {
  readonly ids: readonly number[];
  readonly delivered: readonly number[];
  /** By index. */
  readonly dead: ReadonlyMap<number, readonly NewDeadLetter[]>;
  readonly at: number;
}

export interface CommitRequest {
  readonly appends?: AppendBatch | undefined;
  readonly settles?: SettleBatch | undefined;
}

/** Time range of the values dropped because of the limit. */
export interface Evicted {
  readonly from: number;
  readonly to: number;
}

export interface Appended {
  /** Id of the batch's first record; the others have the next ones. */
  readonly first: number;
  /** Number of the batch's first records that exceeded the limit. */
  readonly gone: number;
}

export interface CommitResult {
  /** Absent when only the settlements could be written. */
  readonly appended?: Appended;
  /** Why records could not be written. */
  readonly trouble?: string;
  /** Reasons of rejected settlements, by index. */
  readonly wrong: ReadonlyMap<number, string>;
  readonly evicted?: Evicted;
  readonly counters: QueueCounters;
}

export interface Moved {
  readonly count: number;
  readonly evicted?: Evicted;
  readonly counters: QueueCounters;
}

export interface ReadRequest {
  readonly after: number;
  readonly count: number;
  readonly bytes: number;
}

/** Records as transferred between threads: each shared text once. */
export interface ReadPage {
  readonly records: readonly QueuedRecord[];
  readonly shared: readonly string[];
  /** Index in `shared` of each record; -1 for none. */
  readonly sharing: readonly number[];
}

export interface Opened {
  readonly lastBatch: number;
  readonly counters: QueueCounters;
}

export interface Calls {
  open(none: undefined): Opened;
  commit(request: CommitRequest): CommitResult;
  read(request: ReadRequest): ReadPage;
  deadLetters(page: { readonly after: number; readonly count: number }): DeadLetter[];
  retry(ids: readonly number[] | undefined): Moved;
  discard(ids: readonly number[] | undefined): Moved;
  counters(none: undefined): QueueCounters;
  close(none: undefined): void;
}

export interface Failure {
  readonly kind: FailureKind;
  readonly message: string;
}

/** Events that the thread sends. */
export type ThreadEvent =
  | ({ readonly type: "notice" } & QueueNotice)
  /** Another process changed the file. */
  | { readonly type: "changed"; readonly counters: QueueCounters };
