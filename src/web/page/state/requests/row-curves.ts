import { type ReadonlySignal, type Signal, signal } from "@preact/signals-core";
import { useEffect } from "preact/hooks";
import { useSignalValue } from "../browser/signal.ts";

interface Curve<Values> {
  readonly values: Signal<Values | undefined>;
  /** When it was asked for last, as `performance.now` counts. */
  askedAt: number;
  /** Number of visible rows that show it. */
  rows: number;
}

/** Wait for more rows before they are asked for together, in milliseconds: a scroll asks for the rows it ends at. */
const GATHER = 150;
/** Curves of one request. */
const MOST_ASKED = 50;
/** Curves kept; the oldest that no row shows are dropped. */
const MOST_KEPT = 2000;

/**
 * Curves beside the rows of a table. Those of visible rows are loaded together, and again while they stay visible. A failure
 * shows nothing: a curve decorates a number, which says all that matters.
 */
export class RowCurves<Values> {
  readonly #load: (names: readonly string[]) => Promise<Iterable<readonly [name: string, Values]>>;
  readonly #fresh: number;
  readonly #curves = new Map<string, Curve<Values>>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isLoading = false;

  /** `fresh`: time after which a curve is loaded again, in milliseconds. */
  constructor(
    load: (names: readonly string[]) => Promise<Iterable<readonly [name: string, Values]>>,
    fresh: number,
  ) {
    this.#load = load;
    this.#fresh = fresh;
  }

  /** Returns the newest values of a curve: undefined until they are loaded. */
  of(name: string): ReadonlySignal<Values | undefined> {
    return this.#curve(name).values;
  }

  /** Keeps a curve up to date while its row is visible. Returns the function that ends it. */
  follow(name: string): () => void {
    const curve = this.#curve(name);
    curve.rows += 1;
    this.#next(GATHER);
    return () => {
      curve.rows -= 1;
    };
  }

  #curve(name: string): Curve<Values> {
    let curve = this.#curves.get(name);
    if (!curve) {
      curve = { values: signal(undefined), askedAt: Number.NEGATIVE_INFINITY, rows: 0 };
      this.#curves.set(name, curve);
      if (this.#curves.size > MOST_KEPT) {
        const [oldest] = [...this.#curves].find(([, { rows }]) => rows === 0) ?? [];
        if (oldest !== undefined && oldest !== name) this.#curves.delete(oldest);
      }
    }
    return curve;
  }

  #next(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#loadOld(), milliseconds);
  }

  async #loadOld(): Promise<void> {
    if (this.#isLoading) return;
    const now = performance.now();
    // In a page that cannot be seen, only what was never loaded.
    const fresh = document.hidden ? Number.POSITIVE_INFINITY : this.#fresh;
    const old = [...this.#curves].filter(([, { rows, askedAt }]) => rows > 0 && now - askedAt >= fresh);
    const asked = old.slice(0, MOST_ASKED);
    if (asked.length > 0) {
      this.#isLoading = true;
      for (const [, curve] of asked) curve.askedAt = now;
      try {
        for (const [name, values] of await this.#load(asked.map(([name]) => name)))
          this.#curve(name).values.value = values;
      } catch {
        // Tried again when it is no longer fresh.
      }
      this.#isLoading = false;
    }
    const visible = [...this.#curves.values()].filter(({ rows }) => rows > 0);
    const isMissing = visible.some(({ askedAt }) => askedAt === Number.NEGATIVE_INFINITY);
    if (visible.length > 0) this.#next(isMissing || old.length > MOST_ASKED ? GATHER : this.#fresh);
  }
}

/** Returns the newest values of a curve, and keeps them up to date while the component is drawn. */
export function useCurve<Values>(curves: RowCurves<Values>, name: string): Values | undefined {
  useEffect(() => curves.follow(name), [curves, name]);
  return useSignalValue(curves.of(name));
}
