import { Thread, type ThreadOptions } from "../../../storage/thread-calls.ts";
import { HistorianError } from "../../errors.ts";
import type { Calls, Failure, ThreadEvent, ThreadSettings } from "./worker.ts";

/**
 * A connection to the history file in its own thread, so that neither a slow disk nor a long query blocks the bridge.
 */
export type SqliteThread = Thread<Calls, Failure, ThreadEvent>;

export function sqliteThread(
  settings: ThreadSettings,
  more: Pick<ThreadOptions<Failure, ThreadEvent>, "onDeath" | "onEvent"> = {},
): SqliteThread {
  const { file } = settings;
  return new Thread({
    entry: new URL("./worker.ts", import.meta.url),
    name: "historian",
    settings,
    failed: ({ kind, message }) => new HistorianError(kind, message),
    late: (call) => new HistorianError("retry", `history file ${file}: ${call} did not finish in time`),
    died: (cause) =>
      new HistorianError("retry", `history file ${file}: its thread ended unexpectedly`, { cause }),
    ...more,
  });
}
