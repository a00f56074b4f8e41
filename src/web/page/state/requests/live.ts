import { type ReadonlySignal, signal } from "@preact/signals-core";
import { loginsAsked } from "./api.ts";
import { eventsOf, type StreamEvent } from "./event-stream.ts";
import { slices } from "./slices.ts";

/** State of the connection on which changes come. */
export type Connection = "connecting" | "live" | "lost";

const state = signal<Connection>("connecting");
export const connection: ReadonlySignal<Connection> = state;

type Listener = (data: unknown) => void;
const listeners = new Map<string, Set<Listener>>();

/** Calls `listener` with the data of each event of one kind. Returns the function that ends it. */
export function onLive<T>(event: string, listener: (data: T) => void): () => void {
  const set = listeners.get(event) ?? new Set<Listener>();
  listeners.set(event, set);
  set.add(listener as Listener);
  return () => set.delete(listener as Listener);
}

/** What the tab that holds the connection sends to the others. */
type Shared =
  | { readonly kind: "event"; readonly event: string; readonly data: string; readonly id: string | undefined }
  | { readonly kind: "state"; readonly state: Connection }
  | { readonly kind: "hello" };

/** Milliseconds before the connection is opened again; doubled with each failure in a row. */
const RETRY = { first: 1_000, most: 15_000 } as const;
/** The bridge sends at least a comment in this time; a connection that is silent for longer is dead. */
const SILENCE = 45_000;

/**
 * Receives live events. The tabs of one browser share one connection: the tab that holds the lock reads the stream and
 * passes each event on; when it is closed, the next one resumes after the last event that it received.
 */
export function startLive(): () => void {
  const ended = new AbortController();
  const channel = new BroadcastChannel("voltbridge-live");
  let lastId: string | undefined;
  let reading = false;

  const take = (message: Shared): void => {
    if (message.kind === "event") {
      lastId = message.id ?? lastId;
      dispatch(message.event, message.data);
    } else if (message.kind === "state") state.value = message.state;
    // A new tab knows nothing of a connection that is already there.
    else if (reading) channel.postMessage({ kind: "state", state: state.peek() } satisfies Shared);
  };
  channel.addEventListener("message", (event: MessageEvent<Shared>) => take(event.data));
  const share = (message: Shared): void => {
    take(message);
    channel.postMessage(message);
  };

  const read = async (): Promise<void> => {
    reading = true;
    let delay: number = RETRY.first;
    while (!ended.signal.aborted) {
      try {
        await readStream(
          lastId,
          ended.signal,
          () => {
            delay = RETRY.first;
            share({ kind: "state", state: "live" });
          },
          (event) => share({ kind: "event", event: event.event, data: event.data, id: event.id }),
        );
      } catch (error) {
        if (!(error instanceof Error)) throw error;
      }
      if (ended.signal.aborted) return;
      share({ kind: "state", state: "lost" });
      await wait(delay * (0.75 + Math.random() / 2), ended.signal);
      delay = Math.min(delay * 2, RETRY.most);
    }
  };

  // Locks need a secure context; without them each tab has a connection of its own.
  if ("locks" in navigator)
    navigator.locks.request("voltbridge-live", { signal: ended.signal }, read).catch((error: unknown) => {
      if (!ended.signal.aborted) throw error;
    });
  else void read();
  channel.postMessage({ kind: "hello" } satisfies Shared);
  return () => {
    ended.abort();
    channel.close();
  };
}

function dispatch(event: string, text: string): void {
  const set = listeners.get(event);
  if (!set || set.size === 0) return;
  const data: unknown = text === "" ? undefined : JSON.parse(text);
  for (const listener of [...set])
    try {
      listener(data);
    } catch (error) {
      // A fault of one listener is no fault of the connection.
      reportError(error);
    }
}

async function readStream(
  lastId: string | undefined,
  ended: AbortSignal,
  opened: () => void,
  take: (event: StreamEvent) => void,
): Promise<void> {
  const silent = new AbortController();
  const headers = new Headers({ accept: "text/event-stream" });
  if (lastId !== undefined) headers.set("last-event-id", lastId);
  let silence = setTimeout(() => silent.abort(new Error("silent")), SILENCE);
  const heard = (): void => {
    clearTimeout(silence);
    silence = setTimeout(() => silent.abort(new Error("silent")), SILENCE);
  };
  try {
    const response = await fetch("/api/v1/live", {
      headers,
      signal: AbortSignal.any([ended, silent.signal]),
      cache: "no-store",
    });
    if (response.status === 401) loginsAsked.value += 1;
    if (!response.ok || !response.body) throw new Error(`status ${response.status}`);
    opened();
    const pause = slices();
    for await (const event of eventsOf(response.body, heard)) {
      take(event);
      await pause();
    }
  } finally {
    clearTimeout(silence);
  }
}

function wait(milliseconds: number, ended: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const over = new AbortController();
    const { signal } = over;
    const end = (): void => {
      clearTimeout(timer);
      over.abort();
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    ended.addEventListener("abort", end, { signal });
    // A reader who comes back to the tab wants the news now.
    document.addEventListener("visibilitychange", () => !document.hidden && end(), { signal });
  });
}
