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

export interface Found {
  readonly metric: Readonly<Record<string, string>>;
  /** Times in seconds. */
  readonly points: readonly (readonly [time: number, value: number])[];
}

/** Asks a server with the HTTP interface of Prometheus. Rejects with its reason where it does not take the expression. */
export async function queryRange(
  server: string,
  query: string,
  { from, to, step }: { readonly from: number; readonly to: number; readonly step: number },
): Promise<Found[]> {
  const body = new URLSearchParams({ query, start: `${from}`, end: `${to}`, step: `${step}` });
  const { result } = await ask(`${server}/api/v1/query_range`, body);
  return result.map(({ metric, values }) => ({
    metric,
    points: values!.map(([time, value]) => [time, Number(value)] as const),
  }));
}

/** The same at one time. */
export async function queryAt(server: string, query: string, time: number): Promise<Found[]> {
  const { result } = await ask(`${server}/api/v1/query`, new URLSearchParams({ query, time: `${time}` }));
  return result.map(({ metric, value }) => ({ metric, points: [[time, Number(value![1])]] }));
}

interface Answer {
  readonly result: readonly {
    readonly metric: Record<string, string>;
    readonly value?: [number, string];
    readonly values?: [number, string][];
  }[];
}

async function ask(url: string, body: URLSearchParams): Promise<Answer> {
  const answer = (await (await fetch(url, { method: "POST", body })).json()) as {
    status: string;
    error?: string;
    data: Answer;
  };
  if (answer.status !== "success") throw new Error(`${body.get("query")}: ${answer.error}`);
  return answer.data;
}

/** A real Prometheus on a free port of 127.0.0.1, with a folder of its own. */
export class Prometheus {
  readonly url: string;
  readonly #port: number;
  readonly #folder = mkdtempSync(join(tmpdir(), "prometheus-"));
  readonly #server = new ServerProcess();

  private constructor(port: number) {
    this.#port = port;
    this.url = `http://127.0.0.1:${port}`;
  }

  /** One that scrapes an address every second. */
  static async run(target: string, rules: string): Promise<Prometheus> {
    const prometheus = new Prometheus(await lowPort());
    const { host, pathname } = new URL(target);
    const job = { job_name: "voltbridge", metrics_path: pathname, static_configs: [{ targets: [host] }] };
    const global = { scrape_interval: "1s", evaluation_interval: "1s" };
    await prometheus.#start({ global, rule_files: [rules], scrape_configs: [job] });
    return prometheus;
  }

  /** One that has these samples of the past (OpenMetrics with times) and scrapes nothing. */
  static async withSamples(openMetrics: string): Promise<Prometheus> {
    const prometheus = new Prometheus(await lowPort());
    const file = join(prometheus.#folder, "samples.txt");
    writeFileSync(file, openMetrics);
    await promtool(["tsdb", "create-blocks-from", "openmetrics", file, prometheus.#data]);
    await prometheus.#start({});
    return prometheus;
  }

  get #data(): string {
    return join(this.#folder, "data");
  }

  async #start(config: object): Promise<void> {
    const file = join(this.#folder, "prometheus.yml");
    // YAML reads JSON.
    writeFileSync(file, JSON.stringify(config));
    const address = `127.0.0.1:${this.#port}`;
    await this.#server.start({
      program: findProgram("prometheus")!,
      args: [
        ...[`--config.file=${file}`, `--storage.tsdb.path=${this.#data}`],
        ...["--storage.tsdb.retention.time=100y", `--web.listen-address=${address}`],
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
