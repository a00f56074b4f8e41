import { useCallback, useEffect, useRef, useState } from "preact/hooks";

/** A value that is loaded while the view is drawn. */
export interface Loaded<T> {
  /** The newest value; kept while it is loaded again. */
  readonly value: T | undefined;
  /** Why the last attempt failed; absent after a success. */
  readonly error: unknown;
  readonly loading: boolean;
  /** Loads it again; the current value stays until the new one is there. */
  readonly reload: () => void;
}

/**
 * Loads a value when the component is drawn first and whenever one of `inputs` changes; aborts what is no longer
 * wanted. Another input drops the value: what is shown always belongs to the inputs.
 */
export function useLoaded<T>(
  load: (signal: AbortSignal) => Promise<T>,
  inputs: readonly unknown[],
): Loaded<T> {
  const [round, setRound] = useState(0);
  const [result, setResult] = useState<Omit<Loaded<T>, "reload">>({
    value: undefined,
    error: undefined,
    loading: true,
  });
  const loadedRound = useRef(round);
  // The caller names what the loader depends on.
  useEffect(() => {
    const again = loadedRound.current !== round;
    loadedRound.current = round;
    const ended = new AbortController();
    setResult((before) => ({ value: again ? before.value : undefined, error: undefined, loading: true }));
    load(ended.signal).then(
      (value) => {
        if (!ended.signal.aborted) setResult({ value, error: undefined, loading: false });
      },
      (error: unknown) => {
        if (ended.signal.aborted) return;
        setResult((before) => ({ value: again ? before.value : undefined, error, loading: false }));
      },
    );
    return () => ended.abort();
  }, [round, ...inputs]);
  const reload = useCallback(() => setRound((count) => count + 1), []);
  return { ...result, reload };
}

/** Returns the newest value, also while the one of other inputs is loaded: charts stay until the next ones are there. */
export function useKept<T>({ value }: Pick<Loaded<T>, "value">): T | undefined {
  const last = useRef(value);
  last.current = value ?? last.current;
  return last.current;
}
