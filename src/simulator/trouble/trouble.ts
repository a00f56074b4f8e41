import { Random } from "../world/sessions/random.ts";
import { type Effect, type EffectAt, STAGES, type Stage } from "./effect.ts";

/** Which requests a trouble affects, how often and for how long. Absent conditions do not restrict it. */
export interface TroubleRule {
  readonly effect: Effect;
  /** User name of the caller. */
  readonly account?: string;
  readonly operation?: string;
  /**
   * Requests that name this station, alone or among others; for an effect on the contents of an answer: this station's
   * records, in any answer with some.
   */
  readonly stationID?: string;
  /** Number of requests that pass before the first is affected. */
  readonly skip?: number;
  /** Number of requests that it affects. */
  readonly times?: number;
  /** Probability with which a request is affected, 0 to 1, by the simulator's seed. */
  readonly probability?: number;
  /** Duration in real seconds, as callers' deadlines are, regardless of the world's clock. */
  readonly seconds?: number;
}

/** A trouble that was started and has not ended. */
export interface BegunTrouble {
  readonly id: number;
  readonly rule: TroubleRule;
  /** Number of requests affected so far. */
  readonly hits: number;
}

/** The known facts of a request that may be affected. */
export interface Asked {
  readonly operation: string;
  readonly request: unknown;
  readonly account?: string;
  /** The answer's document, once there is one. */
  readonly document?: string;
}

/** A trouble that affects a request. */
export interface Struck<E extends Effect = Effect> {
  readonly effect: E;
  readonly stationID: string | undefined;
  /** Aborted when the trouble ends. */
  readonly over: AbortSignal;
}

interface Entry {
  readonly id: number;
  readonly rule: TroubleRule;
  readonly random: Random;
  readonly over: AbortController;
  readonly timer: NodeJS.Timeout | undefined;
  toSkip: number;
  hits: number;
}

/**
 * Troubles on request, for tests of clients. They affect requests with valid credentials for a known operation; all others
 * are refused as usual.
 */
export class Trouble {
  /** Seconds of the world's clock for which no write shows; rules of kind `late` apply to some of them. */
  writesShowLateSeconds = 0;
  readonly #seed: number;
  readonly #entries = new Map<Stage, Set<Entry>>();
  #begun = 0;

  constructor(seed = 1) {
    this.#seed = seed;
  }

  /** Those that have not ended, in the order in which they were started. */
  get begun(): readonly BegunTrouble[] {
    return [...this.#entries.values()]
      .flatMap((entries) => [...entries])
      .sort((a, b) => a.id - b.id)
      .map(({ id, rule, hits }) => ({ id, rule, hits }));
  }

  /** Starts a trouble; the function returned ends it. Of several that match a request, the first one started applies. */
  begin(rule: TroubleRule): () => void {
    const { id } = this.add(rule);
    return () => void this.end(id);
  }

  /** As {@link Trouble.begin}. */
  add(rule: TroubleRule): BegunTrouble {
    const id = ++this.#begun;
    const { seconds } = rule;
    const entry: Entry = {
      id,
      rule,
      random: new Random(this.#seed, 0x7b0b1e, id),
      over: new AbortController(),
      timer: seconds === undefined ? undefined : setTimeout(() => this.end(id), seconds * 1000).unref(),
      toSkip: rule.skip ?? 0,
      hits: 0,
    };
    const stage = STAGES[rule.effect.kind];
    this.#entries.set(stage, (this.#entries.get(stage) ?? new Set()).add(entry));
    return { id, rule, hits: 0 };
  }

  /** Ends one trouble, or all of them and {@link Trouble.writesShowLateSeconds}. Returns how many were ended. */
  end(id?: number): number {
    if (id === undefined) this.writesShowLateSeconds = 0;
    let ended = 0;
    for (const entries of this.#entries.values()) {
      for (const entry of entries) {
        if (id !== undefined && entry.id !== id) continue;
        entries.delete(entry);
        clearTimeout(entry.timer);
        entry.over.abort();
        ended++;
      }
    }
    return ended;
  }

  /** Returns the trouble that affects a request at a stage, if any, and counts it. */
  strike<S extends Stage>(stage: S, asked: Asked): Struck<EffectAt[S]> | null {
    const entries = this.#entries.get(stage);
    if (entries === undefined) return null;
    for (const entry of entries) {
      const { rule, over } = entry;
      if (entry.hits >= (rule.times ?? Number.POSITIVE_INFINITY) || !fits(rule, asked)) continue;
      if (entry.toSkip > 0) {
        entry.toSkip--;
        continue;
      }
      if (rule.probability !== undefined && !entry.random.chance(rule.probability)) continue;
      entry.hits++;
      return { effect: rule.effect as EffectAt[S], stationID: rule.stationID, over: over.signal };
    }
    return null;
  }
}

function fits(rule: TroubleRule, { account, operation, request, document }: Asked): boolean {
  if (rule.operation !== undefined && rule.operation !== operation) return false;
  if (rule.account !== undefined && rule.account !== account) return false;
  if (rule.stationID === undefined) return true;
  return document === undefined
    ? mentions(request, rule.stationID)
    : document.includes(`<stationID>${rule.stationID}</stationID>`);
}

function mentions(value: unknown, stationID: string): boolean {
  if (value === stationID) return true;
  return typeof value === "object" && value !== null
    ? Object.values(value).some((inner) => mentions(inner, stationID))
    : false;
}
