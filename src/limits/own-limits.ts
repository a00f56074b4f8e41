import type { PointValue } from "../points/index.ts";
import { recordOf } from "../storage/saved-record.ts";
import type { StateNamespace } from "../storage/state-store.ts";
import { sameKw } from "./outlet.ts";

interface Saved {
  readonly group: string;
  readonly kw: number;
  /** The limit before: a write that failed may have left it in force. */
  readonly beforeKw?: number;
}

const isSaved = recordOf<Saved>({ group: "string", kw: "number", beforeKw: "number?" });

/** The limits that the controller has set, by outlet; stored on disk so that it recognises them after a restart. */
export class OwnLimits {
  readonly #store: StateNamespace;
  readonly #saved: Map<string, Saved>;

  constructor(store: StateNamespace) {
    this.#store = store;
    this.#saved = new Map(store.records(isSaved));
  }

  has(id: string): boolean {
    return this.#saved.has(id);
  }

  /** Returns whether a limit found at the outlet was set by this controller. */
  isOwn(id: string, kw: number): boolean {
    const saved = this.#saved.get(id);
    return saved !== undefined && (sameKw(saved.kw, kw) || sameKw(saved.beforeKw, kw));
  }

  /** Returns outlet and group of each. */
  all(): readonly (readonly [id: string, group: string])[] {
    return [...this.#saved].map(([id, { group }]) => [id, group] as const);
  }

  set(id: string, group: string, kw: number): void {
    const before = this.#saved.get(id);
    this.#save(id, { group, kw, ...(before && { beforeKw: before.kw }) });
  }

  forget(id: string): void {
    if (this.#saved.has(id)) this.#save(id, undefined);
  }

  #save(id: string, saved: Saved | undefined): void {
    if (saved) this.#saved.set(id, saved);
    else this.#saved.delete(id);
    this.#store.set(id, (saved ?? null) as PointValue);
  }
}
