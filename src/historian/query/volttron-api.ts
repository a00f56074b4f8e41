import type { TopicMeta } from "../contract.ts";
import { QueryError } from "../errors.ts";
import { type Historian, type KeptAggregate, type VolttronAnswer, volttronAnswer } from "./historian.ts";
import type { HistoryQuery } from "./query.ts";

/** Arguments by name, as VOLTTRON's RPC has them. */
export type CallArguments = Readonly<Record<string, unknown>>;

interface VolttronHistorian {
  /** Returns the names of all topics. */
  get_topic_list(): Promise<string[]>;
  /** Returns ids by name for `topic_pattern`. A topic's name is its id. */
  get_topics_by_pattern(args: CallArguments): Promise<Record<string, string>>;
  /** Returns metadata by name for `topics`, one or a list; unknown topics are absent. */
  get_topics_metadata(args: CallArguments): Promise<Record<string, TopicMeta>>;
  /** Returns what the store keeps, by the hour or as VOLTTRON stored it; all other aggregates are computed on request. */
  get_aggregate_topics(): Promise<KeptAggregate[]>;
  get_version(): Promise<string>;
  /** Runs a query with VOLTTRON's arguments and result. */
  query(args: CallArguments): Promise<VolttronAnswer>;
}

const NUMBERS = { skip: "skip", count: "count", min_count: "minCount" } as const;
const TEXTS = {
  start: "start",
  end: "end",
  order: "order",
  agg_type: "aggType",
  agg_period: "aggPeriod",
  tz: "tz",
  window: "window",
  together: "together",
  fill: "fill",
} as const;

/** Returns the RPC methods of VOLTTRON's historian, with its names and shapes. They throw as {@link Historian} does. */
export function volttronHistorian(
  historian: Historian,
  version: string,
  signal?: AbortSignal,
): VolttronHistorian {
  return {
    get_topic_list: async () => (await historian.topics(undefined, signal)).map(({ name }) => name),
    get_topics_by_pattern: async ({ topic_pattern }) => {
      const topics = await historian.topics(text("topic_pattern", topic_pattern), signal);
      return Object.fromEntries(topics.map(({ name }) => [name, name]));
    },
    get_topics_metadata: async ({ topics }) => {
      const found = await historian.backend.topics(names("topics", topics), signal);
      return Object.fromEntries(found.map(({ name, meta }) => [name, meta]));
    },
    get_aggregate_topics: () => historian.keptAggregates(signal),
    get_version: async () => version,
    async query(args) {
      const topic = names("topic", args.topic);
      // VOLTTRON decides by the number of requested names, not by their type or the topics found (sqlhistorian/historian.py).
      const isOne = topic.length === 1 || args.together != null;
      return volttronAnswer(await historian.query(toQuery(topic, args), signal), isOne);
    },
  };
}

function toQuery(topic: readonly string[], args: CallArguments): HistoryQuery {
  const given: [string, unknown][] = [
    ["topic", topic],
    ["stored", true],
  ];
  // Python's None is received as null.
  for (const [theirs, ours] of Object.entries(TEXTS))
    if (args[theirs] != null) given.push([ours, text(theirs, args[theirs])]);
  for (const [theirs, ours] of Object.entries(NUMBERS))
    if (args[theirs] != null) given.push([ours, args[theirs]]);
  return Object.fromEntries(given);
}

function text(field: string, value: unknown): string {
  if (typeof value === "string") return value;
  throw new QueryError(field, "must be text");
}

function names(field: string, value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (Array.isArray(value) && value.every((name) => typeof name === "string")) return value;
  throw new QueryError(field, "must be a topic or a list of topics");
}
