import { Type } from "typebox";
import { closest } from "../../config/index.ts";
import {
  EXPORTS,
  findGaps,
  Historian,
  type HistoryPage,
  type HistoryQuery,
  PLOT_POINTS,
  QueryError,
  type Topic,
} from "../../historian/index.ts";
import type { Caller } from "../access/caller.ts";
import type { WebParts } from "../parts.ts";
import { list, nameText, record, value, words } from "../schemas.ts";
import { download, fileName, MEDIA_TYPES } from "../server/download.ts";
import { Problem } from "../server/problem.ts";
import { type Route, route } from "../server/route.ts";
import type { PersonalData } from "./personal.ts";

/** Maximum number of rows of one answer; downloads have any number. */
const MOST_ROWS = 100_000;
/** Maximum number of topics of one answer. */
const MOST_TOPICS = 1000;
const TOPICS_LISTED = 10_000;

const meta = record({
  units: Type.String(),
  type: Type.String({ description: "`float`, `integer`, `boolean`, `string`, …" }),
  tz: Type.String(),
});

const rows = Type.Record(
  Type.String(),
  Type.Array(
    Type.Unsafe<[time: string, value: unknown]>({
      type: "array",
      prefixItems: [{ type: "string", format: "date-time" }, value],
      minItems: 2,
      maxItems: 2,
    }),
  ),
);

const TIME = "ISO 8601 (UTC where it has no zone), or relative to now: `now -1d`, `-1.5h`.";
const times = {
  start: Type.Optional(nameText({ description: `At or after this time. ${TIME}` })),
  end: Type.Optional(nameText({ description: `Before this time. ${TIME}` })),
};

const which = {
  topic: Type.Optional(
    Type.Array(nameText(), {
      minItems: 1,
      maxItems: 100,
      description: "`<device>/<point>`, in any case; may be repeated. Either this or `pattern`.",
    }),
  ),
  pattern: Type.Optional(
    nameText({ description: "Regular expression found anywhere in a topic's name, ignoring case." }),
  ),
  ...times,
  tz: Type.Optional(
    nameText({
      description: "Time zone (IANA) of periods, and of `start` and `end` where they have none. Default UTC.",
    }),
  ),
};

const selection = {
  ...which,
  skip: Type.Optional(Type.Integer({ minimum: 0, description: "Number of rows of each topic to skip." })),
  count: Type.Optional(
    Type.Integer({ minimum: 0, description: "Maximum number of rows of each topic. Default: all." }),
  ),
  order: Type.Optional(words(["FIRST_TO_LAST", "LAST_TO_FIRST"])),
  agg_type: Type.Optional(
    nameText({ description: "`AVG`, `MIN`, `MAX`, `SUM`, `COUNT`, `FIRST` or `LAST`, with `agg_period`." }),
  ),
  agg_period: Type.Optional(nameText({ description: "`15m`, `1h`, `1d`, `1w`, `1M`, with `agg_type`." })),
  window: Type.Optional(
    nameText({
      description:
        "A whole number of periods, e.g. `1h` of `5m`: rows are about the last hour up to their time.",
    }),
  ),
  min_count: Type.Optional(
    Type.Integer({
      minimum: 0,
      description: "Minimum number of values of a row of an aggregate. Default 1.",
    }),
  ),
  together: Type.Optional(
    nameText({
      description:
        "`SUM`, `AVG`, `MIN`, `MAX` or `COUNT`: combines the aggregates of all topics into one series.",
    }),
  ),
  fill: Type.Optional(
    words(["previous"], { description: "A value holds until the next one, two hours at most." }),
  ),
};

interface Selection {
  readonly topic?: string[];
  readonly pattern?: string;
  readonly start?: string;
  readonly end?: string;
  readonly skip?: number;
  readonly count?: number;
  readonly order?: string;
  readonly agg_type?: string;
  readonly agg_period?: string;
  readonly tz?: string;
  readonly window?: string;
  readonly min_count?: number;
  readonly together?: string;
  readonly fill?: string;
}

/** Returns the problem of a bridge that has no store. */
export function noStore(): Problem {
  return new Problem(
    503,
    "no_store",
    "this bridge stores nothing: set historian.backend in its config and restart it",
  );
}

