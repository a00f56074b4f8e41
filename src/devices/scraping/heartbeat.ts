import { messageOf } from "../../log/log.ts";
import type { OutageGroup, Outages } from "../../log/outages.ts";
import type { Clock } from "../../time/clock.ts";
import type { Device } from "../device.ts";

const HEARTBEATS: OutageGroup = {
  name: "heartbeats",
  failing: (devices) => `the heartbeats of ${devices} devices cannot be written`,
  working: (devices) => `the heartbeats of ${devices} devices are written again`,
};

/**
 * Writes the heartbeat points of devices: 1, 0, 1, 0, … every `intervalSeconds`, as VOLTTRON does. Skips a device that has
 * not answered the previous heartbeat.
 */
export class Heartbeat {
  readonly #devices: Set<Device>;
  readonly #intervalMs: number;
  readonly #write: (device: Device, value: 0 | 1) => Promise<void>;
  readonly #clock: Clock;
  readonly #outages: Outages;
  readonly #underWay = new Set<Device>();
  #value: 0 | 1 = 0;
  #dueAt = 0;
  #started = false;
  #cancel: (() => void) | undefined;

  constructor(
    devices: Iterable<Device>,
    intervalSeconds: number,
    parts: { write: (device: Device, value: 0 | 1) => Promise<void>; clock: Clock; outages: Outages },
  ) {
    this.#devices = new Set([...devices].filter(isWritten));
    this.#intervalMs = intervalSeconds * 1000;
    this.#write = parts.write;
    this.#clock = parts.clock;
    this.#outages = parts.outages;
  }

  start(): void {
    this.#started = true;
    if (this.#devices.size > 0) this.#begin();
  }

  add(device: Device): void {
    if (!isWritten(device)) return;
    this.#devices.add(device);
    if (this.#started && !this.#cancel) this.#begin();
  }

  remove(device: Device): void {
    this.#devices.delete(device);
    this.#outages.forget(keyOf(device));
  }

  stop(): void {
    this.#started = false;
    this.#cancel?.();
  }

  #begin(): void {
    this.#dueAt = this.#clock.monotonic();
    this.#arm();
  }

  #arm(): void {
    // From one due time to the next, so that it does not drift; missed heartbeats are not made up for.
    const behind = Math.max(this.#clock.monotonic() - this.#dueAt, 0);
    this.#dueAt += Math.ceil((behind + 1) / this.#intervalMs) * this.#intervalMs;
    this.#cancel = this.#clock.after(this.#dueAt - this.#clock.monotonic(), () => {
      this.#value = this.#value === 1 ? 0 : 1;
      for (const device of this.#devices)
        if (!this.#underWay.has(device)) void this.#beat(device, this.#value);
      this.#arm();
    });
  }

  async #beat(device: Device, value: 0 | 1): Promise<void> {
    this.#underWay.add(device);
    try {
      await this.#write(device, value);
      this.#outages.ended(keyOf(device), { text: "the heartbeat is written again" });
    } catch (error) {
      this.#outages.failed({
        ...{ key: keyOf(device), kind: "heartbeat_failed", text: "the heartbeat cannot be written" },
        ...{ cause: messageOf(error), device: device.info.path, group: HEARTBEATS, logOnly: true },
      });
    } finally {
      this.#underWay.delete(device);
    }
  }
}

function keyOf({ info }: Device): string {
  return `heartbeat of ${info.path}`;
}

function isWritten({ heartbeat }: Device): boolean {
  return heartbeat?.kind === "written";
}
