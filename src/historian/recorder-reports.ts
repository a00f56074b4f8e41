import type { Notice } from "../bus.ts";
import type { Sample } from "./contract.ts";
import type { HistorianError } from "./errors.ts";
import { formatTime } from "./time.ts";

/** Topics whose rejection was told; each is told once. */
const MAX_REJECTED_TOPICS = 1000;

/** What operators hear of the recorder: each change once, not each attempt. */
export class RecorderReports {
  readonly #tell: (severity: Notice["severity"], kind: string, text: string) => void;
  readonly #rejectedTopics = new Set<string>();
  #failing: HistorianError | undefined;
  #lost: { count: number; from: number; to: number } | undefined;

  constructor(tell: (severity: Notice["severity"], kind: string, text: string) => void) {
    this.#tell = tell;
  }

  failed(failure: HistorianError): void {
    const known = this.#failing?.kind === failure.kind;
    this.#failing = failure;
    if (known) return;
    const severity = failure.kind === "retry" ? "warning" : "error";
    this.#tell(
      severity,
      "historian_failing",
      `history is not being stored, values wait in memory: ${failure.message}`,
    );
  }

  stored(waiting: number): void {
    if (this.#failing)
      this.#tell("info", "historian_recovered", `history is stored again; ${waiting} values wait`);
    this.#failing = undefined;
    this.allLost();
  }

  rejected({ topic, time }: Sample, reason: string): void {
    if (this.#rejectedTopics.has(topic) || this.#rejectedTopics.size >= MAX_REJECTED_TOPICS) return;
    this.#rejectedTopics.add(topic);
    this.#tell("warning", "historian_rejected", `"${topic}" at ${when(time)} cannot be stored: ${reason}`);
  }

  /** The buffer is full. How much went is told once it is over. */
  overflowed(samples: readonly Sample[]): void {
    const [first] = samples;
    if (!first) return;
    if (!this.#lost)
      this.#tell(
        "warning",
        "historian_dropped",
        `too many values wait; the oldest are dropped, from ${when(first.time)} on`,
      );
    this.lost(samples);
  }

  lost(samples: readonly Sample[]): void {
    for (const { time } of samples) {
      this.#lost ??= { count: 0, from: time, to: time };
      this.#lost.count += 1;
      this.#lost.from = Math.min(this.#lost.from, time);
      this.#lost.to = Math.max(this.#lost.to, time);
    }
  }

  /** Nothing more is lost for now: tells how much it was. */
  allLost(): void {
    if (!this.#lost) return;
    const { count, from, to } = this.#lost;
    this.#lost = undefined;
    this.#tell("warning", "historian_dropped", `${count} values from ${when(from)} to ${when(to)} were lost`);
  }
}

/** A sample's time for people; of a rejected one it may be no time at all. */
function when(time: number): string {
  return Number.isSafeInteger(time) ? formatTime(time) : String(time);
}
