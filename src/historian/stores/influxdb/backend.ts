import type { Log } from "../../../log/log.ts";
import type { PointValue } from "../../../points/index.ts";
import type { HistorianBackend, ReadRequest, Retention, Row, Sample, Topic } from "../../contract.ts";
import { HistorianError } from "../../errors.ts";
import { parseTime } from "../../time.ts";
import { rejection } from "../json-values.ts";
import { toPieces } from "./batch.ts";
import { type Policies, prepareDatabase } from "./database.ts";
import { InfluxHttp } from "./http.ts";
import { identifier, literal, MissingError, runQuery, type Series, where } from "./influxql.ts";
import {
  jsonFieldOf,
  type Layout,
  META,
  NAMEPLATE,
  NAMEPLATE_MEASUREMENT,
  type NameplatePoint,
} from "./layout.ts";
import { type FieldKind, safeName } from "./line.ts";
import { InfluxRetention, type Source } from "./retention.ts";
import type { InfluxTarget } from "./settings.ts";
import { META_COLUMNS, type MetaRow, readTopic, type StoredTopic, TopicBook } from "./topic-book.ts";
import { BatchWriter, BodyLimit } from "./writer.ts";

export interface InfluxOptions {
  readonly target: InfluxTarget;
  readonly layout: Layout;
  readonly readonly: boolean;
  readonly log: Log;
  readonly now?: () => Date;
}

/** Interval after which policies and topics are written and read again, because others can alter or drop them. */
const RECHECK_MS = 600_000;
/** Maximum number of restarts of a batch, after a dropped database or a field type learnt from the server. */
const MAX_RESTARTS = 50;
/** Maximum number of names in a query; more are selected from a query for all. */
const MAX_NAMES = 50;

/**
 * Stores the history in one InfluxDB database. Samples come in and are sent in line protocol, with a description of each topic in the
 * measurement `meta`; queries are InfluxQL.
 */
export class InfluxBackend implements HistorianBackend {
  readonly retention?: Retention;
  readonly #options: InfluxOptions;
  readonly #now: () => Date;
  readonly #http: InfluxHttp;
  readonly #limits: BodyLimit;
  readonly #book: TopicBook;
  #policies: Policies | undefined;
  #loaded = false;
  #checkedAt: number | undefined;

