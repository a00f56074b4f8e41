import { type AvailabilityChange, isClockSet, type PointValue } from "../../points/index.ts";
import type { Clock } from "../../time/clock.ts";
import type { Sample, TopicMeta } from "../contract.ts";
import { timeOf } from "../time.ts";
import type { Loss } from "./losses.ts";
import {
  type AvailabilityNote,
  availabilityTopic,
  type LossNote,
  lossTopic,
  type RunNote,
  runTopic,
  skipTopic,
  unchangedTopic,
} from "./own-topics.ts";

const META: TopicMeta = { units: "", type: "dictionary", tz: "UTC" };

const COUNT_META: TopicMeta = { units: "", type: "integer", tz: "UTC" };

/** Creates the bridge's notes about itself as samples. */
export class BridgeNotes {
  readonly #instance: string;
  readonly #version: string;
  readonly #clock: Clock;
  #startedAt: Date;

  constructor({ instance, version, clock }: { instance: string; version: string; clock: Clock }) {
    this.#instance = instance;
    this.#version = version;
    this.#clock = clock;
    this.#startedAt = this.#now();
  }

  /** Notes that the bridge runs, replacing its previous note. If the clock was not set at the start, the run starts when it is. */
  run(ended: boolean): Sample {
    if (!isClockSet(this.#startedAt)) this.#startedAt = this.#now();
    const note: RunNote = { version: this.#version, until: this.#now().toISOString(), ended };
    return this.#sample(runTopic(this.#instance), note, this.#startedAt);
  }

  availability({ device, availability, since, reason = "" }: AvailabilityChange, path: string): Sample {
    const note: AvailabilityNote = { availability, reason, interval: device.intervalSeconds };
    return this.#sample(availabilityTopic(this.#instance, path), note, since);
  }

  unchanged(path: string, values: number, time: number): Sample {
    return { topic: unchangedTopic(this.#instance, path), time, value: values, meta: COUNT_META };
  }

  skip(path: string, text: string): Sample {
    return this.#sample(skipTopic(this.#instance, path), text, this.#now());
  }

  loss({ reason, values, from, to, store }: Loss): Sample {
    const note: LossNote = {
      reason,
      values,
      from: new Date(from).toISOString(),
      to: new Date(to).toISOString(),
      ...(store !== undefined && { store }),
    };
    return this.#sample(lossTopic(this.#instance), note, this.#now());
  }

  #now(): Date {
    return new Date(this.#clock.now());
  }

  #sample(topic: string, value: PointValue, at: Date): Sample {
    return { topic, time: timeOf(at), value, meta: META };
  }
}
