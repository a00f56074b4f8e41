import { execFile, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { findProgram } from "./mosquitto.ts";
import { ServerProcess } from "./server-process.ts";

export const prometheusInstalled =
  findProgram("prometheus") !== undefined && findProgram("promtool") !== undefined;

/** Runs promtool; rejects with what it wrote where it finds a fault. */
export async function promtool(args: readonly string[], input?: string): Promise<string> {
  const program = findProgram("promtool")!;
  if (input === undefined) return (await promisify(execFile)(program, args)).stdout;
  const { status, stdout, stderr } = spawnSync(program, args, { input, encoding: "utf8", timeout: 20_000 });
  if (status !== 0) throw new Error(stdout + stderr);
  return stdout + stderr;
}

/** A free port below those that the system gives to clients, which could take it before the server starts. */
async function lowPort(): Promise<number> {
  for (let port = 20_000 + (process.pid % 10_000); ; port++) {
    const server = createServer().listen(port, "127.0.0.1");
    try {
      await once(server, "listening");
    } catch {
      continue;
    }
    server.close();
    await once(server, "close");
    return port;
  }
}

/** A real Prometheus on a free port of 127.0.0.1, with a folder of its own, that scrapes one address every second. */
export class Prometheus {
  readonly #port: number;
  readonly #folder = mkdtempSync(join(tmpdir(), "prometheus-"));
  readonly #server = new ServerProcess();

  private constructor(port: number) {
    this.#port = port;
  }

  static async run(target: string, rules: string): Promise<Prometheus> {
    const prometheus = new Prometheus(await lowPort());
    await prometheus.#start(target, rules);
    return prometheus;
  }

  async #start(target: string, rules: string): Promise<void> {
    const config = join(this.#folder, "prometheus.yml");
    const { host, pathname } = new URL(target);
    const job = { job_name: "voltbridge", metrics_path: pathname, static_configs: [{ targets: [host] }] };
    const global = { scrape_interval: "1s", evaluation_interval: "1s" };
    // YAML reads JSON.
    writeFileSync(config, JSON.stringify({ global, rule_files: [rules], scrape_configs: [job] }));
    const address = `127.0.0.1:${this.#port}`;
    await this.#server.start({
      program: findProgram("prometheus")!,
      args: [
        ...[`--config.file=${config}`, `--storage.tsdb.path=${join(this.#folder, "data")}`],
        `--web.listen-address=${address}`,
      ],
      answers: () =>
        fetch(`http://${address}/-/ready`).then(
          ({ ok }) => ok,
          () => false,
        ),
      deadlineMs: 20_000,
    });
  }

  /** Returns the series that an expression gives now. */
  async query(expression: string): Promise<{ metric: Record<string, string>; value: number }[]> {
    const url = new URL(`http://127.0.0.1:${this.#port}/api/v1/query`);
    url.searchParams.set("query", expression);
    const { data } = (await (await fetch(url)).json()) as {
      data: { result: { metric: Record<string, string>; value: [number, string] }[] };
    };
    return data.result.map(({ metric, value: [, value] }) => ({ metric, value: Number(value) }));
  }

  async dispose(): Promise<void> {
    await this.#server.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
