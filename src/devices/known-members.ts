import type { DeviceSetSettings, DeviceSettings } from "../config/index.ts";
import type { SetMember } from "../drivers/driver.ts";
import type { PointValue } from "../points/index.ts";
import type { StateNamespace } from "./state-store.ts";

interface Stored {
  /** What the set was when it was looked up; another one has other members. */
  readonly of: string;
  readonly members: readonly SetMember[];
  readonly gone: readonly SetMember[];
}

/** The members of a set as last looked up, kept on disk: a restart without network knows its devices. */
export class KnownMembers {
  readonly #state: StateNamespace;
  readonly #key: string;
  readonly #of: string;
  #stored: Stored | undefined;

  constructor(state: StateNamespace, { file, driverConfig }: DeviceSettings, { key }: DeviceSetSettings) {
    this.#state = state;
    this.#key = file;
    this.#of = JSON.stringify((driverConfig as Record<string, unknown>)[key]);
    const stored = state.get(file) as unknown as Stored | null;
    this.#stored = stored?.of === this.#of ? stored : undefined;
  }

  get wasLookedUp(): boolean {
    return this.#stored !== undefined;
  }

  get members(): readonly SetMember[] {
    return this.#stored?.members ?? [];
  }

  /** Who was a member before the last lookup and was not in it. */
  get gone(): readonly SetMember[] {
    return this.#stored?.gone ?? [];
  }

  save(members: readonly SetMember[], gone: readonly SetMember[]): void {
    const stored = { of: this.#of, members, gone };
    if (JSON.stringify(stored) === JSON.stringify(this.#stored)) return;
    this.#stored = stored;
    this.#state.set(this.#key, stored as unknown as PointValue);
  }
}
