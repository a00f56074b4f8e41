import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { Membership } from "../../bus.ts";
import { messageOf } from "../../log/log.ts";
import type { DirectSender } from "../../mqtt/broker/direct-sender.ts";
import type { Link } from "../../mqtt/broker/link.ts";
import type { DeviceInfo, PointValue, PortEnergy, Scrape } from "../../points/index.ts";
import { untilAborted } from "../../time/until-aborted.ts";
import type { IntegrationParts } from "../contract.ts";
import { basisOf, type DeviceRecord, isDeviceRecord, underWay } from "./device-record.ts";
import {
  type Component,
  type DeviceDocument,
  type DiscoveryForm,
  type DiscoveryMessage,
  describeBridge,
  describeDevice,
  formFor,
  messagesOf,
  objectIdOf,
  objectIds,
  valuesNeeded,
} from "./documents/index.ts";
import { publishedOf, transition, type WantedDevice } from "./documents/transitions.ts";
import { ownTopics } from "./topics.ts";

export interface DiscoveryOptions {
  readonly settings: {
    readonly prefix: string;
    readonly discovery: DiscoveryForm;
    readonly personal: boolean;
  };
  readonly parts: IntegrationParts;
  readonly link: Link;
  readonly sender: DirectSender;
  /** Returns further retained messages of a device, which are sent after its document. */
  readonly statesOf: (objectId: string, document: DeviceDocument) => readonly DiscoveryMessage[];
  /** Called when a device was removed from Home Assistant. */
  readonly removed: (objectId: string) => void;
}

/** The messages that bring a device at Home Assistant up to date. */
interface Update {
  readonly objectId: string;
  readonly messages: readonly DiscoveryMessage[];
  /** Undefined: nothing was published of it. */
  readonly before: DeviceRecord | undefined;
  /** As it is when all messages are out. Undefined: the device is removed. */
  readonly after: DeviceRecord | undefined;
}

/** Number of devices whose messages are on their way at the same time. */
const BATCH = 32;
/** Pause after a document, as a multiple of the time that it took: discovery is never urgent, and a fleet's is out in seconds. */
const PAUSE_FACTOR = 2;
const LONGEST_PAUSE_MS = 12;
/** Pause after messages that a connected broker did not take in time, in milliseconds. */
const SLOW_BROKER_MS = 2000;
/** Path of the bridge itself, which no device has. */
const BRIDGE = "";
const RECORD = "device ";

/**
 * Keeps what Home Assistant is told of the devices up to date: a document is made and compared when a device, or a value that it
 * shows, has changed, and is published where it differs. {@link publishAll} publishes all. What was published is recorded before it is
 * sent, so that it can be taken back by any later run.
 */
export class Discovery {
  readonly #options: DiscoveryOptions;
  readonly #records: Map<string, DeviceRecord>;
  /** Path by object id, of what is wanted. */
  #paths = new Map<string, string>();
  /** Object ids to compare; true: to publish without a comparison. */
  readonly #due = new Map<string, boolean>();
  /** Paths of devices that are gone and may return: their entities stay. */
  readonly #gone = new Set<string>();
  readonly #withheld = new Map<string, number>();
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #isWithdrawing = false;
  #isWoken = false;
  #areIdsOld = true;
  #areAllDue = false;
  #idsByPath: ReadonlyMap<string, string> = new Map();
  /** Values in the last document of each device, by object id. */
  readonly #shown = new Map<string, Readonly<Record<string, PointValue>>>();
  /** Resolved when some devices were published; then replaced. */
  #progress = Promise.withResolvers<void>();

