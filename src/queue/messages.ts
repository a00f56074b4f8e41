import type { DeadLetter, NewDeadLetter, QueueCounters, QueuedRecord, QueueNotice } from "./contract.ts";
import type { FailureKind } from "./failure.ts";

/** What the thread is started with. */
export interface QueueSettings {
  readonly file: string;
  readonly limitBytes: number | undefined;
  readonly durability: "full" | "normal";
  /** Another process runs this queue: only look, and move dead letters. */
  readonly shared: boolean;
  readonly ballastBytes: number;
  readonly tickMs: number;
}

/** New records as columns, which go from one thread to another fast. */
export interface AppendBatch {
  /** Grows. A batch that is told again after it took place is answered from the file. */
  readonly number: number;
  readonly texts: readonly string[];
  readonly keys: readonly string[];
  readonly samples: Float64Array<ArrayBuffer>;
  readonly times: Float64Array<ArrayBuffer>;
  /** Each once. */
  readonly shared: readonly string[];
  /** By record, the index in `shared`; -1 for none. */
  readonly sharing: Int32Array<ArrayBuffer>;
  /** Values that found no room in memory since the batch before. */
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

/** The times of the values that went because of the limit. */
export interface Evicted {
  readonly from: number;
  readonly to: number;
}

export interface Appended {
  /** Id of the batch's first record; the others follow. */
  readonly first: number;
  /** So many of the batch's records, from the first on, found no room within the limit. */
  readonly gone: number;
}

export interface CommitResult {
  /** Absent where the disk took the settlements only. */
  readonly appended?: Appended;
  /** Why it took no records. */
  readonly trouble?: string;
  /** Index in the settlements → why it was not done. */
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

/** Records as they go from one thread to another: each shared text once. */
export interface ReadPage {
  readonly records: readonly QueuedRecord[];
  readonly shared: readonly string[];
  /** By record, the index in `shared`; -1 for none. */
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

/** What the thread says unasked. */
export type ThreadEvent =
  | ({ readonly type: "notice" } & QueueNotice)
  /** Another process changed the file. */
  | { readonly type: "changed"; readonly counters: QueueCounters };
