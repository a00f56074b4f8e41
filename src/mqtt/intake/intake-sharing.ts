import { randomUUID } from "node:crypto";
import type { IConnackPacket } from "mqtt";
import type { Log } from "../../log/log.ts";
import type { Incoming } from "../broker/link.ts";
import type { IntakeSession } from "./intake-session.ts";

/** What the group of {@link IntakeSharing} is called, and a topic on which nobody but this intake publishes. */
export interface Sharing {
  readonly group: string;
  readonly probeTopic: string;
}

/** The broker says that it has no shared subscriptions. */
class NoSharedSubscriptionsError extends Error {
  override readonly name = "NoSharedSubscriptionsError";
}

/**
 * Shared subscriptions, `$share/<group>/<filter>`: each message goes to one member of the group. A broker of MQTT 3.1.1 that
 * has none takes such a filter for an ordinary one, grants it and never delivers anything. So a message is sent to a topic
 * that only this member has in the group, and is waited for.
 */
export class IntakeSharing {
  /** The probe did not come: nothing else will. */
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

  /** Throws where the broker has said that it has none: asking all the same would end the connection. */
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

  /** Whether a message is the probe, which is nobody else's business. */
  heard({ topic, payload }: Incoming): boolean {
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
