import { randomUUID } from "node:crypto";
import type { Command, CommandResult, Commands } from "../../devices/commands.ts";
import type { Notices } from "../../log/notices.ts";
import type { Incoming } from "../../mqtt/broker/link.ts";
import type { Clock } from "../../time/clock.ts";
import { DataType, decodePayload, type MetricValue, type ReceivedMetric, typedValue } from "./codec.ts";
import type { CommandOutcome, SparkplugDevice } from "./device.ts";
import type { EdgeNode } from "./edge-node.ts";
import { pointValue } from "./layout.ts";
import { BD_SEQ, BD_SEQ_ALIAS, type NodeMetrics, REBIRTH } from "./node-metrics.ts";
import type { NodeTopics } from "./topics.ts";

/** Maximum number of writes that wait for their answer. */
const MOST_UNDER_WAY = 1000;
/** Minimum time between two notices of refused commands, in milliseconds. */
const NOTICE_MS = 60_000;
const TYPE_NAMES = new Map<number, string>(Object.entries(DataType).map(([name, type]) => [type, name]));

interface CommandsOptions {
  readonly node: EdgeNode;
  readonly topics: NodeTopics;
  readonly metrics: NodeMetrics;
  readonly commands: Pick<Commands, "set" | "revertPoint">;
  readonly requester: string;
  readonly notices: Notices;
  readonly clock: Clock;
}

/** Carries out the commands of hosts: births that they ask for, and writes, whose outcome goes back as metrics. */
export class HostCommands {
  #refused = 0;
  readonly #options: CommandsOptions;
  #underWay = 0;
  #noticedAt = Number.NEGATIVE_INFINITY;
  /** Refusals since the last notice. */
  #unreported = 0;

  constructor(options: CommandsOptions) {
    this.#options = options;
  }

  /** Refused commands since the start. */
  get refused(): number {
    return this.#refused;
  }

  receive(message: Incoming): void {
    const id = this.#options.topics.deviceOf(message.topic);
    const place = id === undefined ? "the node" : `device ${id}`;
    // A retained command was removed; over MQTT 5 subscribers see it.
    if (message.retained && message.payload.length === 0) return;
    if (message.retained) {
      this.#refuse(place, "it was retained, and would come again with each connect; send it without retain");
      return;
    }
    let metrics: readonly ReceivedMetric[];
    let sentAt: number | undefined;
    try {
      ({ metrics, timestamp: sentAt } = decodePayload(message.payload));
    } catch {
      this.#refuse(place, "its payload is not one of Sparkplug B");
      return;
    }
    const ours = metrics.filter((metric) => !isBdSeq(metric));
    const stale = metrics.find((metric) => isBdSeq(metric) && !this.#isPresent(metric));
    if (stale)
      this.#refuse(place, `it is for another birth: its bdSeq is not ${this.#options.metrics.bdSeq}`);
    else if (ours.length === 0) this.#refuse(place, "it names no metric");
    else if (id === undefined) for (const metric of ours) this.#control(metric);
    else this.#writeAll(id, ours, sentAt);
  }

  #isPresent({ value }: ReceivedMetric): boolean {
    return value?.field === "long_value" && Number(value.value) === this.#options.metrics.bdSeq;
  }

