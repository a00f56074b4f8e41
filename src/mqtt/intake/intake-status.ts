import { randomBytes } from "node:crypto";
import type { Bus } from "../../bus.ts";
import type { MqttSettings } from "../../config/index.ts";
import type { Log, Secrets } from "../../log/log.ts";
import { addressOptions } from "../broker/broker-address.ts";
import { Connection } from "../broker/connection.ts";
import { DirectSender, LossReports } from "../broker/direct-sender.ts";
import { type HealthReport, StatusPublisher } from "../publishing/status.ts";
import { Topics } from "../topics.ts";

export interface IntakeStatusOptions {
  readonly settings: MqttSettings;
  /** `<instance>/<name>`: takes the place of the instance name in a bridge's topics. */
  readonly name: string;
  readonly version: string;
  /** Its notices are published on `…/event`. */
  readonly bus: Bus;
  readonly health: () => HealthReport;
  readonly log: Log;
  readonly secrets: Secrets;
}

export interface IntakeStatus {
  /** A topic on which only this process publishes. */
  readonly probeTopic: string;
  /** Publishes the status again. Call it when it has changed. */
  republish(): void;
  /** Publishes `offline`, and disconnects. */
  stop(): Promise<void>;
}

/**
 * Publishes the status of a separate historian process as a bridge does: `voltbridge/<instance>/<name>/state`, `…/info`,
 * `…/health`, `…/event` and `heartbeat/<instance>/<name>`. It has a connection of its own: that of the messages stalls with
 * the disk. Rejects where the settings cannot work (certificate not readable).
 */
export async function startIntakeStatus(options: IntakeStatusOptions): Promise<IntakeStatus> {
  const { settings, name, bus, log } = options;
  // Called for its errors: they are the settings' and no retry helps.
  await addressOptions(settings);
  const topics = new Topics(name, settings.baseTopic);
  const link = new Connection({
    address: settings,
    clientId: `${name.replace("/", "-")}-${randomBytes(6).toString("hex")}`,
    keepaliveSeconds: settings.keepaliveSeconds,
    announces: topics.own("state"),
    log,
  });
  const sender = new DirectSender(link, log, new LossReports(log), options.secrets);
  const status = new StatusPublisher({
    link,
    sender,
    topics,
    headers: settings.headers,
    instance: name,
    version: options.version,
    health: options.health,
    log,
    now: () => new Date(),
  });
  const unsubscribe = [
    bus.on("notice", (notice) => status.publishNotice(notice)),
    link.onChange((up) => {
      if (up) status.republish();
    }),
  ];
  status.start();
  link.start();
  return {
    probeTopic: topics.own("probe"),
    republish: () => status.republish(),
    async stop() {
      for (const end of unsubscribe) end();
      status.stop();
      await link.stop();
    },
  };
}
