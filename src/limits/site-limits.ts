import { randomUUID } from "node:crypto";
import type { Bus } from "../bus.ts";
import type { LimitSettings } from "../config/index.ts";
import { checkAge } from "../devices/command-checks.ts";
import type { Command, Commands, LimitGroup, Limiting } from "../devices/commands.ts";
import { LimitGroupNotFoundError, ReadOnlyBridgeError } from "../devices/errors.ts";
import type { Log } from "../log/log.ts";
import { Notices } from "../log/notices.ts";
import type { DeviceInfo } from "../points/index.ts";
import type { StateStore } from "../storage/state-store.ts";
import { type Clock, systemClock } from "../time/clock.ts";
import { Group } from "./group.ts";
import { Journal } from "./journal.ts";
import { OwnLimits } from "./own-limits.ts";
import { kwText } from "./words.ts";

export interface SiteLimitsOptions {
  readonly groups: Readonly<Record<string, LimitSettings>>;
  readonly bus: Bus;
  readonly commands: Commands;
  /** By path; devices added later are announced on the bus. */
  readonly devices: ReadonlyMap<string, DeviceInfo>;
  readonly state: StateStore;
  readonly clock?: Clock;
  readonly log: Log;
  readonly maxCommandAgeSeconds: number;
  /** Whether nothing is written. */
  readonly readOnly: boolean;
}

/** A limit that was set while running. It applies until the config's limit changes. */
interface SavedLimit {
  readonly maxKw: number | null;
  readonly configuredKw: number | null;
}

/** The site limit controller: groups of devices, each kept under its limit from `start` to `stop`. */
export class SiteLimits implements Limiting {
  readonly #options: SiteLimitsOptions;
  #settings: SiteLimitsOptions["groups"];
  #groups: ReadonlyMap<string, Group>;
  readonly #own: OwnLimits;
  readonly #notices: Notices;
  readonly #clock: Clock;
  readonly #journal: Journal;
  readonly #unsubscribe: (() => void)[] = [];
  #isRunning = false;

  constructor(options: SiteLimitsOptions) {
    const { bus, clock = systemClock, commands, state } = options;
    this.#options = options;
    this.#clock = clock;
    const log = options.log.part("limits");
    const notices = new Notices(bus, log, clock);
    this.#notices = notices;
    this.#own = new OwnLimits(state.namespace("limits of outlets"));
    this.#journal = new Journal(bus, log, clock);
    this.#settings = options.groups;
    this.#groups = this.#create(commands);
  }

