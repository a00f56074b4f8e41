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
/** Bytes of one request: far below the 25 MB that servers take by default, and enough for 50,000 lines. */
const BODY_BYTES = 4 * 1024 * 1024;
const SMALLEST_BODY_BYTES = 1024;
const DAY_MS = 86_400_000;
/** Refusals met while looking for the bad values of one batch. What is not found then is found in the next try. */
const MAX_REFUSALS = 300;
/** `field type conflict: input field "f" on measurement "m" is type float, already exists as type integer` (1.x). */
const CONFLICT = /input field "(.*)" on measurement "(.*)" is type \w+, already exists as type (\w+)/;
/** `points beyond retention policy dropped=1` */
const BEYOND = /beyond retention policy/;
const KINDS: ReadonlySet<string> = new Set<FieldKind>(["float", "integer", "boolean", "string"]);

/** Why a delivery has to begin again: the database is gone, or a field has another type than thought. */
export type Interruption = { readonly missing: string } | { readonly relearned: true };

export interface WriterContext {
  readonly http: InfluxHttp;
  readonly target: InfluxTarget;
  readonly book: TopicBook;
  readonly policies: Policies;
  readonly wide: boolean;
  readonly now: () => Date;
}

/** Brings one batch to the server: in requests of a size that it takes, and split where it refuses, until the bad values are alone. */
export class Delivery {
  readonly #context: WriterContext;
  readonly #limits: BodyLimit;
  readonly #signal: AbortSignal | undefined;
  /** Index in the batch → why the server refuses it. */
  readonly rejected = new Map<number, string>();
  #refusals = 0;

  constructor(context: WriterContext, limits: BodyLimit, signal?: AbortSignal) {
    this.#context = context;
    this.#limits = limits;
    this.#signal = signal;
  }

  /** Throws a HistorianError of kind `retry` or `give_up`. */
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
      const time = toldTime(target, at);
      const text = [...unknown].map((entry) => book.metaLine(entry, at, time)).join("");
      const interruption = await this.#settle(await this.#post(text, policies.topics), pieces, text);
      if (interruption !== "stored") return interruption;
      for (const entry of unknown) entry.stored = true;
    }
    const body = toBody(pieces, wide);
    const end = await this.#settle(await this.#post(body.text, policies.samples), pieces, body.text, body);
    return end === "stored" ? undefined : end;
  }

  /** Acts on an answer. */
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
        return await this.#split(pieces, "it is larger than the server takes at once (max-body-size)");
      case "bad": {
        const [, field, measurement, kind] = CONFLICT.exec(verdict.text) ?? [];
        if (!body && (measurement === META || BEYOND.test(verdict.text)))
          throw this.#untellable(verdict.text);
        if (++this.#refusals > MAX_REFUSALS)
          throw this.#failure("retry", "it refuses much of one batch; the rest follows");
        if (field !== undefined && measurement !== undefined && KINDS.has(kind ?? ""))
          if (this.#context.book.learn(measurement, field, kind as FieldKind)) return { relearned: true };
        return await this.#isolate(pieces, verdict, body);
      }
    }
  }

  /** Looks for the bad ones among the lines that were named, or among all. */
  async #isolate(
    pieces: readonly Piece[],
    { text, lines }: Verdict & { kind: "bad" },
    body: Body | undefined,
  ): Promise<Interruption | undefined> {
    const named = lines?.flatMap((line) => body?.piecesOf(line) ?? []) ?? [];
    if (named.length === 0 || named.length === pieces.length) return await this.#split(pieces, text);
    // Without them, the others are stored or refused on their own account.
    const suspects = new Set(named);
    return (
      (await this.#split(named, text)) ?? (await this.#send(pieces.filter((piece) => !suspects.has(piece))))
    );
  }

  async #split(pieces: readonly Piece[], why: string): Promise<Interruption | undefined> {
    const [only] = pieces;
    if (only && pieces.length === 1) {
      this.rejected.set(only.index, `InfluxDB refuses it: ${shortened(why)}`);
      return undefined;
    }
    const middle = Math.ceil(pieces.length / 2);
    return (await this.#send(pieces.slice(0, middle))) ?? (await this.#send(pieces.slice(middle)));
  }

  /** Without their topics values could not be found again. */
  #untellable(text: string): HistorianError {
    const { version, database } = this.#context.target;
    const remedy = !BEYOND.test(text)
      ? `another program keeps something else in the measurement ${META} of "${database}"; set another database`
      : version === 1
        ? "what the topics are is at time 0, older than the retention policy keeps; let the user READ the database, so that another policy is found"
        : "what the topics are cannot be stored; the bucket must keep its data for two days or more";
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
 * Time of the points that tell what a topic is, in microseconds: 0, as VOLTTRON has it; on versions whose buckets remove what is old
 * the beginning of the day, so that they stay there while the topic is in use.
 */
function toldTime({ version }: InfluxTarget, now: Date): number {
  return version === 1 ? 0 : Math.floor(now.getTime() / DAY_MS) * DAY_MS * 1000;
}

/** What the server asked for: bodies no larger than so many bytes, nothing before some time. */
export class BodyLimit {
  readonly #now: () => number;
  #bytes = BODY_BYTES;
  #rest = 0;
  #restUntil = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Milliseconds that are left of the server's rest. */
  get restMs(): number {
    const left = this.#restUntil - this.#now();
    // More than it was: the clock was set back.
    return left > 0 && left <= this.#rest ? left : 0;
  }

  shrink(refused: number): void {
    this.#bytes = Math.max(SMALLEST_BODY_BYTES, Math.min(this.#bytes, Math.floor(refused / 2)));
  }

  rest(milliseconds = 0): void {
    this.#rest = milliseconds;
    this.#restUntil = this.#now() + milliseconds;
  }
}
