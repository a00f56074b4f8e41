import type { Notices } from "../../log/notices.ts";
import { recordOf } from "../../storage/saved-record.ts";
import type { StateNamespace } from "../../storage/state-store.ts";
import type { Clock } from "../../time/clock.ts";
import { CLOCK_TOLERANCE_MS } from "../../time/clock-watch.ts";
import { checkAge } from "../command-checks.ts";
import type { Command, CommandResult, Override, OverrideOptions, Overriding } from "../commands.ts";
import { OverrideError } from "../errors.ts";
import { FailsafeReverts } from "./failsafe-reverts.ts";
import { pathPattern } from "./pattern.ts";

export interface OverridesParts {
  readonly store: StateNamespace;
  readonly clock: Clock;
  readonly notices: Notices;
  readonly maxCommandAgeSeconds: number;
  /** Paths of the running devices. */
  readonly devices: () => Iterable<string>;
  /** Reverts a device to its default, regardless of overrides and reservations. */
  readonly revert: (device: string, command: Command) => Promise<CommandResult>;
}

/** The stored form; times are wall clock, in ms. */
interface SavedOverride {
  readonly setAt: number;
  /** Absent: it has no end. */
  readonly endsAt?: number;
}

const isSaved = recordOf<SavedOverride>({ setAt: "number", endsAt: "number?" });

interface ActiveOverride {
  readonly matches: (path: string) => boolean;
  /** On the monotonic clock, which decides while the bridge runs. */
  readonly ends: number;
  saved: SavedOverride;
  cancel?: () => void;
}

/** Ten years. A longer override has no end. */
const MAX_SECONDS = 315_360_000;
const MAX_PATTERN = 1024;
const MAX_PATTERNS = 1000;
/** Interval at which the stored end is compared with the wall clock, which may have been set, in milliseconds. */
const LOOK_MS = 60_000;

/**
 * Devices that accept no set points, by patterns of their paths, until the override is switched off or ends. Stored on
 * disk; restoring it after a restart writes nothing. Time is measured on the monotonic clock while the bridge runs.
 */
export class Overrides implements Overriding {
  readonly #parts: OverridesParts;
  readonly #active = new Map<string, ActiveOverride>();
  readonly #reverts: FailsafeReverts;

  constructor(parts: OverridesParts) {
    this.#parts = parts;
    const { clock, notices, revert } = parts;
    const isActive = (pattern: string) => this.#active.has(pattern);
    this.#reverts = new FailsafeReverts({ clock, notices, revert, isActive });
  }

  /** Restores the overrides that were active at the end of the last run, until {@link stop}. */
  restore(): void {
    const { store, clock } = this.#parts;
    const now = clock.now();
    for (const [pattern, saved] of store.entries()) {
      const left = this.#leftOf(pattern, saved, now);
      if (left > 0) this.#stand(pattern, left);
      else this.#end(pattern, "has ended while the bridge was not running");
    }
  }

