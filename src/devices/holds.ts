import type { WriteOutcome } from "../drivers/driver.ts";
import type { Point, PointValue } from "../points/index.ts";
import type { Clock } from "./clock.ts";
import { watchClock } from "./clock-watch.ts";
import type { Device } from "./device.ts";
import { endOf, type Hold, idOf, restOf, shifted, stateOf } from "./hold.ts";
import type { HoldActions, HoldCounters } from "./hold-actions.ts";
import type { Notices } from "./notices.ts";
import { messageOf } from "./read-back.ts";
import type { StateNamespace } from "./state-store.ts";

export type { Hold } from "./hold.ts";
export type { HoldCounters } from "./hold-actions.ts";

interface Held {
  hold: Hold;
  /** By the monotonic clock. */
  readonly endsAt: number | undefined;
  retryMs: number;
  /** Why it could not be renewed the last time. */
  trouble?: string;
  cancel?: (() => void) | undefined;
}

const FIRST_RETRY_MS = 30_000;
/** A device ends it by itself at its time; so much later it is looked at. */
const END_GRACE_MS = 1000;
const FIRST_END_RETRY_MS = 5000;
const LONGEST_END_RETRY_MS = 300_000;
/** About two hours. */
const END_TRIES = 30;

/**
 * What stands in the devices. A set point with a lease is written again at half of its lease for as long as it is held;
 * one with a duration of its own ends when its sender said, and is cleared where the device did not end it. What was over
 * before the bridge came back is not taken up again, but ended likewise. While running, time is measured by the
 * monotonic clock.
 */
export class Holds {
  readonly #store: StateNamespace;
  readonly #clock: Clock;
  readonly #notices: Notices;
  readonly #held = new Map<string, Held>();
  #actions: HoldActions | undefined;
  #unwatch: (() => void) | undefined;
  #stopped = false;
  #renewals = { renewed: 0, notRenewed: 0 };

  constructor(store: StateNamespace, clock: Clock, notices: Notices) {
    this.#store = store;
    this.#clock = clock;
    this.#notices = notices;
  }

