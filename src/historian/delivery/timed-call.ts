import { type Clock, TimeoutError, withDeadline } from "../../time/clock.ts";
import { HistorianError } from "../errors.ts";

export interface TimedCall {
  readonly clock: Clock;
  readonly seconds: number;
  /** Aborts the call. */
  readonly signal: AbortSignal;
}

/** The store did not respond within the deadline. It may still complete the call. */
export class LateError extends HistorianError {}

/** Calls a store with a deadline. Every failure is a HistorianError. */
export async function timedCall<T>(
  { clock, seconds, signal }: TimedCall,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  try {
    return await withDeadline({ clock, ms: seconds * 1000, signal, what: "the store" }, call);
  } catch (error) {
    if (error instanceof HistorianError) throw error;
    if (error instanceof TimeoutError)
      throw new LateError("retry", `the store did not answer within ${seconds} s`);
    if (signal.aborted) throw new HistorianError("retry", "the bridge is stopping");
    throw new HistorianError("retry", (error as Error).message, { cause: error });
  }
}
