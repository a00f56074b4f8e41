import { randomUUID } from "node:crypto";
import type { Log } from "../log/log.ts";
import { messageOf } from "../log/log.ts";
import type { OutageReports } from "../log/outages.ts";
import { type Clock, pause } from "../time/clock.ts";
import {
  type ClusterStore,
  ClusterUnavailableError,
  type EstateView,
  LeaseLostError,
  type MemberRecord,
  type Membership,
} from "./contract.ts";
import { type PlacedShard, placed } from "./placement.ts";
import { nextRevision } from "./revisions.ts";
import { SETTINGS } from "./settings.ts";

/** A shard that this member has from now on. */
export interface Ownership {
  readonly shard: string;
  readonly epoch: string;
  readonly membership: Membership;
  readonly stored: ReadonlyMap<string, string>;
  /** Returns until when the shard is this member's, by the monotonic clock in milliseconds. */
  readonly validUntil: () => number;
  /** To be called when another member turns out to have it. */
  readonly lost: (error: unknown) => void;
}

/** A shard that runs. */
export interface OpenShard {
  /** Ends it. `handed over`: everything under way is ended and put first; `lost`: at once. */
  close(why: "handed over" | "lost"): Promise<void>;
}

export interface ClusterMemberOptions {
  readonly store: ClusterStore;
  readonly record: Pick<MemberRecord, "id" | "run" | "host" | "version" | "startedAt" | "weight" | "url">;
  readonly ttlSeconds: number;
  /** The shards of the configuration that this member runs. */
  readonly shards: () => readonly PlacedShard[];
  /** Starts a shard. Rejects where that fails; it is tried again. */
  readonly open: (ownership: Ownership) => Promise<OpenShard>;
  /** Applies this member's files, which all members have now. */
  readonly applyFiles: () => Promise<void>;
  readonly onView: (view: EstateView) => void;
  /** Remembers the id of the estate; undefined: none is known yet. */
  readonly memory: { get(): string | undefined; set(estate: string): void };
  readonly notify: (severity: "info" | "warning" | "error", kind: string, text: string) => void;
  readonly outages: OutageReports;
  readonly log: Log;
  readonly clock: Clock;
}

/** Renewals in one duration of the lease. */
const RENEWALS = 3;
/** Part of the lease by which a member stops before it ends, for requests on their way and clocks that run at different rates. */
const MARGIN = 1 / 6;
const RETRY_MS = 1000;
/** Pause before a shard that could not be started is tried again, in milliseconds. */
const REOPEN_MS = 5000;

interface Held {
  readonly epoch: string;
  /** Resolves with the shard; undefined: it could not be started. */
  readonly opening: Promise<OpenShard | undefined>;
  closing: Promise<void> | undefined;
}

/**
 * One member of an estate: keeps its lease, and has the shards that fall to it from the moment that the cluster says so until it hands
 * them over, or its lease may have ended. The end of the lease is measured by the monotonic clock, from the sending of the last renewal
 * that was answered, so that this member has stopped before another can begin.
 */
export class ClusterMember {
  readonly #options: ClusterMemberOptions;
  readonly #stopping = new AbortController();
  readonly #held = new Map<string, Held>();
  readonly #refusedUntil = new Map<string, number>();
  #view: EstateView | undefined;
  #membership: Membership | undefined;
  #validUntil = Number.NEGATIVE_INFINITY;
  #files: string;
  #revision: string | null = null;
  #announced = "";
  #arranging: Promise<void> | undefined;
  #isStale = false;
  #running: Promise<void> = Promise.resolve();
  #endSession: ((error: unknown) => void) | undefined;

  /** `files`: revision of the configuration that was loaded. */
  constructor(options: ClusterMemberOptions, files: string) {
    this.#options = options;
    this.#files = files;
  }

  /** Undefined before the first answer. */
  get view(): EstateView | undefined {
    return this.#view;
  }

  /** Revision of the configuration that runs; null: none is active yet that this member has. */
  get revision(): string | null {
    return this.#revision;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Hands over every shard, and leaves. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error("the bridge is stopping"));
    this.#endSession?.(this.#stopping.signal.reason);
    await this.#running;
  }

