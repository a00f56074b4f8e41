import { parentPort, Worker } from "node:worker_threads";

/** What a thread serves: functions of one argument that answer at once. Arguments and results are copied between the threads. */
export type ThreadFunctions<Calls> = { [Name in keyof Calls]: (argument: never) => unknown };

export interface ThreadOptions<Failure, Event> {
  /** The thread's file, beside the caller's: `new URL("./worker.ts", import.meta.url)`. */
  readonly entry: URL;
  /** For debuggers and process lists. */
  readonly name: string;
  /** What the thread finds in `workerData`. */
  readonly settings: unknown;
  /** What a function of the thread threw, as {@link serveThread} described it. */
  failed(failure: Failure): Error;
  /** A call that was aborted; the thread goes on with it. */
  late(call: string): Error;
  /** The thread died with all that it had been told. */
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

/** A thread that answers calls, one after the other. Starts with the first call, and again with the next one after it died. */
export class Thread<Calls extends ThreadFunctions<Calls>, Failure, Event = never> {
  readonly #options: ThreadOptions<Failure, Event>;
  readonly #waiting = new Map<number, Waiting>();
  readonly #abandoned = new Set<number>();
  #worker: Worker | undefined;
  #lastCall = 0;

  constructor(options: ThreadOptions<Failure, Event>) {
    this.#options = options;
  }

  /** Whether a call that was aborted is still under way. */
  get behind(): boolean {
    return this.#abandoned.size > 0;
  }

  /** Calls a function of the thread. An abort rejects at once; the thread goes on. */
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
        // Something in it cannot be copied.
        settle(() => reject(error));
        return;
      }
      if (signal?.aborted) abort();
    });
  }

  /** Ends the thread, with `last` as its last call where it runs. */
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

  #start(): Worker {
    const { entry, name, settings } = this.#options;
    // The same file name in the sources and in dist/, but for its ending.
    const file = new URL(import.meta.url.endsWith(".ts") ? entry : entry.href.replace(/\.ts$/, ".js"));
    const worker = new Worker(file, { workerData: settings, execArgv: [], name });
    worker.on("message", (message: Message<Failure, Event>) => this.#took(message));
    worker.on("error", (error) => this.#ended(worker, error));
    worker.on("exit", () => this.#ended(worker));
    return worker;
  }

  #took(message: Message<Failure, Event>): void {
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

/** The thread's side. `describe` says of an error what {@link ThreadOptions.failed} needs; the answer sends events. */
export function serveThread<Calls extends ThreadFunctions<Calls>, Failure, Event = never>(
  functions: Partial<Calls>,
  describe: (error: unknown) => Failure,
): (event: Event) => void {
  const port = parentPort;
  if (!port) throw new Error("this file runs in a thread");
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
