import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { HistorianError } from "../../errors.ts";
import { judge, shortened, type Verdict } from "./answer.ts";
import { type Body, chunksOf, type Piece, toBody } from "./batch.ts";
import type { Policies } from "./database.ts";
import type { InfluxHttp } from "./http.ts";
import { META } from "./layout.ts";
import type { FieldKind } from "./line.ts";
import type { InfluxTarget } from "./settings.ts";
import type { BookEntry, TopicBook } from "./topic-book.ts";

const compress = promisify(gzip);
/** Maximum size of a request, in bytes: far below the servers' default limit of 25 MB, and enough for 50,000 lines. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;
const MIN_BODY_BYTES = 1024;
const DAY_MS = 86_400_000;
/** Maximum number of rejections while isolating the bad values of a batch; the next attempt continues. */
const MAX_REJECTIONS = 300;
/** `field type conflict: input field "f" on measurement "m" is type float, already exists as type integer` (1.x). */
const CONFLICT = /input field "(.*)" on measurement "(.*)" is type \w+, already exists as type (\w+)/;
/** `points beyond retention policy dropped=1` */
const BEYOND = /beyond retention policy/;
const KINDS: ReadonlySet<string> = new Set<FieldKind>(["float", "integer", "boolean", "string"]);

/** Why a batch must restart: the database no longer exists, or a field has another type than assumed. */
export type Interruption = { readonly missing: string } | { readonly relearned: true };

export interface WriterContext {
  readonly http: InfluxHttp;
  readonly target: InfluxTarget;
  readonly book: TopicBook;
  readonly policies: Policies;
  readonly wide: boolean;
  readonly now: () => Date;
}

/** Sends one batch in requests of an accepted size, and splits rejected requests until the bad values are alone. */
export class BatchWriter {
  readonly #context: WriterContext;
  readonly #limits: BodyLimit;
  readonly #signal: AbortSignal | undefined;
  /** Reasons of the server's rejections, by index in the batch. */
  readonly rejected = new Map<number, string>();
  #rejections = 0;

  constructor(context: WriterContext, limits: BodyLimit, signal?: AbortSignal) {
    this.#context = context;
    this.#limits = limits;
    this.#signal = signal;
  }

  /** @throws {HistorianError} of kind `retry` or `give_up`. */
  async run(pieces: readonly Piece[]): Promise<Interruption | undefined> {
    for (const chunk of chunksOf(pieces, this.#limits.bytes)) {
      const interruption = await this.#send(chunk);
      if (interruption) return interruption;
    }
    return undefined;
  }

  async #send(pieces: readonly Piece[]): Promise<Interruption | undefined> {
    if (pieces.length === 0) return undefined;
    const unknown = new Set<BookEntry>();
    for (const { entry } of pieces) if (!entry.stored) unknown.add(entry);
    const { policies, book, now, wide, target } = this.#context;
    if (unknown.size > 0) {
      const at = now();
      const time = metaTime(target, at);
      const text = [...unknown].map((entry) => book.metaLine(entry, at, time)).join("");
      const interruption = await this.#settle(await this.#post(text, policies.topics), pieces, text);
      if (interruption !== "stored") return interruption;
      for (const entry of unknown) entry.stored = true;
    }
    const body = toBody(pieces, wide);
    const end = await this.#settle(await this.#post(body.text, policies.samples), pieces, body.text, body);
    return end === "stored" ? undefined : end;
  }

