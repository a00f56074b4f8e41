import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findProgram, freePort } from "./mosquitto.ts";
import { ServerProcess } from "./server-process.ts";

export const etcdInstalled = findProgram("etcd") !== undefined;

export interface EtcdOptions {
  /** Number of nodes. Default: 1. */
  readonly nodes?: number;
  /** Further arguments of every node. */
  readonly args?: readonly string[];
  /** Words before the program, e.g. `ip netns exec one`, and the address of each node. Default: all on 127.0.0.1. */
  readonly hosts?: readonly { readonly prefix: readonly string[]; readonly address: string }[];
}

/** Real etcd, of one node or several, with folders of its own. */
export class Etcd {
  readonly nodes: readonly EtcdNode[];
  readonly #folder: string;

  static async run({ nodes: count = 1, args = [], hosts = [] }: EtcdOptions = {}): Promise<Etcd> {
    const folder = mkdtempSync(join(tmpdir(), "etcd-"));
    const local = { prefix: [], address: "127.0.0.1" };
    const places = await Promise.all(
      Array.from({ length: count }, async (_, i) => {
        const { prefix, address } = hosts[i] ?? local;
        const [client, peer] = [await freePort(), await freePort()];
        const urls = { client: `http://${address}:${client}`, peer: `http://${address}:${peer}` };
        return { name: `n${i + 1}`, prefix, ...urls };
      }),
    );
    const cluster = places.map(({ name, peer }) => `${name}=${peer}`).join(",");
    const nodes = places.map(
      ({ name, prefix, client, peer }) =>
        new EtcdNode(client, prefix, [
          ...["--name", name, "--data-dir", join(folder, name), "--logger", "zap", "--log-level", "error"],
          ...["--listen-client-urls", client, "--advertise-client-urls", client],
          ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer],
          ...["--initial-cluster", cluster, "--initial-cluster-state", "new"],
          ...["--initial-cluster-token", folder, ...args],
        ]),
    );
    const etcd = new Etcd(nodes, folder);
    await etcd.start();
    return etcd;
  }

  private constructor(nodes: readonly EtcdNode[], folder: string) {
    this.nodes = nodes;
    this.#folder = folder;
  }

  get endpoints(): string[] {
    return this.nodes.map(({ url }) => url);
  }

  /** Starts the nodes that do not run. */
  async start(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.start()));
  }

  async kill(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill()));
  }

  /** Loses all data, as with new disks, and starts again. */
  async lose(): Promise<void> {
    await this.kill();
    for (let i = 1; i <= this.nodes.length; i++)
      rmSync(join(this.#folder, `n${i}`), { recursive: true, force: true });
    await this.start();
  }

  /** The node that leads at present. */
  async leader(): Promise<EtcdNode> {
    for (const node of this.nodes) {
      const status = await node.status();
      if (status && status.leader === status.header.member_id) return node;
    }
    throw new Error("no node leads");
  }

  async dispose(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

interface Status {
  readonly leader?: string;
  readonly header: { readonly member_id: string };
}

export class EtcdNode {
  readonly url: string;
  readonly #prefix: readonly string[];
  readonly #args: readonly string[];
  readonly server = new ServerProcess();
  #runs = false;

  constructor(url: string, prefix: readonly string[], args: readonly string[]) {
    this.url = url;
    this.#prefix = prefix;
    this.#args = args;
  }

  async start(): Promise<void> {
    if (this.#runs) return;
    this.#runs = true;
    const [program, ...args] = [...this.#prefix, findProgram("etcd")!, ...this.#args];
    await this.server.start({
      program: program!,
      args,
      answers: async () => ((await this.status())?.leader ?? "0") !== "0",
      deadlineMs: 20_000,
    });
  }

  async kill(): Promise<void> {
    this.#runs = false;
    await this.server.kill();
  }

  async status(): Promise<Status | undefined> {
    try {
      const answer = await fetch(`${this.url}/v3/maintenance/status`, {
        method: "POST",
        body: "{}",
        signal: AbortSignal.timeout(1000),
      });
      return answer.ok ? ((await answer.json()) as Status) : undefined;
    } catch {
      return undefined;
    }
  }
}
