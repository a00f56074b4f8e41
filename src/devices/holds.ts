import type { WriteOutcome } from "../drivers/driver.ts";
import type { Point, PointValue } from "../points/index.ts";
import type { Clock } from "./clock.ts";
import type { Device } from "./device.ts";
import type { Notices } from "./notices.ts";
import { messageOf } from "./read-back.ts";
import type { StateNamespace } from "./state-store.ts";

/** Something that this bridge wrote and that stands in the device. Kept across restarts; times are wall clock, in ms. */
export interface Hold {
  readonly device: string;
  readonly point: string;
  /** Two holds of a device with the same key cannot stand together. */
  readonly key: string;
  readonly value: PointValue;
  readonly requester: string;
  readonly setAt: number;
  /** When the device ends it by itself; absent: never. */
  readonly endsAt?: number;
  /** Renewed before it ends. Absent: it ends for good, as its sender wanted. */
  readonly leaseSeconds?: number;
  /** Of a lease that was renewed: how often, and when its set point was first written. */
  readonly renewals?: number;
  readonly since?: number;
}

/** Set points that stand in devices, and the renewals of their leases. */
export interface HoldCounters {
  readonly held: number;
  readonly renewed: number;
  readonly notRenewed: number;
}

interface Held {
  readonly hold: Hold;
  /** By the monotonic clock. */
  readonly endsAt: number | undefined;
  retryMs: number;
  /** Why it could not be renewed the last time. */
  trouble?: string;
  cancel?: (() => void) | undefined;
}

/** A clock may be set back by so much before a stored time counts as from another age. */
const CLOCK_TOLERANCE_MS = 60_000;
const FIRST_RETRY_MS = 30_000;

/**
 * What stands in the devices. A set point with a lease is written again at half of its lease for as long as it is held;
 * one with a duration of its own ends when its sender said. A lease that ran out while the bridge was down is not taken
 * up again: nobody knows what happened meanwhile. While running, time is measured by the monotonic clock.
 */
export class Holds {
  readonly #store: StateNamespace;
  readonly #clock: Clock;
  readonly #notices: Notices;
  readonly #held = new Map<string, Held>();
  #renew: ((hold: Hold) => Promise<void>) | undefined;
  #renewals = { renewed: 0, notRenewed: 0 };

  constructor(store: StateNamespace, clock: Clock, notices: Notices) {
    this.#store = store;
    this.#clock = clock;
    this.#notices = notices;
  }

  get counters(): HoldCounters {
    return { held: this.#held.size, ...this.#renewals };
  }

  /**
   * Takes up what is still held since the last run. `renew` writes a hold again and rejects where it could not; without it,
   * every hold ends with its lease.
   */
  start(devices: ReadonlyMap<string, Device>, renew?: (hold: Hold) => Promise<void>): void {
    this.#renew = renew;
    for (const [id, stored] of this.#store.entries()) {
      const hold = stored as unknown as Hold;
      const over = this.#isOver(hold);
      if (over !== undefined) {
        this.#store.set(id, null);
        this.#say(hold.leaseSeconds === undefined ? "info" : "warning", "hold_ended", hold, over);
      } else if (!devices.get(hold.device)?.info.points.get(hold.point)?.writable) {
        this.#say(
          "warning",
          "hold_not_renewed",
          hold,
          "is left as it is: the bridge runs no such writable point now",
        );
      } else {
        this.#hold(id, hold);
      }
    }
  }

