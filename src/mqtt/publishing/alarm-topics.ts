import type { AlarmChange, OpenAlarms, PointValue } from "../../points/index.ts";
import type { DirectSender } from "../broker/direct-sender.ts";
import type { Link, Message } from "../broker/link.ts";
import { headerPlaces, timeText, userProperties, volttronMessage } from "../payloads.ts";
import type { Topics } from "../topics.ts";

/** A durable map of JSON values. */
export interface WaitingStore {
  setAll(changes: Iterable<readonly [key: string, value: PointValue]>): void;
  records<T>(fits: (value: unknown) => value is T): [key: string, record: T][];
}

interface AlarmTopicsOptions {
  readonly link: Link;
  readonly sender: DirectSender;
  readonly topics: Topics;
  readonly headers: "payload" | "properties" | "both";
  /** Undefined: what waits for the broker is lost at the end of the process. */
  readonly store: WaitingStore | undefined;
  readonly now: () => Date;
}

/** An alarm that was raised or cleared, as JSON: dates are text. */
interface WaitingAlarm {
  readonly id: string;
  readonly device: string;
  readonly stationID: string | null;
  readonly port: string | null;
  readonly alarm: string;
  readonly state: string;
  readonly raisedAt: string;
  readonly at: string | null;
  readonly seenAt: string;
  readonly text: string;
}

const TEXTS = ["id", "device", "alarm", "state", "raisedAt", "seenAt", "text"] as const;
const TEXTS_OR_NULL = ["stationID", "port", "at"] as const;

function isWaiting(value: unknown): value is WaitingAlarm {
  const record = (value ?? {}) as Readonly<Record<string, unknown>>;
  return (
    TEXTS.every((name) => typeof record[name] === "string") &&
    TEXTS_OR_NULL.every((name) => record[name] === null || typeof record[name] === "string")
  );
}

/** Maximum number of alarms that wait for the broker; the oldest are discarded, and counted. */
const MOST_WAITING = 5000;
/** Number of alarms sent at a time; each is removed from the disk when the broker has it. */
const BATCH = 50;
/** Maximum number of open alarms listed in a message. */
const MOST_LISTED = 20;
const TICK_MS = 1000;

/**
 * Publishes alarms: each that was raised or cleared on `…/alarm/<device path>` and as a VOLTTRON alert, neither retained, and the open
 * ones of each device on `…/alarms/<device path>`, retained. An alarm waits on disk until the broker has acknowledged both of its
 * messages, in the order of reading. After a crash it may be published again, with the same id.
 */
