import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Agent, request } from "undici";
import { describe, expect, test } from "vitest";
import { clusterBackends } from "../../src/cluster/backends.ts";
import type { EtcdConnection } from "../../src/config/bridge/cluster-schema.ts";
import { clusterContract, memberOf } from "../contracts/cluster-contract.ts";
import { Etcd, etcdInstalled } from "../helpers/etcd.ts";
import { eventually } from "../helpers/eventually.ts";

function open(instance: string, endpoints: readonly string[], more: Partial<EtcdConnection> = {}) {
  return clusterBackends.etcd.open({ instance, connection: { endpoints, timeout: 1, ...more } });
}

describe.skipIf(!etcdInstalled())("etcd", () => {
  clusterContract("etcd", {
    async run() {
      const etcd = await Etcd.run();
      const [node] = etcd.nodes;
      return {
        port: node!.port,
        pause: () => node!.pause(),
        resume: () => node!.resume(),
        stop: () => node!.stop(),
        start: () => node!.start(),
        dispose: () => etcd.dispose(),
      };
    },
    open: (instance, port) => open(instance, [`http://127.0.0.1:${port}`]),
    changing: "/v3/kv/txn",
  });

  test("the leader of three dies, or hangs: calls succeed soon after", async () => {
    const etcd = await Etcd.run(3);
    const store = open("three", etcd.endpoints, { timeout: 2 });
    try {
      const member = await store.join(memberOf("a"), 30_000);
      const epoch = (await member.claim("s"))!;
      const leader = await leaderOf(etcd);
      await leader.kill();
      const killed = performance.now();
      await eventually(() => member.put("s", epoch, [["k", "1"]]), 10_000, 20);
      expect(performance.now() - killed).toBeLessThan(4000);
      await leader.start();
      const next = await leaderOf(etcd);
      next.pause();
      const paused = performance.now();
      await eventually(() => member.put("s", epoch, [["k", "2"]]), 10_000, 20);
      expect(performance.now() - paused).toBeLessThan(6000);
      expect(await store.list("s")).toEqual(new Map([["k", "2"]]));
    } finally {
      await store.close();
      await etcd.dispose();
    }
  }, 60_000);

  test("TLS with client certificates, and a login whose token becomes invalid", async () => {
    // Without a common name: with a login, etcd's gateway refuses certificates that have one.
    const folder = mkdtempSync(join(tmpdir(), "etcd-tls-"));
    const files = {
      ca: join(folder, "cert.pem"),
      cert: join(folder, "cert.pem"),
      key: join(folder, "key.pem"),
    };
    execFileSync(
      "openssl",
      [
        ...[
          "req",
          "-x509",
          "-newkey",
          "ec",
          "-pkeyopt",
          "ec_paramgen_curve:prime256v1",
          "-nodes",
          "-days",
          "2",
        ],
        ...[
          "-keyout",
          files.key,
          "-out",
          files.cert,
          "-subj",
          "/O=voltbridge",
          "-addext",
          "subjectAltName=IP:127.0.0.1",
        ],
      ],
      { stdio: "ignore" },
    );
    const etcd = await Etcd.run(1, { tls: files });
    const stores: ReturnType<typeof open>[] = [];
    const opened = (more: Partial<EtcdConnection>) => {
      const store = open("tls", etcd.endpoints, { timeout: 3, ...more });
      stores.push(store);
      return store;
    };
    try {
      await expect(opened({ timeout: 0.5 }).view()).rejects.toMatchObject({
        name: "ClusterUnavailableError",
      });
      await expect(async () => opened({ ca: join(folder, "none") })).rejects.toThrow(
        /cluster\.connection\.ca/,
      );
      await opened(files).view();
      const [ca, cert, key] = [files.ca, files.cert, files.key].map((file) => readFileSync(file));
      const dispatcher = new Agent({ connect: { ca, cert, key } });
      const post = async (path: string, body: object) => {
        const { statusCode } = await request(etcd.endpoints[0] + path, {
          ...{ method: "POST", body: JSON.stringify(body), dispatcher },
        });
        expect(statusCode, path).toBe(200);
      };
      await post("/v3/auth/user/add", { name: "root", password: "canary-pass" });
      await post("/v3/auth/role/add", { name: "root" });
      await post("/v3/auth/user/grant", { user: "root", role: "root" });
      await post("/v3/auth/enable", {});
      const store = opened({ ...files, username: "root", password: "canary-pass" });
      const member = await store.join(memberOf("a"), 30_000);
      const epoch = (await member.claim("s"))!;
      await etcd.nodes[0]!.kill();
      // Tokens do not survive a restart.
      await etcd.nodes[0]!.start();
      await eventually(() => member.put("s", epoch, [["k", "v"]]), 10_000, 50);
      await expect(opened({ ...files, username: "root", password: "wrong" }).view()).rejects.toThrow(
        /authentication failed/,
      );
    } finally {
      for (const store of stores) await store.close();
      await etcd.dispose();
      rmSync(folder, { recursive: true, force: true });
    }
  }, 60_000);
});

async function leaderOf(etcd: Etcd) {
  return await eventually(async () => {
    for (const node of etcd.nodes) {
      const answer = await fetch(`${node.url}/v3/maintenance/status`, { method: "POST", body: "{}" });
      const { header, leader } = (await answer.json()) as { header: { member_id: string }; leader?: string };
      if (header.member_id === leader) return node;
    }
    throw new Error("no leader");
  });
}
