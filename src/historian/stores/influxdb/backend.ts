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
import { jsonFieldOf, type Layout, META } from "./layout.ts";
import { type FieldKind, safeName } from "./line.ts";
import { InfluxRetention, type Source } from "./retention.ts";
import type { InfluxTarget } from "./settings.ts";
import { META_COLUMNS, type MetaRow, readTopic, type StoredTopic, TopicBook } from "./topic-book.ts";
import { BodyLimit, Delivery } from "./writer.ts";

export interface InfluxOptions {
  readonly target: InfluxTarget;
  readonly layout: Layout;
  readonly readonly: boolean;
  readonly log: Log;
  readonly now?: () => Date;
}

/** How long the store is trusted to be as it was: policies can be altered, topics that it was told of dropped. */
const TRUST_MS = 600_000;
/** Times that one batch is begun again: a database that was dropped, fields whose types had to be learnt. */
const MAX_BEGINNINGS = 50;
/** Names of one question; more are picked from the answer to a question for all. */
const MAX_NAMES = 50;

/** The history in one InfluxDB database. */
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
        `InfluxDB at ${target.url} asked to be left alone for another ${Math.ceil(restMs / 1000)} s`,
      );
    this.#doubt();
    for (let beginnings = 0; beginnings < MAX_BEGINNINGS; beginnings++) {
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
      const delivery = new Delivery(context, this.#limits, signal);
      const interruption = await delivery.run(pieces).catch((error: unknown) => {
        if (delivery.rejected.size > 0 && !signal?.aborted) throw rejection(samples, delivery.rejected);
        throw error;
      });
      if (interruption === undefined) {
        if (delivery.rejected.size > 0) throw rejection(samples, delivery.rejected);
        return;
      }
      if ("missing" in interruption) this.#lost(interruption.missing);
    }
    throw new HistorianError(
      "retry",
      `InfluxDB at ${target.url}: database and fields change while they are written`,
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
    // `source` only tells where a value came from.
    const series = where(
      tags.filter(([name]) => name !== "source"),
      start,
      end,
    );
    const rows = await this.#query(
      `SELECT ${columns.join(", ")} FROM ${from(policies.samples, measurement)}${series} ` +
        `ORDER BY time ${order === "FIRST_TO_LAST" ? "ASC" : "DESC"} LIMIT ${limit} OFFSET ${skip}`,
      signal,
    );
    return rows.flatMap(({ values }) =>
      values.map(([time, ...columns]): Row => [timeIn(time), valueIn(columns)]),
    );
  }

  async close(): Promise<void> {
    await this.#http.close();
  }

  /** Finds database and policies, or makes them. */
  async #place(signal?: AbortSignal): Promise<Policies> {
    const { target, readonly, log } = this.#options;
    this.#policies ??= await prepareDatabase(target, { readonly, log }, signal);
    return this.#policies;
  }

  /** Learns what is there already. A user who may only write is no obstacle. */
  async #load(signal?: AbortSignal): Promise<void> {
    if (this.#loaded) return;
    try {
      this.#book.load(await this.#stored(undefined, signal));
      for (const { name, values } of await this.#query("SHOW FIELD KEYS", signal))
        for (const [field, type] of values) this.#book.learn(name, String(field), kindOf(type));
    } catch (error) {
      if (!(error instanceof HistorianError) || error.kind !== "give_up") throw error;
      this.#book.load(undefined);
      this.#options.log.warn("InfluxDB does not tell what it has; points are written all the same", {
        err: error,
      });
    }
    this.#loaded = true;
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
    // Told on several days: the last is right.
    return [...new Map(topics.map((topic) => [topic.key, topic])).values()];
  }

  /** The measurements that our topics are in. */
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
      if (error instanceof MissingError) this.#lost(error.message);
      throw error;
    }
  }

  /** The database went away while it was in use: everything is found and told anew. */
  #lost(why: string): void {
    if (this.#policies) this.#options.log.warn("the InfluxDB database is gone; it is made again", { why });
    this.#policies = undefined;
    this.#loaded = false;
    this.#book.forget();
  }

  #doubt(): void {
    const now = this.#now().getTime();
    this.#checkedAt ??= now;
    if (Math.abs(now - this.#checkedAt) < TRUST_MS) return;
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

/** Pairs of a field and its JSON neighbour; the last pair that has a value. */
function valueIn(columns: readonly unknown[]): PointValue {
  for (let i = columns.length - 2; i >= 0; i -= 2) {
    const [value, json] = [columns[i], columns[i + 1]];
    if (typeof json === "string" && json !== "") return parsed(json);
    if (value !== null && value !== undefined) return value as PointValue;
  }
  return null;
}

/** Somebody else's text may be no JSON. */
function parsed(json: string): PointValue {
  try {
    return JSON.parse(json) as PointValue;
  } catch {
    return json;
  }
}

/** Microseconds; a server that does not know the parameter `epoch` answers in ISO 8601. */
function timeIn(time: unknown): number {
  return typeof time === "string" ? parseTime(time, new Date(0), "time") : Number(time);
}

function kindOf(type: unknown): FieldKind {
  return type === "float" || type === "integer" || type === "boolean" || type === "string" ? type : "json";
}