  /** Called when the files of this member were loaded again; they are applied when every member has them. */
  filesLoaded(files: string): void {
    if (files === this.#files) return;
    this.#files = files;
    this.#arrangeSoon();
  }

  /** Called when the shards of the configuration have changed. */
  shardsChanged(): void {
    this.#arrangeSoon();
  }

  /** Why nothing may be written at all: the cluster's data was lost, and nobody has confirmed that. */
  forbidden(): string | undefined {
    const { memory } = this.#options;
    const estate = this.#view?.settings.get(SETTINGS.estate);
    if (!this.#view || estate === undefined) return "the estate is not known yet";
    const others = [...this.#view.members.values()].map((member) => member.estate);
    if ([memory.get(), ...others].every((one) => one === undefined || one === estate)) return undefined;
    if (this.#view.settings.get(SETTINGS.confirmed) === estate) {
      memory.set(estate);
      return undefined;
    }
    return 'the data of the cluster service was lost, and with it which limits are in force; check the stations, then run "voltbridge cluster confirm"';
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const { clock, outages } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#session(signal);
      } catch (error) {
        if (signal.aborted) break;
        outages.failed({
          key: "cluster",
          kind: "cluster_away",
          severity: "error",
          text: "this member of the estate has no lease, so it has no stations",
          cause: messageOf(error),
        });
        await pause(clock, RETRY_MS, signal).catch(() => undefined);
      }
    }
  }

  /** Runs from one lease to its end; rejects with why it ended. */
  async #session(signal: AbortSignal): Promise<void> {
    const { store, record, ttlSeconds, clock, outages, log } = this.#options;
    const ttlMs = ttlSeconds * 1000;
    const sentAt = clock.monotonic();
    this.#announced = JSON.stringify(this.#record());
    const membership = await store.join(this.#record(), ttlMs);
    this.#membership = membership;
    this.#renewed(sentAt);
    outages.ended("cluster", { text: `member ${record.id} of the estate has a lease` });
    const { promise, reject } = Promise.withResolvers<never>();
    this.#endSession = reject;
    const ended = new AbortController();
    const unwatch = store.watch(
      (view) => {
        this.#view = view;
        this.#options.onView(view);
        this.#arrangeSoon();
      },
      (error) => log.debug("the cluster cannot be watched", { err: error }),
    );
    try {
      const renewing = this.#renew(membership, ended.signal);
      await Promise.race([renewing, promise]);
    } finally {
      ended.abort();
      unwatch();
      this.#endSession = undefined;
      if (signal.aborted) await this.#leave(membership);
      else {
        this.#validUntil = Number.NEGATIVE_INFINITY;
        this.#membership = undefined;
        await this.#closeAll("lost");
        await membership.leave().catch(() => undefined);
      }
    }
  }

  /** Renews the lease until it has, or may have, ended. */
  async #renew(membership: Membership, signal: AbortSignal): Promise<never> {
    const { ttlSeconds, clock } = this.#options;
    const every = (ttlSeconds * 1000) / RENEWALS;
    let failure: unknown;
    for (let next = every; ; ) {
      await pause(clock, next, signal);
      const sentAt = clock.monotonic();
      const leftMs = this.#validUntil - sentAt;
      if (leftMs <= 0)
        throw new LeaseLostError(
          `it was not renewed in time${failure === undefined ? "" : `: ${messageOf(failure)}`}`,
        );
      try {
        const late = AbortSignal.timeout(Math.max(1, Math.floor(Math.min(leftMs, every))));
        await membership.renew(AbortSignal.any([signal, late]));
        this.#renewed(sentAt);
        failure = undefined;
        next = every;
      } catch (error) {
        if (error instanceof LeaseLostError) throw error;
        failure = error;
        // Soon again, while there is time.
        next = Math.min(every / 4, Math.max(0, this.#validUntil - clock.monotonic()));
      }
    }
  }

  #renewed(sentAt: number): void {
    this.#validUntil = sentAt + this.#options.ttlSeconds * 1000 * (1 - MARGIN);
  }

  #record(): MemberRecord {
    const { record, memory } = this.#options;
    const estate = memory.get();
    return {
      ...record,
      revision: this.#revision,
      files: this.#files,
      ...(estate !== undefined && { estate }),
    };
  }