/** What is stored: VOLTTRON's historian queries, plots, files, and where values are missing. */
export function historyRoutes(parts: WebParts, personal: PersonalData): Route[] {
  const { devices, now } = parts;
  const tag = "history";
  const log = parts.log.part("web");
  // The bound of an answer over HTTP; the store is the bridge's.
  const historian = parts.historian && new Historian(parts.historian.backend, { now, maxRows: MOST_ROWS });
  const store = (): Historian => {
    if (historian) return historian;
    throw noStore();
  };

  /** Returns the topics of a selection that the caller may see, and those named that have no values yet. */
  const topicsOf = async (
    { topic: names, pattern }: Pick<Selection, "topic" | "pattern">,
    caller: Caller,
    signal: AbortSignal,
  ): Promise<{ known: Topic[]; empty: Topic[] }> => {
    if ((names === undefined) === (pattern === undefined))
      throw new QueryError("topic", "give either topics or a pattern");
    if (names === undefined) {
      const found = await store().topics(pattern, signal);
      return { known: found.filter((topic) => !personal.isTopicWithheld(topic, caller)), empty: [] };
    }
    const known = [...(await store().backend.topics(names, signal))];
    const keys = new Set(known.map(({ name }) => name.toLowerCase()));
    const empty: Topic[] = [];
    for (const name of names) {
      if (keys.has(name.toLowerCase())) continue;
      const topic = topicOfPoint(name, devices.byPath) ?? (await unknownTopic(store(), name, signal));
      empty.push(topic);
    }
    for (const topic of [...known, ...empty])
      if (personal.isTopicWithheld(topic, caller))
        throw new Problem(
          403,
          "personal_data",
          `${topic.name} is personal data, or may be; it needs the role ${parts.settings.web.personalData}`,
        );
    return { known, empty };
  };

  return [
    route({
      method: "GET",
      path: "/history/topics",
      role: "view",
      tag,
      summary: "The topics that have values, by name.",
      query: record({
        pattern: which.pattern,
        count: Type.Integer({ minimum: 1, maximum: 100_000, default: TOPICS_LISTED }),
      }),
      response: record({
        topics: Type.Array(record({ topic: Type.String(), ...meta.properties })),
        total: Type.Integer({ description: "Number of topics, also of those beyond `count`." }),
      }),
      async handle({ query: { pattern = "", count }, caller, signal }) {
        const { known } = await topicsOf({ pattern }, caller, signal);
        const listed = known.slice(0, count).map(({ name, meta }) => ({ topic: name, ...metaOf(meta) }));
        return { topics: listed, total: known.length };
      },
    }),
    route({
      method: "GET",
      path: "/history",
      role: "view",
      tag,
      summary: `Values over time, with VOLTTRON's arguments; or for a plot, with \`points\`. At most ${MOST_ROWS} rows.`,
      query: record({
        ...selection,
        points: Type.Optional(
          Type.Integer({
            minimum: PLOT_POINTS.min,
            maximum: PLOT_POINTS.max,
            description:
              "For a plot: about this many values of each topic, which draw the same line as all of them; null where values are missing.",
          }),
        ),
      }),
      response: record({ values: rows, metadata: Type.Record(Type.String(), meta) }),
      values: true,
      async handle({ query, caller, signal }) {
        const { points, ...selected } = query;
        const { known, empty } = await topicsOf(selected, caller, signal);
        if (known.length > MOST_TOPICS)
          throw new QueryError(
            "pattern",
            `${known.length} topics match; at most ${MOST_TOPICS} are answered. Use a narrower pattern, or /history/download`,
          );
        const asked = { ...historyQuery(selected), topic: known.map(({ name }) => name) };
        const { values, metadata } =
          points === undefined
            ? await store().query(asked, signal)
            : await store().plot(plotQuery(asked, points), signal);
        const all = [...Object.entries(metadata), ...empty.map(({ name, meta }) => [name, meta] as const)];
        return {
          values: { ...values, ...Object.fromEntries(empty.map(({ name }) => [name, []])) },
          metadata: Object.fromEntries(all.map(([name, meta]) => [name, metaOf(meta)])),
        };
      },
    }),
    route({
      method: "GET",
      path: "/history/download",
      role: "view",
      tag,
      summary: "Values over time as a file of any length.",
      query: record({ ...selection, format: words(["csv", "json", "parquet"], { default: "csv" }) }),
      response: record({ values: rows, metadata: Type.Record(Type.String(), meta) }),
      content: ["text/csv", MEDIA_TYPES.parquet],
      async handle({ query: { format, ...selected }, caller, signal, node }) {
        const { known } = await topicsOf(selected, caller, signal);
        const asked = { ...historyQuery(selected), topic: known.map(({ name }) => name) };
        const pieces: AsyncGenerator<string | Uint8Array> = EXPORTS[format](
          ended(store().stream(asked, signal), signal),
        );
        const file = { name: fileName("history", now(), format), type: MEDIA_TYPES[format] };
        return await download(pieces, file, { outgoing: node.outgoing, log });
      },
    }),
    route({
      method: "GET",
      path: "/gaps",
      role: "view",
      tag,
      summary: "When values of devices are missing, how many scrapes, and why.",
      query: record({
        device: Type.Optional(
          Type.Array(nameText(), { maxItems: 1000, description: "Path or its beginning; default: all." }),
        ),
        start: Type.Optional(
          nameText({ description: `At or after this time; default \`now -1d\`. ${TIME}` }),
        ),
        end: Type.Optional(nameText({ description: `Before this time; default \`now\`. ${TIME}` })),
      }),
      response: record({
        devices: list(
          record({
            device: Type.String(),
            interval: Type.Number({ description: "Seconds between scrapes." }),
            missing: Type.Integer({ description: "Number of missing scrapes." }),
            gaps: list(
              record({
                from: Type.String({ format: "date-time" }),
                to: Type.String({ format: "date-time" }),
                missing: Type.Integer(),
                reason: Type.String({ description: "`offline`, `bridge_down`, … see docs/historian.md." }),
                detail: Type.String(),
              }),
            ),
          }),
        ),
      }),
      async handle({ query: { device = [], start, end }, signal }) {
        const range = { ...(start !== undefined && { start }), ...(end !== undefined && { end }) };
        return { devices: await findGaps(store(), { devices: device, ...range }, signal) };
      },
    }),
  ];
}