export class AlarmTopics {
  readonly #options: AlarmTopicsOptions;
  /** By key in the store, the oldest first. */
  readonly #waiting: Map<string, WaitingAlarm>;
  readonly #open = new Map<string, OpenAlarms>();
  /** Paths of devices whose open alarms are to be published. */
  readonly #due = new Set<string>();
  #lastKey: number;
  #dropped = 0;
  #isSending = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: AlarmTopicsOptions) {
    this.#options = options;
    this.#waiting = new Map(options.store?.records(isWaiting) ?? []);
    this.#lastKey = Number([...this.#waiting.keys()].at(-1) ?? 0);
  }

  start(): void {
    this.#timer = setInterval(() => this.#flush(), TICK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Counters for the health message; empty where no alarm ever waited too long. */
  get health(): { readonly alarmMessages?: { readonly waiting: number; readonly dropped: number } } {
    const counters = { waiting: this.#waiting.size, dropped: this.#dropped };
    return counters.waiting + counters.dropped > 0 ? { alarmMessages: counters } : {};
  }

  noteAlarm({ device, raisedAt, at, seenAt, ...alarm }: AlarmChange): void {
    const { id, port, alarm: name, state, text } = alarm;
    const waiting: WaitingAlarm = {
      ...{ id, device: device.path, stationID: device.stationID ?? null, port, alarm: name, state },
      ...{ raisedAt: raisedAt.toISOString(), at: at?.toISOString() ?? null, seenAt: seenAt.toISOString() },
      text,
    };
    // Keys are sorted as text.
    const key = String(++this.#lastKey).padStart(12, "0");
    this.#waiting.set(key, waiting);
    const changes: [string, PointValue][] = [[key, { ...waiting }]];
    const [oldest] = this.#waiting.keys();
    if (this.#waiting.size > MOST_WAITING && oldest !== undefined) {
      this.#waiting.delete(oldest);
      this.#dropped++;
      changes.push([oldest, null]);
    }
    this.#options.store?.setAll(changes);
    // The change is on disk together with what was read when this turn ends.
    queueMicrotask(() => void this.#sendWaiting());
  }

  noteOpen(open: OpenAlarms): void {
    this.#open.set(open.device.path, open);
    this.#due.add(open.device.path);
    this.#flush();
  }

  /** Publishes what waits, and all open alarms again. Call it after a connect. */
  republish(): void {
    for (const path of this.#open.keys()) this.#due.add(path);
    this.#flush();
  }

  /** Call it when a device is gone for good. */
  forgetDevice(path: string): void {
    this.#open.delete(path);
    this.#due.delete(path);
  }

  #flush(): void {
    void this.#sendWaiting();
    if (!this.#options.link.up) return;
    for (const path of this.#due) {
      this.#due.delete(path);
      void this.#sendOpen(this.#open.get(path)!);
    }
  }

  async #sendOpen({ device, alarms, isCut }: OpenAlarms): Promise<void> {
    const { sender, topics, now } = this.#options;
    const listed = alarms
      .slice(0, MOST_LISTED)
      .map(({ port, alarm, raisedAt }) => ({ port, alarm, raisedAt: raisedAt.toISOString() }));
    const payload = JSON.stringify({
      ...{ device: device.path, stationID: device.stationID ?? null, open: alarms.length, isCut },
      ...{ at: now(), alarms: listed },
    });
    const topic = topics.ofDevice("alarms", device.path);
    const outcome = await sender.sendMeasured({ topic, payload, qos: 1, retain: true });
    if (outcome === "dropped" && this.#open.has(device.path)) this.#due.add(device.path);
  }

  async #sendWaiting(): Promise<void> {
    const { link, store } = this.#options;
    if (this.#isSending) return;
    this.#isSending = true;
    try {
      while (link.up && this.#waiting.size > 0) {
        const batch = [...this.#waiting].slice(0, BATCH);
        const sent = await Promise.all(
          batch.map(async ([key, alarm]) => ((await this.#isSent(alarm)) ? key : undefined)),
        );
        const done = sent.filter((key) => key !== undefined);
        for (const key of done) this.#waiting.delete(key);
        store?.setAll(done.map((key) => [key, null] as const));
        if (done.length < batch.length) return;
      }
    } finally {
      this.#isSending = false;
    }
  }

  /** Returns whether the broker has both messages, or refused them for good. */
  async #isSent(alarm: WaitingAlarm): Promise<boolean> {
    const { sender, topics } = this.#options;
    const event: Message = {
      ...{ topic: topics.ofDevice("alarm", alarm.device), payload: JSON.stringify(alarm) },
      ...{ qos: 1, retain: false },
    };
    const outcomes = await Promise.all([sender.sendMeasured(event), sender.sendMeasured(this.#alert(alarm))]);
    return !outcomes.includes("dropped");
  }

  /** Returns what VOLTTRON's health subsystem publishes for `send_alert`: the JSON text of a Status, with an `alert_key`. */
  #alert({ device, port, alarm, state, seenAt, text }: WaitingAlarm): Message {
    const { link, topics, headers: setting } = this.#options;
    const time = timeText(new Date(seenAt));
    const status = JSON.stringify({
      status: state === "raised" ? "BAD" : "GOOD",
      context: text,
      last_updated: time,
    });
    const headers = { alert_key: [device, port, alarm].filter((part) => part !== null).join(" ") };
    const stamped = { ...headers, Date: time, TimeStamp: time };
    const places = headerPlaces(setting, link.protocolVersion);
    return {
      topic: topics.alert(),
      // VOLTTRON's message is text, which its readers parse once more.
      payload: places.inPayload ? volttronMessage(JSON.stringify(status), "{}", stamped) : status,
      ...{ qos: 1, retain: false },
      ...(places.inProperties && { userProperties: userProperties(stamped) }),
    };
  }
}
