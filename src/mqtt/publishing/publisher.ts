import type { MqttSettings } from "../../config/index.ts";
import { hasChanged, type PointValue, type Scrape, type Write } from "../../points/index.ts";
import type { Message } from "../broker/link.ts";
import { answerHeaders } from "../commands/answers.ts";
import {
  busMessage,
  deviceText,
  jsonPoint,
  jsonReading,
  pointMetadata,
  readingHeaders,
  userProperties,
  valuesText,
  volttronMessage,
} from "../payloads.ts";
import type { Topics } from "../topics.ts";
import type { Reading, Sending } from "./reading.ts";

export interface PublisherOptions {
  readonly settings: Pick<MqttSettings, "payload" | "answers">;
  readonly topics: Topics;
  /** Publishes the readings of scrapes, reliably. */
  readonly deliver: (reading: Reading) => void;
  /** Publishes an announcement, now or never. */
  readonly announce: (message: Message) => void;
  readonly sending: () => Sending;
  readonly protocolVersion: () => 4 | 5;
  readonly now: () => Date;
}

/**
 * Publishes the VOLTTRON view. The `all` topics carry every scrape in full; a point with `Publish` = change is left out of its own
 * topics while it stays within its Deadband; one with `Publish` = never is on no topic.
 */
export class Publisher {
  readonly #options: PublisherOptions;
  /** Values last sent on a point's own topics, where `Publish` = change: device path → point → value. */
  readonly #published = new Map<string, Map<string, PointValue>>();
  /** Text of the last headers: many devices are read at the same time. */
  #headers = { takenAt: Number.NaN, synchronizedAt: Number.NaN, text: "" };

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** Publishes one scrape in every view its device has. */
  publishScrape(scrape: Scrape): void {
    const { topics, settings, deliver } = this.#options;
    const { path, publish: views } = scrape.device;
    const headers = this.#headersOf(scrape);
    if (views.depthFirstAll || views.breadthFirstAll) {
      const { text, count: samples } = valuesText(scrape);
      const body: Reading["body"] =
        settings.payload === "json"
          ? [jsonReading(scrape, text)]
          : [text, deviceText(scrape.device).allMetadata];
      const reading = { body, headers, samples, time: scrape.takenAt.getTime() };
      if (views.depthFirstAll) deliver({ topic: topics.allDepthFirst(path), ...reading });
      if (views.breadthFirstAll) deliver({ topic: topics.allBreadthFirst(path), ...reading });
    }
    if (views.depthFirst || views.breadthFirst) this.#publishPoints(scrape, headers);
  }

  /** Announces an attempted write: the request and its requester; with a `status`, also the outcome. */
  announceWrite(write: Write): void {
    if (this.#options.settings.answers === "volttron") {
      this.#announceAsActuator(write);
      return;
    }
    const { topics, announce, sending, now } = this.#options;
    const { device, point } = write;
    const known = point === undefined ? undefined : device.points.get(point);
    const { action, via, from, status, readBack, code, text, error, tookMs } = write;
    const more = { action, via, from, status, readBack, code, text, type: error, tookMs };
    const headers = answerHeaders(write, now(), more);
    const metadata = known ? pointMetadata(known, device.timezone) : "{}";
    const { qos, places } = sending();
    const shown = places.inPayload ? headers : undefined;
    announce({
      topic: topics.write(device.path, point),
      payload: volttronMessage(JSON.stringify(write.requested), metadata, shown),
      qos,
      retain: false,
      ...(places.inProperties && { userProperties: userProperties(headers) }),
    });
  }

  /** Announces a set that the device took, as VOLTTRON's actuator does: afterwards, and by its value alone. */
  #announceAsActuator(write: Write): void {
    const { topics, announce, sending, protocolVersion, now } = this.#options;
    const { device, point, action, status, error, via } = write;
    const isTaken =
      error === undefined && status !== undefined && status !== "refused" && status !== "failed";
    if (action !== "set" || !isTaken) return;
    announce({
      topic: topics.write(device.path, point),
      qos: sending().qos,
      retain: false,
      ...busMessage(write.requested, answerHeaders(write, now(), { via, status }), protocolVersion()),
    });
  }

  /** Makes the next scrapes publish every point again, changed or not. */
  forgetValues(): void {
    this.#published.clear();
  }

  /** Call it when a device is gone. */
  forgetDevice(path: string): void {
    this.#published.delete(path);
  }

  #headersOf(scrape: Scrape): string {
    const takenAt = scrape.takenAt.getTime();
    const synchronizedAt = scrape.synchronizedAt.getTime();
    const last = this.#headers;
    if (last.takenAt !== takenAt || last.synchronizedAt !== synchronizedAt)
      this.#headers = { takenAt, synchronizedAt, text: JSON.stringify(readingHeaders(scrape)) };
    return this.#headers.text;
  }

  #publishPoints(scrape: Scrape, headers: string): void {
    const { topics, settings, deliver } = this.#options;
    const { path, publish: views } = scrape.device;
    const { points, metadata } = deviceText(scrape.device);
    const last = this.#published.get(path) ?? new Map<string, PointValue>();
    this.#published.set(path, last);
    for (const [i, point] of points.entries()) {
      const value = scrape.values.get(point.name);
      if (value === undefined) continue;
      if (point.publish === "change") {
        if (!hasChanged(point, last.get(point.name), value)) continue;
        last.set(point.name, value);
      }
      const body: Reading["body"] =
        settings.payload === "json"
          ? [jsonPoint(scrape, point, value)]
          : [JSON.stringify(value), metadata[i]!];
      const reading = { body, headers, samples: 1, time: scrape.takenAt.getTime() };
      if (views.depthFirst) deliver({ topic: topics.pointDepthFirst(path, point.name), ...reading });
      if (views.breadthFirst) deliver({ topic: topics.pointBreadthFirst(path, point.name), ...reading });
    }
  }
}