function historyQuery({
  agg_type,
  agg_period,
  min_count,
  topic: _,
  pattern: __,
  ...rest
}: Selection): HistoryQuery {
  return {
    ...rest,
    ...(agg_type !== undefined && { aggType: agg_type }),
    ...(agg_period !== undefined && { aggPeriod: agg_period }),
    ...(min_count !== undefined && { minCount: min_count }),
  };
}

/** Returns the query of a plot, which has no other arguments than topics and range. */
function plotQuery({ topic, start, end, tz, ...others }: HistoryQuery, points: number) {
  const [first] = Object.keys(others);
  if (first !== undefined)
    throw new QueryError("points", "cannot be combined with skip, count, order, fill or an aggregate");
  return {
    ...{ topic, points, ...(tz !== undefined && { tz }) },
    ...(start !== undefined && { start }),
    ...(end !== undefined && { end }),
  };
}

/** Metadata as the document has it: a store may have more of what others stored. */
function metaOf({ units, type, tz }: Topic["meta"]): Topic["meta"] {
  return {
    units: String(units ?? ""),
    type: String(type ?? "") as Topic["meta"]["type"],
    tz: String(tz ?? ""),
  };
}

/** Returns the topic of a point that has no values yet. */
function topicOfPoint(name: string, byPath: WebParts["devices"]["byPath"]): Topic | undefined {
  const at = name.lastIndexOf("/");
  const device = byPath.get(name.slice(0, at));
  const point = device?.points.get(name.slice(at + 1));
  if (!device || !point) return undefined;
  return { name, meta: { units: point.units, type: point.type, tz: device.timezone } };
}

async function unknownTopic(historian: Historian, name: string, signal: AbortSignal): Promise<never> {
  const names = (await historian.topics(undefined, signal)).map((topic) => topic.name);
  const near = name.length > 500 ? undefined : closest(name, names);
  const hint = near === undefined ? "GET /history/topics lists all" : `did you mean "${near}"?`;
  throw new Problem(404, "topic_not_found", `there are no values of "${name.slice(0, 500)}"; ${hint}`);
}

/** Passes pages on until the client is gone. */
async function* ended(pages: AsyncIterable<HistoryPage>, signal: AbortSignal): AsyncGenerator<HistoryPage> {
  for await (const page of pages) {
    if (signal.aborted) return;
    yield page;
  }
}
