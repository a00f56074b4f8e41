import { randomBytes } from "node:crypto";
import type { Bus } from "../../bus.ts";
import type { MqttSettings } from "../../config/settings.ts";
import type { Log, Secrets } from "../../log/log.ts";
import { addressOptions } from "../broker/broker-address.ts";
import { Connection } from "../broker/connection.ts";
import { Delivery, LossReports } from "../broker/delivery.ts";
import { type HealthReport, StatusPublisher } from "../publishing/status.ts";
import { Topics } from "../topics.ts";

export interface IntakeStatusOptions {
  readonly settings: MqttSettings;
  /** Two levels, `<instance>/<name>`: what stands for the bridge's own name in its topics. */
  readonly name: string;
  readonly version: string;
  /** Its notices go to `…/event`. */
  readonly bus: Bus;
  readonly health: () => HealthReport;
  readonly log: Log;
  readonly secrets: Secrets;
}

export interface IntakeStatus {
  /** A topic on which nobody else publishes. */
  readonly probeTopic: string;
  /** Something has changed that others should know now. */
  changed(): void;
  /** Says `offline`, and disconnects. */
  stop(): Promise<void>;
}

/**
 * What a historian of its own says of itself: `voltbridge/<instance>/<name>/state`, `…/info`, `…/health`, `…/event` and
 * `heartbeat/<instance>/<name>`, as a bridge does. On a connection beside that of the messages, which may stand still while the
 * disk does. Rejects where the settings cannot work (certificate not readable).
 */
export async function startIntakeStatus(options: IntakeStatusOptions): Promise<IntakeStatus> {
  const { settings, name, bus, log } = options;
  // Here for its errors: they are the settings' and will not go away.
  await addressOptions(settings);
  const topics = new Topics(name, settings.baseTopic);
  const link = new Connection({
    address: settings,
    clientId: `${name.replace("/", "-")}-${randomBytes(6).toString("hex")}`,
    keepaliveSeconds: settings.keepaliveSeconds,
    stateTopic: topics.own("state"),
    log,
  });
  const delivery = new Delivery(link, log, new LossReports(log), options.secrets);
  const status = new StatusPublisher({
    link,
    delivery,
    topics,
    headers: settings.headers,
    instance: name,
    version: options.version,
    health: options.health,
    log,
    now: () => new Date(),
  });
  const unsubscribe = [
    bus.on("notice", (notice) => status.notice(notice)),
    link.onChange((up) => {
      if (up) status.republish();
    }),
  ];
  status.start();
  link.start();
  return {
    probeTopic: topics.own("probe"),
    changed: () => status.republish(),
    async stop() {
      for (const end of unsubscribe) end();
      status.stop();
      await link.stop();
    },
  };
}
