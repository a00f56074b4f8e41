/** Names of the keys of an estate. Its members, owners and settings have one prefix, so that one range shows them at one revision. */
export class EtcdKeys {
  readonly #root: string;

  constructor(instance: string) {
    this.#root = `/voltbridge/${encodeURIComponent(instance)}/`;
  }

  /** Prefix of members, owners and settings. */
  get estate(): string {
    return `${this.#root}estate/`;
  }

  member(id: string): string {
    return `${this.estate}member/${encodeURIComponent(id)}`;
  }

  owner(shard: string): string {
    return `${this.estate}owner/${encodeURIComponent(shard)}`;
  }

  setting(name: string): string {
    return `${this.estate}setting/${encodeURIComponent(name)}`;
  }

  /** Prefix of the state of a shard. */
  states(shard: string): string {
    return `${this.#root}state/${encodeURIComponent(shard)}/`;
  }

  state(shard: string, key: string): string {
    return this.states(shard) + encodeURIComponent(key);
  }

  /** The last change made through a slot of a run: see `once` of the membership. */
  slot(run: string, slot: string): string {
    return `${this.#root}slot/${encodeURIComponent(run)}/${slot}`;
  }
}

export function inBase64(text: string): string {
  return Buffer.from(text).toString("base64");
}

export function fromBase64(text = ""): string {
  return Buffer.from(text, "base64").toString();
}

/** Returns the end of the range of all keys with a prefix. */
export function endOf(prefix: string): string {
  const bytes = Buffer.from(prefix);
  // The last byte is that of a slash.
  bytes[bytes.length - 1]! += 1;
  return bytes.toString("base64");
}
