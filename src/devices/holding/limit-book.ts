import type { OwnWrite, OwnWrites } from "../../drivers/abilities.ts";
import type { WriteOutcome } from "../../drivers/driver.ts";
import { HalfDoneError, mayHaveBeenTaken } from "../../drivers/errors.ts";
import type { PointValue } from "../../points/index.ts";
import type { StateNamespace } from "../../storage/state-store.ts";
import { type Clock, TimeoutError } from "../../time/clock.ts";
import { CLOCK_TOLERANCE_MS } from "../../time/clock-watch.ts";
import {
  ended,
  type HeldLimit,
  idOf,
  inForce,
  isFromFuture,
  isSavedLimit,
  isTooLong,
  mayBeActive,
  shifted,
  shortened,
  takenUp,
} from "./held-limit.ts";

/** A limit and what only the present run knows of it. */
export interface Entry {
  limit: HeldLimit;
  /** When its last write was answered or given up, on the monotonic clock. */
  readonly writtenAt: number;
  /** Wall clock minus monotonic clock when its times were set, in milliseconds. */
  clockOffset: number;
  /** It was restored by a clock that is behind, so the end of its lease is unknown. */
  readonly isDoubtful?: boolean;
  /** An earlier version stored it with an end beyond the maximum duration. */
  readonly isShortened?: boolean;
}

/** A write that is about to be sent. */
export interface LimitWrite {
  readonly device: string;
  readonly point: string;
  /** The value written; absent: the point is reverted to the device's default. */
  readonly value: PointValue | undefined;
  /** The value that a revert writes, if it stays in force. */
  readonly startingValue?: PointValue | undefined;
  /** The driver's prediction of the write. */
  readonly planned: Pick<WriteOutcome, "hold" | "releases">;
  readonly by: { readonly requester: string; readonly via: string; readonly durationMinutes?: number };
}

/** A write that is being sent. */
export interface SentWrite {
  readonly write: LimitWrite;
  /** The entry of the limit that it sets, if any. */
  readonly entry: Entry | undefined;
  /** The entries, before the write, of every key that it concerns. */
  readonly earlier: ReadonlyMap<string, Entry | undefined>;
}

const ALIVE = "alive";

type Listener = (id: string, entry: Entry | undefined) => void;
type Changes = Map<string, Entry | undefined>;

const NONE: ReadonlyMap<string, Entry> = new Map();

/**
 * The book of limits: what this bridge wrote and is, or may be, in force in the devices. It is the only record of limits:
 * writes, renewals, reverts, ends, read-back, lists and the drivers all use it. A change applies in memory first, then on
 * disk. Each key of a device has one limit; an ended one is kept where the driver may need it.
 */
export class LimitBook {
  readonly #store: StateNamespace;
  readonly #alive: StateNamespace;
  readonly #clock: Clock;
  readonly #devices = new Map<string, Map<string, Entry>>();
  readonly #listeners = new Set<Listener>();
  readonly #ofTimes = new Set<() => void>();
  #counted = 0;

  /** `alive`: the store in which {@link noteAlive} keeps the time. */
  constructor(store: StateNamespace, alive: StateNamespace, clock: Clock) {
    this.#store = store;
    this.#alive = alive;
    this.#clock = clock;
    const now = clock.now();
    const lastAlive = Number(alive.get(ALIVE) ?? 0);
    for (const [, saved] of store.records(isSavedLimit)) {
      const isDoubtful = isFromFuture(Math.max(saved.setAt, lastAlive), now);
      const isShortened = isTooLong(saved);
      const age = isDoubtful ? 0 : Math.max(0, now - saved.setAt);
      const entry: Entry = {
        limit: takenUp(isShortened ? shortened(saved) : saved, now, isDoubtful),
        writtenAt: clock.monotonic() - age,
        clockOffset: this.#clockOffset,
        isDoubtful,
        isShortened,
      };
      this.#keep(entry.limit, entry);
      if (entry.isDoubtful) this.#save([saved.device, saved.key]);
    }
  }

