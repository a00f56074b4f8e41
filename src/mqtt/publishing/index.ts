import type { Bus } from "../../bus.ts";
import type { MqttSettings } from "../../config/index.ts";
import type { Log } from "../../log/log.ts";
import type { AlertOutlet, DeviceInfo, SessionOutlet } from "../../points/index.ts";
import type { Queue, QueueCounters } from "../../queue/contract.ts";
import type { DirectSender, LossReports, MqttCounters } from "../broker/direct-sender.ts";
import type { Link } from "../broker/link.ts";
import type { OtherBridges } from "../commands/other-bridges.ts";
import { deviceText, headerPlaces } from "../payloads.ts";
import type { Topics } from "../topics.ts";
import { AlarmTopics, type WaitingStore } from "./alarm-topics.ts";
import { AlertTopics } from "./alert-topics.ts";
import { Outbox } from "./outbox.ts";
import { Publisher } from "./publisher.ts";
import type { Sending } from "./reading.ts";
import { RetainedRecord, type RetainedStore, RetainedTopics } from "./retained-topics.ts";
import { SessionTopics } from "./session-topics.ts";
import { StateView } from "./state-view.ts";
import { type HealthReport, StatusPublisher } from "./status.ts";

export interface PublishingOptions {
  readonly settings: MqttSettings;
  readonly instance: string;
  readonly version: string;
  readonly bus: Bus;
  /** By path. May change while running; devices that come later are found by their path. */
  readonly devices: ReadonlyMap<string, DeviceInfo>;
  /** Source of a requester's name. */
  readonly requester: "message" | "topic";
  /** Called every minute and at changes; its keys are published in `…/health` beside those of this part. */
  readonly health?: () => HealthReport;
  /** Durable record of the retained topics that earlier runs published. */
  readonly retained?: RetainedStore;
  /** Durable store in which alarms wait for the broker. Undefined: they wait in memory only. */
  readonly waitingAlarms?: WaitingStore;
  /** Queue in which scrapes wait for the broker; opened and closed by the caller. */
  readonly outbox: Queue;
  readonly link: Link;
  readonly sender: DirectSender;
  readonly reports: LossReports;
  readonly topics: Topics;
  readonly others: Pick<OtherBridges, "have">;
  /** Of the status: those of the instance, or of a member of an estate. */
  readonly statusTopics: Topics;
  /** Whether another bridge publishes for the instance. */
  readonly isStandby: () => boolean;
  /** Called when the broker acknowledged a reading on this topic. */
  readonly onDelivered: (topic: string) => void;
  /** Keys of `…/health` that other rooms contribute. */
  readonly ownHealth: () => object;
  readonly log: Log;
  readonly now: () => Date;
}

export interface Publishing {
  /** Of all messages since the start. */
  readonly counters: MqttCounters;
  /** Counters of the queue of scrapes, in values, about a second old. */
  readonly outbox: QueueCounters | undefined;
  readonly status: StatusPublisher;
  readonly sessions: SessionOutlet;
  readonly alerts: AlertOutlet;
}

/**
 * Publishes what is on the bus. Scrapes become readings, which wait on disk until the broker has acknowledged them; the state
 * view, the bridge's own status and announcements of writes are sent at once or not at all.
 */
