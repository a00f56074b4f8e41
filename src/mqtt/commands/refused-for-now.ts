import { type Backoff, backoff } from "../../time/backoff.ts";

const PAUSE_MS: Backoff = { first: 1000, longest: 60_000 };
/** How long a message is tried again, from its first refusal on. */
const PATIENCE_MS = 600_000;
/** Most messages that are remembered; further ones are not tried again, so that memory stays bounded. */
const MOST = 100_000;

interface Refusal {
  readonly since: number;
  times: number;
  /** When it is sent again; Infinity while it is on its way. */
  dueAt: number;
}

/** Records that the broker refused for a reason that may pass, by id, and when each is sent again. */
export class RefusedForNow {
  readonly #refusals = new Map<number, Refusal>();

  /** Notes a refusal. Returns whether the record is to be sent again; if not, it is forgotten. */
  note(id: number): boolean {
    const now = performance.now();
    const known = this.#refusals.get(id);
    if (!known) {
      if (this.#refusals.size >= MOST) return false;
      this.#refusals.set(id, { since: now, times: 1, dueAt: now + PAUSE_MS.first });
      return true;
    }
    if (now - known.since >= PATIENCE_MS) {
      this.#refusals.delete(id);
      return false;
    }
    known.dueAt = now + backoff(PAUSE_MS, ++known.times);
    return true;
  }

  /** The broker has it, or never will. */
  forget(id: number): void {
    this.#refusals.delete(id);
  }

  /** Ids of the records whose time has come; each is returned once. */
  takeDue(): number[] {
    const now = performance.now();
    const due: number[] = [];
    for (const [id, refusal] of this.#refusals) {
      if (refusal.dueAt <= now) {
        refusal.dueAt = Number.POSITIVE_INFINITY;
        due.push(id);
      } else if (now - refusal.since > PATIENCE_MS + 2 * PAUSE_MS.longest) {
        // Its record did not come back: it was dropped from the disk meanwhile.
        this.#refusals.delete(id);
      }
    }
    return due;
  }
}
