import type { MqttSettings } from "../../config/index.ts";
import {
  type AvailabilityChange,
  type DeviceInfo,
  hasChanged,
  type LimitEnds,
  type PointValue,
  type Scrape,
  type Write,
} from "../../points/index.ts";
import type { DirectSender } from "../broker/direct-sender.ts";
import type { Link } from "../broker/link.ts";
import { bareValue, deviceText, valueText } from "../payloads.ts";
import type { Topics } from "../topics.ts";

/** Quality of all values together. */
type Quality = "good" | "partial" | "stale" | "offline";

export interface StateViewOptions {
  readonly settings: Pick<MqttSettings, "state" | "stateRefreshSeconds" | "noLimit">;
  readonly topics: Topics;
  readonly link: Link;
  readonly sender: DirectSender;
  readonly now: () => Date;
}

interface DeviceState {
  readonly device: DeviceInfo;
  /** Last known values in the order of the published points; a failed point keeps its last value. */
  readonly values: (PointValue | undefined)[];
  /** Values as last published, in the same order. */
  published: (PointValue | undefined)[];
  publishedQuality: Quality | undefined;
  observedAt: Date | undefined;
  partial: boolean;
  change: AvailabilityChange | undefined;
  /** Whether the broker has the reason of the last change. */
  reasonSent: boolean;
  ends: LimitEnds["ends"];
  /** JSON text of {@link ends}, as last published. */
  publishedEnds: string;
  /** Milliseconds since 1970; -Infinity makes it due. */
  publishedAt: number;
}

/** Number of messages in flight above which publishing waits for a later tick. */
const MOST_IN_FLIGHT = 5000;
const TICK_MS = 1000;

/**
 * Publishes the state view, retained: last known values, on change (beyond the Deadband) and at least every `state_refresh`
 * seconds, and each device's availability, with its reason where it changed. Nothing is published of a device before its first scrape or change of
 * availability, so that a restart does not clear known values. A limit that is not in force is null. Points that are times
 * which always move are published with the next change of another point. `quality` is `good` (the last scrape read every
 * point), `partial` (some points failed and show their last known value), or the availability where that is not online.
 */
export class StateView {
  readonly #options: StateViewOptions;
  readonly #states = new Map<string, DeviceState>();
  #inFlight = 0;
  /** Time before which nothing is due, so that a fleet is not searched at every tick. Milliseconds since 1970. */
  #nextDue = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: StateViewOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => this.#refresh(), TICK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  noteScrape(scrape: Scrape): void {
    // Nothing is published, so the values of a large fleet are not kept.
    if (this.#options.settings.state === "off") return;
    const state = this.#stateOf(scrape.device);
    const noLimit = this.#options.settings.noLimit === "null" ? scrape.noLimit : undefined;
    const { points } = deviceText(scrape.device);
    for (let i = 0; i < points.length; i++) {
      const { name } = points[i]!;
      const value = scrape.values.get(name);
      if (value !== undefined) state.values[i] = noLimit?.has(name) ? null : value;
    }
    state.observedAt = scrape.observedAt ?? scrape.takenAt;
    state.partial = scrape.failures.size > 0;
    if (this.#mayPublish(state)) this.#publish(state, false);
  }

  noteAvailability(change: AvailabilityChange): void {
    const state = this.#stateOf(change.device);
    state.change = change;
    state.reasonSent = false;
    if (!this.#mayPublish(state)) return;
    this.#publishAvailability(state);
    // A device becomes online by a scrape, which comes here next with its own values.
    if (change.availability !== "online") this.#publish(state, false);
  }

  noteLimitEnds({ device, ends }: LimitEnds): void {
    const state = this.#stateOf(device);
    state.ends = ends;
    // The first scrape, or change of availability, publishes it.
    const isKnown = state.observedAt !== undefined || state.change !== undefined;
    if (isKnown && this.#mayPublish(state)) this.#publish(state, false);
  }

  /** Publishes the values of a device again that was not written as requested: a display may show the request. */
  noteWrite({ device, status }: Write): void {
    if (status === undefined || status === "confirmed" || status === "accepted") return;
    const state = this.#states.get(device.path);
    if (state) this.#makeDue(state);
  }

  /** Publishes everything known again. Call it after a connect. */
  republish(): void {
    for (const state of this.#states.values()) {
      state.reasonSent = false;
      this.#makeDue(state);
    }
    this.#refresh();
  }

  /** Call it when a device is gone for good. */
  forgetDevice(path: string): void {
    this.#states.delete(path);
  }

  #stateOf(device: DeviceInfo): DeviceState {
    const known = this.#states.get(device.path);
    if (known?.device === device) return known;
    const state: DeviceState = {
      device,
      values: this.#options.settings.state === "off" ? [] : valuesFor(device, known),
      published: [],
      publishedQuality: undefined,
      observedAt: known?.observedAt,
      partial: known?.partial ?? false,
      change: known?.change,
      reasonSent: false,
      ends: known?.ends ?? NO_ENDS,
      publishedEnds: "",
      publishedAt: Number.NEGATIVE_INFINITY,
    };
    this.#states.set(device.path, state);
    this.#nextDue = Number.NEGATIVE_INFINITY;
    return state;
  }

  #refresh(): void {
    const { link, now, settings } = this.#options;
    const time = now().getTime();
    const refreshMs = settings.stateRefreshSeconds * 1000;
    // After the clock was set back, everything is published again.
    const isQuiet = time < this.#nextDue && this.#nextDue <= time + refreshMs;
    if (!link.up || isQuiet) return;
    let oldest = time;
    for (const state of this.#states.values()) {
      if (state.publishedAt <= time - refreshMs || state.publishedAt > time) {
        if (!this.#mayPublish(state)) return;
        this.#publishAvailability(state);
        this.#publish(state, true);
      }
      oldest = Math.min(oldest, state.publishedAt);
    }
    this.#nextDue = oldest + refreshMs;
  }

  /** Returns whether to publish now; otherwise the device is due with the next tick, or after the next connect. */
  #mayPublish(state: DeviceState): boolean {
    if (this.#options.link.up && this.#inFlight < MOST_IN_FLIGHT) return true;
    this.#makeDue(state);
    return false;
  }

  #makeDue(state: DeviceState): void {
    state.publishedAt = Number.NEGATIVE_INFINITY;
    this.#nextDue = Number.NEGATIVE_INFINITY;
  }

  /** Publishes the values that changed, or all. */
  #publish(state: DeviceState, all: boolean): void {
    const { settings, topics, now } = this.#options;
    if (all) state.publishedAt = now().getTime();
    if (settings.state === "off") return;
    const { device, values, published } = state;
    const { points } = deviceText(device);
    const news: number[] = [];
    for (let i = 0; i < points.length; i++)
      if (hasChanged(points[i]!, published[i], values[i] ?? null)) news.push(i);
    const quality = qualityOf(state);
    const isChange = news.some((i) => !device.movingTimes?.has(points[i]!.name));
    const ends = endsText(state);
    const isEndsNews = ends !== state.publishedEnds;
    const due = all || isChange || isEndsNews || quality !== state.publishedQuality;
    if (!due) return;
    state.publishedEnds = ends;
    state.published = Array.from(points, (_, i) => values[i] ?? null);
    state.publishedQuality = quality;
    state.publishedAt = now().getTime();
    if (settings.state === "json" || settings.state === "both")
      this.#send(state, topics.state(device.path), stateText(state, quality, ends));
    if (settings.state === "attribute" || settings.state === "both") {
      for (const i of all ? points.keys() : news)
        this.#send(state, topics.attribute(device.path, points[i]!.name), bareValue(values[i] ?? null));
      if (ends !== "" && (all || isEndsNews)) this.#send(state, topics.limitEnds(device.path), ends);
    }
  }

