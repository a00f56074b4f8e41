import { setImmediate as nextTurn } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { Diagnostic } from "../../config/index.ts";
import { messageOf } from "../../log/log.ts";
import type { DeviceBuilder, LoadedDevice } from "../building/build.ts";
import type { DeviceSet, Membership } from "../building/device-set.ts";
import type { TopicOwners } from "../building/owners.ts";
import type { Device } from "../device.ts";
import { describe, type HeldLimit } from "../holding/held-limit.ts";
import type { LimitBook } from "../holding/limit-book.ts";
import { type ConfigChange, planChanges } from "./plan-changes.ts";

/** What happens to a limit of a device that is removed. `refuse`: the device stays as long as it has one. */
export type HoldsPolicy = "revert" | "keep" | "refuse";

export interface DeviceChangesParts extends Membership {
  readonly devices: ReadonlyMap<string, Device>;
  readonly builder: DeviceBuilder;
  readonly owners: TopicOwners;
  readonly book: LimitBook;
  /** Reverts a limit. Rejects where it was not confirmed to be cleared. */
  readonly revert: (limit: HeldLimit) => Promise<void>;
  /** Resolves when no write to the device is running. */
  readonly quiet: (path: string) => Promise<void>;
  readonly scrapeSoon: (path: string) => void;
  /** Called when a station gets another path, before its device is added under it. */
  readonly rename: (from: string, to: string) => void;
  readonly createSet: (loaded: LoadedDevice) => DeviceSet;
}

/** What became of a change of the configs. */
export interface ChangedDevices {
  readonly changes: readonly ConfigChange[];
  /** Why some changes were not made; their devices run as before. */
  readonly problems: readonly Diagnostic[];
}

/** Time spent on changes before yielding to the event loop, in milliseconds. */
const SLICE_MS = 8;
/** Number of changed devices up to which each is scraped at once, so that new points have values soon. */
const MOST_SCRAPED_AT_ONCE = 50;

/** Applies changed configs to the running devices. Devices whose configs stay as they are notice nothing of it. */
export class DeviceChanges {
  readonly #parts: DeviceChangesParts;
  /** The configs that are in effect, also those whose device could not be created. */
  #current: readonly LoadedDevice[];
  /** By file. */
  readonly #sets: Map<string, DeviceSet>;
  #sliceEndsAt = 0;

  constructor(parts: DeviceChangesParts, current: readonly LoadedDevice[], sets: Map<string, DeviceSet>) {
    this.#parts = parts;
    this.#current = current;
    this.#sets = sets;
  }

  get current(): readonly LoadedDevice[] {
    return this.#current;
  }

  /** The configs of the devices; of a set, one for each member. */
  get ofDevices(): readonly LoadedDevice[] {
    return this.#current.flatMap((one) =>
      one.settings.set
        ? (this.#sets.get(one.settings.file)?.members ?? []).map(({ loaded }) => loaded)
        : [one],
    );
  }

  /** Returns the faults that the driver type of a config finds in its rows. */
  faultsOf(loaded: LoadedDevice): readonly Diagnostic[] {
    return this.#parts.builder.faultsOf(loaded);
  }

