/**
 * Begins to bring a queue file to a made-up next version, and is killed in the middle of it.
 *
 *   node migration-child.ts <file>
 */
import { QUEUE_FORM } from "../../src/queue/file.ts";
import { Connection } from "../../src/storage/sqlite.ts";

const connection = Connection.open(process.argv[2]!, {});
connection.db.function("die", () => {
  process.kill(process.pid, "SIGKILL");
  return 0;
});
const next = `
  ALTER TABLE record ADD COLUMN extra TEXT;
  UPDATE record SET extra = printf('%.*c', 20000, 'x');
  DELETE FROM dead_letter;
  SELECT die();`;
connection.migrate({ ...QUEUE_FORM, newest: QUEUE_FORM.newest + 1, steps: () => [next] });
