import type { Bus } from "../../bus.ts";
import type { RunningDevices } from "../../devices/index.ts";
import type { Log } from "../../log/log.ts";
import { type Holdings, holdingsOf, viewOf } from "./device-view.ts";
import { commandOf, noticeOf } from "./recent.ts";

/** Time in which changes are collected and sent at once, in milliseconds. */
const COALESCE_MS = 250;
/** Interval of comments that keep a silent connection open, in milliseconds. */
const KEEPALIVE_MS = 15_000;
/** Number of events that a client which comes back can still be sent. */
const MOST_KEPT = 500;
const MOST_KEPT_BYTES = 8 * 1024 * 1024;
/** Age up to which a new client is sent events of devices: it asked for all of them before it was connected. In milliseconds. */
const OVERLAP_MS = 10_000;
/** Time for which events are still collected after the last client has gone, in milliseconds. */
const LINGER_MS = 60_000;
/** Unsent data of a client above which it is dropped, in bytes. */
const MOST_UNSENT_BYTES = 4 * 1024 * 1024;
/** Devices whose views are made in one turn of the event loop. */
const DEVICES_PER_TURN = 200;

export const MOST_CLIENTS = 256;

interface KeptEvent {
  readonly id: number;
  readonly event: string;
  readonly text: string;
  /** When it was published, by the clock that does not jump. */
  readonly at: number;
}

/** A client of the feed: where its events are written. */
export interface FeedClient {
  write(text: string): void;
  /** Whether its sender may still see the events: a session can end meanwhile. */
  isAllowed(): boolean;
  /** Bytes that were written and not sent yet. */
  readonly unsentBytes: number;
  end(): void;
}

export interface FeedOptions {
  readonly bus: Bus;
  readonly devices: Pick<RunningDevices, "latest" | "control" | "byPath">;
  /** Removes secrets from texts. */
  readonly blank: (text: string) => string;
  readonly log: Log;
}

/**
 * Live events for browsers (server-sent events, WHATWG HTML §9.2): bus events are collected for a quarter of a second, made into one
 * text each, and written to every client. Nobody waits for a slow client: it is dropped. While there is no client, nothing is made.
 */
