import { setImmediate as nextTurn } from "node:timers/promises";
import { type DeviceSetSettings, formatDiagnostic } from "../../config/index.ts";
import type { SetMember } from "../../drivers/abilities.ts";
import { messageOf } from "../../log/log.ts";
import type { Notices } from "../../log/notices.ts";
import type { Outages } from "../../log/outages.ts";
import type { DeviceInfo } from "../../points/index.ts";
import type { StateNamespace } from "../../storage/state-store.ts";
import { backoff } from "../../time/backoff.ts";
import { type Clock, pause, withDeadline } from "../../time/clock.ts";
import type { Device } from "../device.ts";
import type { DeviceBuilder, LoadedDevice } from "./build.ts";
import type { DriverServices } from "./driver-services.ts";
import { KnownMembers } from "./known-members.ts";
import type { TopicOwners } from "./owners.ts";
import { deviceOfMember, labelOf, memberFault, pathOfMember } from "./set-member.ts";

/** Maximum time of a lookup, in milliseconds: a walk over a large account takes minutes. */
const LOOKUP_DEADLINE_MS = 600_000;
const FIRST_RETRY_MS = 10_000;
/** Number of devices created or started before yielding to the event loop. */
const PER_TURN = 100;

/** Receives the changes of the running devices. */
export interface Membership {
  /** Starts a device. */
  add(device: Device): void;
  /** Replaces a running device by one with the same path. */
  replace(before: Device, device: Device): void;
  /** Stops a device. */
  remove(path: string, reason: string): void;
  /** Forgets what is kept of a device that was not found again. */
  forget(device: DeviceInfo): void;
}

export interface DeviceSetParts extends Membership {
  readonly builder: DeviceBuilder;
  readonly services: DriverServices;
  readonly owners: TopicOwners;
  readonly state: StateNamespace;
  readonly clock: Clock;
  readonly notices: Notices;
  readonly outages: Outages;
}

/**
 * The devices of a config that selects a set. The members of the last lookup run at once; the set is looked up at start and
 * every `refresh_interval`, and changes are applied. A failing lookup changes nothing. A member missing from a lookup is
 * stopped; one that is also missing from the next is forgotten.
 */
export class DeviceSet {
  readonly #loaded: LoadedDevice;
  readonly #set: DeviceSetSettings;
  readonly #parts: DeviceSetParts;
  readonly #known: KnownMembers;
  /** Running members by id. */
  readonly #running = new Map<string, { readonly member: SetMember; readonly path: string }>();
  readonly #stopping = new AbortController();
  #following: Promise<void> = Promise.resolve();

  constructor(loaded: LoadedDevice, parts: DeviceSetParts) {
    this.#loaded = loaded;
    this.#set = loaded.settings.set!;
    this.#parts = parts;
    this.#known = new KnownMembers(parts.state, loaded.settings, this.#set);
  }

