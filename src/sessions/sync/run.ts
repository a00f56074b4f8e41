import type { SessionDatabase, Statement } from "../database/contract.ts";
import type { Dialect } from "../database/dialect.ts";
import type { RowOf } from "../database/tables.ts";
import { columnsOf } from "../database/tables.ts";
import { SessionReader } from "../query/reader.ts";
import { upsert } from "./inserts.ts";

export type Run = RowOf<"sync_run">;

/** Returns the stored run of an account and kind, if any. */
export async function lastRun(
  database: SessionDatabase,
  account: string,
  kind: Run["kind"],
): Promise<Run | undefined> {
  const runs = await new SessionReader(database).all("sync_run");
  return runs.find((run) => run.account === account && run.kind === kind);
}

/** Stores a run in place of the previous one of its kind. */
export async function storeRun(database: SessionDatabase, run: Run): Promise<void> {
  const columns = columnsOf("sync_run").map(([name]) => name as keyof Run & string);
  await database.write([
    { sql: "DELETE FROM sync_run WHERE account = ? AND kind = ?", rows: [[run.account, run.kind]] },
    upsert(database.dialect, "sync_run", columns, [run]),
  ]);
}

type Named = Pick<Run, "account" | "kind">;

/** Returns the statement that advances a run's progress, which never decreases. */
export function advanceRun(
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

/** Returns the statement that ends a run and, if given, stores when older sessions were checked. */
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

/** Returns the statement that adds the counts of a page in the same transaction. */
export function countPage({ account, kind }: Named, seen: number, refused: number): Statement {
  return {
    sql: `UPDATE sync_run SET seen = seen + ?, added = added + ?, updated = updated + ?, unchanged = unchanged + ?,
            refused = refused + ? WHERE account = ? AND kind = ?`,
    rows: [
      [seen, { countOf: "added" }, { countOf: "updated" }, { countOf: "unchanged" }, refused, account, kind],
    ],
  };
}