  constructor(options: DiscoveryOptions) {
    this.#options = options;
    const records = options.parts.state.records((value): value is PointValue => value !== null);
    this.#records = new Map(
      records.flatMap(([key, record]) =>
        key.startsWith(RECORD) && isDeviceRecord(record) ? [[key.slice(RECORD.length), record]] : [],
      ),
    );
  }

  get counters() {
    return {
      /** Devices that Home Assistant knows. */
      devices: [...this.#records.values()].filter(({ path, checksum }) => path !== BRIDGE && checksum !== "")
        .length,
      waiting: this.#due.size,
      /** Entities that Home Assistant would refuse. */
      withheld: [...this.#withheld.values()].reduce((sum, count) => sum + count, 0),
    };
  }

  /** Publishes all documents. Called after a connect, and when Home Assistant has started; a run under way begins anew. */
  publishAll(): void {
    this.#areIdsOld = true;
    this.#areAllDue = true;
    this.#wake();
  }

  noteMembership({ device, change }: Membership): void {
    if (change === "gone" || change === "released") this.#gone.add(device.path);
    else this.#gone.delete(device.path);
    this.#areIdsOld = true;
    this.#noteChanged(device.path);
  }

  noteScrape({ device, values }: Scrape): void {
    const needed = neededOf(device);
    if (needed.length === 0) return;
    const objectId = this.#idsByPath.get(device.path);
    // What is known before the first document is in it.
    const known = this.#shown.get(objectId ?? "");
    const isNew = (name: string) => {
      const value = values.get(name) ?? null;
      return value !== null && !isDeepStrictEqual(value, known?.[name]);
    };
    if (known && needed.some(isNew)) this.#noteChanged(device.path);
  }

  noteEnergy({ stationID, port }: PortEnergy): void {
    // Of several devices of one station, only the first has its id, and others are compared with the next connect.
    const objectId = objectIdOf({ path: "", stationID });
    if (!this.#paths.has(objectId) || this.#records.get(objectId)?.energyPorts.includes(port)) return;
    if (!this.#due.has(objectId)) this.#due.set(objectId, false);
    this.#wake();
  }

  /** Returns the entity that a command topic belongs to. */
  find(
    objectId: string,
    key: string,
  ): { readonly device: DeviceInfo; readonly component: Component } | undefined {
    const device = this.#options.parts.devices.byPath.get(this.#paths.get(objectId) ?? "");
    if (!device) return undefined;
    const component = describeDevice(device, this.#contextOf(objectId, device)).components.find(
      (one) => one.key === key && one.command,
    );
    return component && { device, component };
  }

  /** Removes all devices from Home Assistant. Resolves when the broker has that, or when `signal` is aborted. */
  async withdraw(signal: AbortSignal): Promise<void> {
    this.#isWithdrawing = true;
    this.#due.clear();
    this.publishAll();
    while (this.#records.size > 0 && !signal.aborted)
      await untilAborted(this.#progress.promise, signal).catch(() => undefined);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  #noteChanged(path: string): void {
    const objectId = this.#idsByPath.get(path);
    if (objectId !== undefined && !this.#due.has(objectId)) this.#due.set(objectId, false);
    this.#wake();
  }

  /** Updates which devices are wanted, and makes due what has changed by that. Called while no update is being prepared. */
  #updateIds(): void {
    this.#areIdsOld = false;
    const { devices } = this.#options.parts;
    const owners = new Map([...this.#records].map(([objectId, { path }]) => [objectId, path]));
    this.#idsByPath = this.#isWithdrawing ? new Map() : objectIds(devices.byPath.values(), owners);
    const paths = new Map<string, string>();
    // Devices refer to the bridge, which is therefore the first.
    if (!this.#isWithdrawing) paths.set(describeBridge(this.#context).objectId, BRIDGE);
    for (const [path, objectId] of this.#idsByPath) paths.set(objectId, path);
    for (const [objectId, path] of paths) {
      const before = this.#paths.get(objectId) ?? this.#records.get(objectId)?.path;
      if (before !== path && !this.#due.has(objectId)) this.#due.set(objectId, false);
    }
    for (const objectId of this.#records.keys())
      if (!paths.has(objectId) && !this.#due.has(objectId)) this.#due.set(objectId, false);
    this.#paths = paths;
    if (this.#areAllDue)
      for (const objectId of [...paths.keys(), ...this.#records.keys()]) this.#due.set(objectId, true);
    this.#areAllDue = false;
  }

  /** Works in a later turn: events of the bus arrive while a scrape is being handled. */
  #wake(): void {
    if (this.#isWoken || this.#stopping.signal.aborted) return;
    this.#isWoken = true;
    setImmediate(() => {
      this.#isWoken = false;
      this.#running ??= this.#run().finally(() => {
        this.#running = undefined;
        if (this.#hasWork) this.#wake();
      });
    });
  }

  get #hasWork(): boolean {
    const { link } = this.#options;
    return link.up && !this.#stopping.signal.aborted && (this.#areIdsOld || this.#due.size > 0);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (this.#hasWork) {
      if (this.#areIdsOld) this.#updateIds();
      const isSlow = await this.#publishSome();
      this.#progress.resolve();
      this.#progress = Promise.withResolvers();
      if (isSlow) await delay(SLOW_BROKER_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Brings some of the due devices up to date. Returns whether the broker, connected, did not take everything. */
  async #publishSome(): Promise<boolean> {
    const { parts, link } = this.#options;
    const { signal } = this.#stopping;
    const updates: Update[] = [];
    for (const [objectId, isForced] of this.#due) {
      this.#due.delete(objectId);
      const began = performance.now();
      try {
        const update = this.#updateOf(objectId, isForced);
        if (update) updates.push(update);
      } catch (error) {
        const text = `the document for Home Assistant could not be made: ${messageOf(error)}`;
        parts.notices.say("error", "home_assistant_document", text, this.#paths.get(objectId));
      }
      const pauseMs = Math.min(LONGEST_PAUSE_MS, (performance.now() - began) * PAUSE_FACTOR);
      await delay(pauseMs, undefined, { signal }).catch(() => undefined);
      if (updates.length >= BATCH || signal.aborted || this.#areIdsOld) break;
    }
    this.#save(updates.map(({ objectId, before, after }) => [objectId, underWay(before, after)]));
    const outcomes = await Promise.all(updates.map((update) => this.#send(update)));
    this.#save(updates.flatMap((update, i) => this.#recordAfter(update, outcomes[i]!)));
    return outcomes.includes("dropped") && link.up;
  }

  async #send({ messages }: Update): Promise<"published" | "dropped" | "refused"> {
    const { sender } = this.#options;
    const outcomes = await Promise.all(
      messages.map((message) => sender.sendMeasured({ ...message, qos: 1, retain: true })),
    );
    return outcomes.includes("dropped") ? "dropped" : outcomes.includes("refused") ? "refused" : "published";
  }

  /** Returns the changes of the records when the messages of a device have ended. */
  #recordAfter(
    { objectId, before, after }: Update,
    outcome: "published" | "dropped" | "refused",
  ): [objectId: string, record: DeviceRecord | undefined][] {
    if (outcome === "published") {
      if (!after) this.#options.removed(objectId);
      return [[objectId, after]];
    }
    // What is not known to be at the broker is sent again: after the next connect, or now where it is connected.
    if (outcome === "dropped") this.#due.set(objectId, true);
    const record = underWay(before, after);
    if (outcome === "dropped" || !after || after.published?.form !== "device" || record?.isTooLarge)
      return [];
    const text =
      "the broker refused the message with all entities of the device; one for each entity is sent instead. Brokers have a limit for messages (Mosquitto: max_packet_size) and rules for topics";
    this.#options.parts.notices.say("warning", "home_assistant_refused", text, after.path);
    this.#due.set(objectId, true);
    return [[objectId, { ...record!, isTooLarge: true }]];
  }

  /** Returns what is to be sent of a device; undefined where nothing is. */
  #updateOf(objectId: string, isForced: boolean): Update | undefined {
    const { parts, settings, statesOf } = this.#options;
    const before = this.#records.get(objectId);
    const path = this.#paths.get(objectId);
    const device = parts.devices.byPath.get(path ?? "");
    if (path === undefined || (path !== BRIDGE && !device)) {
      if (!before || (this.#gone.has(before.path) && !this.#isWithdrawing)) return undefined;
      return this.#removalOf(objectId, before);
    }
    const context = device ? this.#contextOf(objectId, device) : this.#context;
    const document = device ? describeDevice(device, context) : describeBridge(context);
    this.#shown.set(objectId, Object.fromEntries(context.latest));
    this.#reportWithheld(document, device);
    if (document.components.length === 0) return before && this.#removalOf(objectId, before);
    const form = before?.isTooLarge ? "component" : formFor(document, settings.discovery, settings.prefix);
    const wanted: WantedDevice = { document, form, prefix: settings.prefix };
    const checksum = checksumOf(messagesOf(document, form, settings.prefix));
    if (!isForced && before?.checksum === checksum) return undefined;
    const messages = transition(basisOf(before, wanted), wanted);
    const states = device ? statesOf(objectId, document) : [];
    const after: DeviceRecord = {
      ...{ path, published: publishedOf(wanted), pending: null, checksum },
      isTooLarge: before?.isTooLarge ?? false,
      values: Object.fromEntries(context.latest),
      energyPorts: [...context.energyPorts].sort(),
    };
    return { objectId, messages: [...messages, ...states], before, after };
  }

  #removalOf(objectId: string, before: DeviceRecord): Update {
    const { topics } = this.#options.parts;
    const published = [before.published, before.pending].flatMap((one) =>
      transition(one ?? undefined, undefined),
    );
    const own = Object.values(ownTopics(topics, objectId)).map((topic) => ({ topic, payload: "" }));
    this.#withheld.delete(objectId);
    this.#shown.delete(objectId);
    const isDevice = before.path !== BRIDGE;
    return { objectId, messages: [...published, ...(isDevice ? own : [])], before, after: undefined };
  }

  #reportWithheld({ objectId, refused }: DeviceDocument, device: DeviceInfo | undefined): void {
    if (refused.length === 0) this.#withheld.delete(objectId);
    else this.#withheld.set(objectId, refused.length);
    const [first] = refused;
    if (!first) return;
    const more = refused.length === 1 ? "" : ` (and ${refused.length - 1} more)`;
    const text = `not shown in Home Assistant: ${first.text}${more}`;
    this.#options.parts.notices.say("warning", "home_assistant_withheld", text, device?.path);
  }

  get #context() {
    const { parts, settings, link } = this.#options;
    const { instance, version, topics, mqtt } = parts;
    return {
      ...{ instance, version, topics, mqtt, protocolVersion: link.protocolVersion },
      personal: settings.personal,
      latest: new Map<string, PointValue>(),
      energyPorts: new Set<string>(),
    };
  }

  #contextOf(objectId: string, device: DeviceInfo) {
    const { latest: known } = this.#options.parts.devices;
    const latest = new Map<string, PointValue>();
    for (const name of neededOf(device)) {
      const value =
        known.value(device.path, name)?.value ?? this.#records.get(objectId)?.values[name] ?? null;
      if (value !== null) latest.set(name, value);
    }
    const ports = [...this.#options.parts.lifetimeEnergy(device.stationID)].map(({ port }) => port);
    const energyPorts = new Set([...(this.#records.get(objectId)?.energyPorts ?? []), ...ports]);
    return { ...this.#context, objectId, latest, energyPorts };
  }

  #save(changes: readonly (readonly [objectId: string, record: DeviceRecord | undefined])[]): void {
    const differing = changes.filter(([objectId, record]) => {
      const isOther = !isDeepStrictEqual(this.#records.get(objectId), record);
      if (record) this.#records.set(objectId, record);
      else this.#records.delete(objectId);
      return isOther;
    });
    if (differing.length === 0) return;
    this.#options.parts.state.setAll(
      differing.map(([objectId, record]) => [
        `${RECORD}${objectId}`,
        (record as unknown as PointValue | undefined) ?? null,
      ]),
    );
  }
}

const needed = new WeakMap<DeviceInfo["points"], readonly string[]>();

/** Devices of one registry share their points. */
function neededOf(device: DeviceInfo): readonly string[] {
  const known = needed.get(device.points) ?? valuesNeeded(device);
  needed.set(device.points, known);
  return known;
}

function checksumOf(messages: readonly DiscoveryMessage[]): string {
  const hash = createHash("sha256");
  for (const { topic, payload } of messages) hash.update(`${topic}\n${payload}\n`);
  return hash.digest("base64url");
}
