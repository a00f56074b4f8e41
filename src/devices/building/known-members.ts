import type { DeviceSetSettings, DeviceSettings } from "../../config/index.ts";
import type { SetMember } from "../../drivers/abilities.ts";
import type { PointValue } from "../../points/index.ts";
import { recordOf } from "../../storage/saved-record.ts";
import type { StateNamespace } from "../../storage/state-store.ts";

interface Stored {
  /** The definition of the set at the lookup; another definition has other members. */
  readonly of: string;
  readonly members: readonly SetMember[];
  readonly gone: readonly SetMember[];
}

const isMember = recordOf<SetMember>({
  id: "string",
  names: (names) =>
    typeof names === "object" &&
    names !== null &&
    Object.values(names).every((name) => typeof name === "string"),
});
const areMembers = (members: unknown) => Array.isArray(members) && members.every(isMember);
const isStored = recordOf<Stored>({ of: "string", members: areMembers, gone: areMembers });

/** The members of a set in the last lookup, kept on disk so that a restart without network knows its devices. */
export class KnownMembers {
  readonly #state: StateNamespace;
  readonly #key: string;
  readonly #of: string;
  #stored: Stored | undefined;

  constructor(state: StateNamespace, { file, driverConfig }: DeviceSettings, { key }: DeviceSetSettings) {
    this.#state = state;
    this.#key = file;
    this.#of = JSON.stringify((driverConfig as Record<string, unknown>)[key]);
    const stored = state.get(file);
    // A changed definition is looked up again.
    this.#stored = isStored(stored) && stored.of === this.#of ? stored : undefined;
  }

  get wasLookedUp(): boolean {
    return this.#stored !== undefined;
  }

  get members(): readonly SetMember[] {
    return this.#stored?.members ?? [];
  }

  /** Former members that were missing from the last lookup. */
  get gone(): readonly SetMember[] {
    return this.#stored?.gone ?? [];
  }

  save(members: readonly SetMember[], gone: readonly SetMember[]): void {
    const stored = { of: this.#of, members, gone };
    if (JSON.stringify(stored) === JSON.stringify(this.#stored)) return;
    this.#stored = stored;
    this.#state.set(this.#key, stored as Record<string, unknown> as PointValue);
  }
}
