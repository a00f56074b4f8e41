/**
 * Begins to bring a queue file to a made-up next version, and is killed in the middle of it.
 *
 *   node migration-child.ts <file>
 */
import { DatabaseSync } from "node:sqlite";
import { migrate, versionOf } from "../../src/queue/schema.ts";

const db = new DatabaseSync(process.argv[2]!);
db.function("die", () => {
  process.kill(process.pid, "SIGKILL");
  return 0;
});
const next = `
  ALTER TABLE record ADD COLUMN extra TEXT;
  UPDATE record SET extra = printf('%.*c', 20000, 'x');
  DELETE FROM dead_letter;
  SELECT die();`;
migrate(db, [...Array.from({ length: versionOf(db) }, () => ""), next]);
