import { setTimeout as delay } from "node:timers/promises";
import type { EtcdConnection } from "../../config/bridge/cluster-schema.ts";
import {
  type ClusterStore,
  type EstateView,
  KeyExistsError,
  LeaseLostError,
  MemberExistsError,
  type MemberRecord,
  type Membership,
  NotOwnerError,
  type ShardOwner,
  type StateChange,
} from "../contract.ts";
import { EtcdClient } from "./client.ts";

interface KeyValue {
  readonly key: string;
  readonly value?: string;
  readonly create_revision: string;
  readonly lease?: string;
}

interface RangeAnswer {
  readonly header: { readonly revision: string };
  readonly kvs?: readonly KeyValue[];
  readonly more?: boolean;
}

interface TxnAnswer {
  readonly succeeded?: boolean;
  readonly header: { readonly revision: string };
  readonly responses?: readonly { readonly response_range?: RangeAnswer }[];
}

/** Number of keys of the state that are read at once. */
const PAGE = 1000;
/** Time after which the estate is read again although no change was told, in milliseconds: a watch may have died unnoticed. */
const LOOK_MS = 3000;
const RETRY_MS = 500;

/**
 * An estate in etcd, under `/voltbridge/<instance>/`: `estate/member/<id>` and `estate/owner/<shard>` with the lease of the member,
 * `estate/setting/<name>`, and `state/<shard>/<key>`. The epoch of an ownership is the revision in which its key was created.
 */
export class EtcdStore implements ClusterStore {
  readonly #client: EtcdClient;
  readonly #root: string;

  constructor(connection: EtcdConnection, instance: string) {
    this.#client = new EtcdClient(connection);
    this.#root = `/voltbridge/${encodeURIComponent(instance)}/`;
  }

