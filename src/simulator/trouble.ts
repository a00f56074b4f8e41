/** What goes wrong with a request. */
export type Effect =
  /** A response code instead of the answer; nothing is done. */
  | { readonly kind: "code"; readonly code: string; readonly text?: string }
  /** An HTTP status without SOAP. */
  | { readonly kind: "status"; readonly status: number; readonly retryAfterSeconds?: number }
  /** A SOAP Fault. */
  | { readonly kind: "fault"; readonly code: string; readonly text: string }
  /** No answer, for as long as this trouble lasts or the caller waits; what is asked for is not done. */
  | { readonly kind: "hang" };

export interface TroubleRule {
  readonly effect: Effect;
  /** Absent: every operation. */
  readonly operation?: string;
  /** Requests that name this station, alone or among others. Absent: every request. */
  readonly stationID?: string;
  /** How many requests it hits. Absent: all, until it is ended. */
  readonly times?: number;
}

/** Trouble on request, for tests of whoever calls. */
export class Trouble {
  /** Seconds for which getLoad goes on telling the shed as it was before a write. */
  writesShowLateSeconds = 0;
  readonly #rules = new Set<{ readonly rule: TroubleRule; left: number; readonly over: AbortController }>();

  /** Begins a trouble; the function returned ends it. Of several that fit a request, the first begun hits it. */
  begin(rule: TroubleRule): () => void {
    const entry = { rule, left: rule.times ?? Number.POSITIVE_INFINITY, over: new AbortController() };
    this.#rules.add(entry);
    return () => {
      this.#rules.delete(entry);
      entry.over.abort();
    };
  }

  /** Ends every trouble, and writes show at once again. */
  end(): void {
    this.writesShowLateSeconds = 0;
    for (const { over } of this.#rules) over.abort();
    this.#rules.clear();
  }

  /** What hits a request, if anything; it counts. `over` tells when the trouble ends. */
  strike(operation: string, request: unknown): { effect: Effect; over: AbortSignal } | null {
    for (const entry of this.#rules) {
      const { rule, over } = entry;
      if (entry.left <= 0) continue;
      if (rule.operation !== undefined && rule.operation !== operation) continue;
      if (rule.stationID !== undefined && !mentions(request, rule.stationID)) continue;
      entry.left--;
      return { effect: rule.effect, over: over.signal };
    }
    return null;
  }
}

function mentions(value: unknown, stationID: string): boolean {
  if (value === stationID) return true;
  return typeof value === "object" && value !== null
    ? Object.values(value).some((inner) => mentions(inner, stationID))
    : false;
}
