import { WriteRefusedError } from "../../drivers/errors.ts";
import type { Clock } from "../../time/clock.ts";
import { SupersededError } from "../errors.ts";
import type { WritePace } from "./write-pace.ts";

/** A write as seen by others that wait for the same device. */
export interface Turn {
  /** The point; empty for the whole device. */
  readonly key: string;
  /** The bridge's `own` writes (leases, heartbeats, ends) go first and do not wait for the pace. */
  readonly kind: "set" | "revert" | "own";
}

/** Maximum number of waiting writes of a device: one for each point and some more. */
const MAX_WAITING = 200;

interface Waiting extends Turn {
  readonly run: () => Promise<void>;
  readonly refuse: (error: Error) => void;
}

interface Lane {
  readonly waiting: Waiting[];
  /** The running write. */
  running: Promise<void> | undefined;
  /** Ends a wait for the pace when a write is added that may not have to wait. */
  wake: (() => void) | undefined;
}

/**
 * Runs one write at a time for each device, in order of arrival and within the pace. In a burst the last value wins: a
 * later set of a point replaces one that still waits, a revert every earlier command for what it reverts.
 */
export class WriteQueue {
  readonly #clock: Clock;
  readonly #pace: WritePace;
  readonly #lanes = new Map<string, Lane>();
  #closed = false;
  #idle: Promise<unknown> = Promise.resolve();

  constructor(clock: Clock, pace: WritePace) {
    this.#clock = clock;
    this.#pace = pace;
  }

  run<T>(device: string, turn: Turn, task: () => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(stopping());
    const lane = this.#lanes.get(device);
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const waiting = { ...turn, run: () => task().then(resolve, reject), refuse: reject };
    if (!lane) {
      const opened: Lane = { waiting: [waiting], running: undefined, wake: undefined };
      this.#lanes.set(device, opened);
      this.#idle = Promise.all([this.#idle, this.#work(device, opened)]);
    } else if (place(lane.waiting, waiting)) {
      lane.wake?.();
    } else {
      const text = `${MAX_WAITING} writes are already waiting for ${device}; nothing was sent`;
      reject(new WriteRefusedError(text));
    }
    return promise;
  }

  /** Resolves when no write to the device is running, and those that wait do so for the pace. */
  async quiet(device: string): Promise<void> {
    for (let lane = this.#lanes.get(device); lane?.running; lane = this.#lanes.get(device))
      await lane.running;
  }

  /** Refuses waiting and new writes; resolves when the running ones have ended. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const lane of this.#lanes.values()) {
      for (const { refuse } of lane.waiting.splice(0)) refuse(stopping());
      lane.wake?.();
    }
    await this.#idle;
  }

  async #work(device: string, lane: Lane): Promise<void> {
    const { waiting } = lane;
    while (waiting.length > 0) {
      const urgent = waiting.some(({ kind }) => kind === "revert");
      const wait = waiting[0]!.kind === "own" ? 0 : this.#pace.waitMs(device, urgent);
      if (wait > 0) {
        await this.#paused(lane, wait);
        continue;
      }
      lane.running = waiting.shift()!.run();
      await lane.running;
      lane.running = undefined;
    }
    this.#lanes.delete(device);
  }

  #paused(lane: Lane, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(ms, resolve);
      lane.wake = () => {
        cancel();
        resolve();
      };
    });
  }
}

/** Adds a write at its place among those that wait; returns false where there is none. */
function place(waiting: Waiting[], newcomer: Waiting): boolean {
  const { key, kind } = newcomer;
  if (kind === "own") {
    const others = waiting.findIndex((one) => one.kind !== "own");
    waiting.splice(others < 0 ? waiting.length : others, 0, newcomer);
    return true;
  }
  const same = (one: Waiting) => one.kind !== "own" && (key === "" || one.key === key);
  // At the end, not in place of the other: writes between them may have to come first.
  if (kind === "revert") for (const one of waiting.filter(same)) supersede(waiting, one, kind);
  else if (waiting.findLast(same)?.kind === "set") supersede(waiting, waiting.findLast(same)!, kind);
  if (waiting.length >= MAX_WAITING) return false;
  waiting.push(newcomer);
  return true;
}

function supersede(waiting: Waiting[], one: Waiting, by: string): void {
  waiting.splice(waiting.indexOf(one), 1);
  one.refuse(
    new SupersededError(`a later ${by} took the place of this one while it waited; nothing was sent`),
  );
}

function stopping(): WriteRefusedError {
  return new WriteRefusedError("the bridge is stopping; nothing was sent");
}
