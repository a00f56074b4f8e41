import type { HistorianSettings } from "../../config/index.ts";
import { matches } from "../../points/index.ts";
import type { Sample } from "../contract.ts";
import { whyUnstorable } from "../storable.ts";
import { type Capture, type CaptureKind, captures } from "./capture.ts";
import { headerTime, type MessageHeaders, mergeHeaders, openEnvelope } from "./headers.ts";
import {
  type Ignored,
  IgnoredError,
  type Ingested,
  type IngestMessage,
  type LateSamples,
  NONE_LATE,
} from "./message.ts";
import { readDeviceMessage, readLogPoint, topicMeta } from "./message-bodies.ts";
import { Naming } from "./naming.ts";
import { isObject, type Json, readJson } from "./payload.ts";

/** A parsed message: its body and the headers of its envelope and properties. */
interface Opened {
  readonly message: IngestMessage;
  readonly kind: CaptureKind;
  readonly body: Json;
  readonly headers: MessageHeaders;
}

/** Turns messages of any publisher into samples by VOLTTRON's rules. Keeps no state between messages. */
export class Ingest {
  readonly #settings: HistorianSettings;
  readonly #naming: Naming;
  readonly #captures: readonly Capture[];

  constructor(settings: HistorianSettings) {
    this.#settings = settings;
    this.#naming = new Naming(settings);
    this.#captures = captures(settings);
  }

