import { randomBytes } from "node:crypto";
import type { Notice } from "../bus.ts";
import type { MqttSettings } from "../config/index.ts";
import type { Log, Secrets } from "../log/log.ts";
import { untilAborted } from "../time/until-aborted.ts";
import { ActiveLink } from "./active-link.ts";
import { addressOptions, type BrokerAddress, brokerUrl } from "./broker/broker-address.ts";
import { Connection, type ConnectionTimes } from "./broker/connection.ts";
import { DirectSender, LossReports } from "./broker/direct-sender.ts";
import { EmbeddedBroker } from "./broker/embedded-broker.ts";
import type { Link } from "./broker/link.ts";
import { type CommandsOptions, startCommands } from "./commands/index.ts";
import { OtherBridges } from "./commands/other-bridges.ts";
import { InstanceRole, type InstanceRoleOptions } from "./instance-role.ts";
import { type Publishing, type PublishingOptions, startPublishing } from "./publishing/index.ts";
import { SelfTest } from "./self-test/self-test.ts";
import { openShardSession, type ShardSession, type ShardSessionOptions } from "./shard-session.ts";
import { Topics } from "./topics.ts";

export { brokerUrl } from "./broker/broker-address.ts";
export type { Incoming } from "./broker/link.ts";
export { type BridgeStatus, readBridgeStatus } from "./client/bridge-status.ts";
export { type Ask, callBridge, clearRetained, request } from "./client/client.ts";
export {
  NoAnswerError,
  NoBridgeError,
  NoBrokerError,
  NoNameError,
  RpcError,
  visit,
} from "./client/visit.ts";
export { type Watch, watchTopics } from "./client/watch.ts";
export type { CommandAnswer } from "./commands/answers.ts";
export { Intake, type IntakeOptions } from "./intake/intake.ts";
export { type IntakeStatus, startIntakeStatus } from "./intake/intake-status.ts";
export type { Check, ProbedDevice } from "./self-test/probes.ts";
export { type SelfTestVisit, selfTest } from "./self-test/self-test-visit.ts";
export type { ShardSession } from "./shard-session.ts";
export { filterFault } from "./topics.ts";

export interface MqttOptions
  extends Pick<CommandsOptions, "commands" | "control">,
    Pick<
      PublishingOptions,
      | "settings"
      | "instance"
      | "version"
      | "bus"
      | "devices"
      | "health"
      | "retained"
      | "waitingAlarms"
      | "outbox"
    > {
  /** Takes the instance name over from a bridge that has it already. */
  readonly force?: boolean;
  /** Present where the bridge is a member of an estate: it takes commands for the shards that it opens only. */
  readonly estate?: EstateMember | undefined;
  /** Source of a requester's name. Default: `message`. */
  readonly requester?: "message" | "topic";
  /** Blanked in everything that is published but measured values. */
  readonly secrets?: Secrets;
  readonly log: Log;
  readonly now?: () => Date;
  readonly times?: Partial<ConnectionTimes> & Pick<InstanceRoleOptions, "askMs">;
}

export interface EstateMember {
  readonly member: string;
  readonly maxCommandAgeSeconds: number;
  /** Whether a path belongs to a device of the estate, on any member. */
  isKnown(path: string): boolean;
}

export interface Mqtt extends Pick<Publishing, "counters" | "outbox" | "sessions" | "alerts"> {
  /** URL of the broker without user and password; that of the embedded broker where there is one. */
  readonly url: string;
  /** Where further clients of this process find the broker: the port of an embedded one is the one it listens on. */
  readonly address: BrokerAddress;
  readonly topics: Topics;
  readonly connected: boolean;
  /** Since when it is connected, or is not. */
  readonly turnedAt: Date;
  /** Takes the commands for a shard of the estate. */
  openShard(options: ShardSessionOptions): ShardSession;
  /** Returns the content of the health message at this moment. */
  health(): object;
  /** Whether this bridge is in charge of its instance name; until that is decided, it takes no commands. */
  readonly role: {
    readonly decided: Promise<void>;
    readonly isActive: boolean;
    /** Called with every later change. */
    onChange(listener: (isActive: boolean) => void): () => void;
  };
  /** Resolves at the next connect, or at once; rejects when `signal` is aborted first. */
  whenConnected(signal: AbortSignal): Promise<void>;
  /** Ends the commands under way, publishes `offline`, disconnects; no step takes longer than two seconds. Waiting scrapes stay on disk. */
  stop(): Promise<void>;
}

/**
 * Starts everything MQTT: the embedded broker where the settings want one, the connection, what is published, and commands.
 * Rejects where the settings cannot work (embedded port taken, certificate not readable). A broker that cannot be reached is
 * no error: it is tried until the stop.
 */
