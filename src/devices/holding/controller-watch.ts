import type { Bus } from "../../bus.ts";
import { messageOf } from "../../log/log.ts";
import type { Notices } from "../../log/notices.ts";
import { type Backoff, backoff } from "../../time/backoff.ts";
import { type Clock, pause } from "../../time/clock.ts";
import type { Controllers } from "../commands.ts";
import { type HeldLimit, idOf } from "./held-limit.ts";
import type { LimitBook } from "./limit-book.ts";

export interface ControllerWatchParts {
  readonly book: LimitBook;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly notices: Notices;
  /** Time for which a controller may be offline before its set points are reverted, in seconds. */
  readonly graceSeconds: number;
  /** Rejects where the device did not accept it. */
  readonly revert: (limit: HeldLimit) => Promise<void>;
}

/** A controller that is `offline` by its own message or its will. */
interface Gone {
  /** Wall clock. */
  readonly since: number;
  /** Aborted when it is online again. */
  readonly back: AbortController;
  /** Whether its time of grace runs. */
  waiting: boolean;
}

const MAX_GONE = 1000;
const RETRY_MS: Backoff = { first: 5000, longest: 300_000 };
/** Number of attempts, about two hours. */
const TRIES = 30;

/**
 * Reverts the limits held by a controller that has been offline for the time of grace, and those it sets while offline.
 * While running, time is measured on the monotonic clock.
 */
export class ControllerWatch implements Controllers {
  readonly #parts: ControllerWatchParts;
  readonly #gone = new Map<string, Gone>();
  #deaf: (() => void) | undefined;
  #isStopped = false;

  constructor(parts: ControllerWatchParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#isStopped = false;
    this.#deaf = this.#parts.bus.on("write", ({ requester, action, status, via }) => {
      const gone = this.#gone.get(requester);
      const isNew = action === "set" && status !== undefined && via !== "lease";
      if (gone && isNew && !gone.waiting) void this.#watch(requester, gone);
    });
  }

  /** Stops reverting, even if it still receives the states of controllers. */
  stop(): void {
    this.#isStopped = true;
    this.#deaf?.();
    for (const { back } of this.#gone.values()) back.abort();
    this.#gone.clear();
  }

  heard(name: string, state: string): void {
    if (this.#isStopped) return;
    const { clock, notices } = this.#parts;
    const gone = this.#gone.get(name);
    if (state === "online" || state === "") {
      gone?.back.abort();
      this.#gone.delete(name);
    } else if (state !== "offline") {
      const text = `controller ${name} published a state that is neither "online" nor "offline"; it is ignored`;
      notices.say("warning", "controller_state_unknown", text);
    } else if (!gone && this.#gone.size >= MAX_GONE) {
      const text = `more than ${MAX_GONE} controllers are offline; the limits held by ${name} are not reverted. Clear the retained states of controllers that no longer exist`;
      notices.say("error", "controllers_too_many", text);
    } else if (!gone) {
      const left: Gone = { since: clock.now(), back: new AbortController(), waiting: false };
      this.#gone.set(name, left);
      void this.#watch(name, left);
    }
  }

  /** Reverts its limits after the time of grace; retries failed reverts until it is online again. */
  async #watch(name: string, gone: Gone): Promise<void> {
    const { clock, notices, graceSeconds } = this.#parts;
    const { signal } = gone.back;
    gone.waiting = true;
    await pause(clock, graceSeconds * 1000, signal).catch(() => undefined);
    gone.waiting = false;
    if (signal.aborted) return;
    let due = this.#heldBy(name);
    if (due.length === 0) return;
    const since = new Date(gone.since).toISOString();
    const text = `controller ${name} is offline since ${since}; the limits it holds are reverted (set points: ${due.length})`;
    notices.say("warning", "controller_gone", text);
    for (let tries = 1; ; tries++) {
      const left = await Promise.all(due.map((limit) => this.#revert(limit, tries < TRIES)));
      const ids = new Set(left.filter((id) => id !== undefined));
      if (ids.size === 0 || tries === TRIES || signal.aborted) return;
      await pause(clock, backoff(RETRY_MS, tries), signal).catch(() => undefined);
      if (signal.aborted) return;
      due = this.#heldBy(name).filter((limit) => ids.has(idOf(limit)));
    }
  }

  #heldBy(name: string): HeldLimit[] {
    return this.#parts.book.active().filter(({ requester }) => requester === name);
  }

  /** Returns the id if it could not be reverted. */
  async #revert(limit: HeldLimit, again: boolean): Promise<string | undefined> {
    const { book, notices, revert } = this.#parts;
    try {
      await revert(limit);
      return undefined;
    } catch (error) {
      const id = idOf(limit);
      // It was ended elsewhere meanwhile.
      if (!book.active(limit.device).some((other) => idOf(other) === id)) return undefined;
      const text = `${limit.device}/${limit.point} is held by controller ${limit.requester}, which is offline, and could not be reverted${again ? "; retrying" : ". There is no further retry: revert it by hand"}: ${messageOf(error)}`;
      notices.say(again ? "warning" : "error", "controller_not_reverted", text, limit.device);
      return id;
    }
  }
}
