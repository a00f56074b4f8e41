import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { BrokerSession } from "../broker/broker-session.ts";
import { type Incoming, LinkDownError } from "../broker/link.ts";

/** What became of a message that was sent to be heard by its sender. */
export type EchoOutcome =
  | { readonly kind: "back" }
  /** The broker acknowledged it and did not deliver it. */
  | { readonly kind: "lost" }
  /** The broker would not have it, or would not let us listen. */
  | { readonly kind: "refused"; readonly error: Error };

/** Sends messages of its own and sees whether the broker delivers them back. */
export class Echo {
  readonly #timeoutMs: number;
  /** By topic. */
  readonly #awaited = new Map<string, { readonly id: string; readonly size: number; heard(): void }>();

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** Every message of the connection goes through here. */
  hear({ topic, payload }: Incoming): void {
    const awaited = this.#awaited.get(topic);
    if (awaited?.size === payload.length && payload.includes(awaited.id)) awaited.heard();
  }

  /** `{"probe": <id>}`, filled up to `size` bytes. Rejects with a LinkDownError where the connection ends meanwhile. */
  async send(session: BrokerSession, topic: string, size = 0): Promise<EchoOutcome> {
    const id = randomUUID();
    // May be megabytes. A closure that used it would keep it until the session ends.
    const payload = probe(id, size);
    const awaited = { id, size: payload.length };
    const back = new Promise<EchoOutcome>((resolve) => {
      this.#awaited.set(topic, { ...awaited, heard: () => resolve({ kind: "back" }) });
    });
    const timeout = new AbortController();
    const lost = delay(this.#timeoutMs, { kind: "lost" } as const, { signal: timeout.signal });
    lost.catch(() => undefined);
    const down = session.ended.then((reason) => {
      throw new LinkDownError(reason);
    });
    down.catch(() => undefined);
    try {
      await session.subscribe([topic]);
      await session.publish({ topic, payload, qos: 1, retain: false });
      return await Promise.race([back, lost, down]);
    } catch (error) {
      if (error instanceof LinkDownError) throw error;
      return { kind: "refused", error: error as Error };
    } finally {
      timeout.abort();
      this.#awaited.delete(topic);
      if (session.alive) await session.unsubscribe([topic]).catch(() => undefined);
    }
  }
}

function probe(id: string, size: number): string {
  const bare = JSON.stringify({ probe: id });
  if (size <= bare.length) return bare;
  const fill = "x".repeat(Math.max(0, size - bare.length - '"fill":"",'.length));
  return `${bare.slice(0, -1)},"fill":"${fill}"}`;
}