  get counters(): HoldCounters {
    return { held: this.#held.size, ...this.#renewals };
  }

  /** Takes up what is still held since the last run. Without actions, every hold is left to end by itself. */
  start(devices: ReadonlyMap<string, Device>, actions?: HoldActions): void {
    this.#actions = actions;
    for (const [id, stored] of this.#store.entries()) {
      const hold = stored as unknown as Hold;
      const known = devices.get(hold.device)?.info.points.get(hold.point)?.writable === true;
      const state = stateOf(hold, this.#clock.now());
      if (state === "standing" && known) this.#hold(id, hold);
      else if (state === "standing")
        this.#say(
          "warning",
          "hold_not_renewed",
          hold,
          "is left as it is: the bridge runs no such writable point now",
        );
      else if (state === "over" && known && actions) this.#hold(id, hold);
      else {
        this.#store.set(id, null);
        this.#sayEnded(hold, state);
      }
    }
    this.#unwatch = watchClock(this.#clock, (ms) => this.#shift(ms));
  }

  /** Ends the renewing. What is held stays in the store for the next run. */
  stop(): void {
    this.#stopped = true;
    this.#actions = undefined;
    this.#unwatch?.();
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
    by: { requester: string; via: string; durationMinutes?: number; at?: number },
  ): void {
    const before = this.#held.get(idOf({ device, key: outcome.hold?.key ?? point }))?.hold;
    this.released(device, outcome.releases ?? []);
    // A write that only ended things leaves nothing standing.
    if (!outcome.hold && outcome.releases?.length) return;
    const setAt = by.at ?? this.#clock.now();
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
    by: { requester: string; via: string; at?: number },
  ): void {
    for (const [id, { hold }] of this.#held)
      if (hold.device === device && hold.point === name) this.#drop(id);
    if (outcome.hold && startingValue !== undefined) this.written(device, name, startingValue, outcome, by);
    else this.released(device, outcome.releases ?? []);
  }

  /** What stood under these keys does not stand any more. */
  released(device: string, keys: readonly string[]): void {
    for (const key of keys) this.#drop(idOf({ device, key }));
  }

  /** The device is no more: nothing of it is renewed or ended from here on, now or after a restart. */
  abandon(device: string): void {
    const stored = this.#store.entries().map(([id, hold]) => [id, hold as unknown as Hold] as const);
    const held = [...this.#held].map(([id, { hold }]) => [id, hold] as const);
    for (const [id, hold] of new Map([...stored, ...held])) {
      if (hold.device !== device) continue;
      this.#held.get(id)?.cancel?.();
      this.#held.delete(id);
      this.#save(id, null);
      this.#say(
        "warning",
        "hold_released",
        hold,
        `is not held any more: its device is gone. ${restOf(hold)}`,
      );
    }
  }

  #hold(id: string, hold: Hold): void {
    this.#held.get(id)?.cancel?.();
    const lasts = hold.endsAt === undefined ? undefined : hold.endsAt - hold.setAt;
    const left = hold.endsAt === undefined ? undefined : Math.min(hold.endsAt - this.#clock.now(), lasts!);
    const endsAt = left === undefined ? undefined : this.#clock.monotonic() + left;
    const held: Held = { hold, endsAt, retryMs: Math.min(FIRST_RETRY_MS, (lasts ?? 0) / 32) };
    this.#held.set(id, held);
    // What is written while the bridge stops is the next run's.
    if (left === undefined || this.#stopped) return;
    if (!this.#actions) held.cancel = this.#clock.after(left, () => this.#drop(id));
    else if (hold.leaseSeconds !== undefined && left > 0)
      held.cancel = this.#clock.after(left - lasts! / 2, () => void this.#renewHeld(id, held));
    else
      held.cancel = this.#clock.after(Math.max(left, 0) + END_GRACE_MS, () => void this.#endHeld(id, held));
  }

  async #renewHeld(id: string, held: Held): Promise<void> {
    const { hold, endsAt } = held;
    if (this.#clock.monotonic() < endsAt!) {
      try {
        await this.#actions?.renew(held.hold);
        this.#renewals.renewed++;
        // A renewed hold is a new one; a driver that took it without holding it has ended it.
        if (this.#held.get(id) === held) this.#drop(id);
        return;
      } catch (error) {
        held.trouble = messageOf(error);
        this.#renewals.notRenewed++;
      }
    }
    if (!this.#actions || this.#held.get(id) !== held) return;
    const left = endsAt! - this.#clock.monotonic();
    held.trouble ??= "the bridge came to it too late";
    if (left <= 0) {
      this.#say(
        "error",
        "lease_lost",
        hold,
        `has ended because it could not be renewed: ${held.trouble}. Set it again`,
      );
      held.cancel = this.#clock.after(END_GRACE_MS, () => void this.#endHeld(id, held));
      return;
    }
    this.#say(
      "warning",
      "lease_not_renewed",
      hold,
      `could not be renewed; trying again until its lease ends: ${held.trouble}`,
    );
    held.cancel = this.#clock.after(Math.min(held.retryMs, left), () => void this.#renewHeld(id, held));
    held.retryMs = Math.min(2 * held.retryMs, (hold.leaseSeconds! * 1000) / 8);
  }

  /** Its time is over. Until it is known to be gone it stays on the disk, so that a restart sees to it too. */
  async #endHeld(id: string, held: Held, tries = 1): Promise<void> {
    const isMine = () => this.#actions !== undefined && this.#held.get(id) === held;
    if (!isMine()) return;
    const { hold } = held;
    try {
      const cleared = await this.#actions!.end(hold);
      if (cleared)
        this.#say("warning", "hold_cleared", hold, "still stood when its time was over, and was cleared");
      if (this.#held.get(id) === held) this.#drop(id);
      // What was lost was said already.
      if (!cleared && held.trouble === undefined) this.#sayEnded(hold, "over");
    } catch (error) {
      if (!this.#actions) return;
      const again = isMine() && tries < END_TRIES;
      const text = `may still stand though its time is over${again ? "; trying again" : ", and is not tried again: look at the device, and revert it by hand"}: ${messageOf(error)}`;
      this.#say(again ? "warning" : "error", "hold_not_ended", hold, text);
      const pause = Math.min(FIRST_END_RETRY_MS * 2 ** (tries - 1), LONGEST_END_RETRY_MS);
      if (again) held.cancel = this.#clock.after(pause, () => void this.#endHeld(id, held, tries + 1));
    }
  }

  /** The wall clock was set: a restart is to end holds at their own time all the same. */
  #shift(ms: number): void {
    for (const [id, held] of this.#held) {
      held.hold = shifted(held.hold, ms);
      this.#save(id, held.hold);
    }
  }

  #sayEnded(hold: Hold, state: "over" | "from another age"): void {
    const { severity, text } = endOf(hold, state);
    this.#say(severity, "hold_ended", hold, text);
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
