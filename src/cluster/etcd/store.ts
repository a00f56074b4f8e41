import type { EtcdConnection } from "../../config/bridge/cluster-schema.ts";
import { systemClock } from "../../time/clock.ts";
import {
  type ClusterStore,
  type EstateView,
  MemberExistsError,
  type MemberRecord,
  type Membership,
  type ShardOwner,
} from "../contract.ts";
import { watching } from "../watching.ts";
import { EtcdCalls, EtcdError, PAGE } from "./calls.ts";
import { EtcdKeys, fromBase64, inBase64 } from "./keys.ts";
import { EtcdMembership, isLeaseFault } from "./membership.ts";
import {
  foundAt,
  hasValue,
  isAbsent,
  type KeyValue,
  putting,
  type RangeAnswer,
  reading,
  removing,
  type TxnAnswer,
  textOf,
  underPrefix,
} from "./messages.ts";

/** Keeps the estate in etcd 3.4 or newer, by its JSON gateway. */
export class EtcdStore implements ClusterStore {
  readonly #calls: EtcdCalls;
  readonly #keys: EtcdKeys;
  readonly #closed = new AbortController();

  constructor(connection: EtcdConnection, instance: string) {
    this.#calls = new EtcdCalls(connection);
    this.#keys = new EtcdKeys(instance);
  }

  async join(member: MemberRecord, ttlMs: number): Promise<Membership> {
    const { ID: lease } = await this.#calls.call<{ ID: string }>("/v3/lease/grant", {
      TTL: String(Math.ceil(ttlMs / 1000)),
    });
    const key = this.#keys.member(member.id);
    for (;;) {
      const answer = await this.#calls.call<TxnAnswer>("/v3/kv/txn", {
        compare: [isAbsent(key)],
        success: [putting(key, JSON.stringify(member), lease)],
        failure: [reading(key)],
      });
      const other = answer.succeeded ? undefined : foundAt(answer, 0);
      // The same lease: a repeated request, executed before.
      if (answer.succeeded || other?.lease === lease)
        return new EtcdMembership(this.#calls, this.#keys, member, lease);
      if (!other) continue;
      const { run, host, startedAt } = JSON.parse(textOf(other)) as MemberRecord;
      const isOther = run !== member.run;
      await this.#revoke(isOther ? lease : other.lease!);
      if (isOther)
        throw new MemberExistsError(
          `member ${member.id} runs on ${host} since ${startedAt}; give this one another cluster.member`,
        );
    }
  }

  async view(): Promise<EstateView> {
    return viewOf(await this.#range(this.#keys.estate), this.#keys.estate);
  }

  watch(onView: (view: EstateView) => void, onFailure: (error: unknown) => void): () => void {
    return watching({
      view: () => this.view(),
      // The stream only says that something changed: after a break or a compaction nothing is missing.
      changes: (onChange, signal) =>
        this.#calls.stream(
          "/v3/watch",
          { create_request: underPrefix(this.#keys.estate) },
          signal,
          (line) => {
            const { result, error } = line as {
              result?: { canceled?: boolean; cancel_reason?: string };
              error?: { message?: string; grpc_code?: number };
            };
            if (error) throw new EtcdError(error.message ?? "unknown error", error.grpc_code ?? 14);
            if (result?.canceled)
              throw new EtcdError(
                `the watch was cancelled: ${result.cancel_reason ?? "no reason given"}`,
                14,
              );
            onChange();
          },
        ),
      onView,
      onFailure,
      clock: systemClock,
      closed: this.#closed.signal,
    });
  }

  async list(shard: string): Promise<ReadonlyMap<string, string>> {
    const prefix = this.#keys.states(shard);
    const found = await this.#range(prefix);
    return new Map(found.map((one) => [nameOf(one, prefix), textOf(one)]));
  }

  async set(name: string, value: string | null, expected?: string | null): Promise<boolean> {
    const key = this.#keys.setting(name);
    const change = value === null ? removing(key) : putting(key, value);
    let repeated = false;
    const answer = await this.#calls.call<TxnAnswer>(
      "/v3/kv/txn",
      {
        compare: expected === undefined ? [] : [expected === null ? isAbsent(key) : hasValue(key, expected)],
        success: [change],
        failure: [reading(key)],
      },
      undefined,
      () => {
        repeated = true;
      },
    );
    if (answer.succeeded) return true;
    const found = foundAt(answer, 0);
    return repeated && (found ? textOf(found) : null) === value;
  }

  async close(): Promise<void> {
    this.#closed.abort(new Error("the cluster store was closed"));
    await this.#calls.close();
  }

  async #revoke(lease: string): Promise<void> {
    try {
      await this.#calls.call("/v3/lease/revoke", { ID: lease });
    } catch (error) {
      if (!isLeaseFault(error)) throw error;
    }
  }

  /** Returns all keys with a prefix, at one revision. */
  async #range(prefix: string): Promise<KeyValue[]> {
    const { range_end } = underPrefix(prefix);
    for (;;)
      try {
        const found: KeyValue[] = [];
        let revision: string | undefined;
        let key = inBase64(prefix);
        for (;;) {
          const page: RangeAnswer = await this.#calls.call("/v3/kv/range", {
            key,
            range_end,
            limit: String(PAGE),
            revision,
          });
          revision ??= page.header.revision;
          for (const one of page.kvs ?? []) found.push(one);
          const last = page.kvs?.at(-1);
          if (!page.more || !last) return found;
          key = Buffer.concat([Buffer.from(last.key, "base64"), Buffer.of(0)]).toString("base64");
        }
      } catch (error) {
        // Between two pages.
        if (!(error instanceof EtcdError && /has been compacted/.test(error.message))) throw error;
      }
  }
}

function nameOf({ key }: KeyValue, prefix: string): string {
  return decodeURIComponent(fromBase64(key).slice(prefix.length));
}

function viewOf(found: readonly KeyValue[], prefix: string): EstateView {
  const members = new Map<string, MemberRecord>();
  const owners = new Map<string, ShardOwner>();
  const settings = new Map<string, string>();
  for (const one of found) {
    const [kind, name = ""] = fromBase64(one.key).slice(prefix.length).split("/");
    const id = decodeURIComponent(name);
    const value = textOf(one);
    if (kind === "member") members.set(id, JSON.parse(value));
    else if (kind === "owner") owners.set(id, { member: value, epoch: one.create_revision });
    else if (kind === "setting") settings.set(id, value);
  }
  return { members, owners, settings };
}
