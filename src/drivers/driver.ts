import type { Diagnostic } from "../config/files/diagnostic.ts";
import type { Log } from "../log/log.ts";
import type { OutageReports } from "../log/outages.ts";
import type { AlarmList, PointValue, ServiceCall } from "../points/index.ts";
import type { RegistryRow } from "../registry/row.ts";

/**
 * The contract of a driver type: what it must do. Optional abilities are in `abilities.ts`; `blueprint/` is a complete
 * driver to copy. The contract suite in `test/contracts/driver-contract.ts` holds for every type.
 */
export interface DriverType<Config = unknown> {
  readonly name: string;
  /** JSON Schema (draft 2020-12) of `driver_config`, with defaults; unknown keys must be errors. */
  readonly configSchema: Record<string, unknown>;
  /** Checks registry rows. A row with an error is left out of the device. Never throws, never calls the device. */
  checkRows(rows: readonly RegistryRow[]): Diagnostic[];
  /**
   * Opens what the devices of this type share within a bridge (connections, batched reads, caches). Called once, before any
   * device is created. Must not touch the network.
   */
  open(context: DriverContext): DriverService<Config>;
}

export interface DriverContext {
  readonly log: Log;
  /** Small durable store; the driver chooses the keys. */
  readonly state: DriverState;
  /** Reports something once to the operators (log and event topic); `kind` distinguishes notices. */
  notice(severity: "info" | "warning" | "error", kind: string, text: string, device?: string): void;
  /** Reports to the operators what does not work and is tried again, such as an account, and when it works again. */
  readonly outages: OutageReports;
  /** Reports a call of the service, for metrics. */
  called?(call: Omit<ServiceCall, "driverType">): void;
}

/** A durable map of JSON values. `set` has committed when it returns; setting `null` removes the key. */
export interface DriverState {
  get(key: string): PointValue;
  set(key: string, value: PointValue): void;
}

export interface DriverService<Config = unknown> {
  /** Creates a device. Must neither touch the network nor write: nothing is written while loading. */
  createDevice(init: DeviceInit<Config>): DriverDevice;
  /** Aborts all calls in progress and closes the connections. */
  close(): Promise<void>;
}

export interface DeviceInit<Config = unknown> {
  /** Topic path; for messages only. */
  readonly path: string;
  /** The config file; for messages only. */
  readonly file?: string;
  /** Checked against the type's `configSchema`, defaults filled in, secrets resolved. */
  readonly config: Config;
  /** Valid rows only, in file order, one per point name. */
  readonly rows: readonly RegistryRow[];
  readonly intervalSeconds: number;
}

/**
 * One device. It knows nothing of time, topics, storage or other devices. Every method throws when it cannot do what it
 * promises, and rejects soon after `signal` is aborted.
 */
export interface DriverDevice {
  /**
   * Reads every point. A point is in `values` (null: the device has no value for it) or in `failures`. Rejects only where
   * nothing could be read.
   */
  scrapeAll(signal: AbortSignal): Promise<Reading>;
  /** Reads one point from the device, bypassing every cache. */
  getPoint(point: string, signal: AbortSignal): Promise<PointValue>;
  /**
   * Writes one point. `value` has the point's type and lies within Min and Max (the actuator checks both). Resolves when
   * the device accepted it; rejects where it did not or where that is unknown.
   */
  setPoint(point: string, value: PointValue, options: WriteOptions): Promise<WriteOutcome>;
  /** Sets the point back to the row's Starting Value, or to the device's own default where the row has none. */
  revertPoint(point: string, options: WriteOptions): Promise<WriteOutcome>;
}

export interface Reading {
  readonly values: ReadonlyMap<string, PointValue>;
  readonly failures: ReadonlyMap<string, Error>;
  /** Points of limits that are not in force: their values mean "none". */
  readonly noLimit?: ReadonlySet<string>;
  /** Why the network cannot reach the device, so that the values are its last known ones; absent where it can reach it. */
  readonly unreachable?: string;
  /** The alarms that the network lists of the device now; absent where they were not read. */
  readonly alarms?: AlarmList;
  /** Age in seconds of the oldest cached value that scrapes ask for; absent: all were read for this reading. */
  readonly ageSeconds?: number;
}

export interface WriteOptions {
  readonly signal: AbortSignal;
  /** Duration after which the write ends by itself, in whole minutes, > 0. Rejected where the point does not support it. */
  readonly durationMinutes?: number;
}

export interface WriteOutcome {
  /** The service's code and text, where it gave them. */
  readonly code?: string;
  readonly text?: string;
  /** Warnings for the caller of a write that succeeded. */
  readonly warnings?: readonly string[];
  /** Reads back, bypassing every cache; called again until confirmed or timed out. */
  verify(signal: AbortSignal): Promise<Verification>;
  /**
   * What is now in force in the device until it is renewed or ends by itself. Writes with the same key replace each other.
   * `leaseSeconds`: time after which the device ends it unless the point is set again; absent: it lasts until cleared.
   * `detail`: kept with it across restarts, for drivers that look up their own writes.
   */
  readonly hold?: { readonly key: string; readonly leaseSeconds?: number; readonly detail?: PointValue };
  /** Keys of holds that this write ended. */
  readonly releases?: readonly string[];
}

/** The result of reading back a write. */
export interface Verification {
  readonly confirmed: boolean;
  /** Only part of it is in force, e.g. a station's limit at some of its ports. */
  readonly inPart?: boolean;
  readonly readBack: PointValue;
}