  #publishAvailability(state: DeviceState): void {
    const { settings, topics, now } = this.#options;
    const { change, device, reasonSent } = state;
    if (change === undefined) return;
    if (settings.state === "off") state.publishedAt = now().getTime();
    const { availability, since, reason = null, isUnreachable = false } = change;
    this.#send(state, topics.availability(device.path), availability);
    if (reasonSent) return;
    state.reasonSent = true;
    const text = { device: device.path, availability, since, reason, unreachable: isUnreachable };
    this.#send(state, topics.ofDevice("availability", device.path), JSON.stringify(text));
  }

  #send(state: DeviceState, topic: string, payload: string): void {
    this.#inFlight++;
    void this.#options.sender.sendMeasured({ topic, payload, qos: 1, retain: true }).then((outcome) => {
      this.#inFlight--;
      // Published again with the next tick, or after the next connect.
      if (outcome !== "dropped") return;
      state.reasonSent = false;
      this.#makeDue(state);
    });
  }
}

/** Returns the known values of a device, in the order of its present points. */
function valuesFor(device: DeviceInfo, known: DeviceState | undefined): (PointValue | undefined)[] {
  const { points } = deviceText(device);
  const values = new Array<PointValue | undefined>(points.length).fill(undefined);
  if (!known) return values;
  const places = new Map(deviceText(known.device).points.map(({ name }, place) => [name, place]));
  return points.map(({ name }) => known.values[places.get(name) ?? -1]);
}

function qualityOf(state: DeviceState): Quality {
  const availability = state.change?.availability;
  if (availability === "stale" || availability === "offline") return availability;
  return state.partial ? "partial" : "good";
}

const NO_ENDS: LimitEnds["ends"] = new Map();

/** Returns `{"<point>": time or null, …}` of the points that the bridge limits; empty text where the device has none to limit. */
function endsText({ device, ends }: DeviceState): string {
  const { points } = deviceText(device);
  if (ends.size === 0) return points.some(({ writable }) => writable) ? "{}" : "";
  return JSON.stringify(
    Object.fromEntries(points.flatMap(({ name }) => (ends.has(name) ? [[name, ends.get(name)]] : []))),
  );
}

/** Returns `{"observedAt","quality","ends","<point>": value, …}` with every published point, null when unknown. */
function stateText(state: DeviceState, quality: Quality, ends: string): string {
  const { points, keys } = deviceText(state.device);
  const members = [
    `"observedAt":${JSON.stringify(state.observedAt ?? null)}`,
    `"quality":${JSON.stringify(quality)}`,
    ...(ends === "" ? [] : [`"ends":${ends}`]),
  ];
  for (let i = 0; i < points.length; i++) members.push(keys[i]! + valueText(state.values[i] ?? null));
  return `{${members.join(",")}}`;
}
