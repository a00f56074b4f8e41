import type { Log } from "../../log/log.ts";
import { Reported } from "../../log/notices.ts";
import { convertValue, type PointValue } from "../../points/index.ts";
import type { RegistryRow } from "../../registry/row.ts";
import type { Closes } from "../abilities.ts";
import type { DriverDevice, Reading } from "../driver.ts";
import { PointNotFoundError, PointReadOnlyError } from "../errors.ts";
import type { Account } from "./account.ts";
import type { StationEntry } from "./api/index.ts";
import type { Stations } from "./stations.ts";

export interface EconnectStationInit {
  readonly path: string;
  readonly rows: readonly RegistryRow[];
  readonly account: Account;
  readonly station: string;
  readonly stationKey: string;
  /** Maximum age of what a scrape reads, in seconds. */
  readonly maxAgeSeconds: number;
  /** Called when it is closed. */
  readonly leaveAccount?: () => void;
  readonly log: Log;
}

/** One eConnect charging station as a device. Its points are the fields of its entry, all read-only. */
export class EconnectStation implements DriverDevice, Closes {
  readonly #init: EconnectStationInit;
  readonly #rows: ReadonlyMap<string, RegistryRow>;
  readonly #reported = new Reported();

  constructor(init: EconnectStationInit) {
    this.#init = init;
    this.#rows = new Map(init.rows.map((row) => [row.point.name, row]));
  }

  close(): void {
    this.#init.leaveAccount?.();
  }

  async scrapeAll(signal: AbortSignal): Promise<Reading> {
    const { stations, entry } = await this.#read(this.#init.maxAgeSeconds, signal);
    const values = new Map<string, PointValue>();
    const failures = new Map<string, Error>();
    for (const [name, row] of this.#rows) {
      try {
        values.set(name, this.#valueOf(row, stations, entry));
      } catch (error) {
        failures.set(name, error as Error);
      }
    }
    return { values, failures };
  }

  async getPoint(point: string, signal: AbortSignal): Promise<PointValue> {
    const row = this.#row(point);
    const { stations, entry } = await this.#read(0, signal);
    return this.#valueOf(row, stations, entry);
  }

  async setPoint(point: string): Promise<never> {
    const { path } = this.#init;
    throw new PointReadOnlyError(
      path,
      this.#row(point).point.name,
      "eConnect's master data can only be read",
    );
  }

  async revertPoint(point: string): Promise<never> {
    return this.setPoint(point);
  }

  async #read(maxAgeSeconds: number, signal: AbortSignal) {
    const { account, station, stationKey } = this.#init;
    const stations = await account.read(maxAgeSeconds, signal);
    return { stations, entry: stations.find(stationKey, station) };
  }

  #row(point: string): RegistryRow {
    const row = this.#rows.get(point);
    if (!row) throw new PointNotFoundError(this.#init.path, point);
    return row;
  }

  /** Returns the value in the row's type; null where it cannot be converted, which is reported once per point. */
  #valueOf(row: RegistryRow, stations: Stations, entry: StationEntry): PointValue {
    const { name, type } = row.point;
    const raw = stations.valueOf(entry, row.attribute);
    const converted = convertValue(raw, type);
    if (converted.ok) return converted.value;
    if (this.#reported.isNew(name)) {
      const kind = Array.isArray(raw)
        ? `a list (${row.attribute}[0] is its first item)`
        : JSON.stringify(raw);
      this.#init.log.warn(
        `point "${name}" of device ${this.#init.path} is null: the service sent ${kind}, its Type expects ${converted.expected} (${row.file}:${row.line})`,
      );
    }
    return null;
  }
}
