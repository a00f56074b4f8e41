import { randomBytes } from "node:crypto";
import type { MqttSettings } from "../config/settings.ts";
import type { Log } from "../log/log.ts";
import type { SessionOutlet } from "../points/index.ts";
import type { QueueCounters } from "../queue/contract.ts";
import { addressOptions, brokerUrl } from "./broker/broker-address.ts";
import { Connection } from "./broker/connection.ts";
import { Delivery, LossReports, type MqttCounters } from "./broker/delivery.ts";
import { EmbeddedBroker } from "./broker/embedded-broker.ts";
import { whenUp } from "./broker/when-up.ts";
import { ControlReceivers } from "./commands/control-receivers.ts";
import { Requesters, StallWatch } from "./commands/incoming-request.ts";
import { OtherBridges } from "./commands/other-bridges.ts";
import { LateAnswers, Replies } from "./commands/replies.ts";
import { InstanceRole } from "./instance-role.ts";
import type { MqttOptions } from "./options.ts";
import { deviceText, headerPlaces } from "./payloads.ts";
import { Outbox } from "./publishing/outbox.ts";
import { Publisher } from "./publishing/publisher.ts";
import type { Sending } from "./publishing/reading.ts";
import { RetainedRecord, RetainedTopics } from "./publishing/retained-topics.ts";
import { SessionTopics } from "./publishing/session-topics.ts";
import { StateView } from "./publishing/state-view.ts";
import { StatusPublisher } from "./publishing/status.ts";
import { SelfTest } from "./self-test/self-test.ts";
import { Topics } from "./topics.ts";
import { Voice } from "./voice.ts";

export { brokerUrl } from "./broker/broker-address.ts";
export { type BridgeStatus, readBridgeStatus } from "./client/bridge-status.ts";
export { type Ask, callBridge, clearRetained, request } from "./client/client.ts";
export { NoAnswerError, NoBridgeError, NoBrokerError, NoNameError, RpcError } from "./client/visit.ts";
export type { Answer } from "./commands/answers.ts";
export { Intake, type IntakeOptions } from "./intake/intake.ts";
export { type IntakeStatus, startIntakeStatus } from "./intake/intake-status.ts";
export type { MqttOptions } from "./options.ts";
export type { Check, ProbedDevice } from "./self-test/probes.ts";
export { type SelfTestVisit, selfTest } from "./self-test/self-test-visit.ts";

export interface Mqtt {
  /** URL of the broker without user and password; that of the embedded broker where there is one. */
  readonly url: string;
  readonly connected: boolean;
  /** Of all messages since the start. */
  readonly counters: MqttCounters;
  /** The balance of the scrapes, in values, about a second old. */
  readonly outbox: QueueCounters | undefined;
  /** Whether this bridge is in charge of its instance name; until that is decided, it takes no commands. */
  readonly role: {
    readonly decided: Promise<void>;
    readonly isActive: boolean;
    /** Called with every later change. */
    onChange(listener: (isActive: boolean) => void): () => void;
  };
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
  const connection = new Connection({
    address,
    clientId: `${instance}-${randomBytes(6).toString("hex")}`,
    keepaliveSeconds: settings.keepaliveSeconds,
    stateTopic: topics.own("state"),
    isSpeaking: () => role.role === "active",
    log,
    observer: {
      connected: (session) => selfTest.connected(session),
      heard: (message) => selfTest.heard(message),
      failed: () => role.noBroker(),
    },
    ...(options.times && { times: options.times }),
  });
  const role = new InstanceRole({
    link: connection,
    topics,
    instance,
    force: options.force ?? false,
    // Nobody was at a broker of its own before it.
    first: broker !== undefined,
    log,
    notify(notice) {
      bus.emit("notice", { ...notice, at: now() });
    },
    onReport: () => status.reportChanged(),
    askMs: options.times?.askMs,
  });
  const link = new Voice(connection, () => role.role === "active");
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
    onRefused: (topic, error) => reports.report("refused", topic, error),
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
      instance: role.report,
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
  const stallWatch = new StallWatch();
  const arrivedAt = () => new Date(now().getTime() - stallWatch.stalledMs);
  const shared = { link, delivery, topics, requesters, now, arrivedAt };
  const answering = { ...shared, headers: settings.headers, devices };
  const replies = new Replies(answering);
  const lateAnswers = new LateAnswers(link, delivery);
  const receivers = new ControlReceivers({
    ...answering,
    ...{ bus, commands, control, others, replies, log, health: () => status.health() },
  });
  const unsubscribe = [
    role.onChange((turned) => {
      if (turned === "active") receivers.start();
      else void receivers.stop();
      void link.turned();
      status.reportChanged();
    }),
    bus.on("scrape", (scrape) => {
      // What the other one publishes need not wait here for its end.
      if (role.role !== "standby") publisher.publish(scrape);
    }),
    bus.on("scrape", (scrape) => state.scrape(scrape)),
    bus.on("write", (write) => {
      publisher.announce(write);
      if (write.replyTo !== undefined) lateAnswers.send(replies.late(write) ?? receivers.late(write) ?? []);
    }),
    bus.on("availability", (change) => {
      state.availability(change);
      status.availability(change);
    }),
    bus.on("membership", ({ device, change }) => {
      if (change === "added") receivers.added(device.path);
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
    // Nothing else is published while another bridge speaks for the instance.
    bus.on("notice", (notice) => status.notice(notice, notice.kind.startsWith("instance_"))),
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
  stallWatch.start();
  others.start();
  lateAnswers.start();
  state.start();
  status.start();
  role.start();
  connection.start();

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
    role: {
      decided: role.decided,
      get isActive() {
        return role.role === "active";
      },
      onChange: (listener) => role.onChange((turned) => listener(turned === "active")),
    },
    async stop() {
      role.stop();
      await receivers.stop();
      stallWatch.stop();
      lateAnswers.stop();
      others.stop();
      state.stop();
      retained.stop();
      status.stop();
      selfTest.stop();
      for (const end of unsubscribe) end();
      await outbox.stop();
      link.stop();
      await connection.stop();
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
