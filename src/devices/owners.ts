import type { LoadedDevice } from "./build.ts";

/** Whose a topic path is: the device config's, or that of a member of a set. Upper and lower case make no difference. */
export class Owners {
  readonly #labels = new Map<string, string>();
  readonly #members = new Set<string>();

  constructor(loaded: readonly LoadedDevice[]) {
    for (const { settings } of loaded)
      if (!settings.set) this.#labels.set(settings.path.toLowerCase(), settings.file);
  }

  /** Who has the path, in words; undefined where it is free. */
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
