import { asLevel } from "../../config/devices/topic-template.ts";
import type { PortEnergy, SessionEvent, SessionOutlet } from "../../points/index.ts";
import type { DirectSender } from "../broker/direct-sender.ts";
import type { Link } from "../broker/link.ts";
import type { Topics } from "../topics.ts";

interface SessionTopicsOptions {
  readonly link: Link;
  readonly sender: DirectSender;
  readonly topics: Topics;
}

/** Takes the place of an unknown port in a topic. */
const NO_PORT = "-";

/**
 * Publishes session events (`…/session/<station>/<port>`, not retained) and the lifetime energy of the ports
 * (`…/energy/<station>/<port>`, retained), each acknowledged by the broker.
 */
export class SessionTopics implements SessionOutlet {
  readonly #options: SessionTopicsOptions;

  constructor(options: SessionTopicsOptions) {
    this.#options = options;
  }

  event({ event, id, stationID, port, session }: SessionEvent) {
    return this.#send("session", stationID, port, { event, id, stationID, port, ...session }, false);
  }

  energy({ stationID, port, ...energy }: PortEnergy) {
    return this.#send("energy", stationID, port, { stationID, port, ...energy }, true);
  }

  async #send(
    kind: "session" | "energy",
    station: string,
    port: string | null,
    body: object,
    retain: boolean,
  ) {
    const { link, sender, topics } = this.#options;
    // It waits in the tables: no loss to count.
    if (!link.up) return "dropped";
    const topic = topics.session(kind, asLevel(station), port === null ? NO_PORT : asLevel(port));
    return await sender.sendMeasured({ topic, payload: JSON.stringify(body), qos: 1, retain });
  }
}
