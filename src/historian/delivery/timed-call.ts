import type { Clock } from "../clock.ts";
import { HistorianError } from "../errors.ts";

export interface TimedCall {
  readonly clock: Clock;
  readonly seconds: number;
  /** Ends the call early. */
  readonly signal: AbortSignal;
}

/** The store did not answer within the deadline. Whether it still acts on the call is not known. */
export class LateError extends HistorianError {}

/** One call of a store, settled at its deadline even where the store does not heed its signal. Every failure is a HistorianError. */
export async function timedCall<T>(
  { clock, seconds, signal }: TimedCall,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const late = Promise.withResolvers<never>();
  const end = (error: HistorianError): void => {
    late.reject(error);
    controller.abort(error);
  };
  const onAbort = (): void => end(new HistorianError("retry", "the bridge is stopping"));
  const cancel = clock.after(seconds * 1000, () =>
    end(new LateError("retry", `the store did not answer within ${seconds} s`)),
  );
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([late.promise, (async () => call(controller.signal))()]);
  } catch (error) {
    if (error instanceof HistorianError) throw error;
    throw new HistorianError("retry", (error as Error).message, { cause: error });
  } finally {
    late.promise.catch(() => undefined);
    cancel();
    signal.removeEventListener("abort", onAbort);
  }
}