export class Feed {
  readonly #options: FeedOptions;
  readonly #clients = new Set<FeedClient>();
  /** Paths with a new scrape, and of those that may differ in more than the time. */
  readonly #changed = new Set<string>();
  readonly #gone = new Set<string>();
  /** The last view of each device as text, without its time. */
  readonly #views = new Map<string, string>();
  readonly #kept: KeptEvent[] = [];
  #keptBytes = 0;
  /** Different in each run, so that ids of the run before are known to be too old. */
  readonly #run = Date.now().toString(36);
  #id = 0;
  #unsubscribe: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;
  #keepalive: NodeJS.Timeout | undefined;
  #linger: NodeJS.Timeout | undefined;
  #flushing = false;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  get clients(): number {
    return this.#clients.size;
  }

  /** Adds a client. `lastId`: the last event that it has; what it missed is sent, or `reset` where that is not known any more. */
  add(client: FeedClient, lastId?: string): void {
    clearTimeout(this.#linger);
    this.#listen();
    this.#clients.add(client);
    // The browser waits this long before it connects again.
    client.write("retry: 2000\n\n");
    if (lastId === undefined) {
      client.write(this.#text("hello", {}, this.#id));
      const since = performance.now() - OVERLAP_MS;
      for (const { event, at, text } of this.#kept)
        if (at > since && (event === "devices" || event === "gone")) client.write(text);
      return;
    }
    const missed = this.#since(lastId);
    if (!missed) client.write(this.#text("reset", {}, this.#id));
    else for (const { text } of missed) client.write(text);
  }

  remove(client: FeedClient): void {
    if (!this.#clients.delete(client) || this.#clients.size > 0) return;
    this.#linger = setTimeout(() => this.#deafen(), LINGER_MS);
    this.#linger.unref();
  }

  stop(): void {
    for (const client of this.#clients) client.end();
    this.#clients.clear();
    clearTimeout(this.#linger);
    this.#deafen();
  }

  #listen(): void {
    if (this.#unsubscribe.length > 0) return;
    const { bus } = this.#options;
    const changed = (path: string) => {
      this.#changed.add(path);
      this.#flushSoon();
    };
    this.#unsubscribe = [
      bus.on("scrape", ({ device }) => changed(device.path)),
      bus.on("availability", ({ device }) => changed(device.path)),
      bus.on("write", (write) => {
        changed(write.device.path);
        this.#publish("write", commandOf(write));
      }),
      bus.on("notice", (notice) => {
        this.#publish("notice", noticeOf(notice));
        if (notice.device !== undefined) changed(notice.device);
      }),
      // Overrides that change are told as notices.
      bus.on("schedule", ({ at }) => this.#publish("reservations", { at: at.toISOString() })),
      bus.on("membership", ({ device, change }) => {
        if (change === "added" || change === "changed") this.#gone.delete(device.path);
        else this.#gone.add(device.path);
        changed(device.path);
      }),
    ];
    this.#keepalive = setInterval(() => this.#keepAlive(), KEEPALIVE_MS);
    this.#keepalive.unref();
  }

  #deafen(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#unsubscribe = [];
    clearInterval(this.#keepalive);
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#views.clear();
    this.#changed.clear();
    this.#kept.length = 0;
    this.#keptBytes = 0;
    // Nobody can continue where events were not collected.
    this.#id += MOST_KEPT + 1;
  }

  #flushSoon(): void {
    if (this.#timer !== undefined || this.#flushing) return;
    this.#timer = setTimeout(() => void this.#flush(), COALESCE_MS);
    this.#timer.unref();
  }

  async #flush(): Promise<void> {
    this.#timer = undefined;
    this.#flushing = true;
    const { devices, log } = this.#options;
    try {
      const paths = [...this.#changed];
      this.#changed.clear();
      const gone = [...this.#gone].filter((path) => !devices.byPath.has(path));
      this.#gone.clear();
      for (const path of gone) this.#views.delete(path);
      if (gone.length > 0) this.#publish("gone", gone);
      const holdings = holdingsOf(devices);
      for (let at = 0; at < paths.length; at += DEVICES_PER_TURN) {
        if (at > 0) await new Promise(setImmediate);
        this.#publishViews(paths.slice(at, at + DEVICES_PER_TURN), holdings);
      }
    } catch (error) {
      log.error("live events could not be made", { err: error });
    } finally {
      this.#flushing = false;
      if (this.#changed.size > 0) this.#flushSoon();
    }
  }

  #publishViews(paths: readonly string[], holdings: Holdings): void {
    const { devices } = this.#options;
    const views = [];
    const read = new Map<string, string[]>();
    for (const path of paths) {
      const state = devices.latest.get(path);
      if (!state) continue;
      const view = viewOf(state, holdings);
      const text = JSON.stringify({ ...view, readAt: null });
      if (this.#views.get(path) !== text) {
        this.#views.set(path, text);
        views.push(view);
      } else if (view.readAt !== null) {
        const same = read.get(view.readAt);
        if (same) same.push(path);
        else read.set(view.readAt, [path]);
      }
    }
    if (views.length > 0) this.#publish("devices", views);
    if (read.size > 0)
      this.#publish(
        "read",
        [...read].map(([at, devices]) => ({ at, devices })),
      );
  }

  #publish(event: string, data: unknown): void {
    const id = ++this.#id;
    const text = this.#text(event, data, id);
    this.#kept.push({ id, event, text, at: performance.now() });
    this.#keptBytes += text.length;
    while (this.#kept.length > MOST_KEPT || this.#keptBytes > MOST_KEPT_BYTES)
      this.#keptBytes -= this.#kept.shift()!.text.length;
    this.#write(text);
  }

  #text(event: string, data: unknown, id: number): string {
    const text = JSON.stringify(data);
    const safe = event === "write" || event === "notice" ? this.#options.blank(text) : text;
    return `id: ${this.#run}-${id}\nevent: ${event}\ndata: ${safe}\n\n`;
  }

  #write(text: string): void {
    for (const client of this.#clients) {
      if (client.unsentBytes > MOST_UNSENT_BYTES) {
        this.remove(client);
        client.end();
      } else client.write(text);
    }
  }

  #keepAlive(): void {
    for (const client of this.#clients) {
      if (client.isAllowed()) continue;
      this.remove(client);
      client.end();
    }
    this.#write(": \n\n");
  }

  /** Returns the events after `lastId`; undefined where some of them are not kept any more. */
  #since(lastId: string) {
    const [run, number] = lastId.split("-");
    const last = Number(number);
    if (run !== this.#run || !Number.isSafeInteger(last) || last > this.#id) return undefined;
    const first = this.#kept[0]?.id ?? this.#id + 1;
    return last + 1 >= first ? this.#kept.filter(({ id }) => id > last) : undefined;
  }
}
