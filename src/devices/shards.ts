import type { Diagnostic } from "../config/index.ts";
import type { DeviceInfo } from "../points/index.ts";
import { type Clock, systemClock } from "../time/clock.ts";
import type { LoadedDevice } from "./building/build.ts";
import { checkAge } from "./command-checks.ts";
import type { Commands, Control, Override, Overriding, ScheduleAnswer, Scheduling } from "./commands.ts";
import { DeviceElsewhereError, DeviceNotFoundError, OverrideError } from "./errors.ts";
import type { RunningDevices } from "./runner.ts";
import { LoopDelay } from "./scraping/loop-delay.ts";

export interface DeviceShardsOptions {
  /** The configs of all devices, whichever bridge has them. */
  readonly devices: readonly LoadedDevice[];
  readonly maxCommandAgeSeconds: number;
  /** Returns the member that has a device; undefined where no config has it, or no member. */
  readonly ownerOf: (path: string) => string | undefined;
  /** Divides configs by the names of their shards. */
  readonly divide: (devices: readonly LoadedDevice[]) => ReadonlyMap<string, readonly LoadedDevice[]>;
  /** Called when changed configs were applied to the shards that are here. */
  readonly applied: (devices: readonly LoadedDevice[]) => void;
  readonly clock?: Clock;
}

/** The devices of the shards that this bridge has, as one. Each shard runs by itself; requests go to the one that has the device. */
export class DeviceShards implements RunningDevices {
  readonly byPath: ReadonlyMap<string, DeviceInfo>;
  readonly diagnostics: readonly Diagnostic[] = [];
  readonly latest: RunningDevices["latest"];
  readonly commands: Commands;
  readonly control: Control;
  readonly changes: RunningDevices["changes"];
  readonly #options: DeviceShardsOptions;
  readonly #shards = new Map<string, RunningDevices>();
  readonly #loopDelay = new LoopDelay();
  #configs: readonly LoadedDevice[];

