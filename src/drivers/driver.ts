import type { Diagnostic } from "../config/files/diagnostic.ts";
import type { Log } from "../log/log.ts";
import type { PointValue } from "../points/index.ts";
import type { RegistryRow } from "../registry/row.ts";

/**
 * A kind of device: what it must do. What it may do besides is in `abilities.ts`; `blueprint/` is a complete one to copy.
 * The contract suite in `test/contracts/driver-contract.ts` holds for every type.
 */
export interface DriverType<Config = unknown> {
  readonly name: string;
  /** JSON Schema (draft 2020-12) of `driver_config`, with defaults; unknown keys must be errors. */
  readonly configSchema: Record<string, unknown>;
  /** Checks registry rows. A row with an error is left out of the device. Never throws, never calls the device. */
  checkRows(rows: readonly RegistryRow[]): Diagnostic[];
  /**
   * Opens what the devices of this type share within a bridge (connections, batched reads, caches). Called once, before any
   * device is created; must not touch the network.
   */
  open(context: DriverContext): DriverService<Config>;
}

export interface DriverContext {
  readonly log: Log;
  /** Durable and small; the keys are the driver's own. */
  readonly state: DriverState;
  /** Reports something once to the operators (log and event topic); `kind` tells notices apart. */
  notice(severity: "info" | "warning" | "error", kind: string, text: string, device?: string): void;
}

/** A durable map of JSON values. `set` has committed when it returns; setting `null` removes the key. */
export interface DriverState {
  get(key: string): PointValue;
  set(key: string, value: PointValue): void;
}

export interface DriverService<Config = unknown> {
  /** Makes a device. Must not touch the network and must not write: nothing is written while loading. */
  createDevice(init: DeviceInit<Config>): DriverDevice;
  /** Ends every call under way and closes the connections. */
  close(): Promise<void>;
}

export interface DeviceInit<Config = unknown> {
  /** Topic path; for messages only. */
  readonly path: string;
  /** The config file; for messages only. */
  readonly file?: string;
  /** Checked against the type's `configSchema`, defaults filled in, secrets resolved. */
  readonly config: Config;
  /** Sound rows only, in file order, one per point name. */
  readonly rows: readonly RegistryRow[];
  readonly intervalSeconds: number;
}

/**
 * One device. It knows nothing of time, topics, storage or other devices. Every method throws when it cannot do what it
 * says; an abort of `signal` rejects soon.
 */
export interface DriverDevice {
  /**
   * Reads every point. A point is in `values` (null: the device has no value for it) or in `failures`. Rejects only where
   * nothing at all could be read.
   */
  scrapeAll(signal: AbortSignal): Promise<Reading>;
  /** Reads one point, past every cache. */
  getPoint(point: string, signal: AbortSignal): Promise<PointValue>;
  /**
   * Writes one point. `value` has the point's type and lies within Min and Max (the actuator checks both). Resolves when the
   * device took it; rejects where it did not or where that is not known.
   */
  setPoint(point: string, value: PointValue, options: WriteOptions): Promise<WriteOutcome>;
  /** Returns the point to the row's Starting Value, or to the device's own default where the row has none. */
  revertPoint(point: string, options: WriteOptions): Promise<WriteOutcome>;
}

export interface Reading {
  readonly values: ReadonlyMap<string, PointValue>;
  readonly failures: ReadonlyMap<string, Error>;
  /** Points of limits that are not in force: their values stand for "none". */
  readonly noLimit?: ReadonlySet<string>;
  /** Why the network cannot reach the device, so that the values are its last known ones; absent where it can. */
  readonly unreachable?: string;
  /** Age in seconds of the oldest value that comes from a cache and that scrapes ask for; absent: read for this reading. */
  readonly ageSeconds?: number;
}

export interface WriteOptions {
  readonly signal: AbortSignal;
  /** The write ends by itself after so long (minutes, whole, > 0). Refused where the point knows no end. */
  readonly durationMinutes?: number;
}

export interface WriteOutcome {
  /** The service's code and text, where it gave them. */
  readonly code?: string;
  readonly text?: string;
  /** Things the caller should know though the write went well. */
  readonly warnings?: readonly string[];
  /** Reads back past every cache; called again until confirmed or out of time. */
  verify(signal: AbortSignal): Promise<Verification>;
  /**
   * What now stands in the device until it is renewed or ends by itself. Writes with the same key replace each other.
   * `leaseSeconds`: the device ends it after so long unless the point is set again; absent: it stands until cleared.
   * `detail`: kept with it across restarts, for drivers that look up their own writes.
   */
  readonly hold?: { readonly key: string; readonly leaseSeconds?: number; readonly detail?: PointValue };
  /** Keys of holds that this write ended. */
  readonly releases?: readonly string[];
}

/** What was found when reading back a write. */
export interface Verification {
  readonly confirmed: boolean;
  /** Only a part of it is in force: a station's limit at some of its ports. */
  readonly inPart?: boolean;
  readonly readBack: PointValue;
}