export async function startMqtt(options: MqttOptions): Promise<Mqtt> {
  const { settings, instance, bus, devices, requester = "message", times, now = () => new Date() } = options;
  const { baseTopic, headers, answers, keepaliveSeconds } = settings;
  const log = options.log.part("mqtt");
  await using stack = new AsyncDisposableStack();
  // Called for its errors: they are the settings' and no retry helps.
  await addressOptions(settings);
  const broker = settings.embedded && (await startBroker(settings, log));
  if (broker) stack.defer(() => broker.stop());
  const address = broker ? { ...settings, embedded: { ...settings.embedded!, port: broker.port } } : settings;

  const { estate } = options;
  const topics = new Topics(instance, baseTopic);
  const statusTopics = estate ? new Topics(`${instance}/${estate.member}`, baseTopic) : topics;
  const notify = (notice: Omit<Notice, "at">) => bus.emit("notice", { ...notice, at: now() });
  const onReport = () => publishing.status.reportChanged();
  const selfTest = new SelfTest({
    ...{ topics, devices, requester, log, notify, onReport, now },
    timeoutMs: times?.connectTimeoutMs,
  });
  const connection = new Connection({
    address,
    clientId: settings.clientId ?? `${instance}-${randomBytes(6).toString("hex")}`,
    clientIdSetting: settings.clientId === undefined ? undefined : "mqtt.client_id",
    keepaliveSeconds,
    announces: statusTopics.own("state"),
    isSpeaking: () => role.role === "active",
    log,
    observer: {
      connected: (session) => selfTest.connected(session),
      heard: (message) => selfTest.heard(message),
      failed: () => role.noBroker(),
    },
    times,
  });
  const role = estate
    ? soleRole
    : new InstanceRole({
        link: connection,
        topics,
        instance,
        force: options.force ?? false,
        // No other bridge can be at the embedded broker before this one.
        first: broker !== undefined,
        log,
        notify,
        onReport,
        askMs: times?.askMs,
      });
  stack.defer(() => connection.stop());
  const link = new ActiveLink(connection, () => role.role === "active");
  stack.defer(() => link.stop());
  const reports = new LossReports(log, (text) =>
    notify({ severity: "warning", kind: "message_refused", text }),
  );
  const sender = new DirectSender(link, log, reports, options.secrets);
  const others = new OtherBridges(link, topics, new Topics("+", baseTopic));
  const shared = { ...options, topics, statusTopics, requester, link, sender, others, log, now };
  const publishing = await startPublishing(
    {
      ...shared,
      ...(estate && { others: { have: ({ path }) => estate.isKnown(path) || others.have({ path }) } }),
      reports,
      isStandby: () => role.role === "standby",
      onDelivered: (topic) => selfTest.delivered(topic),
      ownHealth: () => ({ instance: role.report, selfTest: selfTest.report }),
    },
    stack,
  );
  stack.defer(() => selfTest.stop());
  others.start();
  stack.defer(() => others.stop());
  if (requester === "topic" && broker)
    log.warn(
      'the embedded broker does not check that users send in their own name only, so with actuator.requester "topic" a user can still send in the name of another; use a separate broker with access rules',
    );
  let turnedAt = now();
  link.onChange(() => {
    turnedAt = now();
  });
  const health = () => publishing.status.health();
  const setActive = estate ? undefined : startCommands({ ...shared, headers, answers, health }, stack);
  role.onChange((turned) => {
    void setActive?.(turned === "active");
    void link.roleChanged();
    onReport();
  });
  role.start();
  stack.defer(() => role.stop());
  connection.start();

  const started = stack.move();
  return {
    url: brokerUrl(address),
    ...{ address, topics },
    get connected() {
      return link.up;
    },
    get turnedAt() {
      return turnedAt;
    },
    get counters() {
      return publishing.counters;
    },
    get outbox() {
      return publishing.outbox;
    },
    sessions: publishing.sessions,
    alerts: publishing.alerts,
    openShard: (shard) =>
      openShardSession(shard, {
        ...{ settings, instance, address, requester, health, reports, log: options.log, now, times },
        version: options.version,
        secrets: options.secrets,
        maxCommandAgeSeconds: estate?.maxCommandAgeSeconds ?? 0,
      }),
    health,
    whenConnected: (signal) => whenUp(link, signal),
    role: {
      decided: role.decided,
      get isActive() {
        return role.role === "active";
      },
      onChange: (listener) => role.onChange((turned) => listener(turned === "active")),
    },
    stop: () => started.disposeAsync(),
  };
}

/** Of a member of an estate: the cluster decides who acts. */
const soleRole: Pick<
  InstanceRole,
  "role" | "decided" | "report" | "onChange" | "start" | "stop" | "noBroker"
> = {
  role: "active",
  decided: Promise.resolve(),
  report: { role: "active", others: {} },
  onChange: () => () => undefined,
  start: () => undefined,
  stop: () => undefined,
  noBroker: () => undefined,
};

function startBroker(settings: MqttSettings, log: Log): Promise<EmbeddedBroker> {
  const { embedded, username, password } = settings;
  return EmbeddedBroker.start({ ...embedded!, log, username, password });
}

/** Resolves when the link is up, or at once; rejects when `signal` is aborted first. */
async function whenUp(link: Link, signal: AbortSignal): Promise<void> {
  if (link.up) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = link.onChange((up) => up && resolve());
  await untilAborted(promise, signal).finally(end);
}
