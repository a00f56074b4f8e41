import type { PointValue } from "../../points/index.ts";

/** A topic as a file has it. Rows of one topic share the object. */
export interface SourceTopic {
  readonly name: string;
  /** `units`, `type`, `tz`: what the file says about it. */
  readonly meta: Readonly<Record<string, string>>;
}

export interface SourceRow {
  readonly topic: SourceTopic;
  /** Microseconds since 1970 UTC. */
  readonly time: number;
  readonly value: PointValue;
}

/** Where reading goes on; JSON. */
export type Position = Readonly<Record<string, number>>;

export interface SourceBatch {
  readonly rows: readonly SourceRow[];
  /** Position after the last row. */
  readonly position: Position;
  /** Part of the file that was read, from 0 to 1. */
  readonly share: number;
}

export interface ReadOptions {
  /** Default: the beginning. */
  readonly position?: Position;
  /** Number of rows in a batch. */
  readonly size: number;
  /** Returns whether rows of a topic are wanted. */
  readonly wants: (name: string) => boolean;
  /** Called for a row that cannot be read. `at`: its place in the file; `found`: what is wrong. */
  readonly reject: (reason: string, at: string, found?: string) => void;
}

/** A kind of file. */
export interface Source {
  readonly kind: "volttron" | "csv" | "parquet";
  /** Yields all rows. @throws {ImportError} */
  read(options: ReadOptions): AsyncGenerator<SourceBatch>;
}

/** A file that cannot be imported. The message names the file and what to do. */
export class ImportError extends Error {
  override readonly name = "ImportError";
}
