import type { Bus } from "../bus.ts";
import type { MqttSettings } from "../config/index.ts";
import type { Commands, Control } from "../devices/commands.ts";
import type { Log, Secrets } from "../log/log.ts";
import type { DeviceInfo } from "../points/index.ts";
import { BirthAndWill } from "./broker/birth-and-will.ts";
import type { BrokerAddress } from "./broker/broker-address.ts";
import { Connection, type ConnectionTimes } from "./broker/connection.ts";
import { DirectSender, type LossReports } from "./broker/direct-sender.ts";
import { startCommands } from "./commands/index.ts";
import { Topics } from "./topics.ts";

/** A shard whose commands this bridge takes from now on. */
export interface ShardSessionOptions {
  readonly shard: string;
  /** Whether it speaks for the estate: its state, its info, and requests that name no device. */
  readonly isLead: boolean;
  /** By path. */
  readonly devices: ReadonlyMap<string, DeviceInfo>;
  readonly commands: Commands;
  readonly control: Control;
  readonly bus: Bus;
  /** Whether another shard of the estate has a device. */
  readonly isElsewhere: (path: string) => boolean;
  /** Returns whether no other member is left, when the lead ends. */
  readonly isLast: () => boolean;
  /** Returns what the estate says of itself. */
  readonly info: () => object;
}

export interface ShardSession {
  /** Call it when the info of the estate has changed. */
  infoChanged(): void;
  /** Takes no more commands, answers those under way, and leaves the rest to the next owner. */
  stop(): Promise<void>;
}

/** What sessions share with the connection that publishes. */
export interface ShardSessionParts {
  readonly settings: MqttSettings;
  readonly instance: string;
  readonly version: string;
  readonly address: BrokerAddress;
  readonly requester: "message" | "topic";
  /** Age after which a command has expired, in seconds. */
  readonly maxCommandAgeSeconds: number;
  readonly health: () => object;
  readonly reports: LossReports;
  readonly secrets: Secrets | undefined;
  readonly log: Log;
  readonly now: () => Date;
  readonly times: Partial<ConnectionTimes> | undefined;
}

/** Time in which another member continues the session of the lead before the estate counts as offline, in seconds. */
const WILL_DELAY_SECONDS = 30;

/**
 * Opens the session in which the commands for one shard of an estate come: with a client id that is the same on every member, so that the
 * broker ends the session of the owner before, and kept by the broker, so that commands wait while the shard has no owner.
 */
export function openShardSession(options: ShardSessionOptions, parts: ShardSessionParts): ShardSession {
  const { shard, isLead, devices, commands, control, bus, isElsewhere } = options;
  const { settings, instance, version, address, requester, maxCommandAgeSeconds, times, now } = parts;
  const log = parts.log.part(`mqtt ${shard}`);
  const topics = new Topics(instance, settings.baseTopic);
  const own = new Topics(`${instance}/shard/${shard}`, settings.baseTopic);
  const stateTopic = (isLead ? topics : own).own("state");
  const connection = new Connection({
    address,
    clientId: `${instance}-${shard}`,
    keepSeconds: Math.ceil(maxCommandAgeSeconds),
    yields: true,
    keepaliveSeconds: settings.keepaliveSeconds,
    announces: new BirthAndWill({
      topic: stateTopic,
      log,
      echoTimeoutMs: times?.connectTimeoutMs ?? 10_000,
      ...(isLead && { willDelaySeconds: WILL_DELAY_SECONDS, hasFarewell: () => options.isLast() }),
    }),
    log,
    times,
  });
  const sender = new DirectSender(connection, log, parts.reports, parts.secrets);
  const stack = new AsyncDisposableStack();
  const setActive = startCommands(
    {
      link: connection,
      ...{ sender, topics, bus, devices, commands, control, requester, log, now },
      headers: settings.headers,
      answers: settings.answers,
      health: parts.health,
      // Those that no shard has are answered by the lead.
      others: { have: ({ path }) => isElsewhere(path) || !isLead },
      scope: { isLead, isElsewhere, isOfUnknownAge: () => connection.hasOldMessages },
    },
    stack,
  );
  const startedAt = now();
  const publishInfo = (): void => {
    if (!isLead || !connection.up) return;
    const info = { instance, version, startedAt, ...options.info(), requester };
    const payload = JSON.stringify(info);
    void sender.send({ topic: topics.own("info"), payload, qos: 1, retain: true });
  };
  connection.onChange((up) => up && publishInfo());
  void setActive(true);
  connection.start();
  return {
    infoChanged: publishInfo,
    async stop() {
      connection.drain(stateTopic);
      await setActive(false);
      await stack.disposeAsync();
      await connection.stop();
    },
  };
}
