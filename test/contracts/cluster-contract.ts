import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ClusterStore, EstateView, MemberRecord } from "../../src/cluster/contract.ts";
import { eventually } from "../helpers/eventually.ts";
import { TcpProxy } from "../helpers/tcp-proxy.ts";

export interface ClusterServer {
  /** Port of 127.0.0.1. */
  readonly port: number;
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
  start(): Promise<void>;
  dispose(): Promise<void>;
}

export interface ClusterUnderTest {
  run(): Promise<ClusterServer>;
  /** Opens a store by a port of 127.0.0.1, with a `timeout` of a second. */
  open(instance: string, port: number): ClusterStore;
  /** Part of the request that makes a change. */
  readonly changing: string;
}

export const memberOf = (id: string, more: Partial<MemberRecord> = {}): MemberRecord => ({
  ...{ id, run: randomUUID(), host: "host", version: "1", startedAt: "2026-01-01T00:00:00Z" },
  ...{ weight: 1, revision: null, files: "f1", ...more },
});

const TTL_MS = 2000;
const LONG_MS = 30_000;

export function clusterContract(name: string, { run, open, changing }: ClusterUnderTest): void {
  describe(`${name}: the cluster contract`, () => {
    let server: ClusterServer;
    const stores: ClusterStore[] = [];
    const proxies: TcpProxy[] = [];
    const store = (instance: string, port = server.port): ClusterStore => {
      const opened = open(instance, port);
      stores.push(opened);
      return opened;
    };
    const proxied = async (): Promise<TcpProxy> => {
      const proxy = await TcpProxy.before(server.port);
      proxies.push(proxy);
      return proxy;
    };

    beforeAll(async () => {
      server = await run();
    }, 30_000);
    afterAll(async () => {
      for (const one of stores) await one.close();
      for (const one of proxies) await one.close();
      await server.dispose();
    });

    test("of two claims one wins; a claim after a release has a greater epoch", async () => {
      const one = store("race");
      const a = await one.join(memberOf("a"), LONG_MS);
      const b = await store("race").join(memberOf("b"), LONG_MS);
      for (let shard = 0; shard < 10; shard++) {
        const epochs = await Promise.all([a.claim(`s/${shard}`), b.claim(`s/${shard}`)]);
        expect(epochs.filter((epoch) => epoch !== undefined)).toHaveLength(1);
      }
      const first = await a.claim("own");
      expect(await a.claim("own")).toBe(first);
      await a.release("own", first!);
      await a.release("own", first!);
      const second = await b.claim("own");
      expect(Number(second)).toBeGreaterThan(Number(first));
      await a.release("own", first!);
      expect((await one.view()).owners.get("own")).toEqual({ member: "b", epoch: second });
      await expect(a.put("own", first!, [["k", "v"]])).rejects.toMatchObject({ name: "NotOwnerError" });
      await b.leave();
      const { members, owners } = await one.view();
      expect([...members.keys()]).toEqual(["a"]);
      expect(owners.has("own")).toBe(false);
      await expect(b.claim("own")).rejects.toMatchObject({ name: "LeaseLostError" });
    });

    test("one process is a member; the same process joins again without its old ownership", async () => {
      const one = store("join");
      const record = memberOf("a");
      const old = await one.join(record, LONG_MS);
      const epoch = await old.claim("s");
      await expect(one.join(memberOf("a"), LONG_MS)).rejects.toMatchObject({ name: "MemberExistsError" });
      const again = await one.join(record, LONG_MS);
      await expect(old.put("s", epoch!, [["k", "v"]])).rejects.toMatchObject({ name: "LeaseLostError" });
      expect(Number(await again.claim("s"))).toBeGreaterThan(Number(epoch));
      await again.announce({ ...record, revision: "r2" });
      expect((await one.view()).members.get("a")?.revision).toBe("r2");
    });

    test("an ended lease frees its shards; the holder that paused can do nothing", async () => {
      const one = store("expiry");
      const a = await one.join(memberOf("a"), TTL_MS);
      const b = await one.join(memberOf("b"), LONG_MS);
      const epoch = (await a.claim("s"))!;
      await a.renew(AbortSignal.timeout(1000));
      const renewed = performance.now();
      const seen: EstateView[] = [];
      const stop = one.watch(
        (view) => seen.push(view),
        () => {},
      );
      const taken = await eventually(
        async () => {
          const claimed = await b.claim("s");
          expect(claimed).toBeDefined();
          return claimed!;
        },
        10_000,
        50,
      );
      expect(performance.now() - renewed).toBeGreaterThan(TTL_MS - 100);
      expect(performance.now() - renewed).toBeLessThan(TTL_MS + 1500);
      expect(Number(taken)).toBeGreaterThan(Number(epoch));
      await expect(a.put("s", epoch, [["k", "v"]])).rejects.toMatchObject({ name: "LeaseLostError" });
      await expect(a.renew(AbortSignal.timeout(1000))).rejects.toMatchObject({ name: "LeaseLostError" });
      await eventually(() => {
        expect([...seen.at(-1)!.members.keys()]).toEqual(["b"]);
        expect(seen.at(-1)!.owners.get("s")).toEqual({ member: "b", epoch: taken });
      }, 5000);
      stop();
    });

    test("a put is all or nothing, whatever the texts", async () => {
      const one = store('odd /"instance" ü');
      const a = await one.join(memberOf("a"), LONG_MS);
      const shard = 'https://x/y "ü" 店';
      const epoch = (await a.claim(shard))!;
      const key = '["cmd/1","a b",{"x":"ü%2F/😀"}]';
      const big = "v€".repeat(500);
      await a.put(
        shard,
        epoch,
        [
          [key, big],
          ["other/", ""],
          ["gone", "x"],
        ],
        [key],
      );
      await a.put(shard, epoch, [
        ["gone", null],
        ["never", null],
      ]);
      expect(await one.list(shard)).toEqual(
        new Map([
          [key, big],
          ["other/", ""],
        ]),
      );
      await expect(
        a.put(
          shard,
          epoch,
          [
            ["new", "1"],
            ["other/", null],
          ],
          ["new", key],
        ),
      ).rejects.toMatchObject({
        name: "KeyExistsError",
      });
      await expect(a.put(shard, "1", [["new", "1"]])).rejects.toMatchObject({ name: "NotOwnerError" });
      const many = Array.from({ length: 101 }, (_, at) => [`m${at}`, "v"] as const);
      await expect(a.put(shard, epoch, many)).rejects.toThrow(/at most 100/);
      expect((await one.list(shard)).size).toBe(2);
      const most = many.slice(0, 100);
      await a.put(
        shard,
        epoch,
        most,
        most.map(([name]) => name),
      );
      await Promise.all(Array.from({ length: 20 }, (_, at) => a.put(shard, epoch, [[`p${at}`, "v"]])));
      expect((await one.list(shard)).size).toBe(122);
      expect(await one.list("x")).toEqual(new Map());
      const same = await Promise.allSettled(
        [1, 2, 3].map((at) => a.put(shard, epoch, [[`by${at}`, ""]], ["once"])),
      );
      expect(same.every(({ status }) => status === "fulfilled")).toBe(true);
      const once = await Promise.allSettled(
        [1, 2, 3].map(() => a.put(shard, epoch, [["once", ""]], ["once"])),
      );
      expect(once.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    });

    test("a setting is changed only from what is expected", async () => {
      const one = store("settings");
      expect(await one.set("a/b", "1", "0")).toBe(false);
      expect(await one.set("a/b", "1", null)).toBe(true);
      expect(await one.set("a/b", "2", null)).toBe(false);
      expect(await one.set("a/b", "2", "1")).toBe(true);
      expect((await one.view()).settings).toEqual(new Map([["a/b", "2"]]));
      expect(await one.set("a/b", null)).toBe(true);
      expect((await one.view()).settings.size).toBe(0);
    });

    test("an answer that is lost after the execution is not misread", async () => {
      const proxy = await proxied();
      const one = store("lost", proxy.port);
      const a = await one.join(memberOf("a"), LONG_MS);
      const losing = async <T>(call: () => Promise<T>): Promise<T> => {
        let sent = false;
        proxy.tap = (_, from, bytes) => {
          if (!sent && from === "near" && bytes !== "end" && bytes.includes(changing)) {
            sent = true;
            proxy.trouble = { kind: "cut", bytes: 0 };
          } else if (bytes === "end") proxy.trouble = undefined;
        };
        const answer = await call();
        expect(sent, "an answer was lost").toBe(true);
        proxy.heal();
        return answer;
      };
      const epoch = await losing(() => a.claim("s"));
      expect((await one.view()).owners.get("s")).toEqual({ member: "a", epoch });
      await losing(() => a.put("s", epoch!, [["k", "1"]], ["k"]));
      expect(await one.list("s")).toEqual(new Map([["k", "1"]]));
      await expect(a.put("s", epoch!, [["k", "1"]], ["k"])).rejects.toMatchObject({ name: "KeyExistsError" });
    });

    test("a server that does not answer is reported, and a watch goes on after its restart", async () => {
      const one = store("restart");
      const a = await one.join(memberOf("a"), LONG_MS);
      const epoch = (await a.claim("s"))!;
      await a.put("s", epoch, [["k", "v"]]);
      const seen: EstateView[] = [];
      const failures: unknown[] = [];
      const stop = one.watch(
        (view) => seen.push(view),
        (error) => failures.push(error),
      );
      await eventually(() => expect(seen).not.toHaveLength(0), 5000, 20);
      await one.set("x", "1");
      await eventually(() => expect(seen.at(-1)!.settings.get("x")).toBe("1"), 3000, 20);
      server.pause();
      const asked = performance.now();
      await expect(a.put("s", epoch, [["late", "v"]])).rejects.toMatchObject({
        name: "ClusterUnavailableError",
      });
      expect(performance.now() - asked).toBeLessThan(4000);
      server.resume();
      await server.stop();
      await expect(one.view()).rejects.toThrow(new RegExp(`127\\.0\\.0\\.1:${server.port}.*`));
      await server.start();
      await eventually(() => one.set("x", "2"), 10_000);
      await eventually(() => expect(seen.at(-1)!.settings.get("x")).toBe("2"), 10_000, 20);
      expect(failures).not.toHaveLength(0);
      expect((await one.list("s")).get("k")).toBe("v");
      await eventually(() => a.put("s", epoch, [["k", "w"]]), 10_000);
      stop();
    });
  });
}