  async join(member: MemberRecord, ttlMs: number): Promise<Membership> {
    const key = this.#key("member", member.id);
    const { ID: lease } = await this.#client.call<{ ID: string }>("/v3/lease/grant", {
      TTL: Math.ceil(ttlMs / 1000),
    });
    const value = base64(JSON.stringify(member));
    for (let attempt = 0; ; attempt++) {
      const { succeeded, responses } = await this.#txn({
        compare: [absent(key)],
        success: [{ requestPut: { key, value, lease } }],
        failure: [{ requestRange: { key } }],
      });
      const [known] = responses?.[0]?.response_range?.kvs ?? [];
      if (succeeded || known?.lease === lease)
        return new EtcdMembership(this.#client, this.#root, member, lease);
      const other = JSON.parse(text(known?.value)) as MemberRecord;
      // The lease of this run that was given up may not be over yet.
      if (other.run !== member.run || attempt > 0) {
        await this.#client.call("/v3/lease/revoke", { ID: lease }).catch(() => undefined);
        throw new MemberExistsError(
          `member ${member.id} runs on ${other.host} since ${other.startedAt}; give each machine its own cluster.member`,
        );
      }
      await this.#client.call("/v3/lease/revoke", { ID: known!.lease });
    }
  }

  async view(): Promise<EstateView> {
    return (await this.#read()).view;
  }

  watch(onView: (view: EstateView) => void, onFailure: (error: unknown) => void): () => void {
    const ending = new AbortController();
    void (async () => {
      while (!ending.signal.aborted) {
        try {
          await this.#follow(onView, ending.signal);
        } catch (error) {
          if (ending.signal.aborted) return;
          onFailure(error);
          await delay(RETRY_MS, undefined, { signal: ending.signal, ref: false }).catch(() => undefined);
        }
      }
    })();
    return () => ending.abort(new Error("ended"));
  }

  async list(shard: string): Promise<Map<string, string>> {
    const prefix = this.#state(shard);
    const all = new Map<string, string>();
    let from = prefix;
    let revision: string | undefined;
    for (;;) {
      const page = await this.#client.call<RangeAnswer>("/v3/kv/range", {
        key: base64(from),
        range_end: base64(endOf(prefix)),
        limit: String(PAGE),
        // All pages show one moment.
        ...(revision !== undefined && { revision }),
      });
      revision ??= page.header.revision;
      for (const { key, value } of page.kvs ?? [])
        all.set(decodeURIComponent(text(key).slice(prefix.length)), text(value));
      if (!page.more) return all;
      from = `${text(page.kvs!.at(-1)!.key)}\0`;
    }
  }

  async set(name: string, value: string | null, expected?: string | null): Promise<boolean> {
    const key = this.#key("setting", name);
    const change =
      value === null ? { requestDeleteRange: { key } } : { requestPut: { key, value: base64(value) } };
    const compare =
      expected === undefined
        ? []
        : [
            expected === null
              ? absent(key)
              : { key, target: "VALUE", result: "EQUAL", value: base64(expected) },
          ];
    const { succeeded } = await this.#txn({ compare, success: [change], failure: [] });
    return succeeded ?? false;
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  /** Reads the estate, then again after each change; resolves when a watch ends. */
  async #follow(onView: (view: EstateView) => void, signal: AbortSignal): Promise<void> {
    let { view, revision } = await this.#read();
    signal.throwIfAborted();
    onView(view);
    const watching = new AbortController();
    const both = AbortSignal.any([signal, watching.signal]);
    let isReading = false;
    let isStale = false;
    const look = async (): Promise<void> => {
      isStale = true;
      if (isReading) return;
      isReading = true;
      try {
        while (isStale && !both.aborted) {
          isStale = false;
          const now = await this.#read();
          if (now.content === content) continue;
          ({ view, revision, content } = now);
          if (!both.aborted) onView(view);
        }
      } catch (error) {
        watching.abort(error);
      } finally {
        isReading = false;
      }
    };
    let content = "";
    const timer = setInterval(() => void look(), LOOK_MS);
    timer.unref();
    try {
      const create = {
        create_request: {
          key: base64(this.#estate),
          range_end: base64(endOf(this.#estate)),
          start_revision: String(BigInt(revision) + 1n),
        },
      };
      for await (const { canceled, events } of this.#client.stream<WatchAnswer>("/v3/watch", create, both)) {
        if (canceled) return;
        if (events) void look();
      }
    } finally {
      clearInterval(timer);
      watching.abort();
    }
  }

  async #read(): Promise<{ view: EstateView; revision: string; content: string }> {
    const prefix = this.#estate;
    const { kvs = [], header } = await this.#client.call<RangeAnswer>("/v3/kv/range", {
      key: base64(prefix),
      range_end: base64(endOf(prefix)),
    });
    const members = new Map<string, MemberRecord>();
    const owners = new Map<string, ShardOwner>();
    const settings = new Map<string, string>();
    for (const { key, value, create_revision: epoch } of kvs) {
      const [kind, ...rest] = text(key).slice(prefix.length).split("/");
      const name = decodeURIComponent(rest.join("/"));
      if (kind === "member") members.set(name, JSON.parse(text(value)) as MemberRecord);
      if (kind === "owner") owners.set(name, { member: text(value), epoch });
      if (kind === "setting") settings.set(name, text(value));
    }
    const content = kvs.map(({ key, value, create_revision: at }) => `${key} ${value} ${at}`).join("\n");
    return { view: { members, owners, settings }, revision: header.revision, content };
  }

  #txn(txn: object): Promise<TxnAnswer> {
    return this.#client.call<TxnAnswer>("/v3/kv/txn", txn);
  }

  get #estate(): string {
    return `${this.#root}estate/`;
  }

  #key(kind: "member" | "owner" | "setting", name: string): string {
    return base64(`${this.#estate}${kind}/${encodeURIComponent(name)}`);
  }

  #state(shard: string): string {
    return `${this.#root}state/${encodeURIComponent(shard)}/`;
  }
}

interface WatchAnswer {
  readonly canceled?: boolean;
  readonly events?: readonly unknown[];
}

class EtcdMembership implements Membership {
  readonly #client: EtcdClient;
  readonly #root: string;
  readonly #id: string;
  readonly #lease: string;

