import type { MqttSettings } from "../../config/settings.ts";
import type { AvailabilityChange, DeviceInfo, PointValue, Scrape } from "../../points/index.ts";
import type { Delivery } from "../broker/delivery.ts";
import type { Link } from "../broker/link.ts";
import { bareValue, deviceText, hasChanged, valueText } from "../payloads.ts";
import type { Topics } from "../topics.ts";

/** What the state topic says of all values together. */
type Quality = "good" | "partial" | "stale" | "offline";

export interface StateViewOptions {
  readonly settings: Pick<MqttSettings, "state" | "stateRefreshSeconds" | "noLimit">;
  readonly topics: Topics;
  readonly link: Link;
  readonly delivery: Delivery;
  readonly now: () => Date;
}

interface DeviceState {
  readonly device: DeviceInfo;
  /** Last known values in the order of the published points; a point that fails keeps the one it had. */
  readonly values: (PointValue | undefined)[];
  /** Values as last published, in the same order, for telling a change. */
  told: (PointValue | undefined)[];
  toldQuality: Quality | undefined;
  observedAt: Date | undefined;
  partial: boolean;
  availability: AvailabilityChange["availability"] | undefined;
  /** Milliseconds since 1970; -Infinity makes it due. */
  toldAt: number;
}

/** No more is begun while so many messages are on their way; a tick soon tells the rest, as it is then. */
const MOST_UNDER_WAY = 5000;
const TICK_MS = 1000;

/**
 * The state view: last known values, retained, on change (Deadband respected) and at least every `state_refresh` seconds,
 * and each device's availability. A device says nothing before its first scrape or its first change of availability, so
 * that a restart does not wipe what is known. A limit that is not in force is null. Times that move though nothing has
 * changed are published with the next change of something else. `quality` is `good` (the last scrape read every point), `partial` (some
 * points failed and show their last known value), or the availability where that is not online.
 */
export class StateView {
  readonly #options: StateViewOptions;
  readonly #states = new Map<string, DeviceState>();
  #underWay = 0;
  /** Nothing is due before: a fleet is not looked through at every tick. Milliseconds since 1970. */
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

  scrape(scrape: Scrape): void {
    // Nobody is told: what a large fleet has need not be kept.
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
    if (this.#mayTell(state)) this.#publish(state, false);
  }

  availability(change: AvailabilityChange): void {
    const state = this.#stateOf(change.device);
    state.availability = change.availability;
    if (!this.#mayTell(state)) return;
    this.#publishAvailability(state);
    // What makes a device online is a scrape, which is on its way here with values of its own time.
    if (change.availability !== "online") this.#publish(state, false);
  }

  /** After a connect: everything known is published again. */
  republish(): void {
    for (const state of this.#states.values()) this.#makeDue(state);
    this.#refresh();
  }

  /** The device is gone: nothing is said of it any more. */
  forget(path: string): void {
    this.#states.delete(path);
  }

  #stateOf(device: DeviceInfo): DeviceState {
    const known = this.#states.get(device.path);
    if (known?.device === device) return known;
    const state: DeviceState = {
      device,
      values: this.#options.settings.state === "off" ? [] : valuesFor(device, known),
      told: [],
      toldQuality: undefined,
      observedAt: known?.observedAt,
      partial: known?.partial ?? false,
      availability: known?.availability,
      toldAt: Number.NEGATIVE_INFINITY,
    };
    this.#states.set(device.path, state);
    this.#nextDue = Number.NEGATIVE_INFINITY;
    return state;
  }

  #refresh(): void {
    const { link, now, settings } = this.#options;
    const time = now().getTime();
    const refreshMs = settings.stateRefreshSeconds * 1000;
    // After a clock that was set back everything is told again.
    const isQuiet = time < this.#nextDue && this.#nextDue <= time + refreshMs;
    if (!link.up || isQuiet) return;
    let oldest = time;
    for (const state of this.#states.values()) {
      if (state.toldAt <= time - refreshMs || state.toldAt > time) {
        if (!this.#mayTell(state)) return;
        this.#publishAvailability(state);
        this.#publish(state, true);
      }
      oldest = Math.min(oldest, state.toldAt);
    }
    this.#nextDue = oldest + refreshMs;
  }

  /** What is not told now is due with the next tick, or after the next connect. */
  #mayTell(state: DeviceState): boolean {
    if (this.#options.link.up && this.#underWay < MOST_UNDER_WAY) return true;
    this.#makeDue(state);
    return false;
  }

  #makeDue(state: DeviceState): void {
    state.toldAt = Number.NEGATIVE_INFINITY;
    this.#nextDue = Number.NEGATIVE_INFINITY;
  }

  /** Publishes what changed, or all. */
  #publish(state: DeviceState, all: boolean): void {
    const { settings, topics, now } = this.#options;
    if (all) state.toldAt = now().getTime();
    if (settings.state === "off") return;
    const { device, values, told } = state;
    const { points } = deviceText(device);
    const news: number[] = [];
    for (let i = 0; i < points.length; i++)
      if (hasChanged(points[i]!, told[i], values[i] ?? null)) news.push(i);
    const quality = qualityOf(state);
    const isChange = news.some((i) => !device.movingTimes?.has(points[i]!.name));
    const due = all || isChange || quality !== state.toldQuality;
    if (!due) return;
    state.told = Array.from(points, (_, i) => values[i] ?? null);
    state.toldQuality = quality;
    state.toldAt = now().getTime();
    if (settings.state === "json" || settings.state === "both")
      this.#send(state, topics.state(device.path), stateText(state, quality));
    if (settings.state === "attribute" || settings.state === "both") {
      for (const i of all ? points.keys() : news)
        this.#send(state, topics.attribute(device.path, points[i]!.name), bareValue(values[i] ?? null));
    }
  }

  #publishAvailability(state: DeviceState): void {
    const { settings, topics, now } = this.#options;
    if (state.availability === undefined) return;
    if (settings.state === "off") state.toldAt = now().getTime();
    this.#send(state, topics.availability(state.device.path), state.availability);
  }

  #send(state: DeviceState, topic: string, payload: string): void {
    this.#underWay++;
    void this.#options.delivery.sendMeasured({ topic, payload, qos: 1, retain: true }).then((outcome) => {
      this.#underWay--;
      // Told again with the next tick, or after the next connect.
      if (outcome === "dropped") this.#makeDue(state);
    });
  }
}

/** What is known of a device, in the order of its points as they are now. */
function valuesFor(device: DeviceInfo, known: DeviceState | undefined): (PointValue | undefined)[] {
  const { points } = deviceText(device);
  const values = new Array<PointValue | undefined>(points.length).fill(undefined);
  if (!known) return values;
  const places = new Map(deviceText(known.device).points.map(({ name }, place) => [name, place]));
  return points.map(({ name }) => known.values[places.get(name) ?? -1]);
}

function qualityOf(state: DeviceState): Quality {
  if (state.availability === "stale" || state.availability === "offline") return state.availability;
  return state.partial ? "partial" : "good";
}

/** `{"observedAt","quality","<point>": value, …}` with every published point, null when unknown. */
function stateText(state: DeviceState, quality: Quality): string {
  const { points, keys } = deviceText(state.device);
  const members = [
    `"observedAt":${JSON.stringify(state.observedAt ?? null)}`,
    `"quality":${JSON.stringify(quality)}`,
  ];
  for (let i = 0; i < points.length; i++) members.push(keys[i]! + valueText(state.values[i] ?? null));
  return `{${members.join(",")}}`;
}
