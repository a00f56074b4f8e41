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
  /** Paths of the devices that run. */
  readonly devices: () => Iterable<string>;
  /** Puts a device back to its default, past every override and reservation. */
  readonly revert: (device: string, command: Command) => Promise<CommandResult>;
}

/** As it is on the disk; times are wall clock, in ms. */
interface SavedOverride {
  readonly setAt: number;
  /** Absent: it has no end. */
  readonly endsAt?: number;
}

const isSaved = recordOf<SavedOverride>({ setAt: "number", endsAt: "number?" });

interface Standing {
  readonly matches: (path: string) => boolean;
  /** By the monotonic clock, which decides while the bridge runs. */
  readonly ends: number;
  saved: SavedOverride;
  cancel?: () => void;
}

/** Ten years. An override for longer is one without an end. */
const LONGEST_SECONDS = 315_360_000;
const LONGEST_PATTERN = 1024;
const MOST_PATTERNS = 1000;
/** How often the end on the disk is compared with the wall clock, which may have been set. */
const LOOK_MS = 60_000;

/**
 * Devices that take no set points, by pattern of their paths, until somebody lifts it or its time is over. On the disk;
 * taking it up again after a restart writes nothing. Time is measured by the monotonic clock while the bridge runs.
 */
export class Overrides implements Overriding {
  readonly #parts: OverridesParts;
  readonly #standing = new Map<string, Standing>();
  readonly #reverts: FailsafeReverts;

  constructor(parts: OverridesParts) {
    this.#parts = parts;
    const { clock, notices, revert } = parts;
    const stands = (pattern: string) => this.#standing.has(pattern);
    this.#reverts = new FailsafeReverts({ clock, notices, revert, stands });
  }

  /** Takes up what still stood at the end of the last run, until {@link stop}. */
  restore(): void {
    const { store, clock } = this.#parts;
    const now = clock.now();
    for (const [pattern, saved] of store.entries()) {
      const left = this.#leftOf(pattern, saved, now);
      if (left > 0) this.#stand(pattern, left);
      else this.#end(pattern, "has ended while the bridge was not running");
    }
  }

  /** Milliseconds. One that cannot be read as it was saved keeps its devices from being written to all the same. */
  #leftOf(pattern: string, saved: unknown, now: number): number {
    if (!isSaved(saved)) {
      const how = "cannot be read as it was saved, and stands until it is switched off";
      this.#say("error", "override_damaged", pattern, how);
      return Infinity;
    }
    const { setAt, endsAt } = saved;
    if (endsAt === undefined) return Infinity;
    // A clock that was set back does not lengthen it.
    const left = Math.min(endsAt - now, endsAt - setAt);
    if (left <= LONGEST_SECONDS * 1000) return left;
    const how = "was saved with an end that is too far away, and ends in ten years now";
    this.#say("warning", "override_shortened", pattern, how);
    return LONGEST_SECONDS * 1000;
  }

  /** Ends the timers. What stands is taken up by the next run. */
  stop(): void {
    this.#reverts.stop();
    for (const { cancel } of this.#standing.values()) cancel?.();
  }

  setOverrideOn(pattern: string, options: OverrideOptions, command: Command): Override {
    this.#checkAge(command);
    const { durationSeconds = 0, failsafeRevert = true, staggeredRevert = false } = options;
    if (pattern === "" || pattern.length > LONGEST_PATTERN)
      throw new OverrideError(
        `a pattern is text of 1 to ${LONGEST_PATTERN} characters, e.g. campus/garage/*; nothing was changed`,
      );
    if (!(durationSeconds <= LONGEST_SECONDS))
      throw new OverrideError(
        `the duration is a number of seconds, at most ${LONGEST_SECONDS} (ten years), not ${durationSeconds}; leave it out for an ` +
          "override without an end. Nothing was changed",
      );
    if (this.#standing.size >= MOST_PATTERNS && !this.#standing.has(pattern))
      throw new OverrideError(`${MOST_PATTERNS} overrides stand already; switch one off first`);
    const left = durationSeconds > 0 ? durationSeconds * 1000 : Infinity;
    const before = this.#standing.get(pattern);
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
    if (!this.#standing.has(pattern)) {
      const standing = [...this.#standing.keys()].slice(0, 10).join(", ");
      throw new OverrideError(
        `Pattern ${pattern} does not exist in list of override patterns; ${standing === "" ? "no override stands" : `there are: ${standing}`}`,
      );
    }
    this.#end(pattern, `was switched off by ${command.requester} (command ${command.id})`);
  }

  clearOverrides(command: Command): void {
    this.#checkAge(command);
    for (const pattern of [...this.#standing.keys()])
      this.#end(
        pattern,
        `was switched off by ${command.requester}, who cleared them all (command ${command.id})`,
      );
  }

  overrideDevices(): string[] {
    return [...this.#parts.devices()].filter((path) => this.#over(path) !== undefined);
  }

  overridePatterns(): Override[] {
    return [...this.#standing.keys()].map((pattern) => this.#described(pattern));
  }

  /** Throws an OverrideError where an override stands over the device. */
  check(device: string, action: "set" | "revert", point: string | undefined): void {
    const pattern = this.#over(device);
    if (pattern === undefined) return;
    const wanted = point === undefined ? action : `${action} point on`;
    throw new OverrideError(
      `Cannot ${wanted} device ${device} since global override is set (${pattern}); switch it off first`,
    );
  }

  #over(path: string): string | undefined {
    for (const [pattern, { matches }] of this.#standing) if (matches(path)) return pattern;
    return undefined;
  }

  #described(pattern: string): Override {
    const { matches, ends } = this.#standing.get(pattern)!;
    const { clock, devices } = this.#parts;
    const left = ends - clock.monotonic();
    return {
      pattern,
      ...(Number.isFinite(left) && { endsAt: new Date(clock.now() + left) }),
      devices: [...devices()].filter(matches),
    };
  }

  #stand(pattern: string, left: number): void {
    this.#standing.get(pattern)?.cancel?.();
    const ends = this.#parts.clock.monotonic() + left;
    const standing: Standing = { matches: pathPattern(pattern), ends, saved: this.#save(pattern, left) };
    this.#standing.set(pattern, standing);
    if (Number.isFinite(left)) this.#watch(pattern, standing);
  }

  /** Until its time is over; where the wall clock was set meanwhile, the end on the disk is set right. */
  #watch(pattern: string, standing: Standing): void {
    const { clock } = this.#parts;
    standing.cancel = clock.after(Math.min(standing.ends - clock.monotonic(), LOOK_MS), () => {
      const left = standing.ends - clock.monotonic();
      if (left <= 0) return this.#end(pattern, `has ended at ${new Date(clock.now()).toISOString()}`);
      const off = Math.abs(clock.now() + left - standing.saved.endsAt!);
      if (off > CLOCK_TOLERANCE_MS) standing.saved = this.#save(pattern, left);
      this.#watch(pattern, standing);
    });
  }

  #end(pattern: string, how: string): void {
    this.#standing.get(pattern)?.cancel?.();
    this.#standing.delete(pattern);
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
