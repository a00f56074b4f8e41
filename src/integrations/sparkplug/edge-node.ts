import { setTimeout as delay } from "node:timers/promises";
import type { Announcer } from "../../mqtt/broker/birth-and-will.ts";
import type { BrokerSession } from "../../mqtt/broker/broker-session.ts";
import type { DeviceInfo } from "../../points/index.ts";
import type { Clock } from "../../time/clock.ts";
import { SparkplugDevice } from "./device.ts";
import type { History } from "./history.ts";
import { FIRST_DEVICE_ALIAS, type NodeMetrics } from "./node-metrics.ts";
import { NodeSession, type SessionCounters } from "./node-session.ts";
import type { PrimaryHost } from "./primary-host.ts";
import { DeviceIds, type NodeTopics } from "./topics.ts";

/** Maximum time of a turn, in milliseconds; then scrapes and commands have theirs. */
const TURN_MS = 8;
/** Time for which changes are gathered into one message, in milliseconds. */
const GATHER_MS = 50;
/** Minimum time between two messages with metrics of the node itself, in milliseconds. */
const NODE_DATA_MS = 1000;
/** Minimum time from the end of the births to the next ones that hosts ask for, in milliseconds. */
const REBIRTH_PAUSE_MS = 5000;
/** Maximum number of historical values in a message. */
const PAST_AT_ONCE = 500;
/** Maximum time that a broker may take to acknowledge the death, in milliseconds. */
const FAREWELL_MS = 2000;

export interface EdgeNodeOptions {
  readonly topics: NodeTopics;
  readonly metrics: NodeMetrics;
  readonly history: History;
  /** Absent: births do not wait for a host. */
  readonly host: PrimaryHost | undefined;
  readonly clock: Clock;
  /** Called when a device cannot have a birth. */
  onWithheld(device: DeviceInfo, reason: string): void;
}

/**
 * An edge node of Sparkplug: after each connect, and where a host asks for it, the birth of the node and of its devices, then
 * what changes. Everything is done in short turns, in this order: noted changes, births, deaths, historical values, data.
 */
export class EdgeNode implements Announcer {
  readonly counters: SessionCounters & { births: number } = {
    published: 0,
    dropped: 0,
    refused: 0,
    births: 0,
  };
  readonly #options: EdgeNodeOptions;
  readonly #ids = new DeviceIds();
  readonly #devices = new Map<string, SparkplugDevice>();
  readonly #byId = new Map<string, SparkplugDevice>();
  #nextAlias = FIRST_DEVICE_ALIAS;
  #session: NodeSession | undefined;
  #phase: "due" | "births" | "live" = "due";
  /** What the bus reported, in order. */
  #work: (() => void)[] = [];
  #nextWork = 0;
  /** Devices whose births are still to be sent. */
  #unborn: SparkplugDevice[] = [];
  /** Devices that came or went, or have values to send. */
  readonly #touched = new Set<SparkplugDevice>();
  /** IDs of devices that the hosts take for alive, and whose deaths are to be sent after the births. */
  readonly #deaths = new Set<string>();
  #isRebirthAsked = false;
  /** On the monotonic clock. */
  #birthsEndedAt = Number.NEGATIVE_INFINITY;
  #nodeDataAt = Number.NEGATIVE_INFINITY;
  #isTurnDue = false;
  #isStopped = false;
  /** Whether this connection has had a birth. */
  #isAnnounced = false;
  readonly #timers = new Map<"data" | "node data" | "rebirth", () => void>();

  constructor(options: EdgeNodeOptions) {
    this.#options = options;
  }

  /** Whether the hosts have all births of this connection. */
  get isLive(): boolean {
    return this.#phase === "live" && this.#session !== undefined;
  }

