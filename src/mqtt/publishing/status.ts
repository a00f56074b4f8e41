import type { Notice } from "../../bus.ts";
import type { Log } from "../../log/log.ts";
import type { AvailabilityChange, DeviceInfo } from "../../points/index.ts";
import type { DirectSender } from "../broker/direct-sender.ts";
import type { Link } from "../broker/link.ts";
import { headerPlaces, timeText, userProperties, volttronMessage } from "../payloads.ts";
import type { Topics } from "../topics.ts";

/** Health of the other parts: counters of any name, and whether they work. */
export interface HealthReport {
  /** `BAD` makes the heartbeat BAD. */
  readonly status?: "GOOD" | "BAD";
  readonly [counter: string]: unknown;
}

export interface StatusOptions {
  readonly link: Link;
  readonly sender: DirectSender;
  readonly topics: Topics;
  /** Topic of the events. Default: that of `topics`. */
  readonly events?: string;
  readonly headers: "payload" | "properties" | "both";
  readonly instance: string;
  readonly version: string;
  /** Undefined: the process has no devices. */
  readonly devices?: ReadonlyMap<string, DeviceInfo>;
  /** Published in the info, for senders of requests. */
  readonly requester?: "message" | "topic";
  readonly health: () => HealthReport;
  readonly log: Log;
  readonly now: () => Date;
}

/** VOLTTRON's words. STARTING: no device is online yet, and the availability of some is unknown. */
type Heartbeat = "STARTING" | "GOOD" | "BAD";

const PERIOD_MS = 60_000;
/** Time in which changes are published together, in milliseconds. */
const SOON_MS = 1000;

/** Maximum number of events kept while the broker is away; the oldest are discarded. */
const MOST_EVENTS = 1000;

/** Publishes the status of the bridge: heartbeat, info, health, events. */
export class StatusPublisher {
  readonly #options: StatusOptions;
  readonly #availability = new Map<string, AvailabilityChange["availability"]>();
  readonly #count = { online: 0, stale: 0, offline: 0 };
  /** Whether the last health report was BAD. */
  #isBad = false;
  readonly #startedAt: Date;
  #heartbeatSent: Heartbeat | undefined;
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;
  #infoSoon: NodeJS.Timeout | undefined;
  /** Events that are not published yet, the oldest first. */
  readonly #events: Notice[] = [];

  constructor(options: StatusOptions) {
    this.#options = options;
    this.#startedAt = options.now();
  }

  start(): void {
    this.#timer = setInterval(() => this.#beat(), PERIOD_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#soon);
    clearTimeout(this.#infoSoon);
  }

  noteAvailability(change: AvailabilityChange): void {
    this.#note(change.device.path, change.availability);
    if (this.#heartbeat() !== this.#heartbeatSent) this.#beat();
    else this.reportChanged();
  }

  /** Publishes the health soon, once for changes that follow each other. Call it when it has changed. */
  reportChanged(): void {
    this.#soon ??= setTimeout(() => this.#beat(), SOON_MS);
  }

  /** Returns the content of the health message at this moment. */
  health() {
    const { status, ...counters } = this.#report();
    this.#isBad = status === "BAD";
    return {
      at: this.#options.now(),
      status: this.#heartbeat(),
      startedAt: this.#startedAt,
      ...(this.#options.devices && { devices: this.#devicesByAvailability() }),
      ...counters,
    };
  }

  /** Publishes info, waiting events and health. Call it after a connect. */
  republish(): void {
    const { topics, instance, version, devices, requester } = this.#options;
    const known = devices && { devices: [...devices.keys()] };
    const info = { instance, version, startedAt: this.#startedAt, ...known, ...(requester && { requester }) };
    this.#send(topics.own("info"), JSON.stringify(info), true);
    this.#publishEvents();
    this.#beat();
  }

  /** Publishes the info soon, once for changes that follow each other. Call it when a device was added or is gone. */
  membershipChanged(path: string): void {
    if (!this.#options.devices?.has(path)) this.#note(path, undefined);
    this.#infoSoon ??= setTimeout(() => {
      this.#infoSoon = undefined;
      this.republish();
    }, SOON_MS);
  }

  /**
   * Publishes an event, after the next connect where the broker is away. `always`: also while another bridge is the active one
   * of the instance.
   */
  publishNotice(notice: Notice, always = false): void {
    if (always) {
      void this.#sendEvent(notice);
      return;
    }
    this.#events.push(notice);
    if (this.#events.length > MOST_EVENTS) this.#events.shift();
    this.#publishEvents();
  }

  #publishEvents(): void {
    if (!this.#options.link.up) return;
    for (const notice of this.#events.splice(0))
      void this.#sendEvent(notice).then((outcome) => {
        if (outcome !== "dropped" || this.#events.length >= MOST_EVENTS) return;
        this.#events.push(notice);
        this.#events.sort((a, b) => a.at.getTime() - b.at.getTime());
      });
  }

  #sendEvent(notice: Notice) {
    const { sender, topics, events } = this.#options;
    return sender.send({
      topic: events ?? topics.own("event"),
      payload: JSON.stringify(notice),
      qos: 1,
      retain: false,
    });
  }

  #note(path: string, availability: AvailabilityChange["availability"] | undefined): void {
    const before = this.#availability.get(path);
    if (before !== undefined) this.#count[before]--;
    if (availability === undefined) this.#availability.delete(path);
    else {
      this.#availability.set(path, availability);
      this.#count[availability]++;
    }
  }

  #report(): HealthReport {
    try {
      return this.#options.health();
    } catch (error) {
      this.#options.log.error("the health of the bridge cannot be determined", { err: error });
      return { status: "BAD" };
    }
  }

  #beat(): void {
    clearTimeout(this.#soon);
    this.#soon = undefined;
    const health = this.health();
    this.#publishHeartbeat();
    this.#send(this.#options.topics.own("health"), JSON.stringify(health), true);
  }

  /** BAD: the health report is, or there are devices and none is online. */
  #heartbeat(): Heartbeat {
    if (this.#isBad) return "BAD";
    const { online, unknown } = this.#devicesByAvailability();
    if (online > 0 || this.#devices === 0) return "GOOD";
    return unknown > 0 ? "STARTING" : "BAD";
  }

  get #devices(): number {
    return this.#options.devices?.size ?? 0;
  }

  #devicesByAvailability(): Record<AvailabilityChange["availability"] | "unknown", number> {
    const { online, stale, offline } = this.#count;
    const unknown = Math.max(0, this.#devices - online - stale - offline);
    return { online, stale, offline, unknown };
  }

  /** Publishes `["GOOD",{},{"Date","TimeStamp"}]`; the bare word where the headers are user properties. */
  #publishHeartbeat(): void {
    const { link, topics, headers: setting, now } = this.#options;
    const status = this.#heartbeat();
    const time = timeText(now());
    const headers = { Date: time, TimeStamp: time };
    const places = headerPlaces(setting, link.protocolVersion);
    const payload = places.inPayload ? volttronMessage(JSON.stringify(status), "{}", headers) : status;
    this.#heartbeatSent = status;
    this.#send(topics.heartbeat(), payload, false, places.inProperties ? userProperties(headers) : undefined);
  }

  #send(topic: string, payload: string, retain: boolean, properties?: Record<string, string>): void {
    const { link, sender } = this.#options;
    // The status is published after the next connect.
    if (!link.up) return;
    void sender.send({ topic, payload, qos: 1, retain, ...(properties && { userProperties: properties }) });
  }
}
