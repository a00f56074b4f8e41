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
 * the broker. A broker that has lost the retained messages gets them again.
 */
export class SessionTopics implements SessionOutlet {
  readonly #options: SessionTopicsOptions;
  /** The last energy of each port, by station and port. */
  readonly #energies = new Map<string, Map<string, PortEnergy>>();
  /** Paths of devices by the ids of their stations. */
  readonly #paths = new Map<string, string>();
  /** To be published again. */
  readonly #due = new Set<PortEnergy>();
  #isSending = false;

  constructor(options: SessionTopicsOptions) {
    this.#options = options;
    for (const device of options.devices.values()) this.noteDevice(device);
  }

  /** Call it with each device that is new or has changed. */
  noteDevice({ path, stationID }: DeviceInfo): void {
    if (stationID !== undefined && this.#pathOf(stationID) === undefined) this.#paths.set(stationID, path);
  }

  event({ event, id, stationID, port, session }: SessionEvent) {
    const topic = this.#options.topics.session("session", asLevel(stationID), asLevel(port ?? NO_PORT));
    return this.#send(topic, { event, id, stationID, port, ...session }, false);
  }

  energy(energy: PortEnergy) {
    const ports = this.#energies.get(energy.stationID) ?? new Map<string, PortEnergy>();
    // An earlier one must not be published after this one.
    this.#due.delete(ports.get(energy.port)!);
    this.#energies.set(energy.stationID, ports.set(energy.port, energy));
    return this.#sendEnergy(energy);
  }

  /** Publishes the energy of all ports again. Call it after a connect. */
  republish(): void {
    for (const ports of this.#energies.values()) for (const energy of ports.values()) this.#due.add(energy);
    void this.#sendDue();
  }

  /** Publishes the energy of a station's ports under its device path. */
  addDevice(device: DeviceInfo): void {
    this.noteDevice(device);
    for (const energy of this.#energies.get(device.stationID ?? "")?.values() ?? []) this.#due.add(energy);
    void this.#sendDue();
  }

  /** Clears the topics with the path of a device that is gone for good. */
  /** Forgets what is not to be published again, because another member of the estate does. */
  releaseDevice({ stationID }: DeviceInfo): void {
    this.#energies.delete(stationID ?? "");
  }

  forgetDevice({ path, stationID }: DeviceInfo): void {
    const { link, sender, topics } = this.#options;
    if (!link.up) return;
    for (const port of this.#energies.get(stationID ?? "")?.keys() ?? [])
      void sender.send({
        topic: topics.deviceEnergy(path, asLevel(port)),
        payload: "",
        qos: 1,
        retain: true,
      });
  }

  /** One after the other: nobody waits for them. */
  async #sendDue(): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    try {
      for (const energy of this.#due) {
        if ((await this.#sendEnergy(energy)) === "dropped") return;
        this.#due.delete(energy);
      }
    } finally {
      this.#isSending = false;
    }
  }

  async #sendEnergy(body: PortEnergy) {
    const { topics } = this.#options;
    const { stationID, port } = body;
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
    const path = this.#paths.get(stationID);
    return this.#options.devices.get(path ?? "")?.stationID === stationID ? path : undefined;
  }

  async #send(topic: string, body: object, retain: boolean) {
    const { link, sender } = this.#options;
    // It waits in the tables: no loss to count.
    if (!link.up) return "dropped";
    return await sender.sendMeasured({ topic, payload: JSON.stringify(body), qos: 1, retain });
  }
}