  get bornDevices(): number {
    let count = 0;
    for (const { isBorn } of this.#devices.values()) if (isBorn) count++;
    return count;
  }

  /** Returns the Device ID of a path, which keeps it until {@link remove}. */
  idOf(path: string): string {
    return this.#ids.idOf(path);
  }

  device(path: string): SparkplugDevice | undefined {
    return this.#devices.get(path);
  }

  deviceById(id: string): SparkplugDevice | undefined {
    return this.#byId.get(id);
  }

  /** Runs `work` in a later turn, after all that was given before. */
  later(work: () => void): void {
    this.#work.push(work);
    this.#wake();
  }

  /** Adds a device, or replaces the one with the same path. */
  add(info: DeviceInfo): SparkplugDevice {
    const before = this.#devices.get(info.path);
    const device = new SparkplugDevice(
      info,
      this.#ids.idOf(info.path),
      this.#nextAlias,
      this.#options.history,
    );
    this.#nextAlias += device.layout.metrics.length;
    if (before) {
      device.inherit(before);
      this.#end(before);
    }
    this.#devices.set(info.path, device);
    this.#byId.set(device.id, device);
    this.touch(device);
    return device;
  }

  remove(path: string): void {
    const device = this.#devices.get(path);
    if (!device) return;
    device.forget();
    this.#end(device);
    this.#devices.delete(path);
    this.#byId.delete(device.id);
    this.#ids.release(path);
  }

  /** Call it when a device has changed. */
  touch(device: SparkplugDevice): void {
    this.#touched.add(device);
    this.#after("data", GATHER_MS);
  }

  /** Stops sending data; the births follow at once, or 5 s after the last ones. */
  requestRebirth(): void {
    // Births that have not begun answer this request too.
    if (this.#phase === "due") return;
    this.#isRebirthAsked = true;
    this.#wake();
  }

  /** Call it when the primary host came online or went offline. */
  hostChanged(): void {
    const { host } = this.#options;
    if (!host || !this.#session) return;
    if (host.isOnline) this.#wake();
    else if (this.#isAnnounced)
      void this.#leave(this.#session.broker, `the primary host ${host.id} went offline`);
  }

  will(): { topic: string; payload: Buffer; qos: 1; retain: false } {
    const { topics, metrics, host, clock } = this.#options;
    host?.connecting();
    metrics.nextBdSeq();
    return { topic: topics.node("NDEATH"), payload: metrics.death(clock.now()), qos: 1, retain: false };
  }

  unreached(): void {
    this.#options.metrics.takeBackBdSeq();
  }

  async publishBirth(session: BrokerSession): Promise<void> {
    const { clock } = this.#options;
    this.#session = new NodeSession(session, this.counters, {
      now: () => clock.now(),
      onRoom: () => this.#wake(),
      onGap: () => this.requestRebirth(),
    });
    this.#wake();
  }

  async publishFarewell(session: BrokerSession): Promise<void> {
    await this.#leave(session, "stopped");
  }

  connectionEnded(): void {
    this.#session = undefined;
    this.#phase = "due";
    this.#isAnnounced = false;
    this.#isRebirthAsked = false;
    this.#deaths.clear();
    this.#unborn = [];
    for (const device of this.#devices.values()) device.isBorn = false;
  }

  stop(): void {
    this.#isStopped = true;
    for (const cancel of this.#timers.values()) cancel();
  }

  /**
   * Publishes the death and disconnects; over MQTT 5 so that the broker publishes the will too, as the specification wants
   * it (chapter 6.4.24). Hosts ignore the second death of a number.
   */
  async #leave(broker: BrokerSession, reason: string): Promise<void> {
    const { topics, metrics, clock } = this.#options;
    this.#session = undefined;
    const payload = metrics.death(clock.now());
    const sent = broker
      .publish({ topic: topics.node("NDEATH"), payload, qos: 1, retain: false })
      .catch(() => undefined);
    await Promise.race([sent, delay(FAREWELL_MS, undefined, { ref: false })]);
    // Not waited for: the connection knows by then that it is to stop.
    void broker.end(reason, { publishWill: broker.protocolVersion === 5 });
  }

  #wake(): void {
    if (this.#isTurnDue || this.#isStopped) return;
    this.#isTurnDue = true;
    setImmediate(() => this.#turn());
  }

  /** Wakes it later, unless the same is due already. */
  #after(what: "data" | "node data" | "rebirth", ms: number): void {
    if (this.#timers.has(what)) return;
    const cancel = this.#options.clock.after(ms, () => {
      this.#timers.delete(what);
      this.#wake();
    });
    this.#timers.set(what, cancel);
  }

  #turn(): void {
    this.#isTurnDue = false;
    if (this.#isStopped) return;
    const until = performance.now() + TURN_MS;
    while (this.#step()) {
      if (performance.now() < until) continue;
      this.#wake();
      return;
    }
  }

  /** Does one thing. Returns false where nothing can be done now. */
  #step(): boolean {
    if (this.#nextWork < this.#work.length) {
      this.#work[this.#nextWork++]!();
      if (this.#nextWork === this.#work.length) {
        this.#work = [];
        this.#nextWork = 0;
      }
      return true;
    }
    const session = this.#session;
    if (!session?.broker.alive || session.isFull || this.#options.host?.isOnline === false) return false;
    if (this.#phase === "due") this.#beginBirths(session);
    else if (this.#phase === "births") this.#nextBirth(session);
    else if (this.#isRebirthAsked) return this.#beginRebirth();
    else return this.#nextData(session);
    return true;
  }

  #beginBirths(session: NodeSession): void {
    const { topics, metrics, clock } = this.#options;
    this.#phase = "births";
    this.#isAnnounced = true;
    this.#isRebirthAsked = false;
    this.counters.births++;
    session.restart();
    session.send({ topic: topics.node("NBIRTH"), metrics: metrics.birth(clock.now()) });
    for (const device of this.#devices.values()) {
      // One that was lost meanwhile, and has no birth now, has its death still to come.
      if (device.isBorn) this.#deaths.add(device.id);
      device.isBorn = false;
      device.isWithheld = false;
    }
    this.#unborn = [...this.#devices.values()].reverse();
  }

  #nextBirth(session: NodeSession): void {
    const device = this.#unborn.pop();
    if (!device) {
      this.#phase = "live";
      this.#birthsEndedAt = this.#options.clock.monotonic();
      return;
    }
    // It may be gone by now.
    if (device.isPresent && this.#devices.get(device.info.path) === device)
      this.#publishBirth(device, session);
  }

  #publishBirth(device: SparkplugDevice, session: NodeSession): void {
    const { topics, clock, onWithheld } = this.#options;
    const metrics = device.birth(clock.now());
    device.isBorn = true;
    const onLost = () => device.giveBack(metrics);
    const refusal = session.send({ topic: topics.device("DBIRTH", device.id), metrics, onLost });
    if (refusal !== undefined) {
      device.isBorn = false;
      device.isWithheld = true;
      onWithheld(device.info, refusal);
      return;
    }
    this.#deaths.delete(device.id);
    if (device.pastCount > 0) this.#touched.add(device);
  }

  /** Returns whether the births begin now. */
  #beginRebirth(): boolean {
    const waitMs = this.#birthsEndedAt + REBIRTH_PAUSE_MS - this.#options.clock.monotonic();
    if (waitMs <= 0) this.#phase = "due";
    else this.#after("rebirth", waitMs);
    return waitMs <= 0;
  }

  #nextData(session: NodeSession): boolean {
    const { topics } = this.#options;
    const [gone] = this.#deaths;
    if (gone !== undefined) {
      this.#deaths.delete(gone);
      session.send({ topic: topics.device("DDEATH", gone), metrics: [] });
      return true;
    }
    const [device] = this.#touched;
    if (!device) return this.#publishNodeData(session);
    const isKnown = this.#devices.get(device.info.path) === device;
    if (isKnown && device.isPresent && !device.isBorn && !device.isWithheld)
      this.#publishBirth(device, session);
    else if (isKnown && !device.isPresent && device.isBorn) {
      device.isBorn = false;
      session.send({ topic: topics.device("DDEATH", device.id), metrics: [] });
    } else if (device.isBorn && device.pastCount > 0)
      this.#publishData(device, session, device.takePast(PAST_AT_ONCE));
    else if (device.isBorn && device.hasNews)
      this.#publishData(device, session, device.takeNews(this.#options.clock.now()));
    if (!device.isBorn || !(device.hasNews || device.pastCount > 0)) this.#touched.delete(device);
    return true;
  }

  #publishData(
    device: SparkplugDevice,
    session: NodeSession,
    metrics: ReturnType<SparkplugDevice["takeNews"]>,
  ): void {
    if (metrics.length === 0) return;
    const onLost = () => device.giveBack(metrics);
    session.send({ topic: this.#options.topics.device("DDATA", device.id), metrics, onLost });
  }

  #publishNodeData(session: NodeSession): boolean {
    const { topics, metrics, clock } = this.#options;
    const now = clock.monotonic();
    if (now < this.#nodeDataAt + NODE_DATA_MS) {
      this.#after("node data", this.#nodeDataAt + NODE_DATA_MS - now);
      return false;
    }
    const news = metrics.news(clock.now());
    if (news.length === 0) return false;
    this.#nodeDataAt = now;
    session.send({ topic: topics.node("NDATA"), metrics: news });
    return true;
  }

  #end(device: SparkplugDevice): void {
    this.#touched.delete(device);
    if (!device.isBorn) return;
    device.isBorn = false;
    this.#deaths.add(device.id);
    this.#wake();
  }
}
