import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import {
  type ClusterStore,
  type EstateView,
  KeyExistsError,
  LeaseLostError,
  MemberExistsError,
  type MemberRecord,
  MOST_CHANGES,
  NotOwnerError,
} from "../../src/cluster/contract.ts";
import { eventually } from "../helpers/eventually.ts";

const TTL_MS = 3000;
const never = new AbortController().signal;

export interface ClusterService {
  /** Opens a store of an estate that no other call has used. */
  estate(): { open(): ClusterStore };
}

/** What holds for every backend of src/cluster/contract.ts. */
export function clusterContract(name: string, service: () => ClusterService): void {
  describe(`a cluster in ${name}`, () => {
    it("has each member once, and each shard one owner", async () => {
      await using test = new Estate(service());
      const a = await test.store.join(member("a"), TTL_MS);
      const b = await test.other.join(member("b"), TTL_MS);
      await expect(test.other.join(member("a", "another run"), TTL_MS)).rejects.toThrow(MemberExistsError);
      const epochs = await Promise.all(
        Array.from({ length: 20 }, async (_, i) => {
          const shard = `shard ${i}`;
          return Promise.all([a.claim(shard), b.claim(shard)]);
        }),
      );
      for (const [ofA, ofB] of epochs) expect([ofA, ofB].filter((one) => one === undefined)).toHaveLength(1);
      const { owners, members } = await test.store.view();
      expect(owners.size).toBe(20);
      expect([...members.keys()].sort()).toEqual(["a", "b"]);
      expect(members.get("a")).toEqual(member("a"));
    });

    it("gives a later ownership a greater epoch, after which the one before can put nothing", async () => {
      await using test = new Estate(service());
      const a = await test.store.join(member("a"), TTL_MS);
      const b = await test.other.join(member("b"), TTL_MS);
      const first = await a.claim("s");
      expect(await b.claim("s")).toBeUndefined();
      await a.put("s", first!, [["key", "of a"]]);
      await a.release("s", first!);
      await expect(a.put("s", first!, [["key", "late"]])).rejects.toThrow(NotOwnerError);
      const second = await b.claim("s");
      expect(BigInt(second!)).toBeGreaterThan(BigInt(first!));
      await expect(a.put("s", first!, [["key", "late"]])).rejects.toThrow(NotOwnerError);
      await a.release("s", first!);
      await b.put("s", second!, [["other", "of b"]]);
      expect(await test.store.list("s")).toEqual(
        new Map([
          ["key", "of a"],
          ["other", "of b"],
        ]),
      );
    });

    it("puts all changes or none", async () => {
      await using test = new Estate(service());
      const a = await test.store.join(member("a"), TTL_MS);
      const epoch = (await a.claim("s"))!;
      await a.put("s", epoch, [["command", "1"]], ["command"]);
      const again = a.put(
        "s",
        epoch,
        [
          ["x", "1"],
          ["command", "2"],
        ],
        ["command"],
      );
      await expect(again).rejects.toThrow(KeyExistsError);
      expect(await test.store.list("s")).toEqual(new Map([["command", "1"]]));
      const many = Array.from({ length: MOST_CHANGES }, (_, i): [string, string] => [`k${i}`, `${i}`]);
      await a.put("s", epoch, many);
      await a.put(
        "s",
        epoch,
        many.slice(0, 99).map(([key]) => [key, null] as const),
      );
      expect(await test.store.list("s")).toEqual(new Map([["command", "1"], many[99]!]));
    });

    it("keeps keys and values of any text, and those of shards and estates apart", async () => {
      await using test = new Estate(service());
      await using elsewhere = new Estate(service());
      const a = await test.store.join(member("a"), TTL_MS);
      const odd = ['["holds","garage/1 limit"]', "a/b", "ä ö 漢 🚗", "%2F", "with\nline", " "];
      const epoch = (await a.claim("s/x"))!;
      await a.put(
        "s/x",
        epoch,
        odd.map((key) => [key, `value of ${key}`.repeat(50)]),
      );
      const prefix = (await a.claim("s"))!;
      await a.put("s", prefix, [["own", "1"]]);
      expect([...(await test.store.list("s/x")).keys()].sort()).toEqual(odd.sort());
      expect(await test.store.list("s")).toEqual(new Map([["own", "1"]]));
      expect((await elsewhere.store.list("s")).size).toBe(0);
      expect((await elsewhere.store.view()).members.size).toBe(0);
    });

    it("lists a state of thousands of keys whole", async () => {
      await using test = new Estate(service());
      const a = await test.store.join(member("a"), TTL_MS);
      const epoch = (await a.claim("s"))!;
      for (let n = 0; n < 2500; n += MOST_CHANGES)
        await a.put(
          "s",
          epoch,
          Array.from({ length: MOST_CHANGES }, (_, i) => [`k${n + i}`, "1"]),
        );
      expect((await test.store.list("s")).size).toBe(2500);
    });

    it("sets a setting only where it is what was expected", async () => {
      await using test = new Estate(service());
      expect(await test.store.set("revision", "r1", null)).toBe(true);
      expect(await test.store.set("revision", "r2", null)).toBe(false);
      expect(await test.store.set("revision", "r2", "r0")).toBe(false);
      expect(await test.store.set("revision", "r2", "r1")).toBe(true);
      expect(await test.store.set("move/a shard", "b")).toBe(true);
      expect((await test.store.view()).settings).toEqual(
        new Map([
          ["revision", "r2"],
          ["move/a shard", "b"],
        ]),
      );
      expect(await test.store.set("move/a shard", null)).toBe(true);
      expect((await test.store.view()).settings.size).toBe(1);
    });

    it("ends what is not renewed, and with it every ownership, and not what is", async () => {
      await using test = new Estate(service());
      const a = await test.store.join(member("a"), TTL_MS);
      const b = await test.other.join(member("b"), TTL_MS);
      const epoch = (await a.claim("s"))!;
      const begun = performance.now();
      while (performance.now() - begun < TTL_MS + 1500) {
        await b.renew(never);
        await delay(300);
      }
      const { members, owners } = await test.store.view();
      expect([[...members.keys()], owners.size]).toEqual([["b"], 0]);
      await expect(a.renew(never)).rejects.toThrow(LeaseLostError);
      const put = a.put("s", epoch, [["late", "1"]]);
      await expect(put).rejects.toSatisfy((e) => e instanceof NotOwnerError || e instanceof LeaseLostError);
      expect(await b.claim("s")).toBeDefined();
      await test.store.join(member("a", "another run"), TTL_MS);
    }, 15_000);

    it("lets a member that leaves go at once, and the same run join again", async () => {
      await using test = new Estate(service());
      const a = await test.store.join(member("a"), TTL_MS);
      await a.claim("s");
      await a.leave();
      const { members, owners } = await test.store.view();
      expect([members.size, owners.size]).toEqual([0, 0]);
      const first = await test.store.join(member("a"), TTL_MS);
      await first.claim("s");
      const second = await test.store.join(member("a"), TTL_MS);
      await expect(first.renew(never)).rejects.toThrow(LeaseLostError);
      expect(await second.claim("s")).toBeDefined();
    });

    it("tells those who watch of members, owners and settings", async () => {
      await using test = new Estate(service());
      const views: EstateView[] = [];
      const end = test.other.watch(
        (view) => views.push(view),
        (error) => expect.unreachable(String(error)),
      );
      const a = await test.store.join(member("a"), TTL_MS);
      await a.announce({ ...member("a"), files: "r2" });
      const epoch = await a.claim("s");
      await test.store.set("drain/a", "yes");
      await eventually(
        () => {
          const last = views.at(-1);
          expect(last?.members.get("a")?.files).toBe("r2");
          expect(last?.owners).toEqual(new Map([["s", { member: "a", epoch }]]));
          expect(last?.settings.get("drain/a")).toBe("yes");
        },
        5000,
        20,
      );
      await a.leave();
      await eventually(() => expect(views.at(-1)?.owners.size).toBe(0), 5000, 20);
      end();
    });
  });
}

class Estate implements AsyncDisposable {
  readonly store: ClusterStore;
  readonly other: ClusterStore;

  constructor(service: ClusterService) {
    const estate = service.estate();
    this.store = estate.open();
    this.other = estate.open();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.store.close(), this.other.close()]);
  }
}

export function member(id: string, run = `run of ${id}`): MemberRecord {
  return {
    ...{ id, run, host: `host of ${id}`, version: "1", startedAt: "2026-12-01T00:00:00Z", weight: 1 },
    ...{ revision: null, files: "r1" },
  };
}
