import type { Bus } from "../bus.ts";
import type { WriteStatus } from "../points/index.ts";
import { type Answer, answerOf } from "./answers.ts";
import { type Attempt, recordOf } from "./attempt.ts";
import type { Clock } from "./clock.ts";
import type { CommandResult } from "./commands.ts";
import type { Device } from "./device.ts";

export interface AttemptsParts {
  readonly devices: ReadonlyMap<string, Device>;
  readonly bus: Bus;
  readonly clock: Clock;
  /** Asks for an early scrape of a device, so that everybody sees what a write did. */
  readonly scrapeSoon: (path: string) => void;
}

/** Sees every attempted write to its answer: announced when it is sent and when it is answered, counted, never thrown. */
export class Attempts {
  readonly #parts: AttemptsParts;
  readonly #open = new Set<Promise<unknown>>();
  readonly #counters: Record<WriteStatus, number> = {
    confirmed: 0,
    accepted: 0,
    unconfirmed: 0,
    refused: 0,
    failed: 0,
  };

  constructor(parts: AttemptsParts) {
    this.#parts = parts;
  }

  /** Answered writes by status. */
  get counters(): Readonly<Record<WriteStatus, number>> {
    return { ...this.#counters };
  }

  /** Does the work and makes its answer, or its error, the result. */
  run(attempt: Attempt, work: () => Promise<Answer>): Promise<CommandResult> {
    const { clock, scrapeSoon } = this.#parts;
    const started = clock.monotonic();
    const answering = (async () => {
      const answer = await (async () => work())().catch(answerOf);
      const { device, point, requested, command } = attempt;
      const tookMs = Math.round(clock.monotonic() - started);
      const place = { device, ...(point !== undefined && { point }) };
      this.#counters[answer.status]++;
      this.announce(attempt, { ...answer, tookMs });
      if (answer.status !== "refused") scrapeSoon(device);
      return { id: command.id, ...place, requested, ...answer, tookMs };
    })();
    this.#open.add(answering);
    return answering.finally(() => this.#open.delete(answering));
  }

  announce(attempt: Attempt, answer?: Answer & { readonly tookMs: number }): void {
    const { bus, clock, devices } = this.#parts;
    const write = recordOf(attempt, devices, new Date(clock.now()), answer);
    if (write) bus.emit("write", write);
  }

  /** Resolves when all that was begun is answered. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#open);
  }
}