  /** Stores the present time, so that a clock that is behind after a power cut is detected. */
  noteAlive(): void {
    if (this.#counted > 0) this.#alive.set(ALIVE, this.#clock.now());
  }

  /** Number of limits that are, or may be, in force. */
  get size(): number {
    return this.#counted;
  }

  /** Adds a listener for changes: it gets the entry, or undefined where nothing is in force under the id any more. */
  onChange(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Adds a listener that is called after the wall clock was set and the times of limits were moved. */
  onTimesMoved(listener: () => void): () => void {
    this.#ofTimes.add(listener);
    return () => this.#ofTimes.delete(listener);
  }

  entry({ device, key }: Pick<HeldLimit, "device" | "key">): Entry | undefined {
    return this.#devices.get(device)?.get(key);
  }

  /** Returns the entries of limits that are, or may be, in force; of one device, or of all. */
  entries(device?: string): Entry[] {
    const devices = device === undefined ? [...this.#devices.values()] : [this.#devices.get(device) ?? NONE];
    return devices.flatMap((entries) => [...entries.values()].filter(({ limit }) => mayBeActive(limit)));
  }

  /** Returns whether the book has anything on a device. Costs nothing, for what is asked with every scrape of a fleet. */
  knows(device: string): boolean {
    return this.#devices.has(device);
  }

  active(device?: string): HeldLimit[] {
    return this.entries(device).map(({ limit }) => limit);
  }

  /** Returns whether a limit written to this point is, or may be, in force; without a point, to any of the device's. */
  has(device: string, point?: string): boolean {
    return this.active(device).some((limit) => point === undefined || limit.point === point);
  }

  isCurrent(limit: HeldLimit): boolean {
    return this.entry(limit)?.limit === limit;
  }

  /** Returns the keys of limits that ended at `since` or later: a device may still show them. */
  endedSince(device: string, since: number): string[] {
    return [...(this.#devices.get(device)?.values() ?? [])]
      .filter(({ limit }) => limit.state === "ended" && limit.stateSince >= since)
      .map(({ limit }) => limit.key);
  }

  /**
   * Called before a write is sent: the limits that it sets and clears become `sent`. Followed by {@link taken} or {@link
   * failed}.
   */
  sending(write: LimitWrite): SentWrite {
    const { device, planned } = write;
    const now = this.#clock.now();
    const changes: Changes = new Map();
    const earlier = new Map<string, Entry | undefined>();
    for (const entry of this.#concerned(write)) {
      this.#followClock(entry);
      const { limit } = entry;
      earlier.set(limit.key, entry);
      const clearing: HeldLimit = { ...limit, state: "sent", stateSince: now, clearing: true };
      changes.set(limit.key, this.#entry(clearing, entry.writtenAt));
    }
    const set = this.#set(write, planned, "sent");
    if (set) {
      const before = this.entry(set);
      this.#followClock(before);
      earlier.set(set.key, before);
      const kept = mayBeActive(before?.limit) ? { before: withoutBefore(before.limit) } : {};
      changes.set(set.key, this.#entry({ ...set, ...kept }));
    }
    this.#apply(device, changes);
    return { write, entry: set && this.entry(set), earlier };
  }

  /** Called when the device accepted the write. */
  taken({ write, earlier }: SentWrite, outcome: Pick<WriteOutcome, "hold" | "releases">): void {
    const { device } = write;
    const now = this.#clock.now();
    for (const entry of earlier.values()) this.#followClock(entry);
    const changes: Changes = new Map(earlier);
    const end = (key: string, entry: Entry | undefined) =>
      mayBeActive(entry?.limit) && changes.set(key, { ...entry, limit: ended(entry.limit, now) });
    for (const key of outcome.releases ?? []) end(key, earlier.get(key) ?? this.entry({ device, key }));
    if (write.value === undefined)
      for (const [key, entry] of earlier) if (entry?.limit.point === write.point) end(key, entry);
    const set = this.#set(write, outcome, "in_force");
    if (set) changes.set(set.key, this.#entry(set));
    this.#apply(device, changes);
  }

  /** Called when the write failed. Returns whether its answer was lost. */
  failed(sent: SentWrite, error: unknown): "lost" | "failed" {
    const { write, earlier } = sent;
    for (const entry of earlier.values()) this.#followClock(entry);
    if (error instanceof TimeoutError || mayHaveBeenTaken(error)) {
      this.#lost(sent);
      return "lost";
    }
    const now = this.#clock.now();
    const changes: Changes = new Map(earlier);
    if (error instanceof HalfDoneError) {
      const key = (key: string) => earlier.get(key) ?? this.entry({ device: write.device, key });
      for (const released of error.releases) {
        const entry = key(released);
        if (entry) changes.set(released, { ...entry, limit: ended(entry.limit, now) });
      }
      for (const uncertain of error.uncertain) {
        const entry = key(uncertain);
        if (entry) changes.set(uncertain, this.#unknown(entry.limit));
      }
    }
    this.#apply(write.device, changes);
    return "failed";
  }

  /** Called when the limit was confirmed to be in force. */
  shown(entry: Entry): void {
    if (this.entry(entry.limit) !== entry || entry.limit.state === "in_force") return;
    this.#followClock(entry);
    const { limit } = entry;
    entry.limit = inForce(limit, this.#clock.now());
    this.#save([entry.limit.device, entry.limit.key]);
  }

  /** Called when the limit was confirmed not to be in force; `before`: the previous limit, if it is in force instead. */
  gone(entry: Entry, before?: HeldLimit): void {
    if (this.entry(entry.limit) !== entry) return;
    this.#followClock(entry);
    const { limit } = entry;
    const now = this.#clock.now();
    const left = before ? inForce(before, now) : ended(limit, now);
    this.#apply(limit.device, new Map([[limit.key, this.#entry(left, entry.writtenAt)]]));
  }

  /** Moves a limit to another device or point, which now is the place that the driver calls by the same key. */
  move(entry: Entry, to: Pick<HeldLimit, "device" | "point">): void {
    const { limit, writtenAt } = entry;
    if (this.entry(limit) !== entry) return;
    const { before, ...own } = limit;
    const moved = { ...own, ...to, ...(before && { before: { ...before, ...to } }) };
    this.#apply(limit.device, new Map([[limit.key, undefined]]));
    this.#apply(to.device, new Map([[limit.key, { ...this.#entry(moved, writtenAt) }]]));
  }

  /** Called when the device is removed: forgets and returns the limits that were, or may have been, in force in it. */
  forgetDevice(device: string): HeldLimit[] {
    const active = this.active(device);
    const keys = [...(this.#devices.get(device)?.keys() ?? [])];
    this.#apply(device, new Map(keys.map((key) => [key, undefined])));
    return active;
  }

  /** Called when the wall clock was set, so that limits end at their own time after a restart too. */
  followClock(): void {
    const all = [...this.#devices.values()].flatMap((entries) => [...entries.values()]);
    for (const entry of all) this.#followClock(entry);
    this.#save(...all.map(({ limit }) => [limit.device, limit.key] as const));
    for (const listener of this.#ofTimes) listener();
  }

  /** Returns what a device's driver may know of it. While a write is being sent, the driver gets the state before it. */
  ofDevice(device: string): OwnWrites {
    const knownWrite = ({ limit }: Entry): OwnWrite | undefined => {
      const known = limit.state === "sent" && !limit.clearing ? limit.before : limit;
      if (mayBeActive(known)) return { detail: known.detail ?? null, active: true, endsAt: known.endsAt };
      if (limit.detail === undefined) return undefined;
      return { detail: limit.detail, active: false, endedAt: limit.stateSince };
    };
    return {
      get: (key) => {
        const entry = this.entry({ device, key });
        return entry && knownWrite(entry);
      },
      active: () =>
        [...(this.#devices.get(device)?.values() ?? [])]
          .filter((entry) => knownWrite(entry)?.active)
          .map(({ limit }) => limit.key),
    };
  }

  get #clockOffset(): number {
    return this.#clock.now() - this.#clock.monotonic();
  }

  /** Creates an entry whose times are on the present wall clock. */
  #entry(limit: HeldLimit, writtenAt = this.#clock.monotonic()): Entry {
    return { limit, writtenAt, clockOffset: this.#clockOffset };
  }

  /** Moves an entry's times to the present wall clock. A step is detected late: entries written since are not moved. */
  #followClock(entry: Entry | undefined): void {
    if (!entry) return;
    const by = this.#clockOffset - entry.clockOffset;
    if (Math.abs(by) <= CLOCK_TOLERANCE_MS) return;
    entry.limit = shifted(entry.limit, by);
    entry.clockOffset += by;
  }

  #lost({ write, entry, earlier }: SentWrite): void {
    const changes: Changes = new Map();
    for (const [key, before] of earlier) {
      if (key === entry?.limit.key || !before) continue;
      const clearing = { ...before.limit, clearing: true };
      changes.set(key, mayBeActive(before.limit) ? this.#unknown(clearing) : before);
    }
    if (entry) {
      const before = earlier.get(entry.limit.key);
      // The limit is in force whether its renewal was accepted or not, until the known end of the lease.
      const isRenewal = write.by.via === "lease" && before?.limit.state === "in_force";
      const set = this.#set(write, write.planned, "unknown");
      const kept = entry.limit.before && { before: entry.limit.before };
      changes.set(entry.limit.key, isRenewal ? before : this.#unknown({ ...set!, ...kept }));
    }
    this.#apply(write.device, changes);
  }

  /** Returns the entry of a limit whose write may not have been accepted. */
  #unknown(limit: HeldLimit): Entry {
    const now = this.#clock.now();
    return this.#entry({ ...limit, state: "unknown", stateSince: now });
  }

  /** Returns the limits that a write clears. */
  #concerned({ device, point, value, planned }: LimitWrite): Entry[] {
    return this.entries(device).filter(
      ({ limit }) => planned.releases?.includes(limit.key) || (value === undefined && limit.point === point),
    );
  }

  /** Returns the limit that a write sets, if any: a write that only ends others leaves nothing in force. */
  #set(
    { device, point, value: wanted, startingValue, by }: LimitWrite,
    { hold, releases }: Pick<WriteOutcome, "hold" | "releases">,
    state: "sent" | "in_force" | "unknown",
  ): HeldLimit | undefined {
    const value = wanted ?? (hold ? startingValue : undefined);
    if (value === undefined || (!hold && releases?.length)) return undefined;
    const now = this.#clock.now();
    const key = hold?.key ?? point;
    const { requester, via, durationMinutes } = by;
    const lease = durationMinutes === undefined ? hold?.leaseSeconds : undefined;
    const seconds = durationMinutes === undefined ? lease : durationMinutes * 60;
    const known = this.entry({ device, key })?.limit;
    const before = known?.state === "sent" ? known.before : known;
    return {
      ...{ device, point, key, value, requester, state, stateSince: now, setAt: now },
      ...(seconds !== undefined && { endsAt: now + seconds * 1000 }),
      ...(lease !== undefined && { leaseSeconds: lease }),
      ...(hold?.detail !== undefined && { detail: hold.detail }),
      ...(via === "lease" &&
        mayBeActive(before) && {
          renewals: (before.renewals ?? 0) + 1,
          since: before.since ?? before.setAt,
        }),
    };
  }

  #apply(device: string, changes: Changes): void {
    for (const [key, entry] of changes) this.#keep({ device, key }, entry);
    this.#save(...[...changes.keys()].map((key) => [device, key] as const));
    for (const key of changes.keys()) {
      const entry = this.entry({ device, key });
      const active = mayBeActive(entry?.limit) ? entry : undefined;
      for (const listener of this.#listeners) listener(idOf({ device, key }), active);
    }
  }

  /** Ended limits without data of the driver are not kept. */
  #keep({ device, key }: Pick<HeldLimit, "device" | "key">, entry: Entry | undefined): void {
    const entries = this.#devices.get(device) ?? new Map<string, Entry>();
    if (mayBeActive(entries.get(key)?.limit)) this.#counted--;
    if (mayBeActive(entry?.limit)) this.#counted++;
    if (entry && (mayBeActive(entry.limit) || entry.limit.detail !== undefined)) entries.set(key, entry);
    else entries.delete(key);
    if (entries.size > 0) this.#devices.set(device, entries);
    else this.#devices.delete(device);
  }

  #save(...places: readonly (readonly [device: string, key: string])[]): void {
    this.#store.setAll(
      places.map(([device, key]) => [idOf({ device, key }), jsonOf(this.entry({ device, key })?.limit)]),
    );
  }
}

function withoutBefore({ before: _, ...limit }: HeldLimit): HeldLimit {
  return limit;
}

function jsonOf(limit: HeldLimit | undefined): PointValue {
  return limit === undefined ? null : ({ ...limit } as Record<string, unknown> as PointValue);
}
