import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { findProgram, freePort } from "./mosquitto.ts";
import { ServerProcess } from "./server-process.ts";

export function etcdInstalled(): boolean {
  return findProgram("etcd") !== undefined;
}

export interface EtcdOptions {
  /** Command that runs each node, e.g. `["ip", "netns", "exec", name]`. */
  readonly prefix?: (node: number) => readonly string[];
  /** Address that each node listens at. */
  readonly host?: (node: number) => string;
  readonly args?: readonly string[];
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
}

/** One node of a real etcd, with a folder of its own. */
export class EtcdNode {
  readonly url: string;
  readonly port: number;
  readonly #start: readonly string[];
  readonly #answers: () => Promise<boolean>;
  readonly #server = new ServerProcess();

  constructor(url: string, start: readonly string[], answers: (url: string) => Promise<boolean>) {
    this.url = url;
    this.port = Number(new URL(url).port);
    this.#start = start;
    this.#answers = () => answers(url);
  }

  get pid(): number | undefined {
    return this.#server.pid;
  }

  async start(): Promise<void> {
    const [program, ...args] = this.#start;
    await this.#server.start({ program: program!, args, answers: this.#answers, deadlineMs: 15_000 });
  }

  stop(): Promise<void> {
    return this.#server.end("SIGTERM");
  }

  kill(): Promise<void> {
    return this.#server.kill();
  }

  pause(): void {
    this.#server.pause();
  }

  resume(): void {
    this.#server.resume();
  }
}

/** An etcd of one node or several. Not for tests of durability. */
export class Etcd {
  readonly nodes: readonly EtcdNode[];
  readonly #folder: string;

  private constructor(nodes: readonly EtcdNode[], folder: string) {
    this.nodes = nodes;
    this.#folder = folder;
  }

  static async run(count: 1 | 3 = 1, options: EtcdOptions = {}): Promise<Etcd> {
    const { prefix = () => [], host = () => "127.0.0.1", args = [], tls } = options;
    const folder = mkdtempSync(join(tmpdir(), "etcd-"));
    const ports: number[] = [];
    while (ports.length < 2 * count) {
      const port = await freePort();
      if (!ports.includes(port)) ports.push(port);
    }
    const scheme = tls ? "https" : "http";
    const peer = (node: number) => `http://${host(node)}:${ports[2 * node]}`;
    const cluster = Array.from({ length: count }, (_, node) => `n${node}=${peer(node)}`).join(",");
    const nodes = Array.from({ length: count }, (_, node) => {
      const url = `${scheme}://${host(node)}:${ports[2 * node + 1]}`;
      return new EtcdNode(
        url,
        [
          ...prefix(node),
          findProgram("etcd")!,
          ...[
            "--name",
            `n${node}`,
            "--data-dir",
            join(folder, `n${node}`),
            "--logger",
            "zap",
            "--log-level",
            "error",
          ],
          ...["--listen-client-urls", url, "--advertise-client-urls", url],
          ...["--listen-peer-urls", peer(node), "--initial-advertise-peer-urls", peer(node)],
          ...["--initial-cluster", cluster, "--auto-compaction-retention", "1m"],
          ...(tls
            ? [
                "--trusted-ca-file",
                tls.ca,
                "--cert-file",
                tls.cert,
                "--key-file",
                tls.key,
                "--client-cert-auth",
              ]
            : []),
          ...args,
        ],
        (at) => answers(at, [...prefix(node)], tls),
      );
    });
    const etcd = new Etcd(nodes, folder);
    await Promise.all(nodes.map((node) => node.start()));
    return etcd;
  }

  get endpoints(): string[] {
    return this.nodes.map(({ url }) => url);
  }

  async dispose(): Promise<void> {
    for (const node of this.nodes) {
      node.resume();
      await node.kill();
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Asked by a process, which a namespace may need. */
async function answers(url: string, prefix: string[], tls: EtcdOptions["tls"]): Promise<boolean> {
  const code = `
    const [url, ...files] = process.argv.slice(1);
    const { readFileSync } = require("node:fs");
    const [ca, cert, key] = files.map((file) => readFileSync(file));
    require(url.startsWith("https") ? "node:https" : "node:http")
      .get(url + "/health", { ca, cert, key, timeout: 1000 }, (answer) => {
        let body = "";
        answer.on("data", (chunk) => { body += chunk; }).on("end", () => process.exit(body.includes('"true"') ? 0 : 1));
      }).on("error", () => process.exit(1)).on("timeout", () => process.exit(1));`;
  const [program, ...args] = [
    ...prefix,
    process.execPath,
    "-e",
    code,
    url,
    ...(tls ? [tls.ca, tls.cert, tls.key] : []),
  ];
  try {
    await promisify(execFile)(program!, args, { timeout: 3000 });
    return true;
  } catch {
    return false;
  }
}
