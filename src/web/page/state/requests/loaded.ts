import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { onLive } from "./live.ts";

/** A value that is loaded while the view is drawn. */
export interface Loaded<T> {
  /** The newest value; kept while it is loaded again. */
  readonly value: T | undefined;
  /** Why the last attempt failed; absent after a success. */
  readonly error: unknown;
  readonly loading: boolean;
  /** Loads it again; the current value stays until the new one is there. */
  readonly reload: () => void;
  /** Loads it again without a trace of it until the answer is there: a failure stays on the page too. */
  readonly refresh: () => void;
}

/**
 * Loads a value when the component is drawn first and whenever one of `inputs` changes; aborts what is no longer
 * wanted. Another input drops the value: what is shown always belongs to the inputs.
 */
export function useLoaded<T>(
  load: (signal: AbortSignal) => Promise<T>,
  inputs: readonly unknown[],
): Loaded<T> {
  const [round, setRound] = useState({ quiet: false });
  const [result, setResult] = useState<Omit<Loaded<T>, "reload" | "refresh">>({
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
    if (!again || !round.quiet)
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
  const reload = useCallback(() => setRound({ quiet: false }), []);
  const refresh = useCallback(() => setRound({ quiet: true }), []);
  return { ...result, reload, refresh };
}

/** Wait for further events before a value is loaded again, in milliseconds. */
const GATHER = 300;

/** When a value is loaded again by itself. */
interface Follow {
  /** Kinds of live events. */
  readonly events?: readonly string[];
  /** Only events about this device. */
  readonly device?: string;
  /** While the page can be seen. */
  readonly seconds?: number | undefined;
}

/** Refreshes a value at live events and at an interval. Returns it. */
export function useFollowed<T>(loaded: Loaded<T>, { events = [], device, seconds }: Follow): Loaded<T> {
  const { refresh } = loaded;
  const names = events.join(" ");
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const soon = (data: unknown): void => {
      if (device !== undefined && data !== undefined && !isAbout(data, device)) return;
      timer ??= setTimeout(() => {
        timer = undefined;
        refresh();
      }, GATHER);
    };
    const ends = names.split(" ").map((name) => onLive(name, soon));
    ends.push(onLive("reset", () => soon(undefined)));
    const interval =
      seconds &&
      setInterval(() => {
        if (!document.hidden) refresh();
      }, seconds * 1000);
    return () => {
      clearTimeout(timer);
      clearInterval(interval);
      for (const end of ends) end();
    };
  }, [refresh, names, device, seconds]);
  return loaded;
}

/** Whether the data of a live event name a device: a path, what belongs to one, or a list of these. */
function isAbout(data: unknown, path: string): boolean {
  if (Array.isArray(data)) return data.some((one) => isAbout(one, path));
  if (typeof data !== "object" || data === null) return data === path;
  const { device, devices } = data as { device?: string; devices?: readonly string[] };
  return device === path || devices?.includes(path) === true;
}

/** Keeps the newest value while the one of other inputs is loaded: charts stay until the next ones are there. */
export function useKept<T>(loaded: Loaded<T>): Loaded<T> {
  const last = useRef(loaded.value);
  last.current = loaded.value ?? last.current;
  return { ...loaded, value: last.current };
}
