import type { Diagnostic, DriverSettings } from "../config/index.ts";
import type { AbleType } from "../drivers/abilities.ts";
import { driverTypes } from "../drivers/index.ts";
import { type Log, messageOf } from "../log/log.ts";
import type { RegistryRow } from "../registry/index.ts";
import { systemClock, withDeadline } from "../time/clock.ts";
import { DeviceBuilder, type LoadedDevice } from "./building/build.ts";
import { type DriverServices, openServices } from "./building/driver-services.ts";
import { deviceOfMember, pathOfMember } from "./building/set-member.ts";
import type { Device } from "./device.ts";
import { Scraper } from "./scraping/scraper.ts";

export interface OnlineOptions {
  readonly settings: DriverSettings;
  /** Calls of the services after which no further devices are asked for. */
  readonly maxCalls: number;
  /** Time limit of the whole, in seconds. */
  readonly seconds: number;
  readonly log: Log;
  readonly signal: AbortSignal;
  onProgress?(asked: number, all: number): void;
}

/** Devices that are asked for at once: their driver shares calls among them. */
const MOST_AT_ONCE = 200;
/** Calls that the scrape of one device takes at most, one for each operation that rows can need. */
const CALLS_OF_ONE = 10;

/** A row, and what came of it at the devices that have it. */
interface AskedRow {
  readonly row: RegistryRow;
  read: number;
  readonly failures: { readonly device: string; readonly reason: string }[];
}

/**
 * Asks the accounts of devices, members of sets included, for one scrape of each: reports devices that cannot be read, and rows whose
 * values the service does not return. Writes nothing. Rejects only where `signal` is aborted.
 */
export async function checkOnline(
  loaded: readonly LoadedDevice[],
  options: OnlineOptions,
): Promise<{ diagnostics: Diagnostic[]; asked: number }> {
  await using opened = openServices(options.log);
  const check = new OnlineCheck(opened.services, options);
  const deadline = {
    clock: systemClock,
    ms: options.seconds * 1000,
    signal: options.signal,
    what: "asking",
  };
  // What was found within the time is reported.
  await withDeadline(deadline, (signal) => check.ask(loaded, signal)).catch((error) => {
    if (options.signal.aborted) throw error;
  });
  return { diagnostics: check.diagnostics(), asked: check.asked };
}

class OnlineCheck {
  asked = 0;
  readonly #services: DriverServices;
  readonly #options: OnlineOptions;
  readonly #scraper = new Scraper(systemClock);
  readonly #found: Diagnostic[] = [];
  readonly #rows = new Map<RegistryRow, AskedRow>();
  /** Devices that have not been asked for. */
  #left: readonly AskedDevice[] = [];

  constructor(services: DriverServices, options: OnlineOptions) {
    this.#services = services;
    this.#options = options;
  }

  async ask(loaded: readonly LoadedDevice[], signal: AbortSignal): Promise<void> {
    const withAccount = loaded.filter(({ settings }) => driverTypes[settings.driverType]?.accountOf);
    const single = await Promise.all(withAccount.map((one) => this.#members(one, signal)));
    this.#left = this.#build(single.flat());
    const all = this.#left.length;
    while (this.#left.length > 0) {
      const calls = this.#options.maxCalls - this.#calls();
      if (calls <= 0) return;
      const count = Math.min(MOST_AT_ONCE, Math.ceil(calls / CALLS_OF_ONE));
      const batch = this.#left.slice(0, count);
      await Promise.all(batch.map((one) => this.#scrape(one, signal)));
      this.#left = this.#left.slice(count);
      this.asked += batch.length;
      this.#options.onProgress?.(this.asked, all);
    }
  }

  /** Returns the devices of a config: itself, or the members of its set. */
  async #members(loaded: LoadedDevice, signal: AbortSignal): Promise<LoadedDevice[]> {
    const { set, driverType, driverConfig } = loaded.settings;
    if (!set) return [loaded];
    try {
      const service = this.#services.open(driverTypes[driverType]!);
      const members = (await service.findMembers?.(driverConfig, signal)) ?? [];
      if (members.length === 0) this.#unread(loaded, "the service returns no station of the set", set.key);
      return members.flatMap((member) => {
        const path = pathOfMember(loaded, member);
        return path === undefined ? [] : [deviceOfMember(loaded, member, path)];
      });
    } catch (error) {
      if (!signal.aborted)
        this.#unread(loaded, `its stations cannot be looked up: ${messageOf(error)}`, set.key);
      return [];
    }
  }

  /** Creates the devices; what prevents that is found without asking anyone. */
  #build(loaded: readonly LoadedDevice[]): AskedDevice[] {
    const { settings } = this.#options;
    const context = {
      drivers: driverTypes,
      settings,
      service: (type: AbleType) => this.#services.open(type),
    };
    const devices = new DeviceBuilder(context).buildAll(loaded);
    return loaded.flatMap((one) => {
      const device = devices.get(one.settings.path);
      return device ? [{ device, loaded: one }] : [];
    });
  }

  async #scrape({ device, loaded }: AskedDevice, signal: AbortSignal): Promise<void> {
    try {
      const { failures } = await this.#scraper.scrape(device, new Date(), signal);
      for (const row of loaded.rows) {
        if (!device.info.points.has(row.point.name)) continue;
        const reason = failures.get(row.point.name);
        const asked = this.#rows.get(row) ?? { row, read: 0, failures: [] };
        this.#rows.set(row, asked);
        if (reason === undefined) asked.read++;
        else asked.failures.push({ device: device.info.path, reason });
      }
    } catch (error) {
      signal.throwIfAborted();
      this.#unread(loaded, messageOf(error));
    }
  }

  #calls(): number {
    const counters = Object.values(this.#services.counters());
    return counters.reduce((sum, { calls = 0 }) => sum + calls, 0);
  }

  #unread({ settings: { file, path } }: LoadedDevice, why: string, key = ""): void {
    this.#found.push({
      ...{ code: "device_not_read", severity: "error", file, line: 1, column: 1 },
      path: key === "" ? "driver_config" : `driver_config.${key}`,
      message: `${path} cannot be read: ${why}`,
    });
  }

  diagnostics(): Diagnostic[] {
    const rows = [...this.#rows.values()].filter(({ failures }) => failures.length > 0);
    return [...this.#found, ...rows.map(rowNotRead), ...this.#notAsked()];
  }

  #notAsked(): Diagnostic[] {
    const [first] = this.#left;
    if (!first) return [];
    const { maxCalls, seconds } = this.#options;
    const message = `${this.#left.length} devices were not asked for, from ${first.device.info.path} on: the limit of ${maxCalls} calls or ${seconds} s was reached`;
    const { file } = first.loaded.settings;
    return [{ code: "not_asked", severity: "warning", file, line: 1, column: 1, message }];
  }
}

interface AskedDevice {
  readonly device: Device;
  readonly loaded: LoadedDevice;
}

/** An error where no device can read the row; a warning where some can: a registry may be shared by stations that differ. */
function rowNotRead({ row, read, failures }: AskedRow): Diagnostic {
  const [{ device, reason }] = failures as [AskedRow["failures"][number]];
  const all = read + failures.length;
  const which = all === 1 ? device : `${failures.length} of ${all} devices, e.g. ${device},`;
  return row.fault("Attribute Name", {
    code: "row_not_read",
    severity: read === 0 ? "error" : "warning",
    message: `${which} cannot read this row: ${reason}`,
    found: row.attribute,
  });
}
