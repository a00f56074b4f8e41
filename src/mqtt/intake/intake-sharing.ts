import { randomUUID } from "node:crypto";
import type { IConnackPacket } from "mqtt";
import type { Log } from "../../log/log.ts";
import type { Incoming } from "../broker/link.ts";
import type { IntakeSession } from "./intake-session.ts";

export interface Sharing {
  /** Name of the group. */
  readonly group: string;
  /** A topic on which only this intake publishes. */
  readonly probeTopic: string;
}

/** The CONNACK says that the broker has no shared subscriptions. */
class NoSharedSubscriptionsError extends Error {
  override readonly name = "NoSharedSubscriptionsError";
}

/**
 * Shared subscriptions, `$share/<group>/<filter>`: the broker sends each message to one member of the group. A 3.1.1
 * broker without them takes such a filter for an ordinary one, grants it and never delivers anything. So the intake publishes
 * a probe to a topic that only it has in the group, and waits for it.
 */
export class IntakeSharing {
  /** Whether the probe did not come: then no other message will. */
  silent = false;
  readonly #sharing: Sharing;
  readonly #log: Log;
  readonly #timeoutMs: number;
  readonly #token = randomUUID();
  #timer: NodeJS.Timeout | undefined;

  constructor(sharing: Sharing, log: Log, timeoutMs: number) {
    this.#sharing = sharing;
    this.#log = log;
    this.#timeoutMs = timeoutMs;
  }

  /** Throws where the broker has no shared subscriptions: it would end the connection for such a filter. */
  filters(filters: readonly string[], connack: IConnackPacket): string[] {
    if (connack.properties?.sharedSubscriptionAvailable === false)
      throw new NoSharedSubscriptionsError("the broker has no shared subscriptions; start without --share");
    const { group, probeTopic } = this.#sharing;
    return [...filters, probeTopic].map((filter) => `$share/${group}/${filter}`);
  }

  probe(session: IntakeSession): void {
    const { probeTopic } = this.#sharing;
    this.#timer = setTimeout(() => {
      this.silent = true;
      this.#log.error(
        "the broker granted the shared subscriptions and delivers nothing on them: it has none, or its access rules " +
          `forbid ${probeTopic}; start without --share, or see its rules`,
      );
    }, this.#timeoutMs);
    session.send(probeTopic, this.#token);
  }

  /** Returns whether a message is the probe, which is not passed on. */
  hear({ topic, payload }: Incoming): boolean {
    if (topic !== this.#sharing.probeTopic) return false;
    if (payload.toString() === this.#token) {
      clearTimeout(this.#timer);
      this.silent = false;
    }
    return true;
  }

  connectionEnded(): void {
    clearTimeout(this.#timer);
  }
}