export async function startPublishing(
  options: PublishingOptions,
  undo: AsyncDisposableStack,
): Promise<Publishing> {
  const { settings, bus, devices, link, sender, reports, topics, statusTopics, others, log, now } = options;
  const sending = (): Sending => ({
    qos: settings.qos,
    retain: settings.retain,
    places: headerPlaces(settings.headers, link.protocolVersion),
  });
  const outbox = new Outbox({
    queue: options.outbox,
    link,
    sending,
    metadataOf: (topic) => {
      const device = devices.get(topics.parseAll(topic) ?? "");
      return device && deviceText(device).allMetadata;
    },
    onDelivered: options.onDelivered,
    onRefused: (topic, error) => reports.report("refused", topic, error),
    log,
  });
  const counters = (): MqttCounters => {
    const { published, dropped, refused } = sender.counters;
    const queued = outbox.messages;
    return { published: published + queued.published, dropped, refused: refused + queued.refused };
  };
  const publisher = new Publisher({
    settings,
    topics,
    deliver: (reading) => outbox.deliver(reading),
    announce: (message) => void sender.send(message),
    sending,
    protocolVersion: () => link.protocolVersion,
    now,
  });
  const state = new StateView({ settings, topics, link, sender, now });
  const sessions = new SessionTopics({ link, sender, topics, devices });
  const alarms = new AlarmTopics({ ...options, headers: settings.headers, store: options.waitingAlarms });
  const alerts = new AlertTopics({ link, sender, topics, now });
  const status = new StatusPublisher({
    ...options,
    topics: statusTopics,
    events: topics.own("event"),
    headers: settings.headers,
    health: () => ({
      mqtt: counters(),
      outbox: outbox.counters,
      ...alarms.health,
      ...options.ownHealth(),
      ...options.health?.(),
    }),
  });
  const record = options.retained && new RetainedRecord(options.retained);
  const retained = new RetainedTopics({
    settings,
    instance: options.instance,
    link,
    sender,
    others,
    devices,
    record,
    log,
  });

  undo.defer(() => outbox.stop());
  undo.defer(
    bus.on("scrape", (scrape) => {
      // On standby the other bridge publishes it.
      if (!options.isStandby()) publisher.publishScrape(scrape);
    }),
  );
  undo.defer(bus.on("scrape", (scrape) => state.noteScrape(scrape)));
  undo.defer(bus.on("limitEnds", (change) => state.noteLimitEnds(change)));
  undo.defer(
    bus.on("alarm", (change) => {
      // On standby the other bridge publishes it.
      if (!options.isStandby()) alarms.noteAlarm(change);
    }),
  );
  undo.defer(bus.on("openAlarms", (open) => alarms.noteOpen(open)));
  undo.defer(
    bus.on("write", (write) => {
      publisher.announceWrite(write);
      state.noteWrite(write);
    }),
  );
  undo.defer(
    bus.on("availability", (change) => {
      state.noteAvailability(change);
      status.noteAvailability(change);
    }),
  );
  undo.defer(
    bus.on("membership", (membership) => {
      const { device, change } = membership;
      if (change === "added") {
        retained.keepDevice(device.path);
        sessions.addDevice(device);
      }
      if (change === "changed") {
        sessions.noteDevice(device);
        publisher.forgetDevice(device.path);
        retained.deviceChanged(membership.before, device);
        return;
      }
      if (change === "gone") {
        publisher.forgetDevice(device.path);
        retained.deviceGone(device);
      }
      if (change === "released") {
        publisher.forgetDevice(device.path);
        state.forgetDevice(device.path);
        alarms.forgetDevice(device.path);
        sessions.releaseDevice(device);
      }
      if (change === "forgotten") {
        state.forgetDevice(device.path);
        alarms.forgetDevice(device.path);
        sessions.forgetDevice(device);
        retained.clearDevice(device);
      }
      status.membershipChanged(device.path);
    }),
  );
  // Of a standby only notices about the instance name are published.
  undo.defer(
    bus.on("notice", (notice) => {
      status.publishNotice(notice, notice.kind.startsWith("instance_"));
      if (notice.kind.startsWith("config_")) status.reportChanged();
    }),
  );
  undo.defer(
    link.onChange((up) => {
      if (!up) return;
      sender.reportAbsence();
      publisher.forgetValues();
      status.republish();
      retained.linkUp();
      state.republish();
      alarms.republish();
      alerts.republish();
      sessions.republish();
    }),
  );
  retained.start();
  undo.defer(() => retained.stop());
  await outbox.start();
  state.start();
  undo.defer(() => state.stop());
  alarms.start();
  undo.defer(() => alarms.stop());
  status.start();
  undo.defer(() => status.stop());
  return {
    get counters() {
      return counters();
    },
    get outbox() {
      return outbox.counters;
    },
    status,
    sessions,
    alerts,
  };
}
