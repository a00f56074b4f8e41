import { isDeepStrictEqual } from "node:util";
import type { LimitSettings } from "../config/index.ts";
import type { Commands, LimitGroup } from "../devices/commands.ts";
import { pathPattern } from "../devices/overrides/pattern.ts";
import { type Notices, Reported } from "../log/notices.ts";
import type { DeviceInfo, Scrape } from "../points/index.ts";
import type { Clock } from "../time/clock.ts";
import { decide, type Plan } from "./decide.ts";
import type { Journal } from "./journal.ts";
import { isBusy, mayDrawKw } from "./outlet.ts";
import { OutletControl } from "./outlet-control.ts";
import type { OwnLimits } from "./own-limits.ts";
import { type Source, sourcesOf } from "./sources.ts";
import { beyondText, kwText, moveText } from "./words.ts";

export interface GroupParts {
  readonly name: string;
  readonly settings: LimitSettings;
  readonly commands: Commands;
  readonly own: OwnLimits;
  readonly clock: Clock;
  readonly notices: Notices;
  readonly journal: Journal;
}

/** Time for which the scrapes of a round are collected before one decision is made for all, in milliseconds. */
const GATHER_MS = 400;
/** Interval of decisions without a scrape, in milliseconds: turns end, retries are due, readings become old. */
const TICK_MS = 10_000;
/** Pause between outlets whose limits are removed, in milliseconds, so that the load rises slowly. */
const RELEASE_PAUSE_MS = 5_000;
/** Number of intervals for which unreadable outlets are waited for at the start. */
const INTERVALS_UNTIL_READY = 2;

/**
 * One group of the site limit controller: takes the scrapes of its devices, decides by {@link decide}, and writes the
 * limits to the outlets.
 */
export class Group {
  readonly name: string;
  readonly #parts: GroupParts;
  readonly #matches: readonly ((path: string) => boolean)[];
  readonly #outlets = new Map<string, OutletControl>();
  readonly #alarms: Alarms;
  #maxKw: number | undefined;
  #running = false;
  #startedAt = 0;
  #rebalancedAt = Number.NEGATIVE_INFINITY;
  #releasedAt = Number.NEGATIVE_INFINITY;
  #waiting = 0;
  #cancelTick: (() => void) | undefined;
  #cancelDecision: (() => void) | undefined;

  constructor(parts: GroupParts, maxKw: number | undefined) {
    this.name = parts.name;
    this.#parts = parts;
    this.#matches = parts.settings.devices.map(pathPattern);
    this.#alarms = new Alarms(parts.notices, parts.clock);
    this.#maxKw = maxKw;
  }

  /** Undefined: no limit; limits set so far are removed. */
  get maxKw(): number | undefined {
    return this.#maxKw;
  }

  set maxKw(kw: number | undefined) {
    this.#maxKw = kw;
    this.#rebalancedAt = Number.NEGATIVE_INFINITY;
    this.#decideSoon();
  }

  covers(path: string): boolean {
    return this.#matches.some((matches) => matches(path));
  }

  has(outlet: string): boolean {
    return this.#outlets.has(outlet);
  }

