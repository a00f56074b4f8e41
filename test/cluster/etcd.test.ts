import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ClusterUnavailableError } from "../../src/cluster/contract.ts";
import { EtcdStore } from "../../src/cluster/etcd/store.ts";
import { clusterContract, member } from "../contracts/cluster-contract.ts";
import { Etcd, etcdInstalled } from "../helpers/etcd.ts";
import { eventually } from "../helpers/eventually.ts";

const open = (endpoints: readonly string[], instance: string, more = {}) =>
  new EtcdStore({ endpoints, timeout: 2, ...more }, instance);

describe.runIf(etcdInstalled)("etcd", () => {
  let etcd: Etcd;
  beforeAll(async () => {
    etcd = await Etcd.run();
  });
  afterAll(() => etcd.dispose());

  clusterContract("etcd", () => ({
    estate() {
      const instance = `estate/${randomUUID()}`;
      return { open: () => open(etcd.endpoints, instance) };
    },
  }));

  it("that does not answer is named with its address", async () => {
    const store = open(["http://127.0.0.1:1"], "test");
    await expect(store.view()).rejects.toThrow(ClusterUnavailableError);
    await expect(store.view()).rejects.toThrow(/127\.0\.0\.1:1/);
    await store.close();
  });

  it("that is paused does not hold a call longer than its timeout, and those who watch see what changed after it", async () => {
    const store = open(etcd.endpoints, "paused", { timeout: 1 });
    const seen: (string | undefined)[] = [];
    const end = store.watch(
      (view) => seen.push(view.settings.get("x")),
      () => undefined,
    );
    await eventually(() => expect(seen.length).toBeGreaterThan(0), 5000, 20);
    etcd.nodes[0]!.server.pause();
    const begun = performance.now();
    await expect(store.set("x", "1")).rejects.toThrow(ClusterUnavailableError);
    expect(performance.now() - begun).toBeLessThan(1500);
    etcd.nodes[0]!.server.resume();
    await store.set("x", "2");
    await eventually(() => expect(seen.at(-1)).toBe("2"), 8000, 50);
    await etcd.kill();
    await etcd.start();
    await store.set("x", "3");
    await eventually(() => expect(seen.at(-1)).toBe("3"), 8000, 50);
    end();
    await store.close();
  }, 30_000);
});

describe.runIf(etcdInstalled)("three nodes of etcd", () => {
  it("go on without their leader within seconds", async () => {
    const etcd = await Etcd.run({ nodes: 3 });
    try {
      const store = open(etcd.endpoints, "three");
      const a = await store.join(member("a"), 10_000);
      const epoch = (await a.claim("s"))!;
      await (await etcd.leader()).kill();
      const begun = performance.now();
      await eventually(() => a.put("s", epoch, [["key", "1"]]), 10_000, 50);
      expect(performance.now() - begun).toBeLessThan(6000);
      expect(await store.list("s")).toEqual(new Map([["key", "1"]]));
      await store.close();
    } finally {
      await etcd.dispose();
    }
  }, 40_000);
});
