import { messageOf } from "../../log/log.ts";
import type { Notices } from "../../log/notices.ts";
import { type Backoff, backoff } from "../../time/backoff.ts";
import type { Clock } from "../../time/clock.ts";
import { watchClock } from "../../time/clock-watch.ts";
import type { Device } from "../device.ts";
import { describe, type HeldLimit, idOf, mayBeActive, restOf } from "./held-limit.ts";
import type { Entry, LimitBook } from "./limit-book.ts";
import type { InForce, LimitWatch } from "./limit-watch.ts";

/** Limits in force, and renewals of their leases. */
export interface HoldCounters {
  readonly held: number;
  readonly renewed: number;
  readonly notRenewed: number;
}

/** Writes of the keeper when the time of a limit passes. */
export interface LimitActions {
  /** Writes a limit again. Rejects where the device did not accept it. */
  renew(limit: HeldLimit): Promise<void>;
  /** Clears a limit. Rejects where it was not confirmed to be cleared. */
  end(limit: HeldLimit): Promise<void>;
}

interface Parts {
  readonly book: LimitBook;
  readonly watch: LimitWatch;
  readonly clock: Clock;
  readonly notices: Notices;
  /** Whether a lease is renewed without checking that the limit is still in force. */
  readonly renewsAlways: boolean;
}

/** A limit whose time is tracked. */
interface Followed {
  readonly entry: Entry;
  /** On the monotonic clock; undefined: it has no end. */
  readonly endsAt: number | undefined;
  /** Number of consecutive failed renewals. */
  failures: number;
  /** Why the last renewal failed. */
  trouble?: string;
  cancel?: () => void;
}

const FIRST_RETRY_MS = 30_000;
/** Time after its end at which a limit is checked, in milliseconds; the device ends it by itself. */
const END_GRACE_MS = 1000;
const END_RETRY_MS: Backoff = { first: 5000, longest: 300_000 };
/** Number of attempts, about two hours. */
const END_TRIES = 30;
/** Interval of the checks while a write of the limit is being sent, in milliseconds. */
const BUSY_MS = 1000;
/** Interval at which the time is stored while there are limits, in milliseconds. */
const ALIVE_MS = 60_000;

/**
 * Tracks the time of every limit in the book. A limit with a lease is written again at half of its lease, if it is still in
 * force; one with a duration ends at its time, and is cleared if the device did not end it. Limits that ended before the
 * bridge started are handled likewise. While running, time is measured on the monotonic clock.
 */
