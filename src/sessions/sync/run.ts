import type { SessionDatabase, Statement } from "../database/contract.ts";
import type { Dialect } from "../database/dialect.ts";
import type { RowOf } from "../database/tables.ts";
import { columnsOf } from "../database/tables.ts";
import { SessionReader } from "../query/reader.ts";
import { upsert } from "./inserts.ts";

export type Run = RowOf<"sync_run">;

/** A run as it is kept; undefined where the account has had none of its kind. */
export async function lastRun(
  database: SessionDatabase,
  account: string,
  kind: Run["kind"],
): Promise<Run | undefined> {
  const runs = await new SessionReader(database).syncRuns();
  return runs.find((run) => run.account === account && run.kind === kind);
}

/** Puts a run in place of the one before it of its kind. */
export async function keepRun(database: SessionDatabase, run: Run): Promise<void> {
  const columns = columnsOf("sync_run").map(([name]) => name as keyof Run & string);
  await database.write([
    { sql: "DELETE FROM sync_run WHERE account = ? AND kind = ?", rows: [[run.account, run.kind]] },
    upsert(database.dialect, "sync_run", columns, [run]),
  ]);
}

type Named = Pick<Run, "account" | "kind">;

/** Says how far a run has come; never less far than before. */
export function moveRun(
  { greatest, types }: Dialect,
  { account, kind }: Named,
  moved: Partial<Pick<Run, "sessions_to" | "payments_to">>,
): Statement {
  const entries = Object.entries(moved);
  const changes = entries.map(([name]) => `${name} = ${greatest}(${name}, CAST(? AS ${types.time}))`);
  return {
    sql: `UPDATE sync_run SET ${changes.join(", ")} WHERE account = ? AND kind = ?`,
    rows: [[...entries.map(([, value]) => value), account, kind]],
  };
}

/** Says that a run has come to its end, and whether it has looked through older sessions. */
export function endRun(
  { types }: Dialect,
  { account, kind }: Named,
  endedAt: string,
  recheckedAt: string | null,
): Statement {
  return {
    sql: `UPDATE sync_run SET ended_at = ?, rechecked_at = coalesce(CAST(? AS ${types.time}), rechecked_at)
          WHERE account = ? AND kind = ?`,
    rows: [[endedAt, recheckedAt, account, kind]],
  };
}

/** Adds what became of the page in the same transaction. */
export function countPage({ account, kind }: Named, seen: number, refused: number): Statement {
  return {
    sql: `UPDATE sync_run SET seen = seen + ?, added = added + ?, updated = updated + ?, unchanged = unchanged + ?,
            refused = refused + ? WHERE account = ? AND kind = ?`,
    rows: [
      [seen, { tallied: "added" }, { tallied: "updated" }, { tallied: "unchanged" }, refused, account, kind],
    ],
  };
}
