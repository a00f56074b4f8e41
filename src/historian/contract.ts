import type { Notice } from "../bus.ts";
import type { Log } from "../log/log.ts";
import type { PointType, PointValue } from "../points/index.ts";

/** One value to keep. The key is (topic, time): the same key again replaces the value. */
export interface Sample {
  /** `<device path>/<point>`. Found again whatever the case; the latest spelling is kept. */
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

/** A topic of the store: latest spelling, latest metadata. */
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
  /** Inclusive; absent: from the first. */
  readonly start?: number;
  /** Exclusive; absent: to the last. */
  readonly end?: number;
  readonly order: Order;
  /** Rows to leave out, in the order asked for. */
  readonly skip: number;
  /** Most rows to answer with. Fewer than that means that there are no more. */
  readonly limit: number;
}

/** A kind of store. One folder below `historian/` and one line in its `index.ts`. */
export interface HistorianBackendType<Connection = unknown> {
  readonly name: string;
  /** JSON Schema (draft 2020-12) of `historian.connection`, with defaults; unknown keys must be errors. */
  readonly configSchema: Record<string, unknown>;
  /** Makes a backend. `connection` fits the schema, defaults filled in. Touches neither disk nor network. */
  create(connection: Connection, context: BackendContext): HistorianBackend;
}

export interface BackendContext {
  /** Where files of the store go unless `connection` names an absolute path. */
  readonly dataFolder: string;
  /** Only read; never make or change anything. */
  readonly readonly: boolean;
  readonly log: Log;
  /** Called for what operators should hear; it is not in the log yet. */
  readonly onNotice?: (notice: Pick<Notice, "severity" | "kind" | "text">) => void;
}

/**
 * A store of time series. `test/contracts/historian-contract.ts` proves these promises for every backend.
 *
 * - Every failure is a `HistorianError` whose kind says what to do: `retry`, `reject` or `give_up`.
 * - The store need not be there: each call connects where it has to, and again after a failure.
 * - Topics are found whatever their case. An unknown topic is absent from an answer, never an error.
 * - Times come back to the microsecond. Values come back as the same JSON; what JSON cannot carry comes back as
 *   text: `"NaN"`, `"Infinity"`, `"-Infinity"`; −0 comes back as 0. `null` is a value, not an absence.
 * - An abort of `signal` rejects soon with kind `retry`; what was under way may still happen.
 */
export interface HistorianBackend {
  /** Makes the store ready (connection, schema), so that a fault shows early. May be called at any time and again. */
  open(signal?: AbortSignal): Promise<void>;
  /**
   * Stores a batch; when it resolves, all of it survives a crash. One transaction where the store has them.
   * Writing the same samples again changes nothing; of two with the same key the later one wins.
   * Order of time does not matter. Rejects with kind `reject`, naming the bad samples by index, when some can never be
   * stored: of the others nothing is promised then, so that the caller writes them again without the bad ones.
   * Called again only after the previous call has settled or was aborted.
   */
  write(samples: readonly Sample[], signal?: AbortSignal): Promise<void>;
  /** Topics with their metadata, in no order: all, or those of the names given. */
  topics(names?: readonly string[], signal?: AbortSignal): Promise<readonly Topic[]>;
  /** May be called while writing, and several times at once. */
  read(request: ReadRequest, signal?: AbortSignal): Promise<readonly Row[]>;
  /** Removing by age and size; absent where the store cannot. */
  readonly retention?: Retention;
  /** Ends calls under way and frees everything. May be called again; no other call comes after it. */
  close(): Promise<void>;
}

/** Removing the oldest of a store. Failures as everywhere: a `HistorianError`. */
export interface Retention {
  /**
   * Removes samples older than `before` (exclusive; time as in {@link Sample}), as many as fit in about a second, and answers
   * how many went, as well as the store can tell; 0: none is left. Topics and their metadata stay.
   */
  removeBefore(before: number, signal?: AbortSignal): Promise<number>;
  /** Time of the oldest sample, of those at or after `from` where it is given; undefined where there is none. */
  oldest(signal?: AbortSignal, from?: number): Promise<number | undefined>;
  /** Bytes that the store's samples take, without what is free for new ones; undefined where it cannot tell. */
  size(signal?: AbortSignal): Promise<number | undefined>;
}