  /**
   * Adds a device, or what changed of it: outlets whose points stay as they are continue. Returns its number of outlets; 0
   * where it does not have the points.
   */
  add(device: DeviceInfo): number {
    const { name, settings } = this.#parts;
    const { minimumKw } = settings;
    const sources = sourcesOf(device, settings.points);
    for (const source of sources) {
      const known = this.#outlets.get(source.id);
      if (known && isSameOutlet(known.source, source)) {
        known.source = source;
        continue;
      }
      const nominalKw = settings.nominalKw * Math.max(1, source.powers.length, source.statuses.length);
      const control = new OutletControl({ ...this.#parts, group: name, source, nominalKw, minimumKw });
      this.#outlets.set(source.id, control);
    }
    return sources.length;
  }

  /** Removes a device, or those of its outlets that `device` no longer has. */
  remove(path: string, device?: DeviceInfo): void {
    const left = new Set(device && sourcesOf(device, this.#parts.settings.points).map(({ id }) => id));
    for (const { source } of this.#of(path)) if (!left.has(source.id)) this.#outlets.delete(source.id);
  }

  start(): void {
    this.#running = true;
    this.#startedAt = this.#parts.clock.monotonic();
    this.#tick();
  }

  stop(): void {
    this.#running = false;
    this.#cancelTick?.();
    this.#cancelDecision?.();
  }

  scraped({ device, values, takenAt }: Scrape): void {
    const { clock } = this.#parts;
    const at = clock.monotonic() - Math.max(0, clock.now() - takenAt.getTime());
    for (const control of this.#of(device.path)) control.scraped(values, at);
    this.#decideSoon();
  }

  limitsLost(path: string): void {
    for (const control of this.#of(path)) control.limitLost();
    this.#decideSoon();
  }

  describe(): LimitGroup {
    const outlets = [...this.#outlets.values()];
    return {
      group: this.name,
      maxKw: this.#maxKw ?? null,
      loadKw: round(total(outlets, ({ outlet }) => outlet.loadKw ?? 0)),
      mayDrawKw: round(total(outlets, ({ outlet }) => mayDrawKw(outlet))),
      busy: outlets.filter(({ outlet }) => isBusy(outlet)).length,
      waiting: this.#waiting,
      outlets: outlets.map((control) => control.describe()),
    };
  }

  #of(path: string): OutletControl[] {
    return [...this.#outlets.values()].filter(({ source }) => source.device.path === path);
  }

  #tick(): void {
    const { clock } = this.#parts;
    this.#cancelTick = clock.after(TICK_MS, () => this.#tick());
    const now = clock.monotonic();
    for (const control of this.#outlets.values()) control.age(now);
    this.#decide();
  }

  #decideSoon(ms = GATHER_MS): void {
    if (!this.#running || this.#cancelDecision) return;
    this.#cancelDecision = this.#parts.clock.after(ms, () => {
      this.#cancelDecision = undefined;
      this.#decide();
    });
  }

  #decide(): void {
    const now = this.#parts.clock.monotonic();
    const all = [...this.#outlets.values()];
    if (!this.#running || all.length === 0 || !this.#isReady(all, now)) return;
    if (this.#maxKw === undefined) this.#release(all, now);
    else this.#keep(all, this.#maxKw, now);
  }

  #keep(all: readonly OutletControl[], maxKw: number, now: number): void {
    const { settings, journal, name } = this.#parts;
    const rules = {
      budgetKw: maxKw * (1 - settings.marginPercent / 100),
      minimumKw: settings.minimumKw,
      turnMs: settings.turnMinutes * 60_000,
    };
    const rebalance = now - this.#rebalancedAt >= settings.rebalanceMinutes * 60_000;
    const outlets = all.map(({ outlet }) => outlet);
    const plan = decide(outlets, rules, now, rebalance);
    this.#waiting = plan.waiting;
    if (rebalance && !plan.unfinished) this.#rebalancedAt = now;
    const loadKw = total(outlets, (outlet) => outlet.loadKw ?? mayDrawKw(outlet));
    this.#judge(all, plan, loadKw, maxKw);
    for (const { outlet, kw, ...move } of plan.moves) {
      const control = this.#outlets.get(outlet.id)!;
      const text = moveText(name, maxKw, loadKw, plan, { outlet, kw, ...move });
      journal.changed(text, control.source.device.path);
      if (move.why === "start" || move.why === "turn") outlet.turnSince = now;
      void control.write(kw).then(() => this.#decideSoon());
    }
  }

  /** Before the first readings it is not known which limits are already in force. */
  #isReady(all: readonly OutletControl[], now: number): boolean {
    const longest = Math.max(...all.map(({ source }) => source.device.intervalSeconds));
    const waited = now - this.#startedAt > INTERVALS_UNTIL_READY * longest * 1000;
    return waited || all.every(({ wasRead }) => wasRead);
  }

  /** Reverts one outlet at a time to its own default. */
  #release(all: readonly OutletControl[], now: number): void {
    const { journal, name } = this.#parts;
    this.#alarms.clear();
    this.#waiting = 0;
    const held = all.filter(({ isHeld, writing }) => isHeld && !writing);
    const next = held.find(({ outlet }) => now >= (outlet.blockedUntil ?? 0));
    if (!next) return;
    const wait = this.#releasedAt + RELEASE_PAUSE_MS - now;
    if (wait > 0) {
      this.#decideSoon(wait);
      return;
    }
    this.#releasedAt = now;
    const { outlet, source } = next;
    const text = `${name} (no limit): ${source.id} ${kwText(mayDrawKw(outlet))} → no limit, ${held.length - 1} to follow`;
    journal.changed(text, source.device.path);
    void next.write(outlet.nominalKw).then(() => this.#decideSoon());
  }

  /** Reports a limit that cannot be kept, or is exceeded. */
  #judge(all: readonly OutletControl[], plan: Plan, loadKw: number, maxKw: number): void {
    const { name } = this.#parts;
    const kept = `${name} is again kept at its limit of ${kwText(maxKw)}`;
    const blocked = all.flatMap(({ outlet, trouble }) => (trouble ? [{ outlet, trouble }] : []));
    if (plan.beyondKw === 0) this.#alarms.lower("limit_not_kept", kept);
    else if (blocked.length > 0)
      this.#alarms.raise(
        "warning",
        "limit_not_kept",
        `${name} cannot be kept at ${kwText(maxKw)}: ${beyondText(blocked)}`,
      );
    if (loadKw <= maxKw) this.#alarms.lower("limit_exceeded", kept);
    else if (plan.moves.length === 0 && !all.some(({ writing }) => writing))
      this.#alarms.raise(
        "error",
        "limit_exceeded",
        `${name} draws ${kwText(loadKw)} of ${kwText(maxKw)}, while its limits add up to ${kwText(plan.mayDrawKw)}`,
      );
  }
}

function total<T>(items: readonly T[], kw: (item: T) => number): number {
  return items.reduce((sum, item) => sum + kw(item), 0);
}

function round(kw: number): number {
  return Number(kw.toFixed(3));
}

function isSameOutlet({ device: _, ...one }: Source, { device: __, ...other }: Source): boolean {
  return isDeepStrictEqual(one, other);
}

const REMIND_MS = 3_600_000;

/** Faults of a group: reported when they begin, every hour while they last, and when they end. */
class Alarms {
  readonly #notices: Notices;
  readonly #reported: Reported;

  constructor(notices: Notices, clock: Clock) {
    this.#notices = notices;
    this.#reported = new Reported(clock, REMIND_MS);
  }

  raise(severity: "warning" | "error", kind: string, text: string): void {
    if (this.#reported.isNew(kind)) this.#notices.say(severity, kind, text);
  }

  lower(kind: string, text: string): void {
    if (this.#reported.ended(kind)) this.#notices.say("info", "limit_kept", text);
  }

  clear(): void {
    this.#reported.clear();
  }
}
