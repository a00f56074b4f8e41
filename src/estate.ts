import { createHash, randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { relative } from "node:path";
import { Bus } from "./bus.ts";
import { openCluster } from "./cluster/backends.ts";
import type { EstateView } from "./cluster/contract.ts";
import { ClusterMember, type OpenShard, type Ownership } from "./cluster/member.ts";
import { SETTINGS } from "./cluster/settings.ts";
import { ShardState } from "./cluster/shard-state.ts";
import { type BridgeSettings, templateBeginning } from "./config/index.ts";
import type { Control, Limiting } from "./devices/commands.ts";
import { LimitGroupNotFoundError } from "./devices/errors.ts";
import {
  DeviceShards,
  type LoadedDevice,
  openDevices,
  type Shard,
  StateStore,
  shardsOf,
} from "./devices/index.ts";
import { SiteLimits } from "./limits/index.ts";
import { type Log, messageOf } from "./log/log.ts";
import { Outages } from "./log/outages.ts";
import type { Mqtt, ShardSession } from "./mqtt/index.ts";
import { systemClock, withDeadline } from "./time/clock.ts";

export interface EstateOptions {
  readonly settings: BridgeSettings;
  /** The configs of all devices of the estate. */
  readonly devices: readonly LoadedDevice[];
  readonly version: string;
  readonly bus: Bus;
  /** Of this member alone. */
  readonly state: StateStore;
  readonly log: Log;
}

/** Parts of the bridge that shards need, which are started after the estate was created. */
export interface EstateParts {
  readonly mqtt: Mqtt;
  /** Requests that concern the whole bridge. */
  readonly control: Pick<Control, "reloading" | "history">;
  /** Loads the files again and applies them. */
  readonly applyFiles: () => Promise<void>;
}

/** Time for the last changes of a shard that is handed over to reach the cluster, in milliseconds. */
const LAST_PUT_MS = 2000;

interface RunningShard {
  readonly limits: SiteLimits;
  /** Undefined until its commands are taken. */
  session: ShardSession | undefined;
}

/**
 * The part of an estate that this bridge is: takes the shards that fall to it and runs each like a bridge of its own, started with the
 * state that the owner before left in the cluster.
 */
export class Estate {
  /** The devices of the shards that are here. */
  readonly devices: DeviceShards;
  readonly limiting: Limiting;
  readonly #options: EstateOptions;
  readonly #running = new Map<string, RunningShard>();
  readonly #outages: Outages;
  readonly #log: Log;
  readonly #member: ClusterMember;
  #shards!: readonly Shard[];
  /** Names of the shards of single devices, by path. */
  #byPath!: ReadonlyMap<string, string>;
  /** First levels of the paths of sets, whose members are not known, and the names of their shards. */
  #bySet!: readonly (readonly [beginning: string, shard: string])[];
  #groups: BridgeSettings["limits"];
  #parts: EstateParts | undefined;
  readonly #store;
  readonly id: string;

  constructor(options: EstateOptions) {
    const { settings, devices, version, bus, state } = options;
    const { cluster, limits, actuator } = settings;
    this.#options = options;
    this.#log = options.log.part("cluster");
    this.id = cluster.member ?? hostname().split(".")[0]!;
    this.#groups = limits;
    this.#divide(devices);
    this.#outages = new Outages({ log: this.#log, notify: (notice) => bus.emit("notice", notice) });
    const { ttlSeconds, weight } = cluster;
    const store = openCluster(settings);
    this.#store = store;
    const memory = state.namespace("cluster");
    this.#member = new ClusterMember(
      {
        store,
        record: {
          id: this.id,
          run: randomUUID(),
          host: hostname(),
          version,
          startedAt: new Date().toISOString(),
          weight,
          url: urlOf(settings),
        },
        ttlSeconds,
        shards: () => this.#shards,
        open: (ownership) => this.#open(ownership),
        applyFiles: async () => this.#parts?.applyFiles(),
        onView: () => {
          for (const { session } of this.#running.values()) session?.infoChanged();
        },
        memory: {
          get: () => (memory.get("estate") as string | null) ?? undefined,
          set: (estate) => memory.set("estate", estate),
        },
        notify: (severity, kind, text) => {
          this.#log[severity === "warning" ? "warn" : severity](text, { kind });
          bus.emit("notice", { severity, kind, text, at: new Date() });
        },
        outages: this.#outages,
        log: this.#log,
        clock: systemClock,
      },
      revisionOf(settings, devices),
    );
    this.devices = new DeviceShards({
      devices,
      maxCommandAgeSeconds: actuator.maxCommandAgeSeconds,
      ownerOf: (path) => this.ownerOf(path),
      divide: (after) => new Map(shardsOf(after, this.#groups).map((shard) => [shard.name, shard.devices])),
      applied: (after) => {
        this.#divide(after);
        this.#member.shardsChanged();
      },
    });
    this.limiting = {
      limits: () => [...this.#running.values()].flatMap(({ limits }) => limits.limits()),
      setLimit: (group, maxKw, command) => {
        const shard = this.#shards.find(({ groups }) => groups.includes(group));
        const running = shard && this.#running.get(shard.name);
        if (!running)
          throw new LimitGroupNotFoundError(
            group,
            this.limiting.limits().map((one) => one.group),
          );
        return running.limits.setLimit(group, maxKw, command);
      },
    };
  }

  get shards(): readonly Shard[] {
    return this.#shards;
  }

  get view(): EstateView | undefined {
    return this.#member.view;
  }

  start(parts: EstateParts): void {
    this.#parts = parts;
    this.devices.start();
    this.#member.start();
  }

  /** Hands over every shard, and leaves the estate. */
  async stop(): Promise<void> {
    await this.#member.stop();
    await this.devices.stop();
    this.#outages.stop();
    await this.#store.close();
  }

  /** Returns the member that has a device; undefined where no config has it, or no member. */
  ownerOf(path: string): string | undefined {
    const shard = this.#byPath.get(path);
    return shard === undefined ? undefined : this.view?.owners.get(shard)?.member;
  }

  /** Whether a path is of a device of the configuration, or may be one of a set. */
  isKnown(path: string): boolean {
    return this.#byPath.has(path) || this.#bySet.some(([beginning]) => path.startsWith(beginning));
  }

  #isElsewhere(shard: string, path: string): boolean {
    const known = this.#byPath.get(path);
    if (known !== undefined) return known !== shard;
    return this.#bySet.some(([beginning, name]) => name !== shard && path.startsWith(beginning));
  }

  /** Divides the devices into shards. */
  #divide(devices: readonly LoadedDevice[]): void {
    this.#shards = shardsOf(devices, this.#groups);
    const all = this.#shards.flatMap((shard) => shard.devices.map(({ settings }) => ({ shard, settings })));
    this.#byPath = new Map(
      all.flatMap(({ shard, settings }) => (settings.set ? [] : [[settings.path, shard.name] as const])),
    );
    this.#bySet = all.flatMap(({ shard, settings: { set, path } }) =>
      set ? [[templateBeginning(path), shard.name] as const] : [],
    );
  }

  /** Returns why files that were loaded must not be applied yet: not every member has them. */
  holdBack(settings: BridgeSettings, devices: readonly LoadedDevice[]): string | undefined {
    const files = revisionOf(settings, devices);
    this.#member.filesLoaded(files);
    const active = this.view?.settings.get(SETTINGS.revision);
    if (active === undefined || files === active) {
      this.#groups = settings.limits;
      return undefined;
    }
    const without = [...this.view!.members.values()].filter(
      (one) => one.files !== files && one.id !== this.id,
    );
    const names = without.map(({ id }) => id).join(", ");
    return `the changed files take effect when every member of the estate has them; ${names === "" ? "they are being made active" : `missing on ${names}`}`;
  }

  /** Gives each shard that is here its groups of the site limit controller. */
  changeLimits(groups: BridgeSettings["limits"]): void {
    this.#groups = groups;
    for (const [name, { limits }] of this.#running) limits.change(this.#groupsOf(name));
  }

  #groupsOf(name: string): BridgeSettings["limits"] {
    const names = this.#shards.find((shard) => shard.name === name)?.groups ?? [];
    return Object.fromEntries(Object.entries(this.#groups).filter(([group]) => names.includes(group)));
  }

  /** Starts a shard as a bridge is started: with the state of the last run, on whichever machine that was. */
  async #open({ shard: name, epoch, membership, stored, validUntil, lost }: Ownership): Promise<OpenShard> {
    const { settings, bus, log } = this.#options;
    const { mqtt, control } = this.#parts!;
    const shard = this.#shards.find((one) => one.name === name);
    if (!shard) throw new Error(`there is no shard ${name} in the configuration`);
    await using stack = new AsyncDisposableStack();
    const state = new ShardState({
      ...{ membership, shard: name, epoch, stored, validUntil, member: this.id, onLost: lost },
      ttlMs: settings.cluster.ttlSeconds * 1000,
      forbidden: () => this.#member.forbidden(),
      clock: systemClock,
    });
    stack.defer(() => state.end());
    let isHandedOver = false;
    stack.defer(async () => {
      if (!isHandedOver) return;
      const late = { clock: systemClock, ms: LAST_PUT_MS, what: "the last put" };
      await withDeadline(late, () => state.flush()).catch((error: unknown) =>
        this.#log.warn(`the last changes of shard ${name} did not reach the cluster`, {
          cause: messageOf(error),
        }),
      );
    });
    const store = StateStore.inMemory(state.entries, (changes) => state.saved(changes));
    stack.defer(() => store.close());
    const own = new Bus((event, err) => log.error(`a listener of ${event} failed`, { err }), bus);
    const running = openDevices({
      devices: shard.devices,
      settings,
      bus: own,
      log,
      state: store,
      fence: state,
    });
    stack.defer(async () => {
      await running.stop();
      this.devices.remove(name);
      for (const device of running.byPath.values()) bus.emit("membership", { device, change: "released" });
    });
    const limits = new SiteLimits({
      groups: this.#groupsOf(name),
      bus: own,
      commands: running.commands,
      devices: running.byPath,
      state: store,
      log,
      maxCommandAgeSeconds: settings.actuator.maxCommandAgeSeconds,
      readOnly: settings.readOnly,
    });
    stack.defer(() => {
      limits.stop();
      this.#running.delete(name);
    });
    this.devices.add(name, running);
    for (const device of running.byPath.values()) bus.emit("membership", { device, change: "added" });
    const here: RunningShard = { limits, session: undefined };
    this.#running.set(name, here);
    const isLead = this.#shards[0]?.name === name;
    running.start({ active: true });
    limits.start();
    const session = mqtt.openShard({
      ...{ shard: name, isLead, bus: own, devices: running.byPath, commands: running.commands },
      control: { ...running.control, limiting: limits, ...(isLead && control) },
      isElsewhere: (path) => this.#isElsewhere(name, path),
      isLast: () => this.view?.members.size === 1,
      info: () => this.#info(),
    });
    here.session = session;
    stack.defer(() => session.stop());
    const started = stack.move();
    return {
      close: async (why) => {
        isHandedOver = why === "handed over";
        await started.disposeAsync();
      },
    };
  }

  /** What the lead publishes of the estate. */
  #info(): object {
    const { members = new Map(), owners = new Map() } = this.view ?? {};
    const shardsOfMember = (id: string) =>
      [...owners].filter(([, { member }]) => member === id).map(([shard, { epoch }]) => ({ shard, epoch }));
    return {
      devices: this.#shards.flatMap(({ devices }) =>
        devices.flatMap(({ settings }) => (settings.set ? [] : settings.path)),
      ),
      members: [...members.values()].map(({ id, host, version, startedAt, url }) => {
        return { id, host, version, startedAt, url, shards: shardsOfMember(id) };
      }),
    };
  }
}

/** Settings that all members must share, beside the configs of the devices. */
const SHARED = ["driver", "actuator", "limits", "readOnly"] as const;

/** Returns a checksum of what all members must run alike; where files are on a machine does not matter. */
function revisionOf(settings: BridgeSettings, devices: readonly LoadedDevice[]): string {
  const hash = createHash("sha256");
  hash.update(JSON.stringify(SHARED.map((name) => settings[name])));
  const registries = new Map<unknown, string>();
  for (const { settings: device, rows } of devices) {
    const known =
      registries.get(rows) ?? checksum(rows.map((row) => [row.point, row.attribute, row.register, row.port]));
    registries.set(rows, known);
    const { file, registryFile: _, ...rest } = device;
    hash.update(JSON.stringify([relative(settings.devices, file), rest, known]));
  }
  return hash.digest("hex").slice(0, 12);
}

function checksum(content: unknown): string {
  return createHash("sha256").update(JSON.stringify(content)).digest("hex");
}

function urlOf({ web }: BridgeSettings): string | undefined {
  if (!web.enabled) return undefined;
  const host = ["0.0.0.0", "::"].includes(web.host) ? hostname() : web.host;
  return `${web.tls ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${web.port}/`;
}