  constructor(options: DeviceShardsOptions) {
    this.#options = options;
    this.#configs = options.devices;
    this.byPath = new JoinedMap(() => this.#all.map(({ byPath }) => byPath));
    const of = (path: string) => this.#with(path);
    this.latest = {
      get: (path) => this.#find(path)?.latest.get(path),
      value: (path, point) => this.#find(path)?.latest.value(path, point),
      all: () => this.#all.flatMap(({ latest }) => latest.all()),
      summaries: () => this.#summaries(),
      count: () => totalOf({ online: 0, stale: 0, offline: 0 }, this.#all, ({ latest }) => latest.count()),
    };
    this.commands = {
      get: async (path, point, signal) => of(path).commands.get(path, point, signal),
      set: async (path, point, value, command) => of(path).commands.set(path, point, value, command),
      revertPoint: async (path, point, command) => of(path).commands.revertPoint(path, point, command),
      revertDevice: async (path, command) => of(path).commands.revertDevice(path, command),
      checkFree: (path, point, command) => of(path).commands.checkFree(path, point, command),
    };
    const { clock = systemClock, maxCommandAgeSeconds } = options;
    this.control = {
      checkCommand: (command) => checkAge(command, clock.now(), maxCommandAgeSeconds),
      pausing: {
        pause: (path, command) => of(path).control.pausing.pause(path, command),
        resume: (path, command) => of(path).control.pausing.resume(path, command),
        paused: () => this.#all.flatMap(({ control }) => control.pausing.paused()),
      },
      scheduling: this.#scheduling(),
      overriding: this.#overriding(),
      eventing: {
        createEvent: async (path, plan, command) =>
          of(path).control.eventing.createEvent(path, plan, command),
        removeEvent: async (id, command) => {
          const planner = this.#all.find(({ control }) =>
            control.eventing.events().some((one) => one.id === id),
          );
          await (planner ?? this.#any()).control.eventing.removeEvent(id, command);
        },
        events: () => this.#all.flatMap(({ control }) => control.eventing.events()),
      },
      controllers: {
        heard: (name, state) => {
          for (const { control } of this.#all) control.controllers?.heard(name, state);
        },
      },
      sheds: () => {
        const all = this.#all.map(({ control }) => control.sheds());
        return { held: all.flatMap(({ held }) => held), others: all.flatMap(({ others }) => others) };
      },
      scrapeAll: async (path, signal) => of(path).control.scrapeAll(path, signal),
    };
    const configs = () => this.#configs;
    this.changes = {
      get current() {
        return configs();
      },
      get ofDevices() {
        return all().flatMap(({ changes }) => changes.ofDevices);
      },
      faultsOf: (loaded) => this.#all[0]?.changes.faultsOf(loaded) ?? [],
      plan: (after) => this.#parts(after).flatMap(({ changes, part }) => changes.plan(part)),
      countRemoved: (changes) => {
        const removed = changes.filter(({ kind }) => kind === "removed").length;
        return { running: this.byPath.size, removed };
      },
      apply: async (after, _planned, holds) => {
        this.#configs = after;
        const applied = await Promise.all(
          this.#parts(after).map(({ changes, part }) => changes.apply(part, changes.plan(part), holds)),
        );
        options.applied(after);
        return {
          changes: applied.flatMap(({ changes }) => changes),
          problems: applied.flatMap(({ problems }) => problems),
        };
      },
    };
    const all = () => this.#all;
  }

  get infos(): readonly DeviceInfo[] {
    return [...this.byPath.values()];
  }

  add(shard: string, running: RunningDevices): void {
    this.#shards.set(shard, running);
  }

  remove(shard: string): void {
    this.#shards.delete(shard);
  }

  openAlarms(device: DeviceInfo) {
    return this.#find(device.path)?.openAlarms(device);
  }

  limitEnds(path: string): ReadonlyMap<string, Date | null> {
    return this.#find(path)?.limitEnds(path) ?? new Map();
  }

  accounts(driverType: string) {
    return this.#all.flatMap((shard) => shard.accounts(driverType));
  }

  accountStates() {
    return this.#all.flatMap((shard) => shard.accountStates());
  }

  async readWith(loaded: LoadedDevice, signal: AbortSignal) {
    return this.#with(loaded.settings.path).readWith(loaded, signal);
  }

  counters(): ReturnType<RunningDevices["counters"]> {
    const all = this.#all.map((shard) => shard.counters());
    const alarms = all.flatMap((one) => one.alarms ?? []);
    const paused = all.flatMap((one) => one.paused ?? []);
    const drivers: Record<string, Record<string, number>> = {};
    for (const [name, counters] of all.flatMap((one) => Object.entries(one.drivers)))
      drivers[name] = added(drivers[name] ?? {}, counters);
    return {
      devices: this.latest.count(),
      scrapes: totalOf({ ok: 0, failed: 0, skipped: 0, pointFailures: 0 }, all, (one) => one.scrapes),
      writes: totalOf(
        { confirmed: 0, accepted: 0, unconfirmed: 0, refused: 0, failed: 0 },
        all,
        (one) => one.writes,
      ),
      holds: totalOf({ held: 0, renewed: 0, notRenewed: 0 }, all, (one) => one.holds),
      alarms:
        alarms.length > 0 ? totalOf({ open: 0, raised: 0, cleared: 0 }, alarms, (one) => one) : undefined,
      paused:
        paused.length > 0
          ? {
              count: paused.reduce((sum, { count }) => sum + count, 0),
              devices: Object.assign({}, ...paused.map(({ devices }) => devices)),
            }
          : undefined,
      drivers,
    };
  }

  loopDelay() {
    return this.#loopDelay.recent();
  }

  start(): void {
    this.#loopDelay.start();
  }

  /** The bridge of an estate is always in charge of the shards that it has. */
  activate(): void {}

  passivate(): void {}

  async stop(): Promise<void> {
    this.#loopDelay.stop();
  }

  get #all(): RunningDevices[] {
    return [...this.#shards.values()];
  }

  *#summaries() {
    for (const { latest } of this.#all) yield* latest.summaries();
  }

  /** Returns the shards that are here, each with its part of these configs. */
  #parts(devices: readonly LoadedDevice[]) {
    const parts = this.#options.divide(devices);
    return [...this.#shards].map(([name, { changes }]) => ({ changes, part: parts.get(name) ?? [] }));
  }

  #find(path: string): RunningDevices | undefined {
    return this.#all.find(({ byPath }) => byPath.has(path));
  }

  #with(path: string): RunningDevices {
    const found = this.#find(path);
    if (found) return found;
    const owner = this.#options.ownerOf(path);
    throw owner === undefined ? new DeviceNotFoundError(path) : new DeviceElsewhereError(path, owner);
  }

  #any(): RunningDevices {
    const [first] = this.#all;
    if (!first) throw new DeviceNotFoundError("of this member: it has no shard at present");
    return first;
  }

