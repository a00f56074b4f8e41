import type { Bus } from "../bus.ts";
import type { EstateStatus } from "../cluster/status.ts";
import type { BridgeSettings } from "../config/index.ts";
import type { Limiting } from "../devices/commands.ts";
import type { RunningDevices } from "../devices/index.ts";
import type { Historian } from "../historian/index.ts";
import type { Log, Secrets } from "../log/log.ts";
import type { AlertMessage } from "../points/index.ts";
import type { Reloader } from "../reload/reloader.ts";
import type { SessionReader } from "../sessions/index.ts";

/** The parts of a running bridge that the HTTP interface reads and commands. */
export interface WebParts {
  readonly settings: BridgeSettings;
  readonly version: string;
  readonly bus: Bus;
  readonly devices: RunningDevices;
  readonly limits: Limiting;
  /** Absent: the configs are not loaded from files. */
  readonly reloader: Reloader | undefined;
  /** Absent: there is no store. */
  readonly historian: Historian | undefined;
  /** Absent: sessions are not read. */
  readonly sessions: SessionReader | undefined;
  /** The estate that the bridge is a member of; absent: it is alone. */
  readonly cluster?:
    | {
        /** Id of this member. */
        readonly member: string;
        /** Undefined before the cluster service has answered. */
        readonly status: () => EstateStatus | undefined;
      }
    | undefined;
  readonly mqtt: {
    readonly url: string;
    readonly connected: boolean;
    /** Since when it is connected, or is not. */
    readonly turnedAt: Date;
    readonly role: { readonly isActive: boolean };
  };
  readonly alerts: {
    /** Returns the newest of the active alerts, and their number. */
    list(most: number): { readonly active: readonly AlertMessage[]; readonly count: number };
  };
  /** Returns the content of the health message. */
  readonly health: () => object;
  readonly log: Log;
  /** Blanked in everything but measured values. */
  readonly secrets: Secrets;
  readonly now: () => Date;
}