  plan(after: readonly LoadedDevice[]): ConfigChange[] {
    return planChanges(this.#current, after, (loaded) => this.#parts.builder.stationOf(loaded));
  }

  /** Returns the number of running devices, and how many of them the changes would remove. */
  countRemoved(changes: readonly ConfigChange[]): { running: number; removed: number } {
    const removed = changes
      .filter(({ kind }) => kind === "removed")
      .map(({ from }) => this.#sets.get(from!.settings.file)?.members.length ?? 1);
    return {
      running: this.#parts.devices.size,
      removed: removed.reduce((sum, count) => sum + count, 0),
    };
  }

  /**
   * Makes `after` the configs in effect, as far as that is possible; `planned` is what {@link plan} returned for them. A change
   * of a set is one of each of its devices.
   */
  async apply(
    after: readonly LoadedDevice[],
    planned: readonly ConfigChange[],
    holds: HoldsPolicy,
  ): Promise<ChangedDevices> {
    const problems: Diagnostic[] = [];
    const created: DeviceSet[] = [];
    const changes: ConfigChange[] = [];
    for (const change of planned) {
      if ((change.from ?? change.to)!.settings.set) changes.push(...(await this.#changeSet(change, created)));
      else changes.push(change);
    }
    const homes = this.#homesIn(after, changes);
    const [lasting, losing] = [[] as ConfigChange[], new Map<ConfigChange, HeldLimit[]>()];
    for (const change of changes) {
      const lost = holds === "keep" ? [] : this.#lostLimits(change, homes);
      if (lost.length > 0) losing.set(change, lost);
      else lasting.push(change);
    }
    const make = (some: readonly ConfigChange[]) => this.#make(some, homes, holds, problems);
    const failed = new Set(await make(lasting));
    const freed = await Promise.all(
      [...losing].map(async ([change, limits]) => {
        const why = await this.#free(limits, holds);
        if (why === undefined) return [change];
        failed.add(change);
        problems.push(kept(change, why));
        return [];
      }),
    );
    for (const change of await make(freed.flat())) failed.add(change);
    for (const set of created) set.start();
    this.#current = inEffect(after, failed);
    if (changes.length <= MOST_SCRAPED_AT_ONCE)
      for (const { to } of changes) if (to) this.#parts.scrapeSoon(to.settings.path);
    return { changes: planned.filter((change) => !failed.has(change)), problems };
  }

  /** Stops the set before, creates the set after, and returns the changes of their devices. */
  async #changeSet({ from, to }: ConfigChange, created: DeviceSet[]): Promise<ConfigChange[]> {
    const before = from && this.#sets.get(from.settings.file);
    const set = to && this.#parts.createSet(to);
    await before?.stop();
    if (from) this.#sets.delete(from.settings.file);
    if (to && set) {
      this.#sets.set(to.settings.file, set);
      created.push(set);
      if (!before) set.restore();
    }
    return (before?.members ?? []).map(({ member, loaded }) => {
      const next = set?.adopt(member);
      if (!next) return { kind: "removed", from: loaded };
      const isSamePath = next.settings.path === loaded.settings.path;
      return { kind: isSamePath ? "changed" : "renamed", from: loaded, to: next };
    });
  }

  /** Makes changes; returns those that failed, whose devices run as before. */
  async #make(
    all: readonly ConfigChange[],
    homes: Homes,
    holds: HoldsPolicy,
    problems: Diagnostic[],
  ): Promise<ConfigChange[]> {
    const { devices, quiet, remove, rename, forget, owners } = this.#parts;
    const running = ({ from }: ConfigChange) => (from ? devices.get(from.settings.path) : undefined);
    await Promise.all(all.filter(isLeaving).map(({ from }) => from && quiet(from.settings.path)));
    // A command may have come meanwhile.
    const failed = all.filter((change) => this.#isBeingWritten(change, homes, holds));
    for (const change of failed) problems.push(kept(change, "a limit is being written; it is tried again"));
    const changes = all.filter((change) => !failed.includes(change));
    // These give up a station, a password or a topic path, which others of the change may take over: they go first.
    const leaving = changes.filter((change) => running(change) && isLeaving(change));
    const left = new Map(leaving.map((change) => [change, running(change)!]));
    for (const [{ kind, from, to }, device] of left) {
      this.#leave(from!, device);
      if (kind === "changed") continue;
      remove(from!.settings.path, to ? `renamed to ${to.settings.path}` : "its config was removed");
      owners.release(from!.settings.path);
      if (to) rename(from!.settings.path, to.settings.path);
    }
    for (const change of changes) this.#moveLimits(change, homes);
    for (const change of changes) {
      if (!change.to) continue;
      if (performance.now() > this.#sliceEndsAt) {
        await nextTurn();
        this.#sliceEndsAt = performance.now() + SLICE_MS;
      }
      if (!this.#put(change, left.get(change) ?? running(change), problems)) failed.push(change);
    }
    for (const [change, { info }] of left)
      if (change.kind !== "changed" && !failed.includes(change)) forget(info);
    return failed;
  }

  /** Creates the device of a changed or new config; if that fails, the one before again. */
  #put(change: ConfigChange, before: Device | undefined, problems: Diagnostic[]): boolean {
    const { from, to } = change;
    if (before && !isLeaving(change)) this.#leave(from!, before);
    if (this.#build(to!, before, problems)) return true;
    if (from && before && !this.#build(from, before, problems))
      this.#parts.remove(from.settings.path, "it cannot be created");
    return false;
  }

  #build(loaded: LoadedDevice, before: Device | undefined, problems: Diagnostic[]): boolean {
    const { builder, owners, devices, add, replace } = this.#parts;
    const { path } = loaded.settings;
    const known = builder.diagnostics.length;
    const device = builder.build(loaded);
    problems.push(...builder.diagnostics.splice(known));
    if (!device) return false;
    if (before && devices.get(path) === before) replace(before, device);
    else {
      if (!owners.isMember(path)) owners.own(loaded.settings);
      add(device);
    }
    return true;
  }

  /** Frees what a device occupies: its station, its place in its account's rounds. */
  #leave(loaded: LoadedDevice, { driver }: Device): void {
    driver.close?.();
    this.#parts.builder.release(loaded);
  }

  #limitsOf({ from }: ConfigChange): HeldLimit[] {
    return from ? this.#parts.book.active(from.settings.path) : [];
  }

  #lostLimits(change: ConfigChange, homes: Homes): HeldLimit[] {
    return this.#limitsOf(change).filter((limit) => !homes.of(change, limit));
  }

  /** Returns whether a limit is being written that the change would move or lose, or one was written that it would lose. */
  #isBeingWritten(change: ConfigChange, homes: Homes, holds: HoldsPolicy): boolean {
    return this.#limitsOf(change).some((limit) => {
      const home = homes.of(change, limit);
      if (!home) return holds !== "keep";
      return limit.state === "sent" && (home.device !== limit.device || home.point !== limit.point);
    });
  }

  /** Moves the limits of a changed config to the device and the point at which their station is now. */
  #moveLimits(change: ConfigChange, homes: Homes): void {
    const { book } = this.#parts;
    for (const limit of this.#limitsOf(change)) {
      const home = homes.of(change, limit);
      const entry = book.entry(limit);
      if (home && entry && (home.device !== limit.device || home.point !== limit.point))
        book.move(entry, home);
    }
  }

  #homesIn(after: readonly LoadedDevice[], changes: readonly ConfigChange[]): Homes {
    const { builder } = this.#parts;
    let byStation: Map<string, LoadedDevice> | undefined;
    const stations = () => {
      const members = changes.flatMap(({ to }) => to ?? []);
      const single = [...after, ...members].filter(({ settings }) => !settings.set);
      return new Map(single.map((loaded) => [builder.stationOf(loaded), loaded]));
    };
    return {
      of({ from }, { point }) {
        byStation ??= stations();
        const home = byStation.get(builder.stationOf(from!));
        const row = from!.rows.find((one) => one.point.name === point);
        if (!home || !row) return undefined;
        const same = home.rows.filter(
          ({ attribute, register, port, point: { writable } }) =>
            writable && attribute === row.attribute && register === row.register && port === row.port,
        );
        const found = same.find((one) => one.point.name === point) ?? same[0];
        return found && { device: home.settings.path, point: found.point.name };
      },
    };
  }

  /** Ends limits that have no place any more; returns why that was not possible. */
  async #free(limits: readonly HeldLimit[], holds: HoldsPolicy): Promise<string | undefined> {
    const first = describe(limits[0]!);
    if (holds === "refuse") return `${first} is in force; revert it, or set reload.holds to "revert"`;
    const ends = await Promise.allSettled(limits.map((limit) => this.#parts.revert(limit)));
    const failure = ends.find((end) => end.status === "rejected");
    return failure && `${first} could not be reverted: ${messageOf(failure.reason)}`;
  }
}

/** Where limits are to be found after a change. */
interface Homes {
  /** Returns the device and the point of a limit; undefined where its station or its point is in no config any more. */
  of(change: ConfigChange, limit: HeldLimit): Pick<HeldLimit, "device" | "point"> | undefined;
}

function isLeaving({ kind, from, to }: ConfigChange): boolean {
  return kind !== "changed" || !isDeepStrictEqual(from!.settings.driverConfig, to!.settings.driverConfig);
}

/** Returns the configs in effect after changes of which some failed; those are tried again with the next reload. */
function inEffect(after: readonly LoadedDevice[], failed: ReadonlySet<ConfigChange>): LoadedDevice[] {
  if (failed.size === 0) return [...after];
  const not = new Set([...failed].map(({ to }) => to));
  const stayed = [...failed].flatMap(({ from }) => from ?? []);
  return [...after.filter((loaded) => !not.has(loaded)), ...stayed];
}

/** Returns the problem of a config whose device stays as it is. */
function kept({ from }: ConfigChange, why: string): Diagnostic {
  const { file, path } = from!.settings;
  const message = `device ${path} stays as it is: ${why}`;
  return { code: "limit_in_force", severity: "error", file, line: 1, column: 1, message };
}