  /** Ends the renewing. What is held stays in the store for the next run. */
  stop(): void {
    this.#renew = undefined;
    for (const { cancel } of this.#held.values()) cancel?.();
  }

  /** Whether something stands that was written to this point; with no point, to any of the device's. */
  has(device: string, point?: string): boolean {
    return [...this.#held.values()].some(
      ({ hold }) => hold.device === device && (point === undefined || hold.point === point),
    );
  }

  all(): Hold[] {
    return [...this.#held.values()].map(({ hold }) => hold);
  }

  /** It stands no more, or never did. */
  forget(hold: Hold): void {
    if (this.isCurrent(hold)) this.#drop(idOf(hold));
  }

  isCurrent(hold: Hold): boolean {
    return this.#held.get(idOf(hold))?.hold === hold;
  }

  /** A device took a write. */
  written(
    device: string,
    point: string,
    value: PointValue,
    outcome: WriteOutcome,
    by: { requester: string; via: string; durationMinutes?: number },
  ): void {
    const before = this.#held.get(idOf({ device, key: outcome.hold?.key ?? point }))?.hold;
    for (const key of outcome.releases ?? []) this.#drop(idOf({ device, key }));
    // A write that only ended things leaves nothing standing.
    if (!outcome.hold && outcome.releases?.length) return;
    const setAt = this.#clock.now();
    const lease = by.durationMinutes === undefined ? outcome.hold?.leaseSeconds : undefined;
    const seconds = by.durationMinutes === undefined ? lease : by.durationMinutes * 60;
    const hold: Hold = {
      device,
      point,
      key: outcome.hold?.key ?? point,
      value,
      requester: by.requester,
      setAt,
      ...(seconds !== undefined && { endsAt: setAt + seconds * 1000 }),
      ...(lease !== undefined && { leaseSeconds: lease }),
      ...(before &&
        by.via === "lease" && {
          renewals: (before.renewals ?? 0) + 1,
          since: before.since ?? before.setAt,
        }),
    };
    this.#hold(idOf(hold), hold);
    this.#save(idOf(hold), hold);
  }

  /** A device went back to its own default or to the point's Starting Value. */
  reverted(
    device: string,
    { name, startingValue }: Point,
    outcome: WriteOutcome,
    by: { requester: string; via: string },
  ): void {
    for (const [id, { hold }] of this.#held)
      if (hold.device === device && hold.point === name) this.#drop(id);
    if (outcome.hold && startingValue !== undefined) this.written(device, name, startingValue, outcome, by);
    else for (const key of outcome.releases ?? []) this.#drop(idOf({ device, key }));
  }

  #isOver({ endsAt, leaseSeconds, setAt }: Hold): string | undefined {
    const now = this.#clock.now();
    if (endsAt !== undefined && now >= endsAt)
      return leaseSeconds === undefined
        ? "has ended"
        : "ran out while the bridge was not running; set it again";
    if (endsAt !== undefined && now < setAt - CLOCK_TOLERANCE_MS)
      return "is given up: by the clock it was set in the future, so nobody can tell whether it still stands";
    return undefined;
  }

  #hold(id: string, hold: Hold): void {
    this.#held.get(id)?.cancel?.();
    const lasts = hold.endsAt === undefined ? undefined : hold.endsAt - hold.setAt;
    const left = hold.endsAt === undefined ? undefined : Math.min(hold.endsAt - this.#clock.now(), lasts!);
    const endsAt = left === undefined ? undefined : this.#clock.monotonic() + left;
    const held: Held = { hold, endsAt, retryMs: Math.min(FIRST_RETRY_MS, (lasts ?? 0) / 32) };
    this.#held.set(id, held);
    if (left === undefined) return;
    if (hold.leaseSeconds === undefined || !this.#renew)
      held.cancel = this.#clock.after(left, () => this.#drop(id));
    else held.cancel = this.#clock.after(left - lasts! / 2, () => void this.#renewHeld(id, held));
  }

  async #renewHeld(id: string, held: Held): Promise<void> {
    const { hold, endsAt } = held;
    if (this.#clock.monotonic() < endsAt!) {
      try {
        await this.#renew?.(hold);
        this.#renewals.renewed++;
        // A renewed hold is a new one; a driver that took it without holding it has ended it.
        if (this.#held.get(id) === held) this.#drop(id);
        return;
      } catch (error) {
        held.trouble = messageOf(error);
        this.#renewals.notRenewed++;
      }
    }
    if (!this.#renew || this.#held.get(id) !== held) return;
    const left = endsAt! - this.#clock.monotonic();
    const why = held.trouble ?? "the bridge came to it too late";
    if (left <= 0) {
      this.#drop(id);
      this.#say(
        "error",
        "lease_lost",
        hold,
        `has ended because it could not be renewed: ${why}. Set it again`,
      );
      return;
    }
    this.#say(
      "warning",
      "lease_not_renewed",
      hold,
      `could not be renewed; trying again until its lease ends: ${why}`,
    );
    held.cancel = this.#clock.after(Math.min(held.retryMs, left), () => void this.#renewHeld(id, held));
    held.retryMs = Math.min(2 * held.retryMs, (hold.leaseSeconds! * 1000) / 8);
  }

  #drop(id: string): void {
    const held = this.#held.get(id);
    if (!held) return;
    held.cancel?.();
    this.#held.delete(id);
    this.#save(id, null);
  }

  /** The device has it already, so a full disk must not turn the write into a failure. */
  #save(id: string, hold: Hold | null): void {
    try {
      this.#store.set(id, hold as unknown as PointValue);
    } catch (error) {
      const text = `what is held in the devices could not be saved, so a restart will not know of it: ${messageOf(error)}`;
      this.#notices.say("error", "state_not_saved", text);
    }
  }

  #say(severity: "info" | "warning" | "error", kind: string, hold: Hold, what: string): void {
    const name = `${hold.device}/${hold.point}`;
    this.#notices.say(
      severity,
      kind,
      `the set point ${name} = ${JSON.stringify(hold.value)} ${what}`,
      hold.device,
    );
  }
}

function idOf({ device, key }: Pick<Hold, "device" | "key">): string {
  return JSON.stringify([device, key]);
}
