import { setTimeout as delay } from "node:timers/promises";
import { type Log, messageOf } from "../../log/log.ts";
import { Outages } from "../../log/outages.ts";
import type { NewRecord, Queue, QueueCounters, QueuedRecord } from "../../queue/contract.ts";
import { type Link, LinkDownError, type Message, PublishRefusedError } from "../broker/link.ts";
import { HeldRecords } from "./held-records.ts";
import { deadReading, type Reading, readingMessage, readingRecord, type Sending } from "./reading.ts";

export interface OutboxOptions {
  /** Opened and closed by the owner. */
  readonly queue: Queue;
  readonly link: Link;
  /** Returns how readings are published over the present connection. */
  readonly sending: () => Sending;
  readonly onDelivered?: (topic: string) => void;
  /** Returns the present metadata of a topic, for a waiting record whose own was lost; undefined where the topic is gone. */
  readonly metadataOf: (topic: string) => string | undefined;
  /** Called when the broker refused a message, or no broker could take it; it is a dead letter then. */
  readonly onRefused: (topic: string, error: unknown) => void;
  readonly log: Log;
}

/** Limits of live records in flight; further ones are read from disk, in order. */
const LIVE = { records: 2000, characters: 4 * 1024 * 1024 };
/** Limits of backlog records in flight: at most half of the publish window, so that live values do not wait behind them. */
const BACKLOG = { records: 128, characters: 1024 * 1024 };
/** Minimum pause between two writes of readings to disk, in milliseconds. */
const APPEND_MS = 50;
const PAGE = { count: 500, bytes: 1024 * 1024 };
/** Time after which records that the broker was too slow to take become backlog, in milliseconds. */
const BEHIND_MS = 30_000;
const POLL_MS = 1000;
/** Maximum time that the stop waits for the disk and the broker together, in milliseconds. */
const STOP_MS = 2000;