  /** Handles a response. */
  async #settle(
    verdict: Verdict,
    pieces: readonly Piece[],
    text: string,
    body?: Body,
  ): Promise<Interruption | undefined | "stored"> {
    switch (verdict.kind) {
      case "stored":
        return "stored";
      case "failed":
        this.#limits.rest(verdict.waitMs);
        throw verdict.error;
      case "missing":
        return { missing: verdict.text };
      case "too_large":
        this.#limits.shrink(text.length);
        return await this.#split(pieces, "it exceeds the server's size limit for a request (max-body-size)");
      case "bad": {
        const [, field, measurement, kind] = CONFLICT.exec(verdict.text) ?? [];
        if (!body && (measurement === META || BEYOND.test(verdict.text)))
          throw this.#metaRejected(verdict.text);
        if (++this.#rejections > MAX_REJECTIONS)
          throw this.#failure(
            "retry",
            "it rejects many values of one batch; continuing with the next attempt",
          );
        if (field !== undefined && measurement !== undefined && KINDS.has(kind ?? ""))
          if (this.#context.book.learn(measurement, field, kind as FieldKind)) return { relearned: true };
        return await this.#isolate(pieces, verdict, body);
      }
    }
  }

  /** Isolates the bad values among the named lines, or among all. */
  async #isolate(
    pieces: readonly Piece[],
    { text, lines }: Verdict & { kind: "bad" },
    body: Body | undefined,
  ): Promise<Interruption | undefined> {
    const named = lines?.flatMap((line) => body?.piecesOf(line) ?? []) ?? [];
    if (named.length === 0 || named.length === pieces.length) return await this.#split(pieces, text);
    // Without the suspects, the other lines are stored or rejected by themselves.
    const suspects = new Set(named);
    return (
      (await this.#split(named, text)) ?? (await this.#send(pieces.filter((piece) => !suspects.has(piece))))
    );
  }

  async #split(pieces: readonly Piece[], why: string): Promise<Interruption | undefined> {
    const [only] = pieces;
    if (only && pieces.length === 1) {
      this.rejected.set(only.index, `InfluxDB rejects it: ${shortened(why)}`);
      return undefined;
    }
    const middle = Math.ceil(pieces.length / 2);
    return (await this.#send(pieces.slice(0, middle))) ?? (await this.#send(pieces.slice(middle)));
  }

  /** Returns the error for rejected descriptions of topics, without which values could not be found again. */
  #metaRejected(text: string): HistorianError {
    const { version, database } = this.#context.target;
    const remedy = !BEYOND.test(text)
      ? `another program uses the measurement ${META} of "${database}"; set another database`
      : version === 1
        ? "topics are described at time 0, before the start of the retention policy; grant the user READ on the database, so that another policy can be found"
        : "descriptions of topics cannot be stored; the bucket must keep its data for at least two days";
    return this.#failure("give_up", `${remedy} (${shortened(text)})`);
  }

  #failure(kind: "retry" | "give_up", why: string): HistorianError {
    return new HistorianError(kind, `InfluxDB at ${this.#context.target.url}: ${why}`);
  }

  async #post(text: string, policy: string | undefined): Promise<Verdict> {
    const { http, target } = this.#context;
    const { path, query } = target.write;
    const answer = await http.post(
      {
        path,
        query: policy === undefined ? query : { ...query, rp: policy },
        body: target.gzip ? await compress(text, { level: 1 }) : text,
        headers: {
          "content-type": "text/plain; charset=utf-8",
          ...(target.gzip ? { "content-encoding": "gzip" } : {}),
        },
      },
      this.#signal,
    );
    return judge(answer, target.url);
  }
}

/**
 * Returns the time of the points that describe topics, in microseconds: 0, as in VOLTTRON; on versions whose buckets remove old data
 * the start of the day, so that they remain while the topic is in use.
 */
function metaTime({ version }: InfluxTarget, now: Date): number {
  return version === 1 ? 0 : Math.floor(now.getTime() / DAY_MS) * DAY_MS * 1000;
}

/** Limits that the server asked for: the size of a request, and a pause. */
export class BodyLimit {
  readonly #now: () => number;
  #bytes = MAX_BODY_BYTES;
  #rest = 0;
  #restUntil = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Remaining pause, in milliseconds. */
  get restMs(): number {
    const left = this.#restUntil - this.#now();
    // A longer remainder than the pause: the clock was set back.
    return left > 0 && left <= this.#rest ? left : 0;
  }

  shrink(refused: number): void {
    this.#bytes = Math.max(MIN_BODY_BYTES, Math.min(this.#bytes, Math.floor(refused / 2)));
  }

  rest(milliseconds = 0): void {
    this.#rest = milliseconds;
    this.#restUntil = this.#now() + milliseconds;
  }
}
