import type { Log } from "../../log/log.ts";

const WINDOW_MS = 250;
/** Utilization of the event loop above which the bridge is overloaded, and below which it has recovered. */
const OVERLOADED = 0.9;
const RECOVERED = 0.5;
/** Number of refused commands of one requester on one topic that are answered in each window during an overload. */
const ANSWERS = 25;
const REPORT_MS = 60_000;

/** Errors with which every command on a topic is refused. */
const OF_THE_TOPIC: ReadonlySet<string | undefined> = new Set([
  "DeviceNotFoundError",
  "PointNotFoundError",
  "PointReadOnlyError",
  "ReadOnlyBridgeError",
]);

/**
 * Sheds load while the event loop is overloaded: where a requester's commands on a topic are refused again and again because
 * nothing can be written there, further ones are discarded without an answer. A command that could be carried out is never
 * discarded. The start is logged, and a minute later the number of discarded commands.
 */
export class RefusalFlood {
  readonly #log: Log;
  /** Refusals of this window, by requester and topic. */
  readonly #refusals = new Map<string, number>();
  #windowEnds = 0;
  #usage = performance.eventLoopUtilization();
  #overloaded = false;
  #discarded = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  refused(requester: string, topic: string, error: string | undefined): void {
    if (!OF_THE_TOPIC.has(error)) return;
    const key = keyOf(requester, topic);
    this.#refusals.set(key, (this.#refusals.get(key) ?? 0) + 1);
  }

  /** Returns whether a command is to be discarded. */
  covers(requester: string, topic: string): boolean {
    const now = performance.now();
    if (now >= this.#windowEnds) this.#nextWindow(now);
    if (!this.#overloaded || (this.#refusals.get(keyOf(requester, topic)) ?? 0) < ANSWERS) return false;
    if (this.#discarded++ === 0) this.#report(requester, topic);
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
      "more commands are refused than can be answered; discarding further ones of this requester on this topic",
      { requester, topic },
    );
    const report = () => {
      this.#log.warn("refused commands were discarded without an answer", { commands: this.#discarded });
      this.#discarded = 0;
    };
    setTimeout(report, REPORT_MS).unref();
  }
}

function keyOf(requester: string, topic: string): string {
  return `${requester}\n${topic}`;
}