export class LimitKeeper {
  readonly #parts: Parts;
  readonly #followed = new Map<string, Followed>();
  #actions: LimitActions | undefined;
  #ends: (() => void)[] = [];
  #renewals = { renewed: 0, notRenewed: 0 };

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get counters(): HoldCounters {
    return { held: this.#parts.book.size, ...this.#renewals };
  }

  /** Takes over the limits in the book. Without actions, every limit is left to end by itself. */
  start(devices: ReadonlyMap<string, Device>, actions?: LimitActions): void {
    const { book, clock } = this.#parts;
    this.#actions = actions;
    for (const entry of book.entries()) {
      const { limit } = entry;
      if (entry.isShortened)
        this.#say(
          "warning",
          "hold_shortened",
          limit,
          "was stored with an end too far in the future, and now ends in a year",
        );
      const isKnown = devices.get(limit.device)?.info.points.get(limit.point)?.writable === true;
      const isOver = limit.endsAt !== undefined && limit.endsAt <= clock.now();
      if (isKnown && (actions || !isOver)) this.#follow(idOf(limit), entry);
      else if (isOver) {
        book.gone(entry);
        this.#sayEnded(limit);
      } else
        this.#say(
          "warning",
          "hold_not_renewed",
          limit,
          "is left as it is: the bridge has no such writable point now",
        );
    }
    this.#ends = [
      book.onChange((id, entry) => this.#follow(id, entry)),
      watchClock(clock, () => book.followClock()),
    ];
    this.#noteAlive();
  }

  /** Stops renewing. Held limits stay in the book for the next run. */
  stop(): void {
    this.#actions = undefined;
    for (const end of this.#ends.splice(0)) end();
    for (const { cancel } of this.#followed.values()) cancel?.();
    this.#followed.clear();
  }

  /** Called when the device is removed: none of its limits is renewed or ended from here on, even after a restart. */
  abandon(device: string): void {
    for (const limit of this.#parts.book.forgetDevice(device))
      this.#say(
        "warning",
        "hold_released",
        limit,
        `is no longer held: its device was removed. ${restOf(limit)}`,
      );
  }

  #noteAlive(): void {
    const { book, clock } = this.#parts;
    book.noteAlive();
    const end = clock.after(ALIVE_MS, () => {
      this.#ends.splice(this.#ends.indexOf(end), 1);
      this.#noteAlive();
    });
    this.#ends.push(end);
  }

  #follow(id: string, entry: Entry | undefined): void {
    const known = this.#followed.get(id);
    // Until its write is answered, the previous entry stays tracked; it may be in force again then.
    if (known?.entry === entry || entry?.limit.state === "sent") return;
    known?.cancel?.();
    this.#followed.delete(id);
    if (!entry) return;
    const { clock } = this.#parts;
    const { setAt, endsAt, leaseSeconds } = entry.limit;
    const lasts = endsAt === undefined ? undefined : endsAt - setAt;
    const left = endsAt === undefined ? undefined : Math.min(endsAt - clock.now(), lasts!);
    const followed: Followed = {
      entry,
      endsAt: left === undefined ? undefined : clock.monotonic() + left,
      failures: 0,
    };
    this.#followed.set(id, followed);
    if (left === undefined) return;
    if (!this.#actions) this.#after(followed, left, () => this.#parts.book.gone(entry));
    else if (leaseSeconds !== undefined && left > 0) {
      const ms = entry.isDoubtful ? 0 : left - lasts! / 2;
      this.#after(followed, ms, () => void this.#renew(followed));
    } else this.#after(followed, Math.max(left, 0) + END_GRACE_MS, () => void this.#end(followed));
  }

  async #renew(followed: Followed): Promise<void> {
    const { entry, endsAt } = followed;
    const { limit } = entry;
    if (this.#parts.clock.monotonic() < endsAt!) {
      try {
        const inForce = await this.#inForce(entry);
        if (inForce === "in part" && this.#isMine(followed)) {
          const left = endsAt! - this.#parts.clock.monotonic();
          this.#after(followed, left + END_GRACE_MS, () => void this.#end(followed));
        }
        if (inForce !== "whole") return;
        await this.#actions?.renew(entry.limit);
        this.#renewals.renewed++;
        // A driver that accepted it without a hold has ended it.
        if (this.#isMine(followed)) this.#parts.book.gone(entry);
        return;
      } catch (error) {
        if (!this.#isMine(followed)) return;
        followed.trouble = messageOf(error);
        this.#renewals.notRenewed++;
      }
    }
    if (!this.#isMine(followed)) return;
    const left = endsAt! - this.#parts.clock.monotonic();
    followed.trouble ??= "the bridge was too late to renew it";
    if (left <= 0) {
      this.#say(
        "error",
        "lease_lost",
        limit,
        `has ended because it could not be renewed: ${followed.trouble}. Set it again`,
      );
      this.#after(followed, END_GRACE_MS, () => void this.#end(followed));
      return;
    }
    this.#say(
      "warning",
      "lease_not_renewed",
      limit,
      `could not be renewed; retrying until its lease ends: ${followed.trouble}`,
    );
    const leaseMs = limit.leaseSeconds! * 1000;
    const pauses = { first: Math.min(FIRST_RETRY_MS, leaseMs / 32), longest: leaseMs / 8 };
    const pause = Math.min(backoff(pauses, ++followed.failures), left);
    this.#after(followed, pause, () => void this.#renew(followed));
  }

  /**
   * Returns how much of a limit due for renewal is in force: one that was ended elsewhere, even at one of its ports, is not
   * written again. One that cannot be read counts as last known. One that is gone is given up.
   */
  async #inForce(entry: Entry): Promise<InForce> {
    const { watch, renewsAlways } = this.#parts;
    const isKnown = entry.limit.state === "in_force";
    if (isKnown && (renewsAlways || !watch.isSettled(entry))) return "whole";
    try {
      const inForce = await watch.look(entry);
      if (inForce === "gone") await watch.giveUp(entry);
      return inForce;
    } catch (error) {
      if (isKnown) return "whole";
      throw new Error(`cannot check whether it is in force: ${messageOf(error)}`, { cause: error });
    }
  }

  /** Ends a limit whose time is over. It stays in the book until it is known to be gone, so that a restart handles it too. */
  async #end(followed: Followed, tries = 1): Promise<void> {
    if (!this.#isMine(followed)) return;
    const { book, watch } = this.#parts;
    const { entry } = followed;
    const { limit } = entry;
    try {
      const inForce = await watch.look(entry);
      if (!this.#isMine(followed)) return;
      if (inForce === "gone") {
        const before = await watch.before(limit);
        if (!this.#isMine(followed)) return;
        book.gone(entry, before);
        // The loss was reported already.
        if (followed.trouble === undefined) this.#sayEnded(limit);
        return;
      }
      await this.#actions!.end(entry.limit);
      this.#say(
        "warning",
        "hold_cleared",
        limit,
        "was still in force when its time was over, and was cleared",
      );
    } catch (error) {
      const current = book.entry(limit);
      const isLost = current?.limit.clearing === true;
      // Another one was set meanwhile.
      if (!this.#actions || (current !== entry && mayBeActive(current?.limit) && !isLost)) return;
      const again = tries < END_TRIES && mayBeActive(current?.limit);
      const text = `may still be in force although its time is over${again ? "; retrying" : ". There is no further retry: check the device, and revert it by hand"}: ${messageOf(error)}`;
      this.#say(again ? "warning" : "error", "hold_not_ended", limit, text);
      const next = this.#followed.get(idOf(limit)) ?? followed;
      if (again) this.#after(next, backoff(END_RETRY_MS, tries), () => void this.#end(next, tries + 1));
    }
  }

  /** Calls back while the limit is tracked; later, if a write of it is being sent at that time. */
  #after(followed: Followed, ms: number, act: () => void): void {
    followed.cancel?.();
    followed.cancel = this.#parts.clock.after(ms, () => {
      if (this.#parts.book.entry(followed.entry.limit)?.limit.state === "sent")
        this.#after(followed, BUSY_MS, act);
      else act();
    });
  }

  #isMine({ entry }: Followed): boolean {
    return (
      this.#actions !== undefined && this.#parts.book.entry(entry.limit) === entry && mayBeActive(entry.limit)
    );
  }

  #sayEnded(limit: HeldLimit): void {
    if (limit.leaseSeconds === undefined) this.#say("info", "hold_ended", limit, "has ended");
    else this.#say("warning", "hold_ended", limit, "expired and is no longer held; set it again");
  }

  #say(severity: "info" | "warning" | "error", kind: string, limit: HeldLimit, what: string): void {
    this.#parts.notices.say(severity, kind, `${describe(limit)} ${what}`, limit.device);
  }
}
