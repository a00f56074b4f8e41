import { WriteRefusedError } from "../../drivers/errors.ts";
import type { Clock } from "../../time/clock.ts";
import { SupersededError } from "../errors.ts";
import type { WritePace } from "./write-pace.ts";

/** What a write is to others that wait for the same device. */
export interface Turn {
  /** The point; empty for the whole device. */
  readonly key: string;
  /** The bridge's `own` (leases, heartbeats, ends) go first and do not wait for the pace. */
  readonly kind: "set" | "revert" | "own";
}

/** So many writes may wait for one device: one for each point and some more. */
const LONGEST_QUEUE = 200;

interface Waiting extends Turn {
  readonly run: () => Promise<void>;
  readonly refuse: (error: Error) => void;
}

interface Lane {
  readonly waiting: Waiting[];
  /** The write that is under way. */
  running: Promise<void> | undefined;
  /** Ends a wait for the pace: something came that may not have to wait. */
  wake: (() => void) | undefined;
}

/**
 * One write at a time for each device, in order of arrival and within the pace. In a storm the last value wins: a later
 * set of a point takes the place of one that still waits, a revert that of every earlier command for what it reverts.
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
      const text = `${LONGEST_QUEUE} writes wait for ${device} already; nothing was sent`;
      reject(new WriteRefusedError(text));
    }
    return promise;
  }

  /** Resolves when no write to the device is under way, and those that still wait do so for the pace. */
  async quiet(device: string): Promise<void> {
    for (let lane = this.#lanes.get(device); lane?.running; lane = this.#lanes.get(device))
      await lane.running;
  }

  /** Refuses what waits and what comes; resolves when the writes under way have ended. */
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

/** Gives a newcomer its place among those that wait; false where there is none. */
function place(waiting: Waiting[], newcomer: Waiting): boolean {
  const { key, kind } = newcomer;
  if (kind === "own") {
    const others = waiting.findIndex((one) => one.kind !== "own");
    waiting.splice(others < 0 ? waiting.length : others, 0, newcomer);
    return true;
  }
  const same = (one: Waiting) => one.kind !== "own" && (key === "" || one.key === key);
  // At its end, not in its place: between them may wait what the newcomer is meant to follow.
  if (kind === "revert") for (const one of waiting.filter(same)) supersede(waiting, one, kind);
  else if (waiting.findLast(same)?.kind === "set") supersede(waiting, waiting.findLast(same)!, kind);
  if (waiting.length >= LONGEST_QUEUE) return false;
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