  /** Ends every shard in good order, and the lease. */
  async #leave(membership: Membership): Promise<void> {
    await this.#closeAll("handed over");
    this.#membership = undefined;
    await membership.leave().catch((error: unknown) => {
      this.#options.log.warn("the cluster was not told that this member leaves; its lease ends by itself", {
        err: error,
      });
    });
  }

  async #closeAll(why: "handed over" | "lost"): Promise<void> {
    await Promise.all([...this.#held].map(([shard, held]) => this.#close(shard, held, why)));
  }

  /** Compares what this member has with what it is to have; calls while it works are answered by one more round. */
  #arrangeSoon(): void {
    this.#isStale = true;
    this.#arranging ??= (async () => {
      while (this.#isStale) {
        this.#isStale = false;
        try {
          await this.#arrange();
        } catch (error) {
          if (!(error instanceof ClusterUnavailableError || error instanceof LeaseLostError))
            this.#options.log.error("the shards of this member could not be arranged", { err: error });
        }
      }
      this.#arranging = undefined;
    })();
  }

  async #arrange(): Promise<void> {
    const view = this.#view;
    const membership = this.#membership;
    if (!view || !membership || this.#stopping.signal.aborted) return;
    await this.#rememberEstate(view);
    await this.#followRevision(view);
    await this.#announce(membership);
    const { record, clock } = this.#options;
    const shards = this.#options.shards();
    const targets = placed({ ...view, members: this.#members(view) }, shards);
    const isDraining = view.settings.has(SETTINGS.drain(record.id));
    for (const [shard, held] of this.#held) {
      const to = targets.get(shard);
      const isKnown = shards.some(({ name }) => name === shard);
      if (to === record.id || (to === undefined && isKnown && !isDraining)) continue;
      void this.#handOver(shard, held, to);
    }
    for (const [shard, to] of targets) {
      const isMine = to === record.id && this.#revision === view.settings.get(SETTINGS.revision);
      if (!isMine || this.#held.has(shard) || view.owners.has(shard)) continue;
      const refusedUntil = this.#refusedUntil.get(shard) ?? 0;
      if (clock.monotonic() < refusedUntil) continue;
      this.#claim(membership, shard);
    }
  }

  async #rememberEstate(view: EstateView): Promise<void> {
    const { store, memory } = this.#options;
    const estate = view.settings.get(SETTINGS.estate);
    if (estate === undefined) await store.set(SETTINGS.estate, randomUUID(), null);
    else if (memory.get() === undefined) memory.set(estate);
  }

  /** Makes the configuration active that every member has, and applies it here. */
  async #followRevision(view: EstateView): Promise<void> {
    const { store, applyFiles, notify } = this.#options;
    const active = view.settings.get(SETTINGS.revision);
    const next = nextRevision([...this.#members(view).values()], active);
    if (next !== undefined && next === this.#files) {
      // The change comes with the next view.
      await store.set(SETTINGS.revision, next, active ?? null);
      return;
    }
    if (active === undefined || active === this.#revision || active !== this.#files) return;
    if (this.#revision !== null) await applyFiles();
    // They may have been changed again meanwhile.
    if (active !== this.#files) return;
    this.#revision = active;
    notify("info", "cluster_revision", `the configuration ${active} is active`);
  }

  /** Returns the members, this one as it is now. */
  #members({ members }: EstateView): EstateView["members"] {
    const { id } = this.#options.record;
    return members.has(id) ? new Map(members).set(id, this.#record()) : members;
  }

  async #announce(membership: Membership): Promise<void> {
    const record = this.#record();
    const text = JSON.stringify(record);
    if (text === this.#announced) return;
    await membership.announce(record);
    this.#announced = text;
  }

  #claim(membership: Membership, shard: string): void {
    const { store, open, clock, log, notify, record } = this.#options;
    const begun = clock.monotonic();
    const claiming = async (): Promise<OpenShard | undefined> => {
      const epoch = await membership.claim(shard);
      if (epoch === undefined) {
        this.#held.delete(shard);
        return undefined;
      }
      held.epoch = epoch;
      try {
        const stored = await store.list(shard);
        const lost = (error: unknown) => {
          log.warn(`shard ${shard} is another member's`, { err: error });
          const now = this.#held.get(shard);
          if (now === held) void this.#close(shard, held, "lost").then(() => this.#arrangeSoon());
        };
        const validUntil = () => this.#validUntil;
        const opened = await open({ shard, epoch, membership, stored, validUntil, lost });
        const tookMs = Math.round(clock.monotonic() - begun);
        notify("info", "shard_taken", `member ${record.id} has ${shard} (epoch ${epoch}, ${tookMs} ms)`);
        return opened;
      } catch (error) {
        log.error(`shard ${shard} could not be started; it is tried again`, { err: error });
        this.#refusedUntil.set(shard, clock.monotonic() + REOPEN_MS);
        clock.after(REOPEN_MS, () => this.#arrangeSoon());
        await membership.release(shard, epoch).catch(() => undefined);
        this.#held.delete(shard);
        return undefined;
      }
    };
    const held = {
      epoch: "",
      closing: undefined as Promise<void> | undefined,
      opening: undefined! as Held["opening"],
    };
    this.#held.set(shard, held);
    held.opening = claiming().catch((error: unknown) => {
      this.#held.delete(shard);
      log.debug(`shard ${shard} could not be claimed`, { err: error });
      clock.after(RETRY_MS, () => this.#arrangeSoon());
      return undefined;
    });
  }

  async #handOver(shard: string, held: Held, to: string | undefined): Promise<void> {
    if (held.closing) return;
    const { clock, notify, record } = this.#options;
    const begun = clock.monotonic();
    await this.#close(shard, held, "handed over");
    const tookMs = Math.round(clock.monotonic() - begun);
    notify(
      "info",
      "shard_handed_over",
      `member ${record.id} has handed over ${shard}${to === undefined ? "" : ` to ${to}`} (${tookMs} ms)`,
    );
  }

  #close(shard: string, held: Held, why: "handed over" | "lost"): Promise<void> {
    held.closing ??= (async () => {
      const opened = await held.opening;
      await opened?.close(why);
      const membership = this.#membership;
      if (why === "handed over" && membership && opened)
        await membership.release(shard, held.epoch).catch((error: unknown) => {
          this.#options.log.warn(`shard ${shard} was not released; another has it when the lease ends`, {
            err: error,
          });
        });
      if (this.#held.get(shard) === held) this.#held.delete(shard);
    })();
    return held.closing;
  }
}
