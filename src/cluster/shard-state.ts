import { WriteRefusedError } from "../drivers/errors.ts";
import { messageOf } from "../log/log.ts";
import type { PointValue } from "../points/index.ts";
import type { StateEntry } from "../storage/state-store.ts";
import { type Clock, pause } from "../time/clock.ts";
import { ClusterUnavailableError, type Membership, MOST_CHANGES } from "./contract.ts";

/** Longest time that a request of a write may take to leave, in milliseconds, after the write was committed. */
export const WRITE_MS = 20_000;
/** Added to the time after which a write of the owner before is over: clocks of two machines run at slightly different rates. */
const MARGIN_MS = 1000;
/** Shortest time that is left for a request when a write is permitted, in milliseconds. */
const SHORTEST_MS = 300;
/** Pause before changes that no write waits for are put, in milliseconds. */
const GATHER_MS = 20;
const RETRY_MS = 500;

/** Namespaces of keys beside those of the state. */
const WRITE = "write";
const OPENED = "opened";
const COMMANDS = "commands";

/** This member must not write to the device, or cannot know that it may. Nothing was sent. */
export class NotPermittedError extends WriteRefusedError {
  override readonly name = "NotPermittedError";
}

export interface ShardStateOptions {
  readonly membership: Pick<Membership, "put">;
  readonly shard: string;
  readonly epoch: string;
  readonly member: string;
  /** What the cluster has of the shard. */
  readonly stored: ReadonlyMap<string, string>;
  readonly ttlMs: number;
  /** Returns until when this member has its shards, by the monotonic clock in milliseconds. */
  readonly validUntil: () => number;
  /** Returns why nothing may be written at all, if so. */
  readonly forbidden: () => string | undefined;
  /** Called once when another member has the shard. */
  readonly onLost: (error: unknown) => void;
  readonly clock: Clock;
}

/**
 * The state of a shard that this member has, kept in the cluster: every change is put there, in order, as long as this member is the
 * owner. A write is committed before it may be sent, so that the next owner knows of it; that one waits with its own writes to the
 * same device until none of this owner can arrive any more.
 */
export class ShardState {
  readonly #options: ShardStateOptions;
  /** Entries of the state, as the owner before left them. */
  readonly entries: readonly StateEntry[];
  /** Keys of changes that are not in the cluster yet; null: removed. */
  readonly #pending = new Map<string, string | null>();
  /** Commands that the cluster has. */
  readonly #commands = new Set<string>();
  /** Devices with a write of an earlier owner that may still arrive. */
  readonly #doubtful = new Set<string>();
  readonly #clearedAt: number;
  readonly #isFirst: boolean;
  readonly #timers = new Set<() => void>();
  #putting: Promise<void> = Promise.resolve();
  #gathering = false;
  #writes = 0;
  #ended: unknown;

  constructor(options: ShardStateOptions) {
    const { stored, clock, ttlMs } = options;
    this.#options = options;
    const entries: StateEntry[] = [];
    const writes: string[] = [];
    for (const [stateKey, text] of stored) {
      const [namespace, key] = JSON.parse(stateKey) as [string, string];
      if (namespace === WRITE) {
        writes.push(stateKey);
        this.#doubtful.add((JSON.parse(text) as { device: string }).device);
      } else if (namespace !== OPENED) entries.push([namespace, key, JSON.parse(text) as PointValue]);
      if (namespace === COMMANDS) this.#commands.add(stateKey);
    }
    this.entries = entries;
    // Without a record of an owner before, the cluster may have lost it: one that still ran has stopped after its lease.
    this.#isFirst = !stored.has(keyOf(OPENED, ""));
    const waitMs = (writes.length > 0 ? WRITE_MS : 0) + (this.#isFirst ? ttlMs : 0) + MARGIN_MS;
    this.#clearedAt = clock.monotonic() + waitMs;
    this.#after(waitMs, () => {
      this.#doubtful.clear();
      this.#change(writes.map((key) => [key, null]));
      if (this.#isFirst) this.#change([[keyOf(OPENED, ""), JSON.stringify(options.member)]]);
    });
  }

