/** The effect of a trouble on a page. */
export type EconnectEffect =
  /** An answer with that HTTP status instead; `retryAfterSeconds` as Retry-After. */
  | { readonly kind: "status"; readonly status: number; readonly retryAfterSeconds?: number }
  /** The correct answer, delayed. */
  | { readonly kind: "slow"; readonly seconds: number }
  /** No answer. */
  | { readonly kind: "hang" }
  /** The first page, whichever is requested. */
  | { readonly kind: "repeat" }
  /** There is always another page after the last. */
  | { readonly kind: "endless" }
  /** Half of the JSON, complete as an HTTP answer. */
  | { readonly kind: "truncate" }
  /** A page of HTML with status 200. */
  | { readonly kind: "html" }
  /** JSON without `content`. */
  | { readonly kind: "bare" }
  /** The page's first record is null. */
  | { readonly kind: "bad-record" };

export interface EconnectTrouble {
  readonly effect: EconnectEffect;
  /** Only this page, from 0; absent: every page. */
  readonly page?: number;
  /** Ends after this many pages; absent: when it is ended. */
  readonly times?: number;
}

/** Each kind, with a check of its numbers. */
const KINDS: Readonly<Record<EconnectEffect["kind"], (effect: Record<string, unknown>) => boolean>> = {
  status: ({ status, retryAfterSeconds }) =>
    whole(status, 200, 599) && (retryAfterSeconds === undefined || whole(retryAfterSeconds, 0, 86_400)),
  slow: ({ seconds }) => typeof seconds === "number" && seconds >= 0 && seconds <= 3600,
  hang: () => true,
  repeat: () => true,
  endless: () => true,
  truncate: () => true,
  html: () => true,
  bare: () => true,
  "bad-record": () => true,
};

/** Validates a trouble. @throws RangeError that says what is wrong with it */
export function parseTrouble(value: unknown): EconnectTrouble {
  const { effect, page, times } = (value ?? {}) as Record<string, unknown>;
  const { kind } = (effect ?? {}) as { kind?: unknown };
  if (typeof kind !== "string" || !Object.hasOwn(KINDS, kind))
    throw new RangeError(`effect.kind must be one of ${Object.keys(KINDS).join(", ")}`);
  if (!KINDS[kind as EconnectEffect["kind"]](effect as Record<string, unknown>))
    throw new RangeError(`effect ${JSON.stringify(effect)} lacks a number, or has one out of range`);
  if (page !== undefined && !whole(page, 0, 1_000_000))
    throw new RangeError("page must be a whole number from 0");
  if (times !== undefined && !whole(times, 1, 1_000_000))
    throw new RangeError("times must be a whole number from 1");
  return value as EconnectTrouble;
}

function whole(value: unknown, min: number, max: number): boolean {
  return Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
}

interface Rule {
  readonly trouble: EconnectTrouble;
  left: number;
}

/** Active troubles; the latest takes precedence. */
export class EconnectTroubles {
  readonly #rules: Rule[] = [];
  #over = new AbortController();

  /** Returns the function that ends it. @throws RangeError */
  begin(trouble: EconnectTrouble): () => void {
    const rule: Rule = { trouble: parseTrouble(trouble), left: trouble.times ?? Number.POSITIVE_INFINITY };
    this.#rules.unshift(rule);
    return () => this.#drop(rule);
  }

  /** Ends all of them, and releases hanging requests. */
  end(): void {
    this.#rules.length = 0;
    this.#over.abort();
    this.#over = new AbortController();
  }

  list(): readonly EconnectTrouble[] {
    return this.#rules.map(({ trouble }) => trouble);
  }

  /** Returns what affects a request for a page, and the signal of its end. */
  strike(page: number): { readonly effect: EconnectEffect | undefined; readonly over: AbortSignal } {
    const rule = this.#rules.find(({ trouble }) => trouble.page === undefined || trouble.page === page);
    if (rule) {
      rule.left -= 1;
      if (rule.left === 0) this.#drop(rule);
    }
    return { effect: rule?.trouble.effect, over: this.#over.signal };
  }

  #drop(rule: Rule): void {
    const at = this.#rules.indexOf(rule);
    if (at >= 0) this.#rules.splice(at, 1);
  }
}