  /** Filters to subscribe to, without the base topic; each filter once. */
  get filters(): readonly string[] {
    return [...new Set(this.#captures.map(({ filter }) => filter))];
  }

  /** Returns the samples of a message, and what is ignored and why. Never throws because of a message's content. */
  ingest(message: IngestMessage): Ingested {
    try {
      return this.#ingest(message);
    } catch (error) {
      if (error instanceof IgnoredError) return { samples: [], late: NONE_LATE, ignored: [error] };
      throw error;
    }
  }

  #ingest(message: IngestMessage): Ingested {
    const { topic, payload, userProperties } = message;
    const kind = this.#captures.find(({ filter }) => matches(filter, topic))?.kind;
    if (kind === undefined) throw new IgnoredError("not_captured", "no setting captures this topic");
    if (kind === "devices") checkDeviceTopic(topic);
    const { body, headers: envelope } = openEnvelope(readJson(payload));
    const opened = { message, kind, body, headers: mergeHeaders(envelope, userProperties) };
    if (kind === "record") return this.#record(opened);
    return kind === "datalogger" ? this.#log(opened) : this.#values(opened);
  }

  /** Reads `devices/<path>/all` and `analysis/<path>[/all]`: the first level and `all` are not part of the name. */
  #values({ message, kind, body, headers: outer }: Opened): Ingested {
    const { values, metadata, headers } = readDeviceMessage(body);
    const names = this.#settings.syncTimestamp ? SYNCHRONIZED : PLAIN;
    const own = headerTime(new Map([...outer, ...mergeHeaders(headers)]), names);
    const time = timeOf(own, message);
    const topic = message.topic.replace(/\/$/, "");
    const naming = this.#naming.deviceOfTopic(topic.endsWith("/all") ? topic : `${topic}/all`);
    const filtered = kind === "devices";
    const samples: Sample[] = [];
    const ignored: Ignored[] = [];
    for (const [point, value] of Object.entries(values)) {
      if (filtered && !naming.keeps(point)) continue;
      const meta = topicMeta(Object.hasOwn(metadata, point) ? metadata[point] : undefined, value);
      addSample(nameOf(naming.path, point), { time, value, meta }, samples, ignored);
    }
    if (samples.length === 0 && ignored.length === 0)
      throw Object.keys(values).length === 0
        ? new IgnoredError("no_values", "the message has no values")
        : new IgnoredError("filtered", "historian.device_data_filter excludes all of its points");
    return { ...this.#split(samples, message, kind), ignored };
  }

  /** Reads `datalogger/<path>`: each point has its own readings. The stored name keeps the first level. */
  #log({ message, kind, body }: Opened): Ingested {
    if (!isObject(body) || Object.keys(body).length === 0)
      throw new IgnoredError("no_values", "the message must be an object of points with Readings and Units");
    const name = this.#naming.rename(message.topic);
    const samples: Sample[] = [];
    const ignored: Ignored[] = [];
    for (const [point, item] of Object.entries(body)) {
      try {
        const { metadata, readings } = readLogPoint(point, item);
        for (const { time: own, value } of readings) {
          const time = timeOf(own, message);
          addSample(nameOf(name, point), { time, value, meta: topicMeta(metadata, value) }, samples, ignored);
        }
      } catch (error) {
        if (!(error instanceof IgnoredError)) throw error;
        ignored.push(error);
      }
    }
    return { ...this.#split(samples, message, kind), ignored };
  }

  /** Reads `record/<any>`, with any JSON. The stored name is the topic. */
  #record({ message, kind, body, headers }: Opened): Ingested {
    const time = timeOf(headerTime(headers, ["Date", "TimeStamp"]), message);
    const samples: Sample[] = [];
    const ignored: Ignored[] = [];
    const meta = topicMeta(undefined, body);
    addSample(this.#naming.rename(message.topic), { time, value: body, meta }, samples, ignored);
    return { ...this.#split(samples, message, kind), ignored };
  }

  /** Separates samples whose time differs from the arrival of their message by more than `time_tolerance`. */
  #split(
    samples: readonly Sample[],
    { arrivedAt }: IngestMessage,
    kind: CaptureKind,
  ): { readonly samples: readonly Sample[]; readonly late: LateSamples } {
    const { timeToleranceSeconds: tolerance, timeToleranceTopics: kinds } = this.#settings;
    if (tolerance === undefined || !kinds.includes(kind)) return { samples, late: NONE_LATE };
    const isLate = ({ time }: Sample) => Math.abs(arrivedAt - time) > tolerance * 1_000_000;
    const late = samples.filter(isLate);
    const [first] = late;
    if (!first) return { samples, late: NONE_LATE };
    const seconds = Math.round(Math.abs(arrivedAt - first.time) / 1e6);
    const side = first.time < arrivedAt ? "before" : "after";
    const detail = `its time is ${seconds} s ${side} its arrival; historian.time_tolerance allows ${tolerance} s`;
    return { samples: samples.filter((sample) => !isLate(sample)), late: { samples: late, detail } };
  }
}

/** Headers with the time of device data, the first one present counts. */
const PLAIN = ["TimeStamp", "Date"];
const SYNCHRONIZED = ["SynchronizedTimeStamp", ...PLAIN];

/** Returns a value's own time, or else the arrival time of its message. */
function timeOf(own: number | undefined, { retained, arrivedAt }: IngestMessage): number {
  if (own === undefined && retained)
    throw new IgnoredError("retained_without_time", "a retained message without a time has no known age");
  return own ?? arrivedAt;
}

/** Accepts only `devices/<path>/all`: other device topics repeat the same values or carry no readings. */
function checkDeviceTopic(topic: string): void {
  if (topic.startsWith("devices/actuators/"))
    throw new IgnoredError("actuators", "commands and their results are not readings");
  if (!topic.endsWith("/all") || topic.startsWith("devices/all/"))
    throw new IgnoredError("not_all", "devices/<path>/all is the only device topic that is stored");
}

/** Returns the topic of a point; empty for a point without a name. */
function nameOf(path: string, point: string): string {
  if (path === "") throw new IgnoredError("bad_name", "its topic has no device path");
  return point === "" ? "" : `${path}/${point}`;
}

function addSample(topic: string, rest: Omit<Sample, "topic">, samples: Sample[], ignored: Ignored[]): void {
  const sample = { topic, ...rest };
  const fault = whyUnstorable(sample);
  if (fault === undefined) samples.push(sample);
  else ignored.push({ reason: "bad_name", detail: fault });
}
