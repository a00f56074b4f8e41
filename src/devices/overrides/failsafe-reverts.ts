import type { Notices } from "../../log/notices.ts";
import { type Backoff, backoff } from "../../time/backoff.ts";
import type { Clock } from "../../time/clock.ts";
import type { Command, CommandResult } from "../commands.ts";

interface Parts {
  readonly clock: Clock;
  readonly notices: Notices;
  readonly revert: (device: string, command: Command) => Promise<CommandResult>;
  /** Returns whether the override of this pattern is active. */
  readonly isActive: (pattern: string) => boolean;
}

const STAGGER_MS = 50;
const RETRY_MS: Backoff = { first: 30_000, longest: 480_000 };
const TRIES = 6;

/**
 * Reverts the devices of a new override to their default. A failed revert is retried with growing pauses for a quarter of
 * an hour while the override is active: reverting twice does no harm, but a limit left in force does.
 */
export class FailsafeReverts {
  readonly #parts: Parts;
  readonly #waiting = new Set<() => void>();
  #stopped = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  begin(pattern: string, devices: readonly string[], command: Command, staggered: boolean): void {
    for (const [i, device] of devices.entries()) {
      if (staggered) this.#later(i * STAGGER_MS, () => void this.#revert(pattern, device, command, 1));
      else void this.#revert(pattern, device, command, 1);
    }
  }

  stop(): void {
    this.#stopped = true;
    for (const cancel of this.#waiting) cancel();
    this.#waiting.clear();
  }

  async #revert(pattern: string, device: string, command: Command, tries: number): Promise<void> {
    const { clock, notices, revert, isActive } = this.#parts;
    if (!isActive(pattern)) return;
    // The command does not expire while the override is active.
    const { expiresAt: _, durationMinutes: __, ...lasting } = command;
    const { status, text } = await revert(device, { ...lasting, sentAt: new Date(clock.now()) });
    if (status === "confirmed" || status === "accepted" || this.#stopped) return;
    const again = tries < TRIES;
    notices.say(
      again ? "warning" : "error",
      "override_not_reverted",
      `the override of ${pattern} could not revert the device to its default` +
        `${again ? "; retrying" : "; revert it by hand once the override is off"}: ${text}`,
      device,
    );
    if (again) this.#later(backoff(RETRY_MS, tries), () => this.#revert(pattern, device, command, tries + 1));
  }

  #later(ms: number, act: () => void): void {
    const cancel = this.#parts.clock.after(ms, () => {
      this.#waiting.delete(cancel);
      act();
    });
    this.#waiting.add(cancel);
  }
}
