import type { Bus } from "../bus.ts";
import type { MqttSettings } from "../config/settings.ts";
import type { Commands, Control } from "../devices/commands.ts";
import type { Log, Secrets } from "../log/log.ts";
import type { DeviceInfo } from "../points/index.ts";
import type { Queue } from "../queue/contract.ts";
import type { ConnectionTimes } from "./broker/connection.ts";
import type { InstanceRoleOptions } from "./instance-role.ts";
import type { RetainedStore } from "./publishing/retained-topics.ts";
import type { HealthReport } from "./publishing/status.ts";

/** What {@link startMqtt} needs. */
export interface MqttOptions {
  readonly settings: MqttSettings;
  readonly instance: string;
  readonly version: string;
  /** Takes the instance name over from a bridge that has it already. */
  readonly force?: boolean;
  readonly bus: Bus;
  /** By path. May change while running; devices that come later are found by their path. */
  readonly devices: ReadonlyMap<string, DeviceInfo>;
  readonly commands: Commands;
  /** Reservations and overrides. Without it, nobody listens for these. */
  readonly control?: Control;
  /** Where the name of who sends a request is taken from. Default: `message`. */
  readonly requester?: "message" | "topic";
  readonly log: Log;
  /** Asked every minute and at changes; its keys go into `…/health` beside our own. */
  readonly health?: () => HealthReport;
  /** Blanked in everything that is published but measured values. */
  readonly secrets?: Secrets;
  /** Durable: which retained topics earlier runs published. */
  readonly retained?: RetainedStore;
  /** Where the scrapes wait for the broker; opened and closed by the owner. */
  readonly outbox: Queue;
  readonly now?: () => Date;
  readonly times?: Partial<ConnectionTimes> & Pick<InstanceRoleOptions, "askMs">;
}
