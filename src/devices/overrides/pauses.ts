import type { Notices } from "../../log/notices.ts";
import { recordOf } from "../../storage/saved-record.ts";
import type { StateNamespace } from "../../storage/state-store.ts";
import type { Clock } from "../../time/clock.ts";
import { checkAge, findDevice } from "../command-checks.ts";
import type { Command, PausedDevice, Pausing } from "../commands.ts";
import type { Device } from "../device.ts";
import { LimitInForceError, PausedDeviceError } from "../errors.ts";

export interface PausesParts {
  readonly store: StateNamespace;
  readonly clock: Clock;
  readonly notices: Notices;
  readonly maxCommandAgeSeconds: number;
  readonly devices: ReadonlyMap<string, Device>;
  /** Returns the limits that the bridge holds in a device. */
  readonly held: (device: string) => readonly { readonly point: string; readonly requester: string }[];
  /** Stops scraping a device and makes it offline for this reason. */
  readonly stopScraping: (device: string, reason: string) => void;
  /** Scrapes a device now, and at its times from then on. */
  readonly scrapeAgain: (device: string) => void;
}

type SavedPause = Pick<PausedDevice, "since" | "requester">;

const isSaved = recordOf<SavedPause>({
  since: (since) => typeof since === "string" && !Number.isNaN(Date.parse(since)),
  requester: "string",
});

/**
 * Devices that are neither scraped nor written until they are resumed, kept on disk by path. The pause of a device whose
 * config has an error at the moment is kept for the time when it runs again.
 */
export class Pauses implements Pausing {
  readonly #parts: PausesParts;
  readonly #paused = new Map<string, SavedPause>();

  constructor(parts: PausesParts) {
    this.#parts = parts;
  }

  /** Pauses the devices that were paused at the end of the last run. */
  restore(): void {
    for (const [device, { since, requester }] of this.#parts.store.records(isSaved))
      this.#keep(device, { since, requester });
  }

  pause(device: string, command: Command): PausedDevice {
    const { store, clock, notices, devices, held } = this.#parts;
    this.#checkAge(command);
    findDevice(devices, device);
    const before = this.#paused.get(device);
    if (before) return { device, ...before };
    const limits = held(device);
    if (limits.length > 0) throw new LimitInForceError(device, limits);
    const pause = { since: new Date(clock.now()).toISOString(), requester: command.requester };
    store.set(device, pause);
    this.#keep(device, pause);
    notices.say(
      "warning",
      "device_paused",
      `the device is ${described(pause)} (command ${command.id}): it is neither scraped nor written until it is resumed`,
      device,
    );
    return { device, ...pause };
  }

  resume(device: string, command: Command): void {
    this.#checkAge(command);
    findDevice(this.#parts.devices, device);
    this.#end(device, `was resumed by ${command.requester} (command ${command.id})`);
  }

  paused(): PausedDevice[] {
    const { devices } = this.#parts;
    return [...this.#paused]
      .filter(([device]) => devices.has(device))
      .map(([device, pause]) => ({ device, ...pause }));
  }

  has(device: string): boolean {
    return this.#paused.has(device);
  }

  /** Throws a PausedDeviceError where the device is paused. */
  check(device: string): void {
    const pause = this.#paused.get(device);
    if (pause) throw new PausedDeviceError(device, described(pause));
  }

  /** Called when a device gets another path, which it does not have yet: its pause follows it. */
  move(from: string, to: string): void {
    const pause = this.#paused.get(from);
    if (!pause) return;
    const { store, scrapeAgain } = this.#parts;
    this.#paused.delete(from);
    store.set(from, null);
    scrapeAgain(from);
    store.set(to, pause);
    this.#keep(to, pause);
  }

  /** Called when the device was removed for good. */
  forget(device: string): void {
    this.#end(device, "is no longer paused: it was removed");
  }

  #keep(device: string, pause: SavedPause): void {
    this.#paused.set(device, pause);
    this.#parts.stopScraping(device, described(pause));
  }

  #end(device: string, how: string): void {
    if (!this.#paused.delete(device)) return;
    const { store, notices, scrapeAgain } = this.#parts;
    store.set(device, null);
    notices.say("info", "device_resumed", `the device ${how}`, device);
    scrapeAgain(device);
  }

  #checkAge(command: Command): void {
    checkAge(command, this.#parts.clock.now(), this.#parts.maxCommandAgeSeconds);
  }
}

function described({ requester, since }: SavedPause): string {
  return `paused by ${requester} since ${since}`;
}
