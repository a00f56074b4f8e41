import { randomBytes } from "node:crypto";
import type { Bus } from "../bus.ts";
import type { MqttSettings } from "../config/settings.ts";
import type { Commands, Control } from "../devices/commands.ts";
import type { Log, Secrets } from "../log.ts";
import type { DeviceInfo, SessionOutlet } from "../points/index.ts";
import type { Queue, QueueCounters } from "../queue/contract.ts";
import { Arrivals } from "./arrivals.ts";
import { addressOptions, brokerUrl } from "./broker-address.ts";
import { CommandReceiver } from "./commands.ts";
import { Connection, type ConnectionTimes } from "./connection.ts";
import { followControllers } from "./controllers.ts";
import { Delivery, type MqttCounters } from "./delivery.ts";
import { EmbeddedBroker } from "./embedded-broker.ts";
import { LateAnswers } from "./late-answers.ts";
import { LossReports } from "./loss-reports.ts";
import { OtherBridges } from "./other-bridges.ts";
import { Outbox } from "./outbox.ts";
import { deviceText, headerPlaces } from "./payloads.ts";
import { Publisher } from "./publisher.ts";
import type { Sending } from "./reading.ts";
import { Replies } from "./replies.ts";
import { Requesters } from "./requesters.ts";
import { RetainedRecord, type RetainedStore } from "./retained-record.ts";
import { RetainedTopics } from "./retained-topics.ts";
import { RpcReceiver } from "./rpc.ts";
import { ScheduleReceiver } from "./schedule.ts";
import { SelfTest } from "./self-test.ts";
import { SessionTopics } from "./session-topics.ts";
import { StateView } from "./state-view.ts";
import { type HealthReport, StatusPublisher } from "./status.ts";
import { Topics } from "./topics.ts";
import { whenUp } from "./when-up.ts";

export type { Answer } from "./answers.ts";
export { type BridgeStatus, readBridgeStatus } from "./bridge-status.ts";
export { brokerUrl } from "./broker-address.ts";
export { clearRetained } from "./clear-retained.ts";
export type { Ask } from "./client.ts";
export { NoAnswerError, NoBridgeError, NoNameError, RpcError, request } from "./client.ts";
export { Intake, type IntakeOptions } from "./intake.ts";
export { type IntakeStatus, startIntakeStatus } from "./intake-status.ts";
export type { Check, ProbedDevice } from "./probes.ts";
export { callBridge } from "./rpc-client.ts";
export { type SelfTestVisit, selfTest } from "./self-test-visit.ts";
export { NoBrokerError } from "./visit.ts";

export interface MqttOptions {
  readonly settings: MqttSettings;
  readonly instance: string;
  readonly version: string;
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
  readonly times?: Partial<ConnectionTimes>;
}

export interface Mqtt {
  /** URL of the broker without user and password; that of the embedded broker where there is one. */
  readonly url: string;
  readonly connected: boolean;
  /** Of all messages since the start. */
  readonly counters: MqttCounters;
  /** The balance of the scrapes, in values, about a second old. */
  readonly outbox: QueueCounters | undefined;
  /** Where session events and lifetime energy go out. */
  readonly sessions: SessionOutlet;
  /** Resolves at the next connect, or at once; rejects when `signal` is aborted first. */
  whenConnected(signal: AbortSignal): Promise<void>;
  /** Ends the commands under way, says `offline`, disconnects; no step takes longer than ten seconds. What waits stays. */
  stop(): Promise<void>;
}

/**
 * Starts everything MQTT: the embedded broker where the settings want one, the connection, both views, commands, and what
 * the bridge says of itself. Rejects where the settings cannot work (embedded port taken, certificate not readable). A
 * broker that cannot be reached is no error: it is tried until the stop.
 */