  constructor(client: EtcdClient, root: string, { id }: MemberRecord, lease: string) {
    this.#client = client;
    this.#root = root;
    this.#id = id;
    this.#lease = lease;
  }

  async renew(signal: AbortSignal): Promise<void> {
    const { result } = await this.#client.call<{ result?: { TTL?: string } }>(
      "/v3/lease/keepalive",
      { ID: this.#lease },
      signal,
    );
    if (!(Number(result?.TTL ?? 0) > 0)) throw new LeaseLostError("etcd does not have the lease any more");
  }

  async announce(member: MemberRecord): Promise<void> {
    const key = base64(`${this.#root}estate/member/${encodeURIComponent(this.#id)}`);
    const put = { key, value: base64(JSON.stringify(member)), lease: this.#lease };
    await this.#client.call("/v3/kv/put", put);
  }

  async claim(shard: string): Promise<string | undefined> {
    const key = this.#owner(shard);
    const put = { key, value: base64(this.#id), lease: this.#lease };
    const { succeeded, header, responses } = await this.#txn({
      compare: [absent(key)],
      success: [{ requestPut: put }],
      failure: [{ requestRange: { key } }],
    });
    if (succeeded) return header.revision;
    // An answer that was lost: this call was carried out before.
    const [owner] = responses?.[0]?.response_range?.kvs ?? [];
    return owner?.lease === this.#lease ? owner.create_revision : undefined;
  }

  async release(shard: string, epoch: string): Promise<void> {
    const key = this.#owner(shard);
    await this.#txn({
      compare: [created(key, epoch)],
      success: [{ requestDeleteRange: { key } }],
      failure: [],
    });
  }

  async put(
    shard: string,
    epoch: string,
    changes: readonly StateChange[],
    absentKeys: readonly string[] = [],
  ): Promise<void> {
    const owner = this.#owner(shard);
    const keyOf = (key: string) =>
      base64(`${this.#root}state/${encodeURIComponent(shard)}/${encodeURIComponent(key)}`);
    const { succeeded, responses } = await this.#txn({
      compare: [created(owner, epoch), ...absentKeys.map((key) => absent(keyOf(key)))],
      success: changes.map(([key, value]) =>
        value === null
          ? { requestDeleteRange: { key: keyOf(key) } }
          : { requestPut: { key: keyOf(key), value: base64(value) } },
      ),
      failure: [owner, ...absentKeys.map(keyOf)].map((key) => ({ requestRange: { key } })),
    });
    if (succeeded) return;
    const [now, ...found] = (responses ?? []).map((one) => one.response_range?.kvs?.[0]);
    if (now?.create_revision !== epoch)
      throw new NotOwnerError(
        `shard ${shard} ${now ? `is ${text(now.value)}'s now` : "has no owner now"}; epoch ${epoch} is over`,
      );
    const values = new Map(changes);
    // An answer that was lost: this call was carried out before.
    const isDone = absentKeys.every((key, i) => found[i] && text(found[i].value) === values.get(key));
    if (!isDone)
      throw new KeyExistsError(`shard ${shard} has ${absentKeys.find((_, i) => found[i])} already`);
  }

  async leave(): Promise<void> {
    await this.#client.call("/v3/lease/revoke", { ID: this.#lease });
  }

  #txn(txn: object): Promise<TxnAnswer> {
    return this.#client.call<TxnAnswer>("/v3/kv/txn", txn);
  }

  #owner(shard: string): string {
    return base64(`${this.#root}estate/owner/${encodeURIComponent(shard)}`);
  }
}

function absent(key: string): object {
  return { key, target: "VERSION", result: "EQUAL", version: "0" };
}

function created(key: string, revision: string): object {
  return { key, target: "CREATE", result: "EQUAL", create_revision: revision };
}

function base64(plain: string): string {
  return Buffer.from(plain).toString("base64");
}

function text(encoded: string | undefined): string {
  return Buffer.from(encoded ?? "", "base64").toString();
}

/** First key after all that begin with this one (etcd: range_end of a prefix). */
function endOf(prefix: string): string {
  return `${prefix.slice(0, -1)}${String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1)}`;
}
