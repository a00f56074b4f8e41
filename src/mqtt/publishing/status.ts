import type { Notice } from "../../bus.ts";
import type { Log } from "../../log/log.ts";
import type { AvailabilityChange, DeviceInfo } from "../../points/index.ts";
import type { Delivery } from "../broker/delivery.ts";
import type { Link } from "../broker/link.ts";
import { headerPlaces, timeText, userProperties, volttronMessage } from "../payloads.ts";
import type { Topics } from "../topics.ts";

/** What the bridge says of itself beside what is known here: counters of any name, and whether it is well. */
export interface HealthReport {
  /** `BAD` makes the heartbeat BAD. */
  readonly status?: "GOOD" | "BAD";
  readonly [counter: string]: unknown;
}

export interface StatusOptions {
  readonly link: Link;
  readonly delivery: Delivery;
  readonly topics: Topics;
  readonly headers: "payload" | "properties" | "both";
  readonly instance: string;
  readonly version: string;
  /** Absent: it is about something else than devices, and does not speak of any. */
  readonly devices?: ReadonlyMap<string, DeviceInfo>;
  /** Told in the info, for whoever sends requests. */
  readonly requester?: "message" | "topic";
  readonly health: () => HealthReport;
  readonly log: Log;
  readonly now: () => Date;
  readonly periodMs?: number;
}

/** VOLTTRON's words. STARTING: no device is online yet, and some were not heard of. */
type Heartbeat = "STARTING" | "GOOD" | "BAD";

const PERIOD_MS = 60_000;
/** Devices that change together, as at the start, are told once. */
const SOON_MS = 1000;

/** Events kept while the broker is away; the oldest go first. */
const MOST_EVENTS = 1000;

/** What the bridge says of itself: heartbeat, info, health, events. */
export class StatusPublisher {
  readonly #options: StatusOptions;
  readonly #availability = new Map<string, AvailabilityChange["availability"]>();
  readonly #count = { online: 0, stale: 0, offline: 0 };
  /** What the last report said. */
  #saidBad = false;
  readonly #startedAt: Date;
  #told: Heartbeat | undefined;
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;
  #infoSoon: NodeJS.Timeout | undefined;
  /** What has happened and is not published yet, the oldest first. */
  readonly #events: Notice[] = [];

  constructor(options: StatusOptions) {
    this.#options = options;
    this.#startedAt = options.now();
  }

  start(): void {
    this.#timer = setInterval(() => this.#beat(), this.#options.periodMs ?? PERIOD_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#soon);
    clearTimeout(this.#infoSoon);
  }

  availability(change: AvailabilityChange): void {
    this.#note(change.device.path, change.availability);
    if (this.#heartbeat() !== this.#told) this.#beat();
    else this.reportChanged();
  }

  /** What health tells is another now: it is told anew, once for changes that follow each other. */
  reportChanged(): void {
    this.#soon ??= setTimeout(() => this.#beat(), SOON_MS);
  }

  /** What the health message says, as of this moment. */
  health() {
    const { status, ...counters } = this.#report();
    this.#saidBad = status === "BAD";
    return {
      at: this.#options.now(),
      status: this.#heartbeat(),
      startedAt: this.#startedAt,
      ...(this.#options.devices && { devices: this.#devicesByAvailability() }),
      ...counters,
    };
  }

  /** After a connect: who we are, and how we are. */
  republish(): void {
    const { topics, instance, version, devices, requester } = this.#options;
    const known = devices && { devices: [...devices.keys()] };
    const info = { instance, version, startedAt: this.#startedAt, ...known, ...(requester && { requester }) };
    this.#send(topics.own("info"), JSON.stringify(info), true);
    this.#publishEvents();
    this.#beat();
  }

  /** A device came or went: who we are is told again, once for those that follow each other. */
  membershipChanged(path: string): void {
    if (!this.#options.devices?.has(path)) this.#note(path, undefined);
    this.#infoSoon ??= setTimeout(() => {
      this.#infoSoon = undefined;
      this.republish();
    }, SOON_MS);
  }

  /**
   * Publishes an event; one that happens while the broker is away is published when it is back. `always`: also while another
   * bridge speaks for the instance.
   */
  notice(notice: Notice, always = false): void {
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
    const { delivery, topics } = this.#options;
    return delivery.send({
      topic: topics.own("event"),
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
      this.#options.log.error("the bridge cannot tell its own health", { err: error });
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

  /** BAD: the bridge says so, or it has devices and none of them is online. */
  #heartbeat(): Heartbeat {
    if (this.#saidBad) return "BAD";
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

  /** `["GOOD",{},{"Date","TimeStamp"}]`; the bare word where the headers travel as user properties. */
  #publishHeartbeat(): void {
    const { link, topics, headers: setting, now } = this.#options;
    const status = this.#heartbeat();
    const time = timeText(now());
    const headers = { Date: time, TimeStamp: time };
    const places = headerPlaces(setting, link.protocolVersion);
    const payload = places.inPayload ? volttronMessage(JSON.stringify(status), "{}", headers) : status;
    this.#told = status;
    this.#send(topics.heartbeat(), payload, false, places.inProperties ? userProperties(headers) : undefined);
  }

  #send(topic: string, payload: string, retain: boolean, properties?: Record<string, string>): void {
    const { link, delivery } = this.#options;
    // What is said of oneself is said anew after the next connect.
    if (!link.up) return;
    void delivery.send({ topic, payload, qos: 1, retain, ...(properties && { userProperties: properties }) });
  }
}
