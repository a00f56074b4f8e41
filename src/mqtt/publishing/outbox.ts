import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "../../log/log.ts";
import type { NewRecord, Queue, QueueCounters, QueuedRecord } from "../../queue/contract.ts";
import { type Link, LinkDownError, type Message, PublishRefusedError } from "../broker/link.ts";
import { HeldRecords } from "./held-records.ts";
import { deadReading, type Reading, readingMessage, readingRecord, type Sending } from "./reading.ts";

export interface OutboxOptions {
  /** Opened and closed by the owner. */
  readonly queue: Queue;
  readonly link: Link;
  /** How readings go out over the present connection. */
  readonly sending: () => Sending;
  readonly onDelivered?: (topic: string) => void;
  /** The metadata of a topic as it is now, for a waiting record whose own was lost; undefined where the topic is no more. */
  readonly metadataOf: (topic: string) => string | undefined;
  /** The broker would not have a message, or no broker could; it is a dead letter now. */
  readonly onRefused: (topic: string, error: unknown) => void;
  readonly log: Log;
}

/** What was just accepted. More than this on their way: the rest is read from disk, in order. */
const LIVE = { records: 2000, characters: 4 * 1024 * 1024 };
/** At most half of the publish window, so that live values never wait long behind a backlog. */
const BACKLOG = { records: 128, characters: 1024 * 1024 };
/** Readings that come in a stream go to disk together, so often at most. */
const APPEND_MS = 50;
const PAGE = { count: 500, bytes: 1024 * 1024 };
/** A broker that takes less than comes: what is left behind after so long is backlog, and live values are live again. */
const BEHIND_MS = 30_000;
const LOOK_MS = 1000;
/** How long the stop waits for the disk and for the broker. */
const STOP_MS = 2000;

