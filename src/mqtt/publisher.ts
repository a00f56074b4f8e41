import type { MqttSettings } from "../config/settings.ts";
import type { PointValue, Scrape, Write } from "../points/index.ts";
import { answerHeaders } from "./answers.ts";
import { changed } from "./change.ts";
import type { Message } from "./link.ts";
import {
  deviceText,
  type HeaderPlaces,
  type Headers,
  headerPlaces,
  jsonPoint,
  jsonReading,
  pointMetadata,
  readingHeaders,
  userProperties,
  valuesText,
  volttronMessage,
} from "./payloads.ts";
import type { Topics } from "./topics.ts";

/** Takes a finished message off the publisher's hands; what becomes of it is not the publisher's business. */
export type Deliver = (message: Message) => void;

export interface PublisherOptions {
  readonly settings: Pick<MqttSettings, "payload" | "headers" | "qos" | "retain">;
  readonly topics: Topics;
  readonly protocolVersion: () => 4 | 5;
  readonly deliver: Deliver;
  readonly now: () => Date;
}

/**
 * The VOLTTRON view. The `all` topics carry every scrape in full; a point with `Publish` = change is left out of its own
 * topics while it stays within its Deadband; one with `Publish` = never is on no topic.
 */
export class Publisher {
  readonly #options: PublisherOptions;
  /** Values last sent on a point's own topics, where `Publish` = change: device path → point → value. */
  readonly #told = new Map<string, Map<string, PointValue>>();

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** Publishes one scrape in every view its device has. */
  publish(scrape: Scrape): void {
    const { topics, settings } = this.#options;
    const { path, publish: views } = scrape.device;
    const headers = readingHeaders(scrape);
    if (views.depthFirstAll || views.breadthFirstAll) {
      const payload =
        settings.payload === "json"
          ? jsonReading(scrape)
          : this.#volttron(valuesText(scrape), deviceText(scrape.device).allMetadata, headers);
      if (views.depthFirstAll) this.#send(topics.allDepthFirst(path), payload, headers);
      if (views.breadthFirstAll) this.#send(topics.allBreadthFirst(path), payload, headers);
    }
    if (views.depthFirst || views.breadthFirst) this.#publishPoints(scrape, headers);
  }

  /** Announces an attempted write: what was asked, by whom. */
  announce(write: Write): void {
    if (write.status !== undefined) return;
    const { device, point } = write;
    const known = point === undefined ? undefined : device.points.get(point);
    const headers = answerHeaders(write, this.#options.now(), { action: write.action });
    const metadata = known ? pointMetadata(known, device.timezone) : "{}";
    const payload = this.#volttron(JSON.stringify(write.requested), metadata, headers);
    this.#send(this.#options.topics.write(device.path, point), payload, headers, false);
  }

  /** The next scrape tells every point again, changed or not. */
  forget(): void {
    this.#told.clear();
  }

  /** A device went. */
  forgetDevice(path: string): void {
    this.#told.delete(path);
  }

  #publishPoints(scrape: Scrape, headers: Headers): void {
    const { topics, settings } = this.#options;
    const { path, publish: views } = scrape.device;
    const { points, metadata } = deviceText(scrape.device);
    const told = this.#told.get(path) ?? new Map<string, PointValue>();
    this.#told.set(path, told);
    for (const point of points) {
      const value = scrape.values.get(point.name);
      if (value === undefined) continue;
      if (point.publish === "change") {
        if (!changed(point, told.get(point.name), value)) continue;
        told.set(point.name, value);
      }
      const payload =
        settings.payload === "json"
          ? jsonPoint(scrape, point, value)
          : this.#volttron(JSON.stringify(value), metadata.get(point.name)!, headers);
      if (views.depthFirst) this.#send(topics.pointDepthFirst(path, point.name), payload, headers);
      if (views.breadthFirst) this.#send(topics.pointBreadthFirst(path, point.name), payload, headers);
    }
  }

  #volttron(value: string, metadata: string, headers: Headers): string {
    return volttronMessage(value, metadata, this.#places().inPayload ? headers : undefined);
  }

  #send(topic: string, payload: string, headers: Headers, retain = this.#options.settings.retain): void {
    const properties = this.#places().inProperties ? { userProperties: userProperties(headers) } : {};
    this.#options.deliver({ topic, payload, qos: this.#options.settings.qos, retain, ...properties });
  }

  #places(): HeaderPlaces {
    return headerPlaces(this.#options.settings.headers, this.#options.protocolVersion());
  }
}
