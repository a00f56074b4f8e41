import { type Backoff, backoff, jittered } from "../../time/backoff.ts";
import { pause, systemClock } from "../../time/clock.ts";
import { untilAborted } from "../../time/until-aborted.ts";
import { brokerUrl } from "../broker/broker-address.ts";
import { type Incoming, reasonOf } from "../broker/link.ts";
import { Topics } from "../topics.ts";
import { type BridgeBroker, NoBrokerError, visit } from "./visit.ts";

export interface Watch {
  readonly broker: BridgeBroker;
  /** Topic filters. Default: everything that the instance publishes. */
  readonly filters: readonly string[];
  /** Name of the bridge. Default: every bridge. */
  readonly instance?: string;
  /** Maximum time to connect, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  onMessage(message: Incoming): void;
  /** Called when the subscriptions are active; `isAgain` after a reconnect. */
  onWatching(filters: readonly string[], isAgain: boolean): void;
  /** Called when the connection was lost; it is made again. */
  onLost(reason: string): void;
}

/** Pauses before reconnects, in milliseconds. */
const PAUSES: Backoff = { first: 500, longest: 10_000 };

/**
 * Passes on the messages of a broker until `signal` is aborted, over every reconnect. Rejects with {@link NoBrokerError}
 * when the first connection or a subscription fails, and with the reason of `signal`.
 */
export async function watchTopics(options: Watch): Promise<never> {
  const { broker, signal, timeoutMs, onMessage } = options;
  const filters =
    options.filters.length > 0
      ? options.filters
      : new Topics(options.instance ?? "+", broker.baseTopic).ofInstance();
  for (let failures = 0, isAgain = false; ; ) {
    try {
      const session = await visit(broker, { timeoutMs, signal }, onMessage);
      try {
        await session.subscribe(filters).catch((error: unknown) => {
          // A broker that went away is connected to again; one that refuses is not.
          throw session.alive ? new NoBrokerError(`${brokerUrl(broker)}: ${reasonOf(error)}`) : error;
        });
        options.onWatching(filters, isAgain);
        failures = 0;
        isAgain = true;
        options.onLost(await untilAborted(session.ended, signal));
      } finally {
        await session.end("done");
      }
    } catch (error) {
      signal.throwIfAborted();
      if (!isAgain) throw error;
    }
    failures++;
    await pause(systemClock, jittered(backoff(PAUSES, failures)), signal);
  }
}