  #create(commands: Commands): ReadonlyMap<string, Group> {
    const parts = { commands, clock: this.#clock, notices: this.#notices };
    const all = { ...parts, journal: this.#journal, own: this.#own };
    return new Map(
      Object.entries(this.#settings).map(([name, settings]) => {
        return [name, new Group({ ...all, name, settings }, this.#limitOf(name, settings))] as const;
      }),
    );
  }

  /** Replaces the groups. Limits that are in force are taken over as after a restart; those of no group any more are removed. */
  change(groups: SiteLimitsOptions["groups"]): void {
    const isRunning = this.#isRunning;
    this.stop();
    this.#settings = groups;
    this.#groups = this.#create(this.#options.commands);
    if (isRunning) this.start();
  }

  /** Restores the limits of the last run. Nothing is written before the devices were read. */
  start(): void {
    const { bus, devices, readOnly } = this.#options;
    this.#isRunning = true;
    for (const device of devices.values()) this.#add(device);
    if (readOnly) return;
    this.#unsubscribe.push(
      bus.on("scrape", (scrape) => this.#each(scrape.device.path, (group) => group.scraped(scrape))),
      bus.on("membership", ({ device, change }) => {
        if (change === "changed") this.#each(device.path, (group) => group.remove(device.path, device));
        if (change === "added" || change === "changed") this.#add(device);
        else this.#each(device.path, (group) => group.remove(device.path));
      }),
      bus.on("notice", ({ kind, device }) => {
        if (kind === "lease_lost" && device !== undefined)
          this.#each(device, (group) => group.limitsLost(device));
      }),
    );
    for (const group of this.#groups.values()) group.start();
    void this.#freeOrphans();
  }

  stop(): void {
    this.#isRunning = false;
    for (const end of this.#unsubscribe.splice(0)) end();
    for (const group of this.#groups.values()) group.stop();
  }

  limits(): readonly LimitGroup[] {
    return [...this.#groups.values()].map((group) => group.describe());
  }

  setLimit(name: string, maxKw: unknown, command: Command): LimitGroup {
    const { maxCommandAgeSeconds, readOnly, state } = this.#options;
    checkAge(command, this.#clock.now(), maxCommandAgeSeconds);
    if (readOnly) throw new ReadOnlyBridgeError();
    const group = this.#groups.get(name);
    if (!group) throw new LimitGroupNotFoundError(name, [...this.#groups.keys()]);
    if (maxKw !== null && !(typeof maxKw === "number" && Number.isFinite(maxKw) && maxKw >= 0))
      throw new InvalidLimitError(name, maxKw);
    const saved: SavedLimit = { maxKw, configuredKw: this.#settings[name]!.maxKw ?? null };
    state.namespace("limits").set(name, { ...saved });
    const before = group.maxKw;
    group.maxKw = maxKw ?? undefined;
    const text = (kw: number | null | undefined) => (typeof kw === "number" ? kwText(kw) : "none");
    this.#notices.say(
      "warning",
      "limit_set",
      `the limit of ${name} was set by ${command.requester} (command ${command.id}): ${text(before)} → ${text(maxKw)}`,
    );
    return group.describe();
  }

  #limitOf(name: string, { maxKw }: LimitSettings): number | undefined {
    const saved = this.#options.state.namespace("limits").get(name) as SavedLimit | null;
    return saved && saved.configuredKw === (maxKw ?? null) ? (saved.maxKw ?? undefined) : maxKw;
  }

  #add(device: DeviceInfo): void {
    const [first, ...others] = [...this.#groups.values()].filter((group) => group.covers(device.path));
    if (!first) return;
    const { points } = this.#settings[first.name]!;
    if (first.add(device) === 0)
      this.#notices.say(
        "error",
        "limit_without_points",
        `${first.name}: ${device.path} is not limited: it has no writable point ${points.limit} with a point ${points.load}`,
        device.path,
      );
    for (const { name } of others)
      this.#notices.say(
        "error",
        "limit_twice",
        `${device.path} belongs to ${first.name} and is ignored in ${name}`,
        device.path,
      );
  }

  #each(path: string, act: (group: Group) => void): void {
    for (const group of this.#groups.values()) if (group.covers(path)) act(group);
  }

  /** Removes limits of groups that are no longer in the config: the bridge would renew them forever. */
  async #freeOrphans(): Promise<void> {
    const { commands, devices } = this.#options;
    for (const [id, name] of this.#own.all()) {
      if ([...this.#groups.values()].some((group) => group.has(id))) continue;
      const slash = id.lastIndexOf("/");
      const path = id.slice(0, slash);
      if (!devices.has(path)) continue;
      const command = { id: randomUUID(), requester: `limit:${name}`, via: "limit" };
      const sentAt = new Date(this.#clock.now());
      const { status, text } = await commands.revertPoint(path, id.slice(slash + 1), { ...command, sentAt });
      if (status === "failed" || status === "refused") {
        const why = `${text ?? status}; revert it`;
        const left = `${id} still has a limit of ${name}, which no longer covers it: ${why}`;
        this.#notices.say("warning", "limit_not_set", left, path);
      } else {
        this.#own.forget(id);
        this.#journal.changed(`${id} → no limit: ${name} no longer covers it`, path);
      }
    }
  }
}

/** The limit is invalid. Nothing was changed. */
class InvalidLimitError extends Error {
  override readonly name = "InvalidLimitError";

  constructor(group: string, found: unknown) {
    super(
      `${JSON.stringify(found) ?? String(found)} is not a valid limit for ${group}: expected a number of kW, 0 or more, or null for none; nothing was changed`,
    );
  }
}
