import type { TopicMeta } from "../contract.ts";
import { QueryError } from "../errors.ts";
import { type Historian, type VolttronAnswer, volttronAnswer } from "./historian.ts";
import type { HistoryQuery } from "./query.ts";

/** Arguments by name, as VOLTTRON's RPC has them. */
export type CallArguments = Readonly<Record<string, unknown>>;

interface VolttronHistorian {
  /** Names of all topics. */
  get_topic_list(): Promise<string[]>;
  /** `topic_pattern` → name → id. A topic's name is its id. */
  get_topics_by_pattern(args: CallArguments): Promise<Record<string, string>>;
  /** `topics`, one or a list → name → metadata; unknown topics are absent. */
  get_topics_metadata(args: CallArguments): Promise<Record<string, TopicMeta>>;
  /** Always empty: aggregates are made when they are asked for. */
  get_aggregate_topics(): Promise<never[]>;
  get_version(): Promise<string>;
  /** VOLTTRON's arguments and answer. */
  query(args: CallArguments): Promise<VolttronAnswer>;
}

const NUMBERS = ["skip", "count"] as const;
const TEXTS = {
  start: "start",
  end: "end",
  order: "order",
  agg_type: "aggType",
  agg_period: "aggPeriod",
} as const;

/** The questions that VOLTTRON's historian answers by RPC, by its names and in its shapes. They throw as {@link Historian} does. */
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
    get_aggregate_topics: async () => [],
    get_version: async () => version,
    async query(args) {
      const topic = names("topic", args.topic);
      // VOLTTRON counts the names asked for, and not their type or the topics found (sqlhistorian/historian.py).
      return volttronAnswer(await historian.query(toQuery(topic, args), signal), topic.length === 1);
    },
  };
}

function toQuery(topic: readonly string[], args: CallArguments): HistoryQuery {
  const given: [string, unknown][] = [["topic", topic]];
  // None of Python arrives as null.
  for (const [theirs, ours] of Object.entries(TEXTS))
    if (args[theirs] != null) given.push([ours, text(theirs, args[theirs])]);
  for (const name of NUMBERS) if (args[name] != null) given.push([name, args[name]]);
  return Object.fromEntries(given);
}

function text(field: string, value: unknown): string {
  if (typeof value === "string") return value;
  throw new QueryError(field, "expected text");
}

function names(field: string, value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (Array.isArray(value) && value.every((name) => typeof name === "string")) return value;
  throw new QueryError(field, "expected a topic, or a list of topics");
}
