import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { findProgram, freePort } from "./mosquitto.ts";

export const influxInstalled = findProgram("influxd") !== undefined;

export interface InfluxdOptions {
  /** Bytes that a request may have. */
  readonly maxBodySize?: number;
  /** Whether a name and password are needed. The first user is made with `CREATE USER … WITH ALL PRIVILEGES`. */
  readonly auth?: boolean;
}

/** A real InfluxDB 1.x on a free port of 127.0.0.1, with a folder of its own. */
export class Influxd {
  readonly port: number;
  readonly url: string;
  readonly folder: string;
  log = "";
  #process: ChildProcess | undefined;

  private constructor(port: number, folder: string) {
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.folder = folder;
  }

  static async run(options: InfluxdOptions = {}): Promise<Influxd> {
    const influxd = new Influxd(await freePort(), mkdtempSync(join(tmpdir(), "influxd-")));
    writeFileSync(join(influxd.folder, "influxdb.conf"), config(influxd, options));
    await influxd.start();
    return influxd;
  }

  async start(): Promise<void> {
    const child = spawn(findProgram("influxd")!, ["-config", join(this.folder, "influxdb.conf")], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#process = child;
    // Where a test process ends early, its servers must not stay behind.
    const endWithUs = (): void => void child.kill("SIGKILL");
    process.once("exit", endWithUs);
    child.once("exit", () => process.off("exit", endWithUs));
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk) => {
        this.log += chunk;
      });
    const deadline = Date.now() + 15_000;
    while (!(await this.#answers())) {
      if (child.exitCode !== null || Date.now() > deadline) {
        child.kill("SIGKILL");
        throw new Error(`influxd did not start:\n${this.log}`);
      }
      await delay(20);
    }
  }

  /** Answers of an InfluxQL query: rows of all series, with the column names as keys. */
  async query(text: string, database = "", login?: string): Promise<Record<string, unknown>[]> {
    const response = await fetch(`${this.url}/query?${new URLSearchParams({ db: database, epoch: "u" })}`, {
      method: "POST",
      body: new URLSearchParams({ q: text }),
      headers: login === undefined ? {} : { authorization: `Basic ${Buffer.from(login).toString("base64")}` },
      signal: AbortSignal.timeout(10_000),
    });
    const answer = (await response.json()) as {
      error?: string;
      results?: { error?: string; series?: { name: string; columns: string[]; values: unknown[][] }[] }[];
    };
    const error = answer.error ?? answer.results?.find((result) => result.error)?.error;
    if (error) throw new Error(`${text}: ${error}`);
    return (answer.results ?? [])
      .flatMap(({ series = [] }) => series)
      .flatMap(({ name, columns, values }) =>
        values.map((row) => ({
          measurement: name,
          ...Object.fromEntries(columns.map((column, i) => [column, row[i]])),
        })),
      );
  }

  /** It keeps its connections and does nothing. */
  pause(): void {
    this.#process?.kill("SIGSTOP");
  }

  resume(): void {
    this.#process?.kill("SIGCONT");
  }

  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
  }

  async dispose(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #answers(): Promise<boolean> {
    try {
      return (await fetch(`${this.url}/ping`, { signal: AbortSignal.timeout(1000) })).status === 204;
    } catch {
      return false;
    }
  }
}

function config({ folder, port }: Influxd, { maxBodySize, auth = false }: InfluxdOptions): string {
  return `reporting-disabled = true
bind-address = "127.0.0.1:0"
[meta]
  dir = "${folder}/meta"
[data]
  dir = "${folder}/data"
  wal-dir = "${folder}/wal"
  query-log-enabled = false
[monitor]
  store-enabled = false
[subscriber]
  enabled = false
[continuous_queries]
  enabled = false
[http]
  bind-address = "127.0.0.1:${port}"
  auth-enabled = ${auth}
  log-enabled = false
${maxBodySize === undefined ? "" : `  max-body-size = ${maxBodySize}\n`}`;
}
