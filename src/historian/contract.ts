import type { Notice } from "../bus.ts";
import type { Log } from "../log/log.ts";
import type { PointType, PointValue } from "../points/index.ts";

/** A value to store. Its key is (topic, time): a sample with the same key replaces the value. */
export interface Sample {
  /** `<device path>/<point>`. Lookups ignore case; the latest spelling is kept. */
  readonly topic: string;
  /** Microseconds since 1970 UTC, whole (exact until the year 2255). */
  readonly time: number;
  readonly value: PointValue;
  readonly meta: TopicMeta;
}

export interface TopicMeta {
  readonly units: string;
  readonly type: PointType;
  readonly tz: string;
}

/** A topic of the store, with its latest spelling and metadata. */
export interface Topic {
  readonly name: string;
  readonly meta: TopicMeta;
}

/** Time (as in {@link Sample}) and value. */
export type Row = readonly [time: number, value: PointValue];

export type Order = "FIRST_TO_LAST" | "LAST_TO_FIRST";

/** Values of one topic. Times as in {@link Sample}. */
export interface ReadRequest {
  /** In any case. */
  readonly topic: string;
  /** Inclusive. Default: the first value. */
  readonly start?: number;
  /** Exclusive. Default: after the last value. */
  readonly end?: number;
  readonly order: Order;
  /** Number of rows to skip, in the requested order. */
  readonly skip: number;
  /** Maximum number of rows to return. Fewer rows mean that there are no more. */
  readonly limit: number;
}

/** Values of one topic for a plot. Times as in `Sample`. */
export interface ThinRequest {
  readonly topic: string;
  /** Inclusive. */
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  /** Length of the periods that are thinned, in microseconds; they are aligned to 1970. */
  readonly period: number;
}

export interface Thinned {
  readonly rows: readonly Row[];
  /** Where to go on; absent: this is the end. */
  readonly next?: number;
}

/** Values of one topic in a period, summed up. `numbers` counts booleans as 1 and 0; null values do not count at all. */
export interface Rollup {
  /** Start of the period, in microseconds since 1970 UTC. */
  readonly start: number;
  /** Number of values. */
  readonly count: number;
  readonly first: Row;
  readonly last: Row;
  /** Absent when no value is a number. */
  readonly numbers?: NumberRollup;
}

export interface NumberRollup {
  readonly count: number;
  readonly min: number;
  readonly max: number;
  /** Correctly rounded sum of the decimals. */
  readonly sum: number;
}

