import { parentPort, Worker } from "node:worker_threads";

/** Functions that a thread serves: synchronous, with one argument. Arguments and results are copied between the threads. */
export type ThreadFunctions<Calls> = { [Name in keyof Calls]: (argument: never) => unknown };

export interface ThreadOptions<Failure, Event> {
  /** The thread's file, beside the caller's: `new URL("./worker.ts", import.meta.url)`. */
  readonly entry: URL;
  /** Name in debuggers and process lists. */
  readonly name: string;
  /** The thread's `workerData`. */
  readonly settings: unknown;
  /** Returns the error for a failure as described by {@link serveThread}. */
  failed(failure: Failure): Error;
  /** Returns the error for an aborted call, which the thread still completes. */
  late(call: string): Error;
  /** Returns the error for calls that were lost because the thread ended. */
  died(cause: unknown): Error;
  onDeath?(): void;
  onEvent?(event: Event): void;
}

interface Call {
  readonly id: number;
  readonly name: string;
  readonly argument: unknown;
}

type Message<Failure, Event> =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly failure: Failure }
  | { readonly event: Event };

interface Waiting {
  resolve(result: never): void;
  reject(error: Error): void;
}

/** A thread that serves calls one after the other. Starts with the first call, and restarts with the next call after it ended. */
export class Thread<Calls extends ThreadFunctions<Calls>, Failure, Event = never> {
  readonly #options: ThreadOptions<Failure, Event>;
  readonly #waiting = new Map<number, Waiting>();
  readonly #abandoned = new Set<number>();
  #worker: Worker | undefined;
  #lastCall = 0;

  constructor(options: ThreadOptions<Failure, Event>) {
    this.#options = options;
  }

  /** Whether an aborted call is still running. */
  get behind(): boolean {
    return this.#abandoned.size > 0;
  }

  /** Calls a function of the thread. An abort rejects at once, while the thread continues. */
  call<K extends keyof Calls & string>(
    name: K,
    argument: Parameters<Calls[K]>[0],
    signal?: AbortSignal,
  ): Promise<ReturnType<Calls[K]>> {
    this.#worker ??= this.#start();
    const worker = this.#worker;
    const id = ++this.#lastCall;
    return new Promise<ReturnType<Calls[K]>>((resolve, reject) => {
      const abort = (): void => {
        this.#abandoned.add(id);
        settle(() => reject(this.#options.late(name)));
      };
      const settle = (end: () => void): void => {
        this.#waiting.delete(id);
        signal?.removeEventListener("abort", abort);
        end();
      };
      this.#waiting.set(id, {
        resolve: (result) => settle(() => resolve(result)),
        reject: (error) => settle(() => reject(error)),
      });
      signal?.addEventListener("abort", abort);
      try {
        worker.postMessage({ id, name, argument } satisfies Call);
      } catch (error) {
        // The argument cannot be copied.
        settle(() => reject(error));
        return;
      }
      if (signal?.aborted) abort();
    });
  }

  /** Ends the thread if it runs, with `last` as its last call. */
  async close<K extends keyof Calls & string>(last: K, argument: Parameters<Calls[K]>[0]): Promise<void> {
    const worker = this.#worker;
    if (!worker) return;
    try {
      await this.call(last, argument);
    } finally {
      this.#worker = undefined;
      await worker.terminate();
    }
  }

  /** Ends the thread where it is. Its calls reject. */
  async end(): Promise<void> {
    const worker = this.#worker;
    if (!worker) return;
    this.#ended(worker);
    await worker.terminate();
  }

  #start(): Worker {
    const { entry, name, settings } = this.#options;
    // The file has the same name in the sources and in dist/, with another extension.
    const file = new URL(import.meta.url.endsWith(".ts") ? entry : entry.href.replace(/\.ts$/, ".js"));
    const worker = new Worker(file, { workerData: settings, execArgv: [], name });
    worker.on("message", (message: Message<Failure, Event>) => this.#received(message));
    worker.on("error", (error) => this.#ended(worker, error));
    worker.on("exit", () => this.#ended(worker));
    return worker;
  }

  #received(message: Message<Failure, Event>): void {
    if ("event" in message) {
      this.#options.onEvent?.(message.event);
      return;
    }
    this.#abandoned.delete(message.id);
    const waiting = this.#waiting.get(message.id);
    if ("failure" in message) waiting?.reject(this.#options.failed(message.failure));
    else waiting?.resolve(message.result as never);
  }

  #ended(worker: Worker, cause?: unknown): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#abandoned.clear();
    this.#options.onDeath?.();
    const error = this.#options.died(cause);
    for (const waiting of [...this.#waiting.values()]) waiting.reject(error);
  }
}

/** Serves calls in the thread. `describe` converts errors for {@link ThreadOptions.failed}. Returns a function that sends events. */
export function serveThread<Calls extends ThreadFunctions<Calls>, Failure, Event = never>(
  functions: Partial<Calls>,
  describe: (error: unknown) => Failure,
): (event: Event) => void {
  const port = parentPort;
  if (!port) throw new Error("this file must run in a worker thread");
  const post = (message: Message<Failure, Event>): void => port.postMessage(message);
  port.on("message", ({ id, name, argument }: Call) => {
    try {
      post({ id, result: functions[name as keyof Calls]?.(argument as never) });
    } catch (error) {
      post({ id, failure: describe(error) });
    }
  });
  return (event) => post({ event });
}