/**
 * Publishes every reading at least once: written to disk before it is sent, settled when the broker has acknowledged it.
 * Live readings are sent in the order in which they are accepted. Readings that waited for a connection, or are left from an
 * earlier run, are sent beside them, oldest first, marked as late. A reading that the broker refuses for a reason that may
 * pass is sent again for a while, and delays no other.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #held: HeldRecords;
  readonly #live = new RecordStream(LIVE);
  readonly #backlog = new RecordStream(BACKLOG);
  #fresh: NewRecord[] = [];
  #appends = 0;
  #appendedAt = 0;
  #appendLater: NodeJS.Timeout | undefined;
  #lastAppend: Promise<void> = Promise.resolve();
  #lastAccepted = 0;
  /** Time at which the live stream began to read from disk. Milliseconds of `performance.now()`. */
  #behindSince = 0;
  #connections = 0;
  #pumpDue = false;
  #stopping = false;
  #counters: QueueCounters | undefined;
  #lossLogged = false;
  readonly #outages: Outages;
  readonly #messages = { published: 0, refused: 0 };
  #timer: NodeJS.Timeout | undefined;
  #unwatch: (() => void) | undefined;

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#held = new HeldRecords(options.queue, options.log);
    this.#outages = new Outages(options);
  }

  /** Counters of the queue, about a second old; undefined before the first poll. */
  get counters(): QueueCounters | undefined {
    return this.#counters;
  }

  /** Outcomes of its messages since the start. */
  get messages(): { readonly published: number; readonly refused: number } {
    return this.#messages;
  }

  async start(): Promise<void> {
    this.#unwatch = this.#options.link.onChange((up) => (up ? this.#connected() : this.#disconnected()));
    await this.#poll();
    this.#timer = setInterval(() => void this.#poll(), POLL_MS);
  }

  /** Waits for records in flight, for two seconds at most; the rest waits on disk. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#timer);
    const { link } = this.#options;
    const late = delay(STOP_MS, undefined, { ref: false });
    const end = performance.now() + STOP_MS;
    this.#append();
    await Promise.race([this.#lastAppend, late]);
    while (link.up && this.#live.inFlight + this.#backlog.inFlight > 0 && performance.now() < end)
      await delay(5);
    this.#unwatch?.();
    await Promise.race([this.#held.flush(), late]);
    this.#outages.stop();
  }

  deliver(reading: Reading): void {
    this.#fresh.push(readingRecord(reading));
    if (this.#fresh.length > 1) return;
    const wait = this.#appendedAt + APPEND_MS - performance.now();
    if (wait <= 0) setImmediate(() => this.#append());
    else this.#appendLater = setTimeout(() => this.#append(), wait);
  }

  /** Writes the readings of one turn of the event loop, or since the last write, to disk. */
  #append(): void {
    clearTimeout(this.#appendLater);
    const records = this.#fresh;
    if (records.length === 0) return;
    this.#fresh = [];
    this.#appendedAt = performance.now();
    this.#appends++;
    this.#lastAppend = this.#options.queue
      .append(records)
      .then(
        (accepted) => {
          this.#accepted(accepted);
          this.#works("the outbox stores readings again", "store");
        },
        (error: unknown) => this.#failed("the outbox cannot store readings; they are lost", "store", error),
      )
      .finally(() => this.#appends--);
  }

  #accepted(records: readonly QueuedRecord[]): void {
    const { link } = this.#options;
    const live = this.#live;
    for (const record of records) {
      this.#lastAccepted = record.id;
      // Without a connection it waits on disk; while the stream reads from disk, it is read from there.
      if (!link.up || live.more || this.#held.has(record.id)) continue;
      if (live.hasRoom && live.buffer.length === 0) {
        this.#held.hold(record);
        this.#post(record, live);
      } else {
        live.readFrom(record.id - 1);
        this.#behindSince = performance.now();
      }
    }
  }

  #connected(): void {
    this.#connections++;
    this.#backlog.readFrom(0);
    this.#pump();
  }

  #disconnected(): void {
    this.#connections++;
    for (const stream of [this.#live, this.#backlog]) {
      for (const { id } of stream.buffer) this.#held.release(id);
      stream.buffer = [];
      stream.more = false;
    }
  }

  /** Sends what both streams have room for, and reads on where they run out. */
  #pump(): void {
    if (!this.#options.link.up || this.#stopping) return;
    if (this.#live.more && performance.now() - this.#behindSince > BEHIND_MS) {
      this.#live.more = false;
      this.#backlog.readFrom(0);
    }
    for (const stream of [this.#live, this.#backlog]) {
      let next = 0;
      while (next < stream.buffer.length && stream.hasRoom) this.#post(stream.buffer[next++]!, stream);
      if (next > 0) stream.buffer = stream.buffer.slice(next);
      if (stream.more && !stream.reading && stream.buffer.length < PAGE.count / 2) void this.#read(stream);
    }
  }

  async #read(stream: RecordStream): Promise<void> {
    const connection = this.#connections;
    stream.reading = true;
    try {
      const page = await this.#options.queue.read({ after: stream.after, ...PAGE });
      this.#works("the outbox is read again", "read");
      if (connection === this.#connections) this.#take(stream, page);
    } catch (error) {
      stream.more = false;
      this.#failed("the outbox cannot be read", "read", error);
    } finally {
      stream.reading = false;
    }
    this.#pump();
  }

  #take(stream: RecordStream, page: readonly QueuedRecord[]): void {
    const end = stream === this.#live ? this.#lastAccepted : this.#backlogEnd();
    let news = 0;
    for (const record of page) {
      if (record.id > end) break;
      stream.after = record.id;
      if (this.#held.has(record.id)) continue;
      this.#held.hold(record);
      stream.buffer.push(record.incomplete ? this.#completed(record) : record);
      news++;
    }
    const isLast = page.length < PAGE.count && news === 0;
    if (isLast || page.at(-1)!.id >= end) stream.more = false;
  }

  #failed(text: string, key: "store" | "read" | "count", error: unknown): void {
    this.#outages.failed({ key, kind: "outbox_failing", text, cause: messageOf(error), severity: "error" });
  }

  #works(text: string, key: "store" | "read" | "count"): void {
    this.#outages.ended(key, { text });
  }

  /** Completes a record whose metadata was lost, so that its values are not. */
  #completed(record: QueuedRecord): QueuedRecord {
    const { metadataOf, log } = this.#options;
    const { key } = record;
    if (!this.#lossLogged)
      log.error(
        "metadata of waiting readings was lost with a damaged file; they are published with the present metadata of their devices, or {} where a device is gone",
        { topic: key },
      );
    this.#lossLogged = true;
    return { ...record, shared: metadataOf(key) ?? "{}" };
  }

  /** Returns the id up to which records that are not held belong to the backlog; later ones belong to the live stream. */
  #backlogEnd(): number {
    if (this.#live.more) return this.#live.after;
    return this.#appends > 0 ? this.#lastAccepted : Number.POSITIVE_INFINITY;
  }

  #post(record: QueuedRecord, stream: RecordStream): void {
    const { link, sending } = this.#options;
    stream.sent(record);
    let message: Message;
    try {
      message = readingMessage(record, stream === this.#backlog, sending());
    } catch (error) {
      this.#done(record, stream, error as Error);
      return;
    }
    link.post(message, (error) => this.#done(record, stream, error));
  }

  #done(record: QueuedRecord, stream: RecordStream, error: Error | undefined): void {
    stream.ended(record);
    const mayPass = error instanceof PublishRefusedError && error.mayPass;
    if (!(mayPass && this.#held.retryLater(record.id))) this.#ended(record, error);
    if (stream.more || stream.buffer.length > 0) this.#pumpSoon();
  }

  #ended(record: QueuedRecord, error: Error | undefined): void {
    const { id, samples, key } = record;
    if (error instanceof LinkDownError) {
      // It is on disk, and the next poll finds it there.
      this.#held.release(id);
      return;
    }
    if (error) {
      this.#messages.refused++;
      this.#held.settle({ id, delivered: 0, dead: [deadReading(record, error)] });
      this.#options.onRefused(key, error);
    } else {
      this.#messages.published++;
      this.#held.settle({ id, delivered: samples });
      this.#options.onDelivered?.(key);
    }
  }

  #pumpSoon(): void {
    if (this.#pumpDue) return;
    this.#pumpDue = true;
    setImmediate(() => {
      this.#pumpDue = false;
      this.#pump();
    });
  }

  /** Polls the counters; where records wait that are not held (returned by the link, due for a retry), reads the backlog. */
  async #poll(): Promise<void> {
    this.#held.releaseDue();
    const held = this.#held.samples;
    try {
      this.#counters = await this.#options.queue.counters();
    } catch (error) {
      if (!this.#stopping) this.#failed("the outbox cannot count its records", "count", error);
      return;
    }
    this.#works("the outbox counts its records again", "count");
    const idle = !this.#live.more && !this.#backlog.more && this.#appends === 0;
    if (idle && this.#counters.waiting > Math.max(held, this.#held.samples)) this.#backlog.readFrom(0);
    this.#pump();
  }
}

interface StreamLimits {
  /** Maximum number of records in flight, and of characters of their text. */
  readonly records: number;
  readonly characters: number;
}

/** Records on their way to the broker in the order of their ids: a bounded number in memory, the rest on disk. */
class RecordStream {
  /** Records read from disk, next to be sent. */
  buffer: QueuedRecord[] = [];
  /** Whether there may be more on disk, with ids above `after`. */
  more = false;
  after = 0;
  reading = false;
  readonly #limits: StreamLimits;
  #records = 0;
  #characters = 0;

  constructor(limits: StreamLimits) {
    this.#limits = limits;
  }

  /** Number of records in flight. */
  get inFlight(): number {
    return this.#records;
  }

  get hasRoom(): boolean {
    return this.#records < this.#limits.records && this.#characters < this.#limits.characters;
  }

  sent(record: QueuedRecord): void {
    this.#records++;
    this.#characters += charactersOf(record);
  }

  ended(record: QueuedRecord): void {
    this.#records--;
    this.#characters -= charactersOf(record);
  }

  /** Reads on from the record after this id. */
  readFrom(after: number): void {
    this.after = after;
    this.more = true;
  }
}

/** Returns the number of characters that are sent to the broker. */
function charactersOf({ text, shared = "" }: QueuedRecord): number {
  return text.length + shared.length;
}
