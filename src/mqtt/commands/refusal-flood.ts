import type { Log } from "../../log/log.ts";

const WINDOW_MS = 250;
/** Shares of its time that the event loop is busy: above the first the bridge cannot keep up, below the second it can again. */
const OVERLOADED = 0.9;
const RECOVERED = 0.5;
/** Refused commands of one requester on one topic that are answered in each window while the bridge cannot keep up. */
const ANSWERS = 25;
const REPORT_MS = 60_000;

/** Refusals that hold for every command on a topic, whatever it asks for. */
const OF_THE_TOPIC: ReadonlySet<string | undefined> = new Set([
  "DeviceNotFoundError",
  "PointNotFoundError",
  "PointReadOnlyError",
  "ReadOnlyBridgeError",
]);

/**
 * Sheds load while the bridge cannot keep up: of a requester whose commands on a topic are refused again and again because
 * nothing can be written there, further ones are passed over, unanswered. A command that could be carried out never is. It is
 * logged when that begins, and how many they were a minute later.
 */
export class RefusalFlood {
  readonly #log: Log;
  /** Refusals of this window, by requester and topic. */
  readonly #refusals = new Map<string, number>();
  #windowEnds = 0;
  #usage = performance.eventLoopUtilization();
  #overloaded = false;
  #passedOver = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  refused(requester: string, topic: string, error: string | undefined): void {
    if (!OF_THE_TOPIC.has(error)) return;
    const key = keyOf(requester, topic);
    this.#refusals.set(key, (this.#refusals.get(key) ?? 0) + 1);
  }

  /** Whether a command is to be passed over. */
  covers(requester: string, topic: string): boolean {
    const now = performance.now();
    if (now >= this.#windowEnds) this.#nextWindow(now);
    if (!this.#overloaded || (this.#refusals.get(keyOf(requester, topic)) ?? 0) < ANSWERS) return false;
    if (this.#passedOver++ === 0) this.#report(requester, topic);
    return true;
  }

  #nextWindow(now: number): void {
    this.#windowEnds = now + WINDOW_MS;
    this.#refusals.clear();
    const usage = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(usage, this.#usage);
    this.#usage = usage;
    this.#overloaded = utilization > (this.#overloaded ? RECOVERED : OVERLOADED);
  }

  #report(requester: string, topic: string): void {
    this.#log.warn(
      "more commands are refused than can be answered; further ones of this requester on this topic are passed over",
      { requester, topic },
    );
    const sayHowMany = () => {
      this.#log.warn("refused commands were passed over", { commands: this.#passedOver });
      this.#passedOver = 0;
    };
    setTimeout(sayHowMany, REPORT_MS).unref();
  }
}

function keyOf(requester: string, topic: string): string {
  return `${requester}\n${topic}`;
}
