import type { Notice } from "../../bus.ts";
import type { Log } from "../../log/log.ts";
import type { BrokerSession } from "../broker/broker-session.ts";
import { type Incoming, LinkDownError } from "../broker/link.ts";
import type { Topics } from "../topics.ts";
import { type Check, LoopbackProbe, largestMessage, type ProbedDevice, runProbes } from "./probes.ts";

export interface SelfTestOptions {
  readonly topics: Topics;
  readonly devices: ReadonlyMap<string, ProbedDevice>;
  /** Source of a requester's name. */
  readonly requester: "message" | "topic";
  readonly log: Log;
  readonly notify: (notice: Omit<Notice, "at">) => void;
  /** Called when the report has changed. */
  readonly onReport: () => void;
  readonly now: () => Date;
  /** Maximum time that the broker may take to deliver a message back, in milliseconds. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 10_000;
/** Minimum pause between two tests, after a failed check and after none. Milliseconds. */
const PAUSE_MS = 60_000;
const PAUSE_WHEN_WELL_MS = 600_000;

/**
 * Tests after a connect for losses that brokers do not report: topics that the access rules deny, messages that are too
 * large, subscriptions that never deliver. Reports each finding once.
 */
export class SelfTest {
  readonly #options: SelfTestOptions;
  readonly #timeoutMs: number;
  readonly #loopback: LoopbackProbe;
  readonly #checks = new Map<string, Check>();
  /** Texts as they were reported, by check. */
  readonly #reported = new Map<string, string>();
  #at: Date | undefined;
  #ranAt = Number.NEGATIVE_INFINITY;
  /** A device topic that is subscribed to until its own message has come back. */
  #watched: { readonly session: BrokerSession; readonly topic: string } | undefined;
  #watch: NodeJS.Timeout | undefined;

  constructor(options: SelfTestOptions) {
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.#loopback = new LoopbackProbe(this.#timeoutMs);
  }

  /** For health: `{"at", "<check>": "ok" | text, …}`; undefined before the first test. */
  get report(): Record<string, unknown> | undefined {
    if (!this.#at) return undefined;
    const checks = [...this.#checks.values()].map(({ check, outcome, text }) => [
      check,
      outcome === "ok" ? "ok" : `${outcome}: ${text}`,
    ]);
    return { at: this.#at, ...Object.fromEntries(checks) };
  }

  connected(session: BrokerSession): void {
    const now = performance.now();
    const isWell = [...this.#checks.values()].every(({ outcome }) => outcome === "ok");
    if (now - this.#ranAt < (isWell ? PAUSE_WHEN_WELL_MS : PAUSE_MS)) return;
    this.#ranAt = now;
    void this.#run(session);
  }

  heard(message: Incoming): void {
    this.#loopback.hear(message);
    if (message.topic !== this.#watched?.topic || message.retained) return;
    this.#note({
      check: "device_topics",
      outcome: "ok",
      text: `what is sent on ${message.topic} comes back`,
    });
    this.#stopWatching();
    this.#options.onReport();
  }

  /** Call it when the broker acknowledged a reading. */
  delivered(topic: string): void {
    if (topic !== this.#watched?.topic) return;
    this.#watch ??= setTimeout(() => {
      const text =
        `the broker acknowledged a message on ${topic} and did not deliver it back; MQTT 3.1.1 does not report why: let the ` +
        "bridge's user write and read device topics, and look at the broker's message_size_limit; or use MQTT 5";
      this.#note({ check: "device_topics", outcome: "failed", text });
      this.#stopWatching();
    }, this.#timeoutMs);
  }

  stop(): void {
    clearTimeout(this.#watch);
    this.#watch = undefined;
    this.#watched = undefined;
  }

  async #run(session: BrokerSession): Promise<void> {
    const { topics, devices, requester, log, now } = this.#options;
    const context = { session, loopback: this.#loopback, topics, requester, devices: devices.values() };
    try {
      // Over MQTT 5 the broker refuses a denied message with a code.
      if (session.protocolVersion === 4) await this.#watchDevice(session);
      for await (const check of runProbes(context)) this.#note(check);
      this.#at = now();
      this.#options.onReport();
    } catch (error) {
      if (error instanceof LinkDownError) this.#ranAt = Number.NEGATIVE_INFINITY;
      else log.error("the self-test failed", { err: error });
    }
  }

  async #watchDevice(session: BrokerSession): Promise<void> {
    const { topics, devices } = this.#options;
    const largest = largestMessage(devices.values());
    const device = largest && devices.get(largest.device);
    if (!device) return;
    const topic = device.publish.depthFirstAll
      ? topics.allDepthFirst(device.path)
      : topics.allBreadthFirst(device.path);
    this.#stopWatching();
    this.#watched = { session, topic };
    await session.subscribe([topic]);
  }

  #stopWatching(): void {
    const watched = this.#watched;
    this.stop();
    if (watched?.session.alive) void watched.session.unsubscribe([watched.topic]).catch(() => undefined);
  }

  #note(check: Check): void {
    const { log, notify } = this.#options;
    this.#checks.set(check.check, check);
    this.#at ??= this.#options.now();
    const before = this.#reported.get(check.check);
    if (check.outcome === "failed") {
      if (before === check.text) return;
      this.#reported.set(check.check, check.text);
      log.warn(`self-test: ${check.text}`, { check: check.check });
      notify({ severity: "warning", kind: "selftest", text: check.text });
    } else if (before !== undefined) {
      this.#reported.delete(check.check);
      log.info(`self-test: ${check.text}`, { check: check.check });
      notify({ severity: "info", kind: "selftest", text: check.text });
    }
  }
}
