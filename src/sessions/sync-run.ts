import type { SessionDatabase, Statement } from "./database.ts";
import { upsert } from "./inserts.ts";
import { SessionReader } from "./reader.ts";
import type { RowOf } from "./tables.ts";
import { columnsOf } from "./tables.ts";

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

type Moved = Partial<Pick<Run, "sessions_to" | "payments_to" | "ended_at" | "rechecked_at">>;

/** Says how far a run has come. */
export function moveRun({ account, kind }: Pick<Run, "account" | "kind">, moved: Moved): Statement {
  const entries = Object.entries(moved);
  return {
    sql: `UPDATE sync_run SET ${entries.map(([name]) => `${name} = ?`).join(", ")} WHERE account = ? AND kind = ?`,
    rows: [[...entries.map(([, value]) => value), account, kind]],
  };
}

/** Adds what became of the page in the same transaction. */
export function countPage(
  { account, kind }: Pick<Run, "account" | "kind">,
  seen: number,
  refused: number,
): Statement {
  return {
    sql: `UPDATE sync_run SET seen = seen + ?, added = added + ?, updated = updated + ?, unchanged = unchanged + ?,
            refused = refused + ? WHERE account = ? AND kind = ?`,
    rows: [
      [seen, { tallied: "added" }, { tallied: "updated" }, { tallied: "unchanged" }, refused, account, kind],
    ],
  };
}
