import type { Connection } from "../storage/sqlite.ts";
import type { QueueCounters } from "./contract.ts";

export type TallyKind = "accepted" | "delivered" | "waiting" | "dropped" | "dead";

/** A counter as it stands in the file. */
export type TallyRow = readonly [kind: TallyKind, reason: string, samples: number];

/** Changes of the counters, gathered during a transaction and stored as its last step. */
export class Tally {
  readonly #changes = new Map<string, { kind: TallyKind; reason: string; samples: number }>();

  add(kind: TallyKind, samples: number, reason = ""): void {
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

export function readTally(connection: Connection): readonly TallyRow[] {
  return connection.all("SELECT kind, reason, samples FROM tally") as unknown as TallyRow[];
}

/** The sum of a kind. */
export function sumOf(rows: readonly TallyRow[], kind: TallyKind): number {
  return rows.reduce((sum, [name, , samples]) => (name === kind ? sum + samples : sum), 0);
}

export function readCounters(connection: Connection, rows = readTally(connection)): QueueCounters {
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
