import { Worker } from "node:worker_threads";
import { HistorianError } from "../errors.ts";
import type { Calls, Reply, ThreadSettings } from "./worker.ts";

interface Waiting {
  resolve(result: never): void;
  reject(error: HistorianError): void;
}

/**
 * A connection to the history file in a thread of its own, so that neither a slow disk nor a long query holds up the
 * bridge. Starts with the first call, and again with the next one after it died.
 */
export class SqliteThread {
  readonly #settings: ThreadSettings;
  readonly #onDeath: () => void;
  readonly #waiting = new Map<number, Waiting>();
  readonly #abandoned = new Set<number>();
  #worker: Worker | undefined;
  #lastCall = 0;

  /** `onDeath`: the thread died with all that it had been told. */
  constructor(settings: ThreadSettings, onDeath: () => void = () => {}) {
    this.#settings = settings;
    this.#onDeath = onDeath;
  }

  /** Whether a call that was aborted is still under way. */
  get behind(): boolean {
    return this.#abandoned.size > 0;
  }

  /** Calls a function of the thread. An abort rejects at once with kind `retry`; the thread goes on. */
  call<K extends keyof Calls>(
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
        settle(() => reject(this.#outOfTime(name)));
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
      worker.postMessage({ id, name, argument });
      if (signal?.aborted) abort();
    });
  }

  /** Lets calls under way end, closes the file and ends the thread. */
  async close(): Promise<void> {
    const worker = this.#worker;
    if (!worker) return;
    try {
      await this.call("close", undefined);
    } finally {
      this.#worker = undefined;
      await worker.terminate();
    }
  }

  #start(): Worker {
    // The same file name in the sources and in dist/, but for its ending.
    const entry = new URL(import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js", import.meta.url);
    const worker = new Worker(entry, { workerData: this.#settings, execArgv: [], name: "historian" });
    worker.on("message", (reply: Reply) => {
      this.#abandoned.delete(reply.id);
      const waiting = this.#waiting.get(reply.id);
      if ("result" in reply) waiting?.resolve(reply.result as never);
      else waiting?.reject(new HistorianError(reply.kind, reply.message));
    });
    worker.on("error", (error) => this.#ended(worker, error));
    worker.on("exit", () => this.#ended(worker));
    return worker;
  }

  #ended(worker: Worker, cause?: unknown): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#abandoned.clear();
    this.#onDeath();
    const error = new HistorianError("retry", `history file ${this.#settings.file}: its thread died`, {
      cause,
    });
    for (const waiting of [...this.#waiting.values()]) waiting.reject(error);
  }

  #outOfTime(name: string): HistorianError {
    return new HistorianError("retry", `history file ${this.#settings.file}: ${name} did not end in time`);
  }
}
