import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findProgram, freePort } from "./mosquitto.ts";
import { ServerProcess } from "./server-process.ts";

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
  readonly #server = new ServerProcess();

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
    await this.#server.start({
      program: findProgram("influxd")!,
      args: ["-config", join(this.folder, "influxdb.conf")],
      answers: () => this.#answers(),
      deadlineMs: 15_000,
    });
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
    this.#server.pause();
  }

  resume(): void {
    this.#server.resume();
  }

  kill(): Promise<void> {
    return this.#server.kill();
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
