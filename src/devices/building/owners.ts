import type { DeviceSettings } from "../../config/index.ts";
import type { AbleType } from "../../drivers/abilities.ts";

/** The owner of each topic path: a device config or a member of a set. Not case-sensitive. */
export class TopicOwners {
  readonly #labels = new Map<string, string>();
  readonly #members = new Set<string>();

  constructor(loaded: readonly { readonly settings: DeviceSettings }[]) {
    for (const { settings } of loaded) if (!settings.set) this.own(settings);
  }

  /** Makes a device config the owner of its path. */
  own({ path, file }: DeviceSettings): void {
    this.#labels.set(path.toLowerCase(), file);
  }

  /** Returns the owner of the path for messages; undefined where it is free. */
  of(path: string): string | undefined {
    return this.#labels.get(path.toLowerCase());
  }

  isMember(path: string): boolean {
    return this.#members.has(path.toLowerCase());
  }

  take(path: string, label: string): void {
    this.#labels.set(path.toLowerCase(), label);
    this.#members.add(path.toLowerCase());
  }

  release(path: string): void {
    this.#labels.delete(path.toLowerCase());
    this.#members.delete(path.toLowerCase());
  }
}

/** The device of each station, for driver types that identify stations. */
export class StationOwners {
  /** By driver type and network, then by the station's ID. */
  readonly #networks = new Map<string, Map<string, Pick<DeviceSettings, "path" | "file">>>();

  of(type: AbleType, config: unknown): Pick<DeviceSettings, "path" | "file"> | undefined {
    const identity = type.identityOf?.(config);
    return identity && this.#network(type, identity.network).get(identity.id);
  }

  take(type: AbleType, { path, file, driverConfig }: DeviceSettings): void {
    const identity = type.identityOf?.(driverConfig);
    if (identity) this.#network(type, identity.network).set(identity.id, { path, file });
  }

  release(type: AbleType, config: unknown): void {
    const identity = type.identityOf?.(config);
    if (identity) this.#network(type, identity.network).delete(identity.id);
  }

  #network(type: AbleType, network: string) {
    const key = `${type.name} ${network}`;
    const stations = this.#networks.get(key) ?? new Map<string, Pick<DeviceSettings, "path" | "file">>();
    this.#networks.set(key, stations);
    return stations;
  }
}
