import type { Bus } from "../bus.ts";
import type { MqttSettings } from "../config/index.ts";
import type { RunningDevices } from "../devices/index.ts";
import type { Log } from "../log/log.ts";
import type { Notices } from "../log/notices.ts";
import type { BrokerAddress } from "../mqtt/broker/broker-address.ts";
import type { Topics } from "../mqtt/topics.ts";
import type { PortEnergy } from "../points/index.ts";
import type { StateNamespace } from "../storage/state-store.ts";
import type { Clock } from "../time/clock.ts";

/** What an integration gets of the running bridge. */
export interface IntegrationParts {
  readonly instance: string;
  readonly version: string;
  readonly mqtt: MqttSettings;
  /** The bridge's broker. */
  readonly address: BrokerAddress;
  readonly topics: Topics;
  readonly bus: Bus;
  readonly devices: Pick<RunningDevices, "byPath" | "latest" | "commands" | "openAlarms" | "limitEnds">;
  /** Returns the lifetime energy of a station's ports, as far as it is known; changes are on the bus. */
  lifetimeEnergy(stationID: string | undefined): Iterable<PortEnergy>;
  /** What it keeps across restarts. */
  readonly state: StateNamespace;
  readonly notices: Notices;
  readonly log: Log;
  readonly clock: Clock;
}

/** A running integration. It listens to the bus and never makes a scrape wait. */
export interface Integration {
  /** Its part of the health message. */
  readonly counters: IntegrationCounters;
  /**
   * Called before {@link stop} when the integration is switched off: removes from its platform what would stay there. Resolves when that is
   * done, or when `signal` is aborted; then a later run goes on.
   */
  withdraw?(signal: AbortSignal): Promise<void>;
  /** Says goodbye to its platform and disconnects, within some seconds. */
  stop(): Promise<void>;
}

export interface IntegrationCounters {
  readonly connected: boolean;
  /** Messages that the broker has, of all since the start. */
  readonly published: number;
  /** Messages that were not sent because the broker was away; what they said is sent again after the next connect. */
  readonly dropped: number;
  /** Messages that the broker refused, or that no broker could take. */
  readonly refused: number;
  readonly [more: string]: number | boolean;
}

/** What the module of an integration exports as `integration`. */
export interface IntegrationType<Settings> {
  /** Throws where the settings cannot work. A broker that is away is no error. */
  start(settings: Settings, parts: IntegrationParts): Integration | Promise<Integration>;
}