  constructor(options: InfluxOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => new Date());
    this.#http = new InfluxHttp(options.target);
    this.#limits = new BodyLimit(() => this.#now().getTime());
    this.#book = new TopicBook(options.layout);
    if (options.target.version === 1 && !options.readonly)
      this.retention = new InfluxRetention({
        database: options.target.database,
        sources: (signal) => this.#sources(signal),
        query: (text, signal) => this.#query(text, signal),
      });
  }

  async open(signal?: AbortSignal): Promise<void> {
    await this.#place(signal);
    if (this.#options.readonly) await this.topics([""], signal);
    else await this.#load(signal);
  }

  async write(samples: readonly Sample[], signal?: AbortSignal): Promise<void> {
    const { target, layout, readonly } = this.#options;
    if (readonly)
      throw new HistorianError("give_up", `InfluxDB at ${target.url} was opened for reading only`);
    const { restMs } = this.#limits;
    if (restMs > 0)
      throw new HistorianError(
        "retry",
        `InfluxDB at ${target.url} asked for a pause of another ${Math.ceil(restMs / 1000)} s`,
      );
    this.#recheck();
    for (let restarts = 0; restarts < MAX_RESTARTS; restarts++) {
      const policies = await this.#place(signal);
      await this.#load(signal);
      const { pieces, rejected } = toPieces(samples, this.#book, this.#oldest(policies));
      if (rejected.size > 0) throw rejection(samples, rejected);
      const context = {
        ...this.#options,
        http: this.#http,
        book: this.#book,
        policies,
        wide: layout.wide,
        now: this.#now,
      };
      const writer = new BatchWriter(context, this.#limits, signal);
      const interruption = await writer.run(pieces).catch((error: unknown) => {
        if (writer.rejected.size > 0 && !signal?.aborted) throw rejection(samples, writer.rejected);
        throw error;
      });
      if (interruption === undefined) {
        if (writer.rejected.size > 0) throw rejection(samples, writer.rejected);
        return;
      }
      if ("missing" in interruption) this.#databaseLost(interruption.missing);
    }
    throw new HistorianError(
      "retry",
      `InfluxDB at ${target.url}: database or field types keep changing during the write`,
    );
  }

  async topics(names?: readonly string[], signal?: AbortSignal): Promise<readonly Topic[]> {
    if (names?.length === 0) return [];
    const keys = names && new Set(names.map((name) => name.toLowerCase()));
    const found = await this.#stored(keys && keys.size <= MAX_NAMES ? [...keys] : undefined, signal);
    return found.filter(({ key }) => keys?.has(key) ?? true).map(({ name, meta }) => ({ name, meta }));
  }

  async read(
    { topic, start, end, order, skip, limit }: ReadRequest,
    signal?: AbortSignal,
  ): Promise<readonly Row[]> {
    if (limit <= 0) return [];
    const { layout } = this.#options;
    const key = topic.toLowerCase();
    const { measurement, tags } = layout.locate(key);
    const fields = layout.wide
      ? (await this.#stored([key], signal)).flatMap((stored) => stored.fields)
      : [layout.field({ topic, meta: { units: "", type: "float", tz: "" } })];
    if (fields.length === 0) return [];
    const policies = await this.#place(signal);
    const columns = fields.flatMap((field) => [field, jsonFieldOf(field)]).map(identifier);
    // `source` only names the origin of a value.
    const series = where(
      tags.filter(([name]) => name !== "source"),
      start,
      end,
    );
    const text =
      `SELECT ${columns.join(", ")} FROM ${from(policies.samples, measurement)}${series} ` +
      `ORDER BY time ${order === "FIRST_TO_LAST" ? "ASC" : "DESC"}`;
    const found: Row[] = [];
    for (let offset = skip; ; ) {
      const wanted = limit - found.length;
      const answer = await this.#query(`${text} LIMIT ${wanted} OFFSET ${offset}`, signal);
      const rows = answer.flatMap(({ values }) => values);
      for (const [at, ...columns] of rows) {
        const time = timeIn(at);
        // Stored again with other tags of the station, it is in two series.
        if (layout.stationTags && found.at(-1)?.[0] === time) found.pop();
        found.push([time, valueIn(columns)]);
      }
      offset += rows.length;
      if (rows.length < wanted || found.length >= limit) return found;
    }
  }

  async close(): Promise<void> {
    await this.#http.close();
  }

  /** Finds the database and its policies, or creates them. */
  async #place(signal?: AbortSignal): Promise<Policies> {
    const { target, readonly, log } = this.#options;
    this.#policies ??= await prepareDatabase(target, { readonly, log }, signal);
    return this.#policies;
  }

  /** Loads existing topics and field types. Continues without them when the user may only write. */
  async #load(signal?: AbortSignal): Promise<void> {
    if (this.#loaded) return;
    try {
      this.#book.load(await this.#stored(undefined, signal));
      await this.#loadNameplates(signal);
      for (const { name, values } of await this.#query("SHOW FIELD KEYS", signal))
        for (const [field, type] of values) this.#book.learn(name, String(field), kindOf(type));
    } catch (error) {
      if (!(error instanceof HistorianError) || error.kind !== "give_up") throw error;
      this.#book.load(undefined);
      this.#options.log.warn(
        "InfluxDB does not allow reading topics and fields; points are written without them",
        {
          err: error,
        },
      );
    }
    this.#loaded = true;
  }

  /** Reads what describes the stations: lines begin with it before their points are read again. */
  async #loadNameplates(signal?: AbortSignal): Promise<void> {
    if (!this.#options.layout.stationTags) return;
    const { samples } = await this.#place(signal);
    const points = Object.keys(NAMEPLATE) as NameplatePoint[];
    const columns = points.map((point) => `last(${identifier(NAMEPLATE[point].field)})`);
    const series = await this.#query(
      `SELECT ${columns.join(", ")} FROM ${from(samples, NAMEPLATE_MEASUREMENT)} GROUP BY "device"`,
      signal,
    );
    for (const { tags, values } of series) {
      const texts = points.flatMap((point, i) => {
        const text = values[0]?.[i + 1];
        return typeof text === "string" ? [[point, text] as const] : [];
      });
      this.#book.describe(tags?.device ?? "", Object.fromEntries(texts));
    }
  }

  async #stored(keys: readonly string[] | undefined, signal?: AbortSignal): Promise<readonly StoredTopic[]> {
    const policies = await this.#place(signal);
    const wanted = keys?.map((key) => `"topic_id" = ${literal(safeName(key))}`).join(" OR ");
    const series = await this.#query(
      `SELECT ${META_COLUMNS.map(identifier).join(", ")} FROM ${from(policies.topics, META)}` +
        (wanted ? ` WHERE ${wanted}` : ""),
      signal,
    );
    const topics = series.flatMap(({ values }) =>
      values.flatMap(([, ...columns]) => readTopic(columns as unknown as MetaRow) ?? []),
    );
    // A topic can be described on several days: the last description is current.
    return [...new Map(topics.map((topic) => [topic.key, topic])).values()];
  }

  /** Returns the measurements that contain our topics. */
  async #sources(signal?: AbortSignal): Promise<readonly Source[]> {
    const topics = await this.#stored(undefined, signal);
    const { samples } = await this.#place(signal);
    const measurements = new Set(topics.map(({ key }) => this.#options.layout.locate(key).measurement));
    return [...measurements].map((name) => ({ qualified: from(samples, name), bare: identifier(name) }));
  }

  async #query(text: string, signal?: AbortSignal): Promise<readonly Series[]> {
    try {
      return await runQuery(this.#http, this.#options.target, text, signal);
    } catch (error) {
      if (error instanceof MissingError) this.#databaseLost(error.message);
      throw error;
    }
  }

  /** Called when the database was dropped while in use: everything is read and written again. */
  #databaseLost(why: string): void {
    if (this.#policies)
      this.#options.log.warn("the InfluxDB database no longer exists; creating it again", { why });
    this.#policies = undefined;
    this.#loaded = false;
    this.#book.forget();
  }

  #recheck(): void {
    const now = this.#now().getTime();
    this.#checkedAt ??= now;
    if (Math.abs(now - this.#checkedAt) < RECHECK_MS) return;
    this.#checkedAt = now;
    this.#policies = undefined;
    this.#book.forget();
  }

  #oldest({ keeps }: Policies): number {
    return this.#now().getTime() * 1000 - keeps;
  }
}

function from(policy: string | undefined, measurement: string): string {
  return policy === undefined ? identifier(measurement) : `${identifier(policy)}.${identifier(measurement)}`;
}

/** Returns the value of the last pair of field and JSON field that has one. */
function valueIn(columns: readonly unknown[]): PointValue {
  for (let i = columns.length - 2; i >= 0; i -= 2) {
    const [value, json] = [columns[i], columns[i + 1]];
    if (typeof json === "string" && json !== "") return parsed(json);
    if (value !== null && value !== undefined) return value as PointValue;
  }
  return null;
}

/** Parses JSON; returns other programs' text as it is. */
function parsed(json: string): PointValue {
  try {
    return JSON.parse(json) as PointValue;
  } catch {
    return json;
  }
}

/** Returns a time in microseconds; servers without the parameter `epoch` return ISO 8601. */
function timeIn(time: unknown): number {
  return typeof time === "string" ? parseTime(time, new Date(0), "time") : Number(time);
}

function kindOf(type: unknown): FieldKind {
  return type === "float" || type === "integer" || type === "boolean" || type === "string" ? type : "json";
}
