import { type Log, messageOf } from "../../log/log.ts";
import { Reported } from "../../log/notices.ts";
import type { Clock } from "../../time/clock.ts";
import type { Device } from "../device.ts";

/**
 * Writes the heartbeat points of devices: 1, 0, 1, 0, … every `intervalSeconds`, as VOLTTRON does. Skips a device that has
 * not answered the previous heartbeat.
 */
export class Heartbeat {
  readonly #devices: Set<Device>;
  readonly #intervalMs: number;
  readonly #write: (device: Device, value: 0 | 1) => Promise<void>;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #underWay = new Set<Device>();
  readonly #reported = new Reported<Device>();
  #value: 0 | 1 = 0;
  #dueAt = 0;
  #started = false;
  #cancel: (() => void) | undefined;

  constructor(
    devices: Iterable<Device>,
    intervalSeconds: number,
    parts: { write: (device: Device, value: 0 | 1) => Promise<void>; clock: Clock; log: Log },
  ) {
    this.#devices = new Set([...devices].filter(isWritten));
    this.#intervalMs = intervalSeconds * 1000;
    this.#write = parts.write;
    this.#clock = parts.clock;
    this.#log = parts.log;
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
    this.#reported.ended(device);
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
      this.#reported.ended(device);
    } catch (error) {
      if (this.#reported.isNew(device))
        this.#log.warn(`the heartbeat cannot be written: ${messageOf(error)}`, { device: device.info.path });
    } finally {
      this.#underWay.delete(device);
    }
  }
}

function isWritten({ heartbeat }: Device): boolean {
  return heartbeat?.kind === "written";
}
