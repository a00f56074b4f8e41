import { asLevel } from "../../config/devices/topic-template.ts";
import type { DeviceInfo, PortEnergy, SessionEvent, SessionOutlet } from "../../points/index.ts";
import type { DirectSender } from "../broker/direct-sender.ts";
import type { Link } from "../broker/link.ts";
import type { Topics } from "../topics.ts";

interface SessionTopicsOptions {
  readonly link: Link;
  readonly sender: DirectSender;
  readonly topics: Topics;
  /** By path. */
  readonly devices: ReadonlyMap<string, DeviceInfo>;
}

/** Takes the place of an unknown port in a topic. */
const NO_PORT = "-";

/**
 * Publishes session events (`…/session/<station>/<port>`, not retained) and the lifetime energy of the ports
 * (`…/energy/<station>/<port>`, and `…/energy/<device path>/<port>` of a station that is a device; retained), each acknowledged by
 * the broker.
 */
export class SessionTopics implements SessionOutlet {
  readonly #options: SessionTopicsOptions;

  constructor(options: SessionTopicsOptions) {
    this.#options = options;
  }

  event({ event, id, stationID, port, session }: SessionEvent) {
    const topic = this.#options.topics.session("session", asLevel(stationID), asLevel(port ?? NO_PORT));
    return this.#send(topic, { event, id, stationID, port, ...session }, false);
  }

  async energy({ stationID, port, ...energy }: PortEnergy) {
    const { topics } = this.#options;
    const body = { stationID, port, ...energy };
    const byStation = topics.session("energy", asLevel(stationID), asLevel(port));
    const outcome = await this.#send(byStation, body, true);
    const path = this.#pathOf(stationID);
    if (path === undefined || outcome === "dropped") return outcome;
    const byPath = topics.deviceEnergy(path, asLevel(port));
    const outcomeByPath =
      byPath === byStation ? outcome : await this.#send(byPath, { device: path, ...body }, true);
    return outcomeByPath === "dropped" ? "dropped" : outcome;
  }

  #pathOf(stationID: string): string | undefined {
    for (const device of this.#options.devices.values())
      if (device.stationID === stationID) return device.path;
    return undefined;
  }

  async #send(topic: string, body: object, retain: boolean) {
    const { link, sender } = this.#options;
    // It waits in the tables: no loss to count.
    if (!link.up) return "dropped";
    return await sender.sendMeasured({ topic, payload: JSON.stringify(body), qos: 1, retain });
  }
}
