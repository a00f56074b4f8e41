import type { Control, History } from "../../../devices/commands.ts";
import { MOST_POINTS, type Verb } from "./verb.ts";

/** Verbs of VOLTTRON's historian. */
export const historyVerbs: Readonly<Record<string, Verb>> = {
  get_topic_list: historyVerb("get_topic_list", []),
  get_topics_by_pattern: historyVerb("get_topics_by_pattern", ["topic_pattern"]),
  get_topics_metadata: historyVerb("get_topics_metadata", ["topics"]),
  get_aggregate_topics: historyVerb("get_aggregate_topics", []),
  query: historyVerb("query", [
    ...["topic", "start", "end", "agg_type", "agg_period", "skip", "count", "order"],
    // Not VOLTTRON's.
    ...["tz", "window", "min_count", "together", "fill"],
  ]),
  insert: {
    params: ["records"],
    async call(params, { control, command }) {
      const records = params.list("records", MOST_POINTS);
      const history = historyOf(control);
      control.checkCommand(command);
      await history.insert(records);
      return null;
    },
  },
};

/** Returns a verb that is a method of VOLTTRON's historian. */
function historyVerb(method: Parameters<History["call"]>[0], names: readonly string[]): Verb {
  return {
    params: names,
    call(params, { control, signal }) {
      const args = Object.fromEntries(names.map((name) => [name, params.raw(name)]));
      return historyOf(control).call(method, args, signal);
    },
  };
}

function historyOf({ history }: Control): History {
  if (history) return history;
  throw new NoStoreError();
}

class NoStoreError extends Error {
  override readonly name = "NoStoreError";

  constructor() {
    super("this bridge stores nothing: set historian.backend in its config and restart it");
  }
}
