/** Whether the primary host application is online, by its STATE messages (chapters 5.5 and 5.6). */
export class PrimaryHost {
  readonly id: string;
  #isOnline = false;
  /** Of the last STATE message that counted. */
  #timestamp = Number.NEGATIVE_INFINITY;

  constructor(id: string) {
    this.id = id;
  }

  get isOnline(): boolean {
    return this.#isOnline;
  }

  /** Called before a connect: what an earlier broker said of the host counts no more, but for its time. */
  connecting(): void {
    this.#isOnline = false;
  }

  /** Returns why a message does not count; undefined where it does. */
  hear(payload: Buffer): string | undefined {
    const state = parsed(payload);
    if (!state) return 'is not {"online": true or false, "timestamp": milliseconds}';
    if (state.timestamp < this.#timestamp)
      return `is from ${text(state.timestamp)}, older than the last one, from ${text(this.#timestamp)}`;
    this.#timestamp = state.timestamp;
    this.#isOnline = state.online;
    return undefined;
  }
}

function parsed(payload: Buffer): { readonly online: boolean; readonly timestamp: number } | undefined {
  try {
    const state = JSON.parse(payload.toString()) as unknown;
    if (typeof state !== "object" || state === null) return undefined;
    const { online, timestamp } = state as Record<string, unknown>;
    if (typeof online !== "boolean" || typeof timestamp !== "number" || timestamp < 0) return undefined;
    return { online, timestamp };
  } catch {
    return undefined;
  }
}

function text(timestamp: number): string {
  const at = new Date(timestamp);
  return Number.isNaN(at.getTime()) ? String(timestamp) : at.toISOString();
}