  /** Takes changes of the state, which are put soon. */
  saved(changes: readonly StateEntry[]): void {
    this.#change(
      changes.map(([namespace, key, value]) => [
        keyOf(namespace, key),
        value === null ? null : JSON.stringify(value),
      ]),
    );
  }

  /** Commits every change so far, and permits a write to a device. */
  async permit(
    device: string,
    signal: AbortSignal,
  ): Promise<{ deadline: number; holder: string; ended: (known: boolean) => void }> {
    const { clock, member, epoch, validUntil, shard } = this.#options;
    const waitMs = this.#clearedAt - clock.monotonic();
    if ((this.#isFirst || this.#doubtful.has(device)) && waitMs > 0) await pause(clock, waitMs, signal);
    this.#check();
    const holder = `${member}/${epoch}`;
    const key = keyOf(WRITE, `${holder}/${++this.#writes}`);
    this.#pending.set(key, JSON.stringify({ device, holder }));
    const begun = clock.monotonic();
    const ended = (known: boolean) => {
      const forget = () => this.#change([[key, null]]);
      if (known) forget();
      else this.#after(begun + WRITE_MS + MARGIN_MS - clock.monotonic(), forget);
    };
    try {
      await this.flush();
      this.#check();
    } catch (error) {
      ended(true);
      throw error instanceof NotPermittedError
        ? error
        : new NotPermittedError(`${unwritten(shard)}: ${messageOf(error)}`, { cause: error });
    }
    const deadline = Math.min(begun + WRITE_MS, validUntil());
    return { deadline, holder, ended };
  }

  /** Resolves when every change so far is in the cluster. */
  flush(): Promise<void> {
    const putting = this.#putting.then(() => this.#putAll());
    this.#putting = putting.catch(() => undefined);
    return putting;
  }

  /** Puts nothing from now on. */
  end(): void {
    this.#ended ??= new Error("the shard was given up");
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  #check(): void {
    const { clock, validUntil, forbidden, shard } = this.#options;
    const why = forbidden();
    if (why !== undefined) throw new NotPermittedError(`${unwritten(shard)}: ${why}`);
    if (this.#ended) throw new NotPermittedError(`${unwritten(shard)}: ${messageOf(this.#ended)}`);
    if (clock.monotonic() + SHORTEST_MS >= validUntil())
      throw new NotPermittedError(
        `${unwritten(shard)}: the lease was not renewed in time, so another member may have taken over`,
        { cause: new ClusterUnavailableError("the lease is about to end") },
      );
  }

  #change(changes: readonly (readonly [key: string, value: string | null])[]): void {
    if (this.#ended) return;
    for (const [key, value] of changes) this.#pending.set(key, value);
    if (this.#gathering || this.#pending.size === 0) return;
    this.#gathering = true;
    this.#after(GATHER_MS, () => this.#putSoon());
  }

  #putSoon(): void {
    this.#gathering = false;
    this.flush().catch(() => {
      // A write that waits for it has the error; the others are tried again.
      if (this.#ended || this.#gathering) return;
      this.#gathering = true;
      this.#after(RETRY_MS, () => this.#putSoon());
    });
  }

  async #putAll(): Promise<void> {
    const { membership, shard, epoch, onLost } = this.#options;
    while (this.#pending.size > 0) {
      if (this.#ended) throw this.#ended;
      const batch = [...this.#pending].slice(0, MOST_CHANGES);
      for (const [key] of batch) this.#pending.delete(key);
      const isNew = ([key, value]: (typeof batch)[number]) =>
        value !== null && key.startsWith(COMMANDS_KEY) && !this.#commands.has(key);
      const absent = batch.filter(isNew).map(([key]) => key);
      try {
        await membership.put(shard, epoch, batch, absent);
      } catch (error) {
        for (const [key, value] of batch) if (!this.#pending.has(key)) this.#pending.set(key, value);
        if (!(error instanceof ClusterUnavailableError)) {
          this.#ended ??= error;
          onLost(error);
        }
        throw error;
      }
      for (const key of absent) this.#commands.add(key);
    }
  }

  #after(ms: number, work: () => void): void {
    if (this.#ended) return;
    const cancel = this.#options.clock.after(ms, () => {
      this.#timers.delete(cancel);
      work();
    });
    this.#timers.add(cancel);
  }
}

const COMMANDS_KEY = JSON.stringify([COMMANDS, ""]).slice(0, -3);

function keyOf(namespace: string, key: string): string {
  return JSON.stringify([namespace, key]);
}

function unwritten(shard: string): string {
  return `nothing was sent, because this member must not write to shard ${shard} now`;
}