  /** Returns the remaining milliseconds. An unreadable override still blocks writes to its devices. */
  #leftOf(pattern: string, saved: unknown, now: number): number {
    if (!isSaved(saved)) {
      const how = "cannot be read from the state file, and stays active until it is switched off";
      this.#say("error", "override_damaged", pattern, how);
      return Infinity;
    }
    const { setAt, endsAt } = saved;
    if (endsAt === undefined) return Infinity;
    // A clock that was set back does not lengthen it.
    const left = Math.min(endsAt - now, endsAt - setAt);
    if (left <= MAX_SECONDS * 1000) return left;
    const how = "was saved with an end too far in the future, and now ends in ten years";
    this.#say("warning", "override_shortened", pattern, how);
    return MAX_SECONDS * 1000;
  }

  /** Ends the timers. Active overrides are restored in the next run. */
  stop(): void {
    this.#reverts.stop();
    for (const { cancel } of this.#active.values()) cancel?.();
  }

  setOverrideOn(pattern: string, options: OverrideOptions, command: Command): Override {
    this.#checkAge(command);
    const { durationSeconds = 0, failsafeRevert = true, staggeredRevert = false } = options;
    if (pattern === "" || pattern.length > MAX_PATTERN)
      throw new OverrideError(
        `the pattern must be text of 1 to ${MAX_PATTERN} characters, e.g. campus/garage/*; nothing was changed`,
      );
    if (!(durationSeconds <= MAX_SECONDS))
      throw new OverrideError(
        `the duration must be a number of seconds, at most ${MAX_SECONDS} (ten years), found ${durationSeconds}; omit it for an ` +
          "override without an end. Nothing was changed",
      );
    if (this.#active.size >= MAX_PATTERNS && !this.#active.has(pattern))
      throw new OverrideError(`there are already ${MAX_PATTERNS} overrides; switch one off first`);
    const left = durationSeconds > 0 ? durationSeconds * 1000 : Infinity;
    const before = this.#active.get(pattern);
    if (!before || this.#parts.clock.monotonic() + left > before.ends) this.#stand(pattern, left);
    const override = this.#described(pattern);
    const until = override.endsAt ? `until ${override.endsAt.toISOString()}` : "until it is switched off";
    this.#say(
      "warning",
      "override_on",
      pattern,
      `was set by ${command.requester} (command ${command.id}) ${until}`,
    );
    if (failsafeRevert) this.#reverts.begin(pattern, override.devices, command, staggeredRevert);
    return override;
  }

  setOverrideOff(pattern: string, command: Command): void {
    this.#checkAge(command);
    if (!this.#active.has(pattern)) {
      const active = [...this.#active.keys()].slice(0, 10).join(", ");
      throw new OverrideError(
        `Pattern ${pattern} does not exist in list of override patterns; ${active === "" ? "there are no overrides" : `there are: ${active}`}`,
      );
    }
    this.#end(pattern, `was switched off by ${command.requester} (command ${command.id})`);
  }

  clearOverrides(command: Command): void {
    this.#checkAge(command);
    for (const pattern of [...this.#active.keys()])
      this.#end(
        pattern,
        `was switched off by ${command.requester}, who cleared them all (command ${command.id})`,
      );
  }

  overrideDevices(): string[] {
    return [...this.#parts.devices()].filter((path) => this.#over(path) !== undefined);
  }

  overridePatterns(): Override[] {
    return [...this.#active.keys()].map((pattern) => this.#described(pattern));
  }

  /** Throws an OverrideError where an override covers the device. */
  check(device: string, action: "set" | "revert", point: string | undefined): void {
    const pattern = this.#over(device);
    if (pattern === undefined) return;
    const wanted = point === undefined ? action : `${action} point on`;
    throw new OverrideError(
      `Cannot ${wanted} device ${device} since global override is set (${pattern}); switch it off first`,
    );
  }

  #over(path: string): string | undefined {
    for (const [pattern, { matches }] of this.#active) if (matches(path)) return pattern;
    return undefined;
  }

  #described(pattern: string): Override {
    const { matches, ends } = this.#active.get(pattern)!;
    const { clock, devices } = this.#parts;
    const left = ends - clock.monotonic();
    return {
      pattern,
      ...(Number.isFinite(left) && { endsAt: new Date(clock.now() + left) }),
      devices: [...devices()].filter(matches),
    };
  }

  #stand(pattern: string, left: number): void {
    this.#active.get(pattern)?.cancel?.();
    const ends = this.#parts.clock.monotonic() + left;
    const active: ActiveOverride = { matches: pathPattern(pattern), ends, saved: this.#save(pattern, left) };
    this.#active.set(pattern, active);
    if (Number.isFinite(left)) this.#watch(pattern, active);
  }

  /** Ends it when its time is over; corrects the stored end where the wall clock was set. */
  #watch(pattern: string, active: ActiveOverride): void {
    const { clock } = this.#parts;
    active.cancel = clock.after(Math.min(active.ends - clock.monotonic(), LOOK_MS), () => {
      const left = active.ends - clock.monotonic();
      if (left <= 0) return this.#end(pattern, `has ended at ${new Date(clock.now()).toISOString()}`);
      const off = Math.abs(clock.now() + left - active.saved.endsAt!);
      if (off > CLOCK_TOLERANCE_MS) active.saved = this.#save(pattern, left);
      this.#watch(pattern, active);
    });
  }

  #end(pattern: string, how: string): void {
    this.#active.get(pattern)?.cancel?.();
    this.#active.delete(pattern);
    this.#parts.store.set(pattern, null);
    this.#say("info", "override_off", pattern, how);
  }

  #save(pattern: string, left: number): SavedOverride {
    const setAt = this.#parts.clock.now();
    const saved: SavedOverride = { setAt, ...(Number.isFinite(left) && { endsAt: setAt + left }) };
    this.#parts.store.set(pattern, { ...saved });
    return saved;
  }

  #checkAge(command: Command): void {
    checkAge(command, this.#parts.clock.now(), this.#parts.maxCommandAgeSeconds);
  }

  #say(severity: "info" | "warning" | "error", kind: string, pattern: string, how: string): void {
    this.#parts.notices.say(severity, kind, `the override of ${pattern} ${how}`);
  }
}