/** A range of one topic. Times as in `Sample`. */
export interface RollupRequest {
  /** In any case. */
  readonly topic: string;
  /** Inclusive. */
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

/** A range that hourly rollups describe completely. */
export interface RolledUp {
  /** Inclusive, a whole hour (UTC). */
  readonly start: number;
  /** Exclusive, a whole hour (UTC). */
  readonly end: number;
  /** In the order of time; hours without a value are absent. */
  readonly hours: readonly Rollup[];
}

/** Aggregates of one name, type and period that another program has computed and stored. */
export interface StoredAggregate {
  /** A topic's name, or one given to the aggregate of several. */
  readonly name: string;
  /** In upper case: `AVG`. */
  readonly type: string;
  /** Number and unit: `1h`. */
  readonly period: string;
  /** Names of the topics, or the pattern that finds them. */
  readonly topics: readonly string[] | string;
}

/** Rows of a {@link StoredAggregate}. Names and types in any case. */
export interface AggregateRequest extends ReadRequest {
  readonly type: string;
  readonly period: string;
}

/** Aggregates that another program stores beside the values, e.g. VOLTTRON's aggregate historian. */
export interface StoredAggregates {
  list(signal?: AbortSignal): Promise<readonly StoredAggregate[]>;
  /** Returns rows as they were stored, VOLTTRON's with the end of each period as time; undefined when there is no such aggregate. */
  read(request: AggregateRequest, signal?: AbortSignal): Promise<readonly Row[] | undefined>;
}

/** A kind of store: one folder below `historian/stores/` and one line in `historian/index.ts`. */
export interface HistorianBackendType<Connection = unknown> {
  readonly name: string;
  /** JSON Schema (draft 2020-12) of `historian.connection`, with defaults; unknown keys must be errors. */
  readonly configSchema: Record<string, unknown>;
  /** Creates a backend without touching disk or network. `connection` is valid by the schema and has its defaults. */
  create(connection: Connection, context: BackendContext): HistorianBackend;
  /** Returns where the store has its files; absent for stores on servers. */
  places?(connection: Connection, dataFolder: string): StorePlaces;
}

export interface BackendContext {
  /** Folder of the store's files, unless `connection` has an absolute path. */
  readonly dataFolder: string;
  /** Whether the backend must not create or change anything. */
  readonly readonly: boolean;
  readonly log: Log;
  /** Called for each notice to operators, before it is logged. */
  readonly onNotice?: (notice: Pick<Notice, "severity" | "kind" | "text">) => void;
}

/**
 * A store of time series. `test/contracts/historian-contract.ts` tests these rules for every backend.
 *
 * - Every failure is a `HistorianError` whose kind is `retry`, `reject` or `give_up`.
 * - The store need not be reachable: each call connects when necessary, and reconnects after a failure.
 * - Lookups ignore the case of topics. An unknown topic is absent from a result, never an error.
 * - Times are returned to the microsecond. Values are returned as the same JSON; numbers that JSON cannot represent are returned
 *   as text: `"NaN"`, `"Infinity"`, `"-Infinity"`; −0 is returned as 0. `null` is a value.
 * - An abort of `signal` rejects promptly with kind `retry`; a write in progress may still complete.
 */
export interface HistorianBackend {
  /** Connects and creates the schema, so that a fault is reported early. May be called repeatedly at any time. */
  open(signal?: AbortSignal): Promise<void>;
  /**
   * Stores a batch in one transaction where the store has transactions; once it resolves, all of it survives a crash. Writing the
   * same samples again changes nothing; of two samples with the same key the later one is kept. Samples may be in any order of time.
   * Rejects with kind `reject` and the indexes of the bad samples when some can never be stored. The others may then be stored or
   * not, so the caller writes them again without the bad ones. Called again only after the previous call has settled or was aborted.
   */
  write(samples: readonly Sample[], signal?: AbortSignal): Promise<void>;
  /** Returns topics with their metadata, in any order: all, or those with the given names. */
  topics(names?: readonly string[], signal?: AbortSignal): Promise<readonly Topic[]>;
  /** Returns rows. May be called during writes, and concurrently. */
  read(request: ReadRequest, signal?: AbortSignal): Promise<readonly Row[]>;
  /** Reads a topic as `Thinning` leaves it, for some tenths of a second. Absent: every row is read and thinned by the caller. */
  readonly thin?: (request: ThinRequest, signal?: AbortSignal) => Promise<Thinned>;
  /**
   * Returns the parts of a range, of at most a year, for which the store has hourly rollups, in the order of time. The samples of all
   * other parts must be read. Absent: the store has no rollups.
   */
  readonly rollups?: (request: RollupRequest, signal?: AbortSignal) => Promise<readonly RolledUp[]>;
  /** Aggregates stored by another program; absent when this kind of store has none. */
  readonly aggregates?: StoredAggregates;
  /** Removal by age and size; absent when the store does not support it. */
  readonly retention?: Retention;
  /** Absent when the store needs none, or was opened for reading only. */
  readonly upkeep?: Upkeep;
  /** Absent when the store does not keep its days in files. */
  readonly files?: StoredFiles;
  /** Aborts current calls and releases all resources. May be called repeatedly; no other call follows. */
  close(): Promise<void>;
}

/** Work that a store has from time to time. Failures are `HistorianError`s. */
export interface Upkeep {
  /** Does a piece of the work that is due. Returns whether there may be more. May be called during all other calls. */
  work(request: UpkeepRequest, signal?: AbortSignal): Promise<boolean>;
}

export interface UpkeepRequest {
  /** The current time, as in {@link Sample}. */
  readonly now: number;
  /** Whether also what is not worth it yet is done. */
  readonly thorough?: boolean;
}

/** Where a store that is kept in files of this machine has them. */
export interface StorePlaces {
  readonly file: string;
  /** Folder of the closed days; absent where there are none. */
  readonly history?: string;
}

/** A file of a store. */
export interface StoredFile {
  readonly path: string;
  readonly bytes: number;
  /** The day whose samples it has, e.g. `2026-11-21`; absent for the file of all others. */
  readonly day?: string;
  /** Number of samples of that day. */
  readonly rows?: number;
}

/** The files of a store that keeps its days in files. Failures are `HistorianError`s. */
export interface StoredFiles {
  /** Returns the files of the store: that of all others, then the days. */
  list(signal?: AbortSignal): Promise<readonly StoredFile[]>;
  /** Reads a file of the list as a whole. Returns what is wrong with it; undefined when nothing is. */
  check(file: StoredFile, signal?: AbortSignal): Promise<string | undefined>;
  /** Returns the paths of files beside those of the list, which the store does not use. */
  others(signal?: AbortSignal): Promise<readonly string[]>;
}

/** Removal of the oldest samples of a store. Failures are `HistorianError`s. */
export interface Retention {
  /**
   * Removes samples older than `before` (exclusive; time as in {@link Sample}) for about a second. Returns their number as accurately
   * as the store knows it; 0: none is left. Topics and their metadata remain, and so do samples that share a file with newer ones.
   */
  removeBefore(before: number, signal?: AbortSignal): Promise<number>;
  /** Returns the time of the oldest sample, at or after `from` if given; undefined when there is none. */
  oldest(signal?: AbortSignal, from?: number): Promise<number | undefined>;
  /** Returns the size of the samples in bytes, without free space; undefined when the store does not know it. */
  size(signal?: AbortSignal): Promise<number | undefined>;
}