/**
 * Brings every reading to the broker at least once: on disk before it is sent, settled when the broker acknowledged it.
 * Live readings go out in their order as they are accepted; what waited for a connection, or is left from an earlier
 * run, goes out beside them, oldest first, marked as late. What the broker refuses for a reason that may pass is tried
 * again in the same way for a while, and holds up nothing else.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #held: HeldRecords;
  readonly #live = new Lane(LIVE);
  readonly #backlog = new Lane(BACKLOG);
  #fresh: NewRecord[] = [];
  #appends = 0;
  #appendedAt = 0;
  #appendLater: NodeJS.Timeout | undefined;
  #lastAppend: Promise<void> = Promise.resolve();
  #lastAccepted = 0;
  /** When the live lane began to read from disk. Milliseconds of `performance.now()`. */
  #behindSince = 0;
  #connections = 0;
  #pumpDue = false;
  #stopping = false;
  #counters: QueueCounters | undefined;
  #lossTold = false;
  readonly #messages = { published: 0, refused: 0 };
  #timer: NodeJS.Timeout | undefined;
  #unwatch: (() => void) | undefined;

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#held = new HeldRecords(options.queue, options.log);
  }

  /** The balance of about a second ago; before the first look undefined. */
  get counters(): QueueCounters | undefined {
    return this.#counters;
  }

  /** What became of its messages since the start. */
  get messages(): { readonly published: number; readonly refused: number } {
    return this.#messages;
  }

  async start(): Promise<void> {
    this.#unwatch = this.#options.link.onChange((up) => (up ? this.#connected() : this.#disconnected()));
    await this.#look();
    this.#timer = setInterval(() => void this.#look(), LOOK_MS);
  }

  /** Lets what is on its way arrive, for two seconds at most; the rest waits on disk. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#timer);
    const { link } = this.#options;
    const late = delay(STOP_MS, undefined, { ref: false });
    this.#append();
    await Promise.race([this.#lastAppend, late]);
    const end = performance.now() + STOP_MS;
    while (link.up && this.#live.underWay + this.#backlog.underWay > 0 && performance.now() < end)
      await delay(5);
    this.#unwatch?.();
    await Promise.race([this.#held.flush(), late]);
  }

  deliver(reading: Reading): void {
    this.#fresh.push(readingRecord(reading));
    if (this.#fresh.length > 1) return;
    const wait = this.#appendedAt + APPEND_MS - performance.now();
    if (wait <= 0) setImmediate(() => this.#append());
    else this.#appendLater = setTimeout(() => this.#append(), wait);
  }

  /** What came in one turn of the event loop, or since the last time. */
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
        (accepted) => this.#accepted(accepted),
        (error: unknown) => this.#options.log.error("the outbox took no readings", { err: error }),
      )
      .finally(() => this.#appends--);
  }

  #accepted(records: readonly QueuedRecord[]): void {
    const { link } = this.#options;
    const live = this.#live;
    for (const record of records) {
      this.#lastAccepted = record.id;
      // Without a connection it waits on disk; while the lane reads from there, its turn comes there.
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
    for (const lane of [this.#live, this.#backlog]) {
      for (const { id } of lane.buffer) this.#held.release(id);
      lane.buffer = [];
      lane.more = false;
    }
  }

  /** Sends what both lanes have room for, and reads on where they run out. */
  #pump(): void {
    if (!this.#options.link.up || this.#stopping) return;
    if (this.#live.more && performance.now() - this.#behindSince > BEHIND_MS) {
      this.#live.more = false;
      this.#backlog.readFrom(0);
    }
    for (const lane of [this.#live, this.#backlog]) {
      let next = 0;
      while (next < lane.buffer.length && lane.hasRoom) this.#post(lane.buffer[next++]!, lane);
      if (next > 0) lane.buffer = lane.buffer.slice(next);
      if (lane.more && !lane.reading && lane.buffer.length < PAGE.count / 2) void this.#read(lane);
    }
  }

  async #read(lane: Lane): Promise<void> {
    const connection = this.#connections;
    lane.reading = true;
    try {
      const page = await this.#options.queue.read({ after: lane.after, ...PAGE });
      if (connection === this.#connections) this.#take(lane, page);
    } catch (error) {
      lane.more = false;
      this.#options.log.error("the outbox cannot be read; trying again soon", { err: error });
    } finally {
      lane.reading = false;
    }
    this.#pump();
  }

  #take(lane: Lane, page: readonly QueuedRecord[]): void {
    const end = lane === this.#live ? this.#lastAccepted : this.#backlogEnd();
    let news = 0;
    for (const record of page) {
      if (record.id > end) break;
      lane.after = record.id;
      if (this.#held.has(record.id)) continue;
      this.#held.hold(record);
      lane.buffer.push(record.incomplete ? this.#completed(record) : record);
      news++;
    }
    const isLast = page.length < PAGE.count && news === 0;
    if (isLast || page.at(-1)!.id >= end) lane.more = false;
  }

  /** Values are never lost with their metadata. */
  #completed(record: QueuedRecord): QueuedRecord {
    const { metadataOf, log } = this.#options;
    const { key } = record;
    if (!this.#lossTold)
      log.error(
        "metadata of waiting readings was lost with a damaged file; they go out with what their devices have now, or {} where a device is gone",
        { topic: key },
      );
    this.#lossTold = true;
    return { ...record, shared: metadataOf(key) ?? "{}" };
  }

  /** The id up to which what nobody holds is backlog: what comes after it is the live lane's. */
  #backlogEnd(): number {
    if (this.#live.more) return this.#live.after;
    return this.#appends > 0 ? this.#lastAccepted : Number.POSITIVE_INFINITY;
  }

  #post(record: QueuedRecord, lane: Lane): void {
    const { link, sending } = this.#options;
    lane.left(record);
    let message: Message;
    try {
      message = readingMessage(record, lane === this.#backlog, sending());
    } catch (error) {
      this.#done(record, lane, error as Error);
      return;
    }
    link.post(message, (error) => this.#done(record, lane, error));
  }

  #done(record: QueuedRecord, lane: Lane, error: Error | undefined): void {
    lane.returned(record);
    const mayPass = error instanceof PublishRefusedError && error.mayPass;
    if (!(mayPass && this.#held.retryLater(record.id))) this.#ended(record, error);
    if (lane.more || lane.buffer.length > 0) this.#pumpSoon();
  }

  #ended(record: QueuedRecord, error: Error | undefined): void {
    const { id, samples, key } = record;
    if (error instanceof LinkDownError) {
      // It is on disk, and looked for there soon.
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

  /** Takes the balance, and finds what waits and is in nobody's hands: given back by the link, put back by a retry, or refused before. */
  async #look(): Promise<void> {
    this.#held.releaseDue();
    const held = this.#held.samples;
    try {
      this.#counters = await this.#options.queue.counters();
    } catch (error) {
      if (!this.#stopping) this.#options.log.error("the outbox cannot tell its balance", { err: error });
      return;
    }
    const idle = !this.#live.more && !this.#backlog.more && this.#appends === 0;
    if (idle && this.#counters.waiting > Math.max(held, this.#held.samples)) this.#backlog.readFrom(0);
    this.#pump();
  }
}

interface LaneLimits {
  /** Most records, and most characters of their text, that are on their way to the broker. */
  readonly records: number;
  readonly characters: number;
}

/** Records on their way to the broker in the order of their ids: so many at a time, the rest on disk. */
class Lane {
  /** Read from disk, and next to be sent. */
  buffer: QueuedRecord[] = [];
  /** Whether there may be more on disk, with ids above `after`. */
  more = false;
  after = 0;
  reading = false;
  readonly #limits: LaneLimits;
  #records = 0;
  #characters = 0;

  constructor(limits: LaneLimits) {
    this.#limits = limits;
  }

  /** How many are on their way. */
  get underWay(): number {
    return this.#records;
  }

  get hasRoom(): boolean {
    return this.#records < this.#limits.records && this.#characters < this.#limits.characters;
  }

  left(record: QueuedRecord): void {
    this.#records++;
    this.#characters += charactersOf(record);
  }

  returned(record: QueuedRecord): void {
    this.#records--;
    this.#characters -= charactersOf(record);
  }

  /** Reads on disk from there on. */
  readFrom(after: number): void {
    this.after = after;
    this.more = true;
  }
}

/** As many as go to the broker. */
function charactersOf({ text, shared = "" }: QueuedRecord): number {
  return text.length + shared.length;
}