  #control({ name, alias, datatype, value }: ReceivedMetric): void {
    const { node } = this.#options;
    if (name !== REBIRTH)
      this.#refuse("the node", `${metricText(name, alias)} cannot be written; there is only ${REBIRTH}`);
    else if (value?.field !== "boolean_value" || (datatype ?? DataType.Boolean) !== DataType.Boolean)
      this.#refuse("the node", `${REBIRTH} is a Boolean`);
    else if (value.value) node.requestRebirth();
  }

  #writeAll(id: string, metrics: readonly ReceivedMetric[], sentAt: number | undefined): void {
    const device = this.#options.node.deviceById(id);
    if (!device) {
      this.#refuse(`device ${id}`, "there is no such device");
      return;
    }
    for (const metric of metrics) this.#write(device, metric, sentAt);
  }

  #write(device: SparkplugDevice, metric: ReceivedMetric, sentAt: number | undefined): void {
    const { commands, clock } = this.#options;
    const place = placeOf(device, metric);
    const spec = place === undefined ? undefined : device.layout.metrics[place];
    if (!spec) {
      this.#refuseWrite(
        device,
        `${metricText(metric.name, metric.alias)} is no metric of the device's birth`,
      );
      return;
    }
    if (!spec.point || !spec.isWritable) {
      this.#refuseWrite(device, `${spec.name} is read-only`);
      return;
    }
    const point = spec.point.name;
    const id = randomUUID();
    const say = (outcome: Omit<CommandOutcome, "id">) =>
      this.#answer(device.info.path, point, { id, ...outcome });
    const refuse = (why: string) => {
      say({ status: "refused", message: why });
      this.#refuse(`${spec.name} of device ${device.id}`, why, device.info.path);
    };
    const value = writtenValue(spec.type, metric);
    if (value === undefined) {
      const name = TYPE_NAMES.get(spec.type);
      refuse(`the value must be of type ${name} (${spec.type}), found ${sentText(metric)}; nothing was sent`);
      return;
    }
    if (!device.isBorn) {
      refuse("the device is not present at the moment; nothing was sent");
      return;
    }
    if (this.#underWay >= MOST_UNDER_WAY) {
      refuse(`${MOST_UNDER_WAY} writes wait for their answer; nothing was sent. Send it again later`);
      return;
    }
    const time = metric.timestamp ?? sentAt ?? clock.now();
    const command: Command = {
      ...{ id, requester: this.#options.requester, via: "sparkplug", sentAt: new Date(time) },
      onAccepted: (result) => say(outcomeOf(result)),
    };
    this.#underWay++;
    say({ status: "pending", message: "" });
    const { path } = device.info;
    const written =
      value === null
        ? commands.revertPoint(path, point, command)
        : commands.set(path, point, pointValue(spec.type, value), command);
    void written
      .then((result) => {
        if (result.status === "refused") refuse(result.text ?? "refused");
        else say(outcomeOf(result));
      })
      .catch((error: unknown) => refuse(error instanceof Error ? error.message : String(error)))
      .finally(() => this.#underWay--);
  }

  /** Publishes an outcome with the device that has the path by then: it may have been replaced. */
  #answer(path: string, point: string, outcome: CommandOutcome): void {
    const { node, clock } = this.#options;
    const device = node.device(path);
    if (!device) return;
    device.setOutcome(point, outcome, clock.now());
    node.touch(device);
  }

  #refuseWrite(device: SparkplugDevice, why: string): void {
    const { node, clock } = this.#options;
    device.setRefusal(why, clock.now());
    node.touch(device);
    this.#refuse(`device ${device.id}`, why, device.info.path);
  }

  #refuse(what: string, why: string, path?: string): void {
    this.#refused++;
    const { notices, clock } = this.#options;
    if (clock.monotonic() < this.#noticedAt + NOTICE_MS) {
      this.#unreported++;
      return;
    }
    this.#noticedAt = clock.monotonic();
    const more = this.#unreported > 0 ? ` (and ${this.#unreported} more commands since the last notice)` : "";
    this.#unreported = 0;
    notices.say(
      "warning",
      "sparkplug_command_refused",
      `refused a Sparkplug command for ${what}: ${why}${more}`,
      path,
    );
  }
}

function isBdSeq({ name, alias }: ReceivedMetric): boolean {
  return name === BD_SEQ || (name === undefined && alias === BigInt(BD_SEQ_ALIAS));
}

/** Returns the place of a metric that is named by its alias, by its name, or by both in agreement. */
function placeOf(device: SparkplugDevice, { name, alias }: ReceivedMetric): number | undefined {
  const named = name === undefined ? undefined : device.layout.placeOf.get(name);
  if (alias === undefined) return named;
  const place = Number(alias) - device.firstAlias;
  if (!device.layout.metrics[place]) return undefined;
  return name === undefined || named === place ? place : undefined;
}

/** Returns the value of the metric's type; null where it was sent as null, undefined where it is of another type. */
function writtenValue(type: DataType, { datatype, isNull, value }: ReceivedMetric): MetricValue | undefined {
  if (datatype !== undefined && datatype !== type) return undefined;
  if (isNull) return value ? undefined : null;
  return value && typedValue(type, value);
}

function sentText({ datatype, value }: ReceivedMetric): string {
  const type = datatype === undefined ? "" : ` of type ${TYPE_NAMES.get(datatype) ?? datatype}`;
  if (!value) return `no value${type}`;
  if (value.field === "other") return `bytes, a data set or a template${type}`;
  const text = String(value.value);
  return `${shown(text)} in ${value.field}${type}`;
}

function metricText(name: string | undefined, alias: bigint | undefined): string {
  if (name === undefined) return alias === undefined ? "a metric without a name" : `alias ${alias}`;
  return shown(name);
}

function shown(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}

function outcomeOf({ status, text, error }: CommandResult): Omit<CommandOutcome, "id"> {
  return { status, message: [error, text].filter((part) => part !== undefined && part !== "").join(": ") };
}
