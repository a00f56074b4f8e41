import { closeSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { crc32 } from "node:zlib";
import type { Connection } from "../storage/sqlite.ts";
import type { QueueCounters } from "./contract.ts";

export type CounterKind = "accepted" | "delivered" | "waiting" | "dropped" | "dead";

/** A counter in the file. */
export type CounterRow = readonly [kind: CounterKind, reason: string, samples: number];

/** Changes of the counters, collected during a transaction and stored as its last step. */
export class Counters {
  readonly #changes = new Map<string, { kind: CounterKind; reason: string; samples: number }>();

  add(kind: CounterKind, samples: number, reason = ""): void {
    const name = `${kind} ${reason}`;
    const change = this.#changes.get(name) ?? { kind, reason, samples: 0 };
    change.samples += samples;
    this.#changes.set(name, change);
  }

  store(connection: Connection): void {
    for (const { kind, reason, samples } of this.#changes.values())
      if (samples !== 0)
        connection.run(
          `INSERT INTO tally (kind, reason, samples) VALUES (?, ?, ?)
           ON CONFLICT (kind, reason) DO UPDATE SET samples = samples + excluded.samples`,
          kind,
          reason,
          samples,
        );
  }
}

export function readCounterRows(connection: Connection): readonly CounterRow[] {
  return connection.all("SELECT kind, reason, samples FROM tally") as unknown as CounterRow[];
}

/** Returns the sum of a kind. */
export function sumOf(rows: readonly CounterRow[], kind: CounterKind): number {
  return rows.reduce((sum, [name, , samples]) => (name === kind ? sum + samples : sum), 0);
}

export function readCounters(connection: Connection, rows = readCounterRows(connection)): QueueCounters {
  const sums = { accepted: 0, delivered: 0, waiting: 0 };
  const dropped: Record<string, number> = {};
  const deadLettered: Record<string, number> = {};
  for (const [kind, reason, samples] of rows) {
    if (kind === "dropped") dropped[reason] = samples;
    else if (kind !== "dead") sums[kind] = samples;
    else if (samples !== 0) deadLettered[reason] = samples;
  }
  const oldest = connection.get("SELECT time FROM record ORDER BY id LIMIT 1")?.[0];
  return {
    ...sums,
    dropped,
    deadLettered,
    bytes: connection.usedBytes(),
    ...(oldest !== undefined && { oldest: new Date(oldest as number) }),
  };
}

/** Fixed size, so that overwriting needs no further disk space. */
const FILE_BYTES = 1024;

/**
 * A small file beside the queue with the counters as of the last commit. It is written after each commit and never flushed, so it may
 * be behind the queue but never ahead of it. If it is ahead, the queue has lost commits.
 */
export class CountersFile {
  readonly #file: string;
  #descriptor: number | undefined;

  constructor(file: string) {
    this.#file = pathOf(file);
  }

  write(rows: readonly CounterRow[]): void {
    const json = JSON.stringify(rows);
    const text = `${crc32(json)} ${json}`.padEnd(FILE_BYTES);
    try {
      this.#descriptor ??= openSync(this.#file, "w", 0o600);
      writeSync(this.#descriptor, text, 0);
    } catch {
      // The file is only needed to count losses after damage; the commit is safe without it.
      this.close();
    }
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}

/** Reads the counters file beside a queue file; undefined when it is missing or damaged. */
export function readCountersFile(file: string): readonly CounterRow[] | undefined {
  try {
    const [, sum, json = ""] = /^(\d+) (.*?) *$/s.exec(readFileSync(pathOf(file), "utf8")) ?? [];
    return Number(sum) === crc32(json) ? (JSON.parse(json) as CounterRow[]) : undefined;
  } catch {
    return undefined;
  }
}

export function removeCountersFile(file: string): void {
  rmSync(pathOf(file), { force: true });
}

function pathOf(file: string): string {
  return `${file}-mark`;
}