  /** Creates the devices known from the last run, and checks config and registry. Does not touch the network. */
  restore(): void {
    if (!this.#parts.builder.usable(this.#loaded)) return;
    const devices = this.#known.members.flatMap((member) => this.#make(member) ?? []);
    for (const device of devices) this.#parts.add(device);
  }

  /** The running members, with their configs. */
  get members(): readonly { readonly member: SetMember; readonly loaded: LoadedDevice }[] {
    return [...this.#running.values()].map(({ member, path }) => ({
      member,
      loaded: this.#deviceOf(member, path),
    }));
  }

  /** Takes over a running member of the set as it was before its config was changed. Returns its config now, if it can have one. */
  adopt(member: SetMember): LoadedDevice | undefined {
    const path = this.#pathOf(member);
    if (path === undefined) return undefined;
    this.#running.set(member.id, { member, path });
    return this.#deviceOf(member, path);
  }

  start(): void {
    this.#following = this.#follow();
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error("the bridge is stopping"));
    await this.#following;
    this.#parts.outages.forget(`set of ${this.#loaded.settings.file}`);
  }

  async #follow(): Promise<void> {
    const { clock, builder, services, outages } = this.#parts;
    const key = `set of ${this.#loaded.settings.file}`;
    const { signal } = this.#stopping;
    const { file, driverConfig } = this.#loaded.settings;
    const usable = builder.usable(this.#loaded);
    const service = usable && services.open(usable.type);
    if (!service?.findMembers) return;
    const refreshMs = this.#set.refreshSeconds * 1000;
    let failures = 0;
    while (!signal.aborted) {
      let waitMs = refreshMs;
      try {
        const deadline = { clock, ms: LOOKUP_DEADLINE_MS, signal, what: `looking up the set of ${file}` };
        await this.#become(await withDeadline(deadline, (s) => service.findMembers!(driverConfig, s)));
        outages.ended(key, { text: `the ${key} is looked up again` });
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        outages.failed({
          ...{ key, kind: "set_lookup_failed", text: `the ${key} cannot be looked up` },
          ...{ cause: messageOf(error), device: this.#loaded.settings.path },
          next: `its ${this.#running.size} known devices continue, and the lookup is retried`,
        });
        waitMs = backoff({ first: FIRST_RETRY_MS, longest: refreshMs }, ++failures);
      }
      await pause(clock, waitMs, signal).catch(() => undefined);
    }
  }

  /** Applies the members of a lookup: stops missing devices, then starts new ones. */
  async #become(members: readonly SetMember[]): Promise<void> {
    const { file } = this.#loaded.settings;
    const { builder, notices, owners } = this.#parts;
    const isFirst = !this.#known.wasLookedUp;
    const now = new Map(members.map((member) => [member.id, member]));
    const left: SetMember[] = [];
    for (const [id, { member, path }] of this.#running) {
      const again = now.get(id);
      if (again && this.#pathOf(again) === path) continue;
      const text = again
        ? `${labelOf(member)} no longer has the topic ${path}: it is now called ${labelOf(again)}`
        : `${labelOf(member)} no longer belongs to the set of ${file}; device ${path} is stopped`;
      this.#parts.remove(path, text);
      builder.release(this.#deviceOf(member, path));
      owners.release(path);
      this.#running.delete(id);
      left.push(member);
      notices.say("info", "station_gone", text, path);
    }
    // All are created before the first is scraped, so that the driver can read them together.
    const come = [...now.values()].filter(({ id }) => !this.#running.has(id));
    const made = await this.#inTurns(come, (member) => {
      const device = this.#make(member);
      return device ? [{ member, device }] : [];
    });
    await this.#inTurns(made.flat(), ({ member, device }) => {
      this.#parts.add(device);
      const text = `${labelOf(member)} was added to the set of ${file}`;
      if (!isFirst) notices.say("info", "station_added", text, device.info.path);
    });
    if (this.#stopping.signal.aborted) return;
    for (const member of this.#known.gone) this.#forget(member);
    this.#known.save(
      [...this.#running.values()].map(({ member }) => now.get(member.id) ?? member),
      left,
    );
    if (isFirst) {
      const text = `the set of ${file} has ${this.#running.size} devices`;
      notices.say("info", "set_found", text, this.#loaded.settings.path);
    }
  }

  /** Calls `act` for each, yielding to the event loop in between; ends early when stopped. */
  async #inTurns<T, R>(all: readonly T[], act: (one: T) => R): Promise<R[]> {
    const results: R[] = [];
    for (const [index, one] of all.entries()) {
      if (index % PER_TURN === PER_TURN - 1) await nextTurn();
      if (this.#stopping.signal.aborted) break;
      results.push(act(one));
    }
    return results;
  }

  /** Returns the device of a member; reports the reason and returns undefined where it cannot be created. */
  #make(member: SetMember): Device | undefined {
    const { builder, owners, notices } = this.#parts;
    const path = this.#pathOf(member);
    const problem = memberFault(this.#loaded, member, (taken) => owners.of(taken));
    if (path === undefined || problem !== undefined) {
      const text = `${labelOf(member)} of the set of ${this.#loaded.settings.file} is not run: ${problem}`;
      notices.say("error", "station_not_added", text, path ?? member.id);
      return undefined;
    }
    const before = builder.diagnostics.length;
    const device = builder.build(this.#deviceOf(member, path));
    for (const diagnostic of builder.diagnostics.splice(before)) {
      const kind = diagnostic.severity === "error" ? "station_not_added" : diagnostic.code;
      // Faults of the registry or the set's own config are the same for all members and reported once.
      const subject = diagnostic.severity === "error" ? path : this.#loaded.settings.path;
      notices.say(
        diagnostic.severity === "error" ? "error" : "warning",
        kind,
        formatDiagnostic(diagnostic),
        subject,
      );
    }
    if (!device) return undefined;
    owners.take(path, `${labelOf(member)} of ${this.#loaded.settings.file}`);
    this.#running.set(member.id, { member, path });
    return device;
  }

  #forget(member: SetMember): void {
    const path = this.#pathOf(member);
    if (path === undefined || this.#parts.owners.of(path) !== undefined) return;
    const info = this.#parts.builder.describe(this.#deviceOf(member, path));
    if (info) this.#parts.forget(info);
  }

  #deviceOf(member: SetMember, path: string): LoadedDevice {
    return deviceOfMember(this.#loaded, member, path);
  }

  #pathOf(member: SetMember): string | undefined {
    return pathOfMember(this.#loaded, member);
  }
}