  #scheduling(): Scheduling {
    const failure = (info: string): ScheduleAnswer => ({ result: "FAILURE", info, data: {} });
    return {
      requestNewSchedule: (asked, command) => {
        const paths = Array.isArray(asked.slots)
          ? asked.slots.flatMap((slot) =>
              Array.isArray(slot) && typeof slot[0] === "string" ? [slot[0]] : [],
            )
          : [];
        const shards = new Set(paths.flatMap((path) => this.#find(path) ?? []));
        const strange = paths.find((path) => !this.#find(path) && this.#options.ownerOf(path) !== undefined);
        const [shard, other] = shards;
        if (other || (shard && strange !== undefined))
          return failure(
            "the devices of a task must belong to one shard of the estate: ask for each separately",
          );
        if (strange !== undefined)
          return failure(new DeviceElsewhereError(strange, this.#options.ownerOf(strange)!).message);
        return (shard ?? this.#any()).control.scheduling.requestNewSchedule(asked, command);
      },
      requestCancelSchedule: (taskId, command) => {
        const holder = this.#all.find(({ control }) =>
          control.scheduling.tasks().some((task) => task.taskId === taskId),
        );
        return (holder ?? this.#any()).control.scheduling.requestCancelSchedule(taskId, command);
      },
      tasks: () => this.#all.flatMap(({ control }) => control.scheduling.tasks()),
    };
  }

  #overriding(): Overriding {
    const each = () => this.#all.map(({ control }) => control.overriding);
    // An override that only some devices of its pattern follow would be taken for one that all follow.
    const checkWhole = () => {
      const other = this.#configs.find(({ settings: { path, set } }) => !set && !this.#find(path));
      if (other)
        throw new OverrideError(
          `${other.settings.path} and others run on another member, so nothing was changed: send overrides over MQTT (voltbridge override), which reaches all members`,
        );
    };
    return {
      setOverrideOn(pattern, options, command): Override {
        checkWhole();
        const all = each().map((one) => one.setOverrideOn(pattern, options, command));
        return { ...all[0]!, devices: all.flatMap(({ devices }) => devices) };
      },
      setOverrideOff(pattern, command) {
        checkWhole();
        const those = each().filter((one) =>
          one.overridePatterns().some((known) => known.pattern === pattern),
        );
        for (const one of those.length > 0 ? those : each()) one.setOverrideOff(pattern, command);
      },
      clearOverrides(command) {
        checkWhole();
        for (const one of each()) one.clearOverrides(command);
      },
      overrideDevices: () => each().flatMap((one) => one.overrideDevices()),
      overridePatterns() {
        const all = Map.groupBy(
          each().flatMap((one) => one.overridePatterns()),
          ({ pattern }) => pattern,
        );
        return [...all.values()].map((same) => ({
          ...same[0]!,
          devices: same.flatMap(({ devices }) => devices),
        }));
      },
    };
  }
}

function added<T extends object>(sum: T, more: object): T {
  const total = { ...sum } as Record<string, number>;
  for (const [name, count] of Object.entries(more)) total[name] = (total[name] ?? 0) + Number(count);
  return total as T;
}

function totalOf<T extends object, One>(zero: T, all: readonly One[], of: (one: One) => object): T {
  return all.reduce((sum, one) => added(sum, of(one)), zero);
}

/** Several maps, whose keys differ, as one. */
class JoinedMap<K, V> implements ReadonlyMap<K, V> {
  readonly #maps: () => readonly ReadonlyMap<K, V>[];

  constructor(maps: () => readonly ReadonlyMap<K, V>[]) {
    this.#maps = maps;
  }

  get size(): number {
    return this.#maps().reduce((sum, { size }) => sum + size, 0);
  }

  get(key: K): V | undefined {
    for (const map of this.#maps()) if (map.has(key)) return map.get(key);
    return undefined;
  }

  has(key: K): boolean {
    return this.#maps().some((map) => map.has(key));
  }

  forEach(each: (value: V, key: K, map: ReadonlyMap<K, V>) => void): void {
    for (const [key, value] of this) each(value, key, this);
  }

  *entries(): MapIterator<[K, V]> {
    for (const map of this.#maps()) yield* map.entries();
  }

  *keys(): MapIterator<K> {
    for (const map of this.#maps()) yield* map.keys();
  }

  *values(): MapIterator<V> {
    for (const map of this.#maps()) yield* map.values();
  }

  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.entries();
  }
}