export async function startMqtt(options: MqttOptions): Promise<Mqtt> {
  const { settings, instance, bus, devices, secrets } = options;
  const log = options.log.part("mqtt");
  const now = options.now ?? (() => new Date());
  // Here for its errors: they are the settings' and will not go away.
  await addressOptions(settings);
  const broker = settings.embedded && (await startBroker(settings, log));
  const address = broker ? { ...settings, embedded: { ...settings.embedded!, port: broker.port } } : settings;

  const topics = new Topics(instance, settings.baseTopic);
  const { requester = "message" } = options;
  const selfTest = new SelfTest({
    topics,
    devices,
    requester,
    log,
    notify: (notice) => bus.emit("notice", { ...notice, at: now() }),
    onReport: () => status.reportChanged(),
    now,
    ...(options.times?.connectTimeoutMs !== undefined && { timeoutMs: options.times.connectTimeoutMs }),
  });
  const link = new Connection({
    address,
    clientId: `${instance}-${randomBytes(6).toString("hex")}`,
    keepaliveSeconds: settings.keepaliveSeconds,
    stateTopic: topics.own("state"),
    log,
    observer: selfTest,
    ...(options.times && { times: options.times }),
  });
  const reports = new LossReports(log, (text) =>
    bus.emit("notice", { severity: "warning", kind: "message_refused", text, at: now() }),
  );
  const delivery = new Delivery(link, log, reports, secrets);
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
    onDelivered: (topic) => selfTest.delivered(topic),
    onRefused: (topic, error) => reports.say("refused", topic, error),
    log,
  });
  const counters = (): MqttCounters => {
    const { published, dropped, refused } = delivery.counters;
    const waited = outbox.messages;
    return { published: published + waited.published, dropped, refused: refused + waited.refused };
  };
  const publisher = new Publisher({
    settings,
    topics,
    deliver: (reading) => outbox.deliver(reading),
    announce: (message) => void delivery.send(message),
    sending,
    now,
  });
  const state = new StateView({ settings, topics, link, delivery, now });
  const status = new StatusPublisher({
    link,
    delivery,
    topics,
    headers: settings.headers,
    instance,
    version: options.version,
    devices,
    requester,
    log,
    health: () => ({
      mqtt: counters(),
      outbox: outbox.counters,
      selfTest: selfTest.report,
      ...options.health?.(),
    }),
    now,
  });
  const others = new OtherBridges(link, topics, new Topics("+", settings.baseTopic));
  const record = options.retained && new RetainedRecord(options.retained);
  const retained = new RetainedTopics({
    ...{ settings, link, delivery, others, devices, log },
    ...(record && { record }),
  });
  const { commands, control } = options;
  if (requester === "topic" && broker)
    log.warn(
      'the embedded broker does not check that users send in their own name only, so actuator.requester "topic" keeps nobody from another\'s',
    );
  const requesters = new Requesters(topics, requester);
  const arrivals = new Arrivals();
  const arrivedAt = () => new Date(now().getTime() - arrivals.heldMs);
  const shared = { link, delivery, topics, requesters, now, arrivedAt };
  const answering = { ...shared, headers: settings.headers, devices };
  const replies = new Replies(answering);
  const lateAnswers = new LateAnswers(link, delivery);
  const receiver = new CommandReceiver({ ...shared, devices, commands, others, replies, log });
  const schedule =
    control &&
    new ScheduleReceiver({
      ...shared,
      headers: settings.headers,
      bus,
      devices,
      others,
      scheduling: control.scheduling,
    });
  const health = () => status.health();
  const rpc = control && new RpcReceiver({ ...shared, commands, control, health });

  const unsubscribe = [
    ...(control?.controllers ? [followControllers(link, topics, control.controllers)] : []),
    bus.on("scrape", (scrape) => {
      publisher.publish(scrape);
      state.scrape(scrape);
    }),
    bus.on("write", (write) => {
      publisher.announce(write);
      if (write.replyTo !== undefined) lateAnswers.send(replies.late(write) ?? rpc?.late(write) ?? []);
    }),
    bus.on("availability", (change) => {
      state.availability(change);
      status.availability(change);
    }),
    bus.on("membership", ({ device, change }) => {
      if (change === "added") receiver.added(device.path);
      if (change === "added") retained.keep(device.path);
      if (change === "gone") {
        publisher.forgetDevice(device.path);
        retained.gone(device);
      }
      if (change === "forgotten") {
        state.forget(device.path);
        retained.clear(device);
      }
      status.membershipChanged(device.path);
    }),
    bus.on("notice", (notice) => status.notice(notice)),
    link.onChange((up) => {
      if (!up) return;
      delivery.reportAbsence();
      publisher.forget();
      status.republish();
      retained.linkUp();
      state.republish();
    }),
  ];
  retained.start();
  await outbox.start();
  arrivals.start();
  others.start();
  receiver.start();
  lateAnswers.start();
  schedule?.start();
  rpc?.start();
  state.start();
  status.start();
  link.start();

  return {
    url: brokerUrl(address),
    get connected() {
      return link.up;
    },
    get counters() {
      return counters();
    },
    get outbox() {
      return outbox.counters;
    },
    sessions: new SessionTopics({ link, delivery, topics }),
    whenConnected: (signal) => whenUp(link, signal),
    async stop() {
      await Promise.all([receiver.stop(), rpc?.stop()]);
      schedule?.stop();
      arrivals.stop();
      lateAnswers.stop();
      others.stop();
      state.stop();
      retained.stop();
      status.stop();
      selfTest.stop();
      for (const end of unsubscribe) end();
      await outbox.stop();
      await link.stop();
      await broker?.stop();
    },
  };
}

function startBroker(settings: MqttSettings, log: Log): Promise<EmbeddedBroker> {
  const { username, password } = settings;
  return EmbeddedBroker.start({
    ...settings.embedded!,
    log,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
  });
}
