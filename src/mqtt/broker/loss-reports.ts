import type { Log } from "../../log/log.ts";
import { reasonOf } from "./link.ts";

const REPEAT_MS = 60_000;

/** Says which messages did not arrive: once for each reason, and then at most once a minute with their number. */
export class LossReports {
  readonly #log: Log;
  readonly #tell: (text: string) => void;
  /** By reason: when it was said last, and how many came since. */
  readonly #said = new Map<string, { at: number; since: number }>();

  /** `tell` is given each refusal that is said, for the operators. */
  constructor(log: Log, tell: (text: string) => void = () => undefined) {
    this.#log = log;
    this.#tell = tell;
  }

  say(outcome: "dropped" | "refused", topic: string, error: unknown): void {
    const { name, code, reason } = error as { name?: string; code?: unknown; reason?: unknown };
    const key = `${outcome} ${name} ${code ?? reason ?? ""}`;
    const now = performance.now();
    const last = this.#said.get(key);
    if (last && now - last.at < REPEAT_MS) {
      last.since++;
      return;
    }
    this.#said.set(key, { at: now, since: 0 });
    const text = `a message was ${outcome}: ${reasonOf(error)}`;
    const more = last && last.since > 0 ? { moreSinceLastReport: last.since } : {};
    this.#log.warn(text, { topic: topic.length > 200 ? `${topic.slice(0, 200)}…` : topic, ...more });
    if (outcome === "refused") this.#tell(text);
  }
}
