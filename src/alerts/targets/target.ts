import type { AlertMessage } from "../../points/index.ts";
import type { Backoff } from "../../time/backoff.ts";

/** A message on its way to a target. */
export interface Outgoing {
  /** The same at every attempt. */
  readonly id: string;
  readonly message: AlertMessage;
}

/** Where alerts are sent. */
export interface Target {
  /** Time for which messages are gathered before they are sent together, in milliseconds. */
  readonly gatherMs: number;
  /** Maximum number of messages sent together. */
  readonly mostTogether: number;
  /** Pauses between attempts. Default: from 5 s to an hour. */
  readonly retries?: Backoff;
  /** Whether its failures are reported by others. */
  readonly isSilent?: boolean;
  /**
   * Sends messages. Resolves when the target has them; with a text where some of its recipients do not.
   *
   * @throws TargetError
   */
  send(messages: readonly Outgoing[], signal: AbortSignal): Promise<string | undefined>;
  close?(): Promise<void>;
}

/** Messages were not sent. The text says what is wrong and what to do. */
export class TargetError extends Error {
  override readonly name = "TargetError";
  /** Whether the target will never take these messages. */
  readonly isFinal: boolean;
  /** Minimum pause before the next attempt, as the target asks. */
  readonly retryAfterSeconds: number;

  constructor(message: string, isFinal: boolean, retryAfterSeconds = 0, cause?: unknown) {
    super(message, { cause });
    this.isFinal = isFinal;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}
