import { describe, expect, it } from "vitest";
import type { MemberRecord, Membership } from "../../src/cluster/contract.ts";
import { NotPermittedError, ShardState, WRITE_MS } from "../../src/cluster/shard-state.ts";
import { StateStore } from "../../src/storage/state-store.ts";
import { EstateDouble } from "../helpers/estate-double.ts";
import { ManualClock } from "../helpers/manual-clock.ts";

const TTL_MS = 6000;
const SHARD = "account";
const never = new AbortController().signal;

/** Owners of one shard, one after the other. */
class Owners {
  readonly clock = new ManualClock();
  readonly service = new EstateDouble(this.clock);
  readonly lost: unknown[] = [];
  validUntil = Number.POSITIVE_INFINITY;

  async next(id: string): Promise<{ state: ShardState; store: StateStore; membership: Membership }> {
    const client = this.service.store();
    const record: MemberRecord = {
      ...{ id, run: id, host: id, version: "1", startedAt: "2026-12-01T00:00:00Z", weight: 1 },
      ...{ revision: "r1", files: "r1" },
    };
    const membership = await client.join(record, 1e9);
    const epoch = await membership.claim(SHARD);
    const state = new ShardState({
      ...{ membership, shard: SHARD, epoch: epoch!, member: id, ttlMs: TTL_MS, clock: this.clock },
      stored: await client.list(SHARD),
      validUntil: () => this.validUntil,
      forbidden: () => undefined,
      onLost: (error) => this.lost.push(error),
    });
    const store = StateStore.inMemory(state.entries, (changes) => state.saved(changes));
    return { state, store, membership };
  }

  /** The first owner of a new shard waits; this one does not. */
  async settled(id: string) {
    const first = await this.next("first");
    await this.clock.advance(TTL_MS + 2000);
    first.state.end();
    await first.membership.leave();
    return await this.next(id);
  }
}

describe("the state of a shard", () => {
  it("comes to the next owner as the last one left it", async () => {
    const owners = new Owners();
    const a = await owners.settled("a");
    const holds = a.store.namespace("holds");
    holds.set("garage/1 limit", { kw: 3.3 });
    holds.set("garage/2 limit", { kw: 7 });
    a.store.namespace("paused").set("garage/3", { since: "now" });
    holds.set("garage/2 limit", null);
    await a.state.flush();
    await a.membership.leave();
    const b = await owners.next("b");
    expect(b.store.namespace("holds").entries()).toEqual([["garage/1 limit", { kw: 3.3 }]]);
    expect(b.store.namespace("paused").get("garage/3")).toEqual({ since: "now" });
  });

  it("is committed before a write is permitted, and holds it back when that fails", async () => {
    const owners = new Owners();
    const a = await owners.settled("a");
    a.store.namespace("commands").set("operator 1", { at: 1 });
    const { holder, deadline, ended } = await a.state.permit("garage/1", never);
    expect(holder).toMatch(/^a\/\d+$/);
    expect(deadline).toBe(owners.clock.monotonic() + WRITE_MS);
    const keys = [...owners.service.state.get(SHARD)!.keys()];
    expect(keys).toContain(JSON.stringify(["commands", "operator 1"]));
    expect(keys).toContain(JSON.stringify(["write", `${holder}/1`]));
    ended(true);
    await owners.clock.advance(100);
    expect([...owners.service.state.get(SHARD)!.keys()]).not.toContain(
      JSON.stringify(["write", `${holder}/1`]),
    );
    owners.service.isUp = false;
    await expect(a.state.permit("garage/1", never)).rejects.toThrow(NotPermittedError);
    owners.service.isUp = true;
    await owners.clock.advance(1000);
    await expect(a.state.permit("garage/1", never)).resolves.toMatchObject({ holder });
  });

  it("permits nothing near the end of the lease, and no longer than the lease", async () => {
    const owners = new Owners();
    const a = await owners.settled("a");
    owners.validUntil = owners.clock.monotonic() + 4000;
    const { deadline } = await a.state.permit("garage/1", never);
    expect(deadline).toBe(owners.validUntil);
    owners.validUntil = owners.clock.monotonic() + 100;
    await expect(a.state.permit("garage/1", never)).rejects.toThrow(/may have taken over/);
  });

  it("permits nothing and puts nothing after another member has the shard", async () => {
    const owners = new Owners();
    const a = await owners.settled("a");
    await a.membership.leave();
    const b = await owners.next("b");
    b.store.namespace("holds").set("garage/1", "of b");
    await b.state.flush();
    a.store.namespace("holds").set("garage/1", "of a");
    await expect(a.state.permit("garage/1", never)).rejects.toThrow(NotPermittedError);
    expect(owners.lost).toHaveLength(1);
    expect(owners.service.state.get(SHARD)!.get(JSON.stringify(["holds", "garage/1"]))).toBe('"of b"');
  });

  it("waits with writes to a device of which a write of the owner before may still arrive", async () => {
    const owners = new Owners();
    const a = await owners.settled("a");
    await a.state.permit("garage/1", never);
    a.state.end();
    await a.membership.leave();
    const b = await owners.next("b");
    let permitted = false;
    void b.state.permit("garage/1", never).then(() => {
      permitted = true;
    });
    await b.state.permit("garage/2", never);
    await owners.clock.advance(WRITE_MS);
    expect(permitted).toBe(false);
    await owners.clock.advance(1100);
    expect(permitted).toBe(true);
  });

  it("keeps the record of a write whose answer was lost until it cannot arrive any more", async () => {
    const owners = new Owners();
    const a = await owners.settled("a");
    const { ended, holder } = await a.state.permit("garage/1", never);
    const key = JSON.stringify(["write", `${holder}/1`]);
    ended(false);
    await owners.clock.advance(WRITE_MS - 1000);
    expect(owners.service.state.get(SHARD)!.has(key)).toBe(true);
    await owners.clock.advance(3000);
    expect(owners.service.state.get(SHARD)!.has(key)).toBe(false);
  });

  it("of a shard without a record waits until an owner that was forgotten has stopped", async () => {
    const owners = new Owners();
    const a = await owners.next("a");
    let permitted = false;
    void a.state.permit("garage/1", never).then(() => {
      permitted = true;
    });
    await owners.clock.advance(TTL_MS);
    expect(permitted).toBe(false);
    await owners.clock.advance(1100);
    expect(permitted).toBe(true);
  });

  it("puts thousands of changes in the order in which they were made, and nothing twice", async () => {
    const owners = new Owners();
    const a = await owners.settled("a");
    const holds = a.store.namespace("holds");
    for (let i = 0; i < 1000; i++) holds.set(`device ${i}`, i);
    await a.state.permit("garage/1", never);
    const all = owners.service.puts.flat().filter(([key]) => key.startsWith('["holds"'));
    expect(all.map(([, value]) => Number(value))).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  });
});
